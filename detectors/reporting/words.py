"""How verdicts and their numbers are said: the same on the console, in HTML and on the evidence sheet."""

from __future__ import annotations

import math

from ganeval.detectors.evidence import TELLING, Evidence
from ganeval.detectors.verdict import Verdict


def probability_text(value: float | None) -> str:
    """``"87 %"``; near the ends with as many digits as tell it from certainty, never ``"100 %"``."""
    if value is None or math.isnan(value):
        return "unknown"
    percent = 100 * value
    if 1 <= percent <= 99:
        return f"{percent:.0f} %"
    distance = min(percent, 100 - percent)
    if distance < 0.01:
        return "under 0.01 %" if percent < 50 else "over 99.99 %"
    return f"{percent:.2f} %" if distance < 0.1 else f"{percent:.1f} %"


def interval_text(low: float | None, high: float | None, level: float) -> str:
    """``"95 % interval 71 % to 95 %"``; empty where there is none."""
    if low is None or high is None:
        return ""
    return f"{100 * level:g} % interval {probability_text(low)} to {probability_text(high)}"


def headline(verdict: Verdict) -> str:
    """The verdict with its numbers, such as ``"probably generated: probability 87 %, 95 % interval 71 % to 95 %"``."""
    if verdict.probability is None:
        return f"{verdict.label}: no detector could speak"
    parts = [f"probability of being generated {probability_text(verdict.probability)}"]
    interval = interval_text(verdict.low, verdict.high, verdict.level)
    return f"{verdict.label}: " + ", ".join([*parts, interval] if interval else parts)


def sentence(text: str) -> str:
    """`text` with a capital first letter and a full stop."""
    text = text.strip()
    if not text:
        return ""
    text = text[0].upper() + text[1:]
    return text if text[-1] in ".!?:;…" else f"{text}."


def says(evidence: Evidence) -> str:
    """What a detector's evidence comes to in one or two words."""
    ratio = evidence.log_likelihood_ratio
    if ratio is None:
        return "abstains"
    if evidence.decides:
        return "decides"
    if abs(ratio) < TELLING:
        return "nothing either way"
    return "generated" if ratio > 0 else "photograph"


def domain_text(evidence: Evidence) -> str:
    """``"in"`` or ``"out"`` of what the detector was measured on."""
    return "in" if evidence.in_domain else "out"


def signed(value: float | None, digits: int = 2) -> str:
    """``"+1.30"``; a dash where there is none."""
    if value is None:
        return "–"
    return f"{value:+.{digits}f}" if math.isfinite(value) else f"{value:+g}"


def score_text(value: float | None) -> str:
    """A raw score with three significant digits; a dash where there is none."""
    return "–" if value is None or math.isnan(value) else f"{value:.3g}"


def conditions_text(verdict: Verdict) -> str:
    """Such as ``"JPEG, 640 × 427, quality 85 (tables)"``."""
    here = verdict.conditions
    parts = [here.format, f"{here.width} × {here.height}"]
    if here.quality is not None:
        source = {"tables": "from its tables", "pixels": "from traces in the pixels"}.get(here.quality_from, "")
        parts.append(f"JPEG quality {here.quality}" + (f" ({source})" if source else ""))
    if here.resampled is not None:
        parts.append(f"interpolated as by a resize of {here.resampled:.2g}")
    return ", ".join(parts)
