"""Style mixing: samples with the styles of others in some layers (Karras et al. 2019, section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from ganeval.generators.latent.space import LatentSpace, repeated


def mixed_rows(
    space: LatentSpace, rows: Sequence[int], columns: Sequence[int], layers: Sequence[int] | None = None
) -> list[list[Tensor | None]]:
    """A grid: the samples of `columns` above, those of `rows` at the left, and each row with each column's styles.

    Parameters
    ----------
    space
        Of a generator with styles.
    rows
        Numbers of samples that give all but `layers`.
    columns
        Numbers of samples that give `layers`.
    layers
        From 0, the coarsest; None takes the finer half.

    Raises
    ------
    OptionError
        If the generator has no styles, or not those layers.
    """
    chosen = range(space.style_count // 2, space.style_count) if layers is None else layers
    above, beside = space.latents(columns), space.latents(rows)
    mixed: list[list[Tensor | None]] = []
    for place, first in enumerate(space.images(beside)):
        row = repeated({name: values[place : place + 1] for name, values in beside.items()}, len(columns))
        mixed.append([first, *space.images_as_they_are(space.mixed(row, above, chosen))])
    return [[None, *space.images(above)], *mixed]
