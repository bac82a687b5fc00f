"""Is one score better than another? Differences with their standard error, corrected for asking many times.

The difference of two scores on the same real images is itself smooth in all three sets of images, and its influence
functions follow from those of the scores: u_A − u_B on a real image, v_A and −v_B on a generated one. Hence

    Var(θ̂_A − θ̂_B) = Var(u_A − u_B)/N_real + Var(v_A)/N_A + Var(v_B)/N_B + what lies beyond the first order,

and whatever a lucky draw of real images does to both scores alike cancels. Where the influences aren't known any more
(scores read from files), the real parts are added as if each score had real images of its own: too much where both
react alike to a real image, which is the rule, so that such intervals are wider than they need be.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ganeval.uncertainty.influence import Influence, StandardError, Values, variance_of_mean
from ganeval.uncertainty.interval import critical_value


@dataclass(frozen=True)
class Estimate:
    """One of the two numbers that are compared.

    Parameters
    ----------
    value
        The best guess at the population's value.
    standard_error
        Of `value`, in parts; None where it isn't known.
    influence
        Of each image on `value`; None where it isn't known.
    """

    value: float
    standard_error: StandardError | None = None
    influence: Influence | None = None


@dataclass(frozen=True)
class Difference:
    """First less second.

    Parameters
    ----------
    value
        In the score's unit.
    real_variance
        Due to which real images happened to be drawn.
    generated_variance
        Due to which images happened to be generated, on both sides of the difference, and all the rest.
    paired
        Whether the real images' part is that of the difference itself.
    """

    value: float
    real_variance: float
    generated_variance: float
    paired: bool

    @property
    def standard_error(self) -> float:
        """Standard deviation over repetitions."""
        return math.sqrt(self.real_variance + self.generated_variance)

    @property
    def standardised(self) -> float:
        """The value in standard errors, without its sign; 0 where nothing differs and nothing varies."""
        error = self.standard_error
        if error == 0:
            return 0.0 if self.value == 0 else math.inf
        return abs(self.value) / error

    def ends(self, critical: float) -> tuple[float, float]:
        """The interval that reaches `critical` standard errors to each side."""
        reach = critical * self.standard_error
        return self.value - reach, self.value + reach


class Rule:
    """How large a difference must be: of a single look, or of several at growing sets.

    With several planned looks (`ganeval.uncertainty.sequential`), p-values are the probability that a difference of
    nothing strays so far at any of them, and intervals hold at all of them together: whichever is the last, and why.

    Parameters
    ----------
    sizes
        Images at each planned look, ascending; one or none for a single look.
    """

    def __init__(self, sizes: Sequence[int] = ()) -> None:
        self.sizes = tuple(sizes)

    def p_value(self, difference: Difference) -> float:
        """Two-sided, of the normal approximation, for no difference."""
        from ganeval.uncertainty.sequential import probability_within

        if len(self.sizes) < 2:
            return math.erfc(difference.standardised / math.sqrt(2))
        if difference.standardised > _CERTAIN:
            return 0.0
        return min(1.0, max(0.0, 1 - probability_within(self.sizes, max(difference.standardised, _NOTHING))))

    def critical(self, level: float) -> float:
        """Standard errors that an interval of `level` reaches to each side."""
        from ganeval.uncertainty.sequential import pocock_constant

        return critical_value(level) if len(self.sizes) < 2 else pocock_constant(self.sizes, level)

    def single_look_level(self, level: float) -> float:
        """Level of a single look that reaches as far as `level` does here."""
        return math.erf(self.critical(level) / math.sqrt(2))


#: Beyond so many standard errors a p-value is 0, and below so few it is 1.
_CERTAIN, _NOTHING = 12.0, 1e-6


def difference(first: Estimate, second: Estimate, *, same_real: bool) -> Difference | None:
    """The difference of two estimates; None where either has no standard error.

    Parameters
    ----------
    first, second
        Of independently generated images.
    same_real
        Whether both rest on the same real images, in the same order.
    """
    if first.standard_error is None or second.standard_error is None:
        return None
    real, paired = _real_variance(first, second, shared=same_real)
    rest = sum(error.generated**2 + error.other**2 for error in (first.standard_error, second.standard_error))
    return Difference(first.value - second.value, real, rest, paired)


def _real_variance(first: Estimate, second: Estimate, *, shared: bool) -> tuple[float, bool]:
    """The difference's variance due to the real images, and whether they were taken as the same."""
    parts = [0.0 if one.standard_error is None else one.standard_error.real**2 for one in (first, second)]
    u_first, u_second = (None if one.influence is None else one.influence.real for one in (first, second))
    if not shared or u_first is None or u_second is None or len(u_first) != len(u_second):
        return sum(parts), False
    # Where a standard error is larger than its influences say (frames of one clip depend on each other), that of the
    # difference is taken to be so too.
    inflation = max(_inflation(parts[0], u_first), _inflation(parts[1], u_second))
    return variance_of_mean(u_first - u_second) * inflation, True


def _inflation(variance: float, influence: Values) -> float:
    implied = variance_of_mean(influence)
    return max(variance / implied, 1.0) if implied > 0 and math.isfinite(implied) else 1.0


@dataclass(frozen=True)
class Decision:
    """What one difference amounts to among all that were looked at.

    Parameters
    ----------
    adjusted
        Holm's adjusted p-value.
    decided
        Whether the sign of the difference is settled.
    step_level
        Confidence level at which Holm's procedure judged this difference: its interval of that level leaves out zero
        exactly if it is `decided`.
    """

    adjusted: float
    decided: bool
    step_level: float


def holm(p_values: Sequence[float], *, level: float) -> list[Decision]:
    """Holm's step-down procedure (1979): the chance of any false decision among all is at most ``1 − level``.

    The smallest of m p-values is judged at (1 − level)/m, the next at (1 − level)/(m − 1), and so on until one fails;
    that one and all larger ones stay undecided. It decides whatever Bonferroni's correction decides, and more.

    Parameters
    ----------
    p_values
        Any number of them, in any order, however they depend on each other.
    level
        Such as 0.95, of all decisions together.
    """
    alpha, count = 1 - level, len(p_values)
    order = np.argsort(np.asarray(p_values, dtype=np.float64), kind="stable")
    decisions: dict[int, Decision] = {}
    running, going, remaining = 0.0, True, count
    for rank, place in enumerate(int(i) for i in order):
        running = max(running, min(1.0, (count - rank) * float(p_values[place])))
        if going:
            remaining = count - rank
            going = running <= alpha
        decisions[place] = Decision(running, going, 1 - alpha / remaining)
    return [decisions[place] for place in range(count)]


def simultaneous_level(level: float, count: int) -> float:
    """Level of each of `count` intervals that all hold together with probability `level` (Bonferroni)."""
    return 1 - (1 - level) / max(1, count)
