"""Numbers as text with the digits that mean something: five at most, fewer where the spread or interval says so."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real

from ganeval.metrics.score import Score
from ganeval.wording import counted

SIGNIFICANT = 5
_MOST_DECIMALS = 8
_LARGEST_EXPONENT = 5


@dataclass(frozen=True)
class ScoreText:
    """A score's numbers, ready to show.

    Parameters
    ----------
    value
        Such as ``"23.42"``.
    spread, spread_of
        Such as ``"0.12"`` and ``"standard deviation over 10 splits"``; None where the score has none.
    corrected
        The value without its finite-sample bias, such as ``"21.08"``; None where the score has none.
    interval, interval_of
        Such as ``("20.91", "21.25")`` and ``"95%, influence functions"``; None where the score has none.
    """

    value: str
    spread: str | None = None
    spread_of: str | None = None
    corrected: str | None = None
    interval: tuple[str, str] | None = None
    interval_of: str | None = None


def score_text(score: Score) -> ScoreText:
    """The score's numbers, each to the last place that means something.

    The corrected value and the interval's ends share the place that the interval's half-width allows, and so does the
    value; where there is no interval, the spread decides for the value.
    """
    spread = _spread(score)
    half_width = None if score.interval is None else (score.interval.high - score.interval.low) / 2
    known = [u for u in (half_width, spread) if u is not None and math.isfinite(u) and u > 0]
    uncertainty = known[0] if known else None
    interval = None
    interval_of = None
    if score.interval is not None:
        low, high = score.interval.low, score.interval.high
        interval = (number_text(low, half_width), number_text(high, half_width))
        interval_of = f"{_percent(score.interval.level)}, {score.interval.method}"
    return ScoreText(
        value=number_text(score.value, uncertainty),
        spread=None if spread is None else _spread_text(spread),
        spread_of=None if spread is None else _spread_of(score),
        corrected=None if score.corrected is None else number_text(score.corrected, uncertainty),
        interval=interval,
        interval_of=interval_of,
    )


def number_text(value: float, uncertainty: float | None = None) -> str:
    """`value` to five significant digits, or to the place of the second digit of `uncertainty` if that comes sooner.

    Below 0.0001 and from a million on in scientific notation. NaN and infinities are spelt out.
    """
    if math.isnan(value):
        return "not a number"
    if math.isinf(value):
        return "infinite" if value > 0 else "-infinite"
    exponent = _exponent(value, SIGNIFICANT)
    decimals = SIGNIFICANT - 1 - exponent
    if uncertainty is not None and math.isfinite(uncertainty) and uncertainty > 0:
        decimals = min(decimals, 1 - _exponent(uncertainty, 2))
    elif value == 0:
        return "0"
    if exponent > _LARGEST_EXPONENT or decimals > _MOST_DECIMALS:
        return f"{value:.{max(0, min(SIGNIFICANT - 1, exponent + decimals))}e}"
    text = f"{value:.{max(0, decimals)}f}"
    return text if float(text) else text.lstrip("-")


def seconds_text(seconds: float) -> str:
    """A duration in words, such as ``"0.42 s"``, ``"1 min 23 s"`` or ``"2 h 05 min"``."""
    if not math.isfinite(seconds):
        return "unknown"
    if seconds < 10:
        return f"{seconds:.2g} s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02d} min"


def rate_text(images: int, seconds: float) -> str | None:
    """Images a second, such as ``"27.3 images/s"``; None where there was nothing to measure."""
    if images <= 0 or not math.isfinite(seconds) or seconds <= 0:
        return None
    rate = images / seconds
    return f"{rate:.0f} images/s" if rate >= 99.5 else f"{rate:.3g} images/s"


def count_text(count: int | None) -> str:
    """A count with a comma between thousands, ``"unknown"`` for None."""
    return "unknown" if count is None else f"{count:,}"


def _percent(level: float) -> str:
    # Levels of single looks have many digits, of which only those near 1 mean something.
    return f"{100 * level:.4g}%" if level < 0.999 else f"{100 * level:g}%"


def _exponent(value: float, significant: int) -> int:
    # From the formatted number, so that 9.99996 counts as 10.000.
    return int(f"{value:.{significant - 1}e}".partition("e")[2])


def _spread(score: Score) -> float | None:
    value = score.details.get("std")
    return float(value) if isinstance(value, Real) else None


def _spread_text(spread: float) -> str:
    if not math.isfinite(spread) or spread == 0:
        return number_text(spread)
    decimals = 1 - _exponent(spread, 2)
    return f"{spread:.1e}" if decimals > _MOST_DECIMALS else f"{spread:.{max(0, decimals)}f}"


def _spread_of(score: Score) -> str:
    for part in ("split", "subset", "path", "run", "pair"):
        count = score.parameters.get(f"{part}s", score.details.get(f"{part}s"))
        if count is not None:
            return f"standard deviation over {counted(count, part)}"
    return "standard deviation"
