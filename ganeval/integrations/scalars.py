"""Scores as the flat names and numbers that loggers and monitors of training loops take."""

from __future__ import annotations

from collections.abc import Mapping

from ganeval.metrics.score import Score


def scalars_of(scores: Mapping[str, Score], prefix: str = "") -> dict[str, float]:
    """Values and interval ends: ``fid``, ``fid_low`` and ``fid_high``; the value alone where there is no interval.

    Parameters
    ----------
    scores
        By name, such as `ganeval.metrics.MetricSuite.evaluate` gives them.
    prefix
        Before every name, such as ``"scores/"``.
    """
    found: dict[str, float] = {}
    for name, score in scores.items():
        found[f"{prefix}{name}"] = float(score.value)
        if score.interval is not None:
            found[f"{prefix}{name}_low"] = float(score.interval.low)
            found[f"{prefix}{name}_high"] = float(score.interval.high)
    return found
