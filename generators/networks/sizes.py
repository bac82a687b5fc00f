"""Which image sizes a stack of halvings reaches, and from which smallest map."""

from __future__ import annotations

from dataclasses import dataclass

from ganeval.errors import OptionError

#: Sides in pixels that the smallest feature map may have: the papers' is 4, and 28 pixels halve to 7.
SMALLEST_BASE, LARGEST_BASE = 4, 7


@dataclass(frozen=True)
class Halvings:
    """How often a size is halved, and what is left.

    Parameters
    ----------
    count
        How often; 1 or more.
    base
        Height and width of the smallest map.
    """

    count: int
    base: tuple[int, int]


def halvings(size: tuple[int, int], model: str) -> Halvings:
    """Halve both sides as long as they are even and the smaller one stays 4 pixels or more.

    Raises
    ------
    OptionError
        If that never happens, or leaves a smaller side of more than 7 pixels.
    """
    count, (height, width) = 0, size
    while height % 2 == 0 and width % 2 == 0 and min(height, width) // 2 >= SMALLEST_BASE:
        count, height, width = count + 1, height // 2, width // 2
    if count == 0 or min(height, width) > LARGEST_BASE:
        raise OptionError(
            f"{model} can't make images of {size[0]}×{size[1]} pixels",
            hint="The smaller side has to be 4, 5, 6 or 7 doubled one or more times, such as 28, 32, 64 or 256, and "
            "the larger one divisible by as many twos.",
        )
    return Halvings(count, (height, width))
