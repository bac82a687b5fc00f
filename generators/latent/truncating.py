"""The same samples under truncations of several strengths."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from ganeval.errors import OptionError
from ganeval.generators.latent.space import LatentSpace
from ganeval.generators.sources.asked import Asked


def truncated_rows(
    space: LatentSpace, numbers: Sequence[int], strengths: Sequence[float], method: str | None = None
) -> tuple[str, list[list[Tensor]]]:
    """The method, and a row of images for each strength with a last one without truncation.

    Parameters
    ----------
    space
        Of a generator that can truncate.
    numbers
        Of the samples.
    strengths
        In the unit of the method.
    method
        None takes the generator's first.

    Raises
    ------
    OptionError
        If the generator can't truncate so, or a strength is outside the method's meaning.
    """
    latents = space.latents(numbers)
    rows, used = [], method or ""
    for strength in strengths:
        truncation = Asked(truncation=strength, truncation_method=method).drawing(space.model, 0).truncation
        if truncation is None:
            raise OptionError("no strength is given")
        used = truncation.method
        rows.append(space.images(latents, truncation))
    return used, [*rows, space.images(latents)]
