"""Which image of one set shows the same as which of the other: those of one name."""

from __future__ import annotations

from ganeval.errors import ImageSourceError, MetricError
from ganeval.generators.training.images import ChosenPictures, Pictures
from ganeval.metrics.name_matching import SHOWN, match_names
from ganeval.wording import counted


def paired_by_name(first: Pictures, second: Pictures) -> tuple[Pictures, Pictures, tuple[str, ...]]:
    """The images of both sets that have a partner in the other, in the order of the first set.

    Whole paths without their endings are compared first, then file names alone; images of arrays go by their number.

    Returns
    -------
    tuple
        Both sets' images with a partner, and sentences that list those without.

    Raises
    ------
    ImageSourceError
        If no image has a partner, or a name stands for several images of one set.
    """
    try:
        found = match_names(second.ids, first.ids, sides=("data-b", "data-a"))
    except MetricError as error:
        raise ImageSourceError(error.message, hint=error.hint) from error
    remarks = []
    for name, alone in ((first.name, found.unmatched_generated), (second.name, found.unmatched_real)):
        if alone:
            more = f" and {len(alone) - SHOWN} more" if len(alone) > SHOWN else ""
            remarks.append(
                f"{counted(alone, 'image')} of {name} without a partner "
                f"{'is' if len(alone) == 1 else 'are'} left out: {', '.join(alone[:SHOWN])}{more}"
            )
    return ChosenPictures(first, found.generated), ChosenPictures(second, found.real), tuple(remarks)
