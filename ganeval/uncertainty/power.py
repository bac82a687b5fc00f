"""How many images are needed: to tell a given difference, or for an interval of a given width.

The variance of a score has a part that falls with the number of generated images and one that falls with the number of
real ones. From what they are at the numbers at hand follows what they will be at others, as long as both numbers are
large enough for the first order to rule; a part beyond the first order is counted with the generated one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from ganeval.errors import OptionError
from ganeval.uncertainty.interval import critical_value

#: Probability of telling a difference that is there, unless a user asks for another.
DEFAULT_POWER = 0.8
#: Beyond so many images a set, a number is no plan.
BEYOND_REACH = 1e9


@dataclass(frozen=True)
class VarianceParts:
    """Variance of an estimate (or of a difference) at the numbers of images at hand.

    Parameters
    ----------
    real, generated
        The parts that fall with the number of real images and with that of generated images a set.
    n_real
        Real images; None where they play no part.
    n_generated
        Generated images a set.
    """

    real: float
    generated: float
    n_real: int | None
    n_generated: int

    def at(self, n_generated: float, *, n_real: float | None = None) -> float:
        """The variance with other numbers of images; `n_real` stays as it is by default."""
        real = self.real
        if n_real is not None and self.n_real is not None:
            real = self.real * self.n_real / n_real
        return real + self.generated * self.n_generated / n_generated


def require_power(power: float) -> float:
    """`power` itself if it lies strictly between 0 and 1; raises `OptionError`."""
    if isinstance(power, bool) or not isinstance(power, int | float) or not 0 < power < 1:
        raise OptionError(f"power must lie between 0 and 1, not {power!r}", hint="For example 0.8.")
    return float(power)


def reach(*, level: float, power: float) -> float:
    """In standard errors, the smallest difference that a two-sided test of `level` tells with probability `power`."""
    return critical_value(level) + NormalDist().inv_cdf(power)


def detectable(variance: float, *, level: float, power: float = DEFAULT_POWER) -> float:
    """The smallest difference that can be told, where `variance` is that of the difference."""
    return max(0.0, reach(level=level, power=power)) * math.sqrt(variance)


def images_to_tell(
    parts: VarianceParts, difference: float, *, level: float, power: float = DEFAULT_POWER, more_real: bool = False
) -> float:
    """Generated images a set with which a test of `level` tells `difference` with probability `power`.

    Parameters
    ----------
    parts
        Of the difference's variance.
    difference
        The true one, of either sign.
    more_real
        Whether as many real images are added: then the result is the number on each side. Otherwise they stay, and
        where their part alone is too large no number is enough.

    Returns
    -------
    float
        A whole number of at least 2, or infinity.
    """
    steps = reach(level=level, power=power)
    if steps <= 0:
        return 2.0
    return _images_for_variance(parts, (difference / steps) ** 2, more_real=more_real)


def images_for_half_width(parts: VarianceParts, half_width: float, *, level: float, more_real: bool = False) -> float:
    """Generated images with which the interval of `level` reaches `half_width` to either side; as `images_to_tell`."""
    return _images_for_variance(parts, (half_width / critical_value(level)) ** 2, more_real=more_real)


def _images_for_variance(parts: VarianceParts, variance: float, *, more_real: bool) -> float:
    fixed, falling = parts.real, parts.generated * parts.n_generated
    if more_real and parts.n_real is not None:
        fixed, falling = 0.0, falling + parts.real * parts.n_real
    room = variance - fixed
    if room <= 0 or not math.isfinite(falling):
        return math.inf
    needed = falling / room
    return math.inf if needed > BEYOND_REACH else max(2.0, float(math.ceil(needed - 1e-9)))


def about(count: float) -> str:
    """`count` in words, to two significant digits, rounded up: ``"about 8,800"``."""
    if not math.isfinite(count):
        return "more than a billion"
    unit = 10 ** max(0, len(str(int(count))) - 2)
    return f"about {math.ceil(count / unit) * unit:,}"
