"""Scores and reports with chosen numbers, and sets of handwritten digits that differ in known ways."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from ganeval.features.features import ExtractorInfo
from ganeval.metrics.score import Score
from ganeval.report.report import Report, Run, Side
from ganeval.uncertainty.influence import StandardError
from ganeval.uncertainty.interval import normal_interval

EXTRACTOR = ExtractorInfo("efficientnet-lite0", "ab12" * 16, "tf1", "float32", False, 1280, 1000)
FD = "fd_efficientnet-lite0"
RECALL = "recall_efficientnet-lite0"


def make_score(name: str, value: float, error: float | None = 0.1, **changes: Any) -> Score:
    """A score with a corrected value and an interval from `error`, half of it due to the real images."""
    known: dict[str, Any] = {"n_real": 2000, "n_generated": 2000, "higher_is_better": not name.startswith("fd")}
    if name.startswith("fd"):
        known["corrected"] = value
    if error is not None:
        half = error / np.sqrt(2)
        known["standard_error"] = StandardError(half, half)
        known["interval"] = normal_interval(value, error, level=0.95, method="influence")
    return Score(name, value + 1 if name.startswith("fd") else value, **{**known, **changes})


def make_one_report(source: str, scores: list[Score], **changes: Any) -> Report:
    """A report of those scores against the same 2,000 real images."""
    known: dict[str, Any] = {
        "scores": {score.name: score for score in scores},
        "extractor": EXTRACTOR,
        "generated": Side(source, "folder", 2000, fingerprint=f"{hash(source) % 10**8:064x}"),
        "real": Side("data/", "folder", 2000, fingerprint="5e" * 32),
        "run": Run("ganeval score", 2020, "2025-11-21T22:41:07+00:00", 1.0, "cpu", 32, {"ganeval": "0.1"}, "Linux"),
        "comparable": "",
        "requested": {"fid": FD},
    }
    return Report(**{**known, **changes})


@pytest.fixture
def score_of() -> Callable[..., Score]:
    return make_score


@pytest.fixture
def report_of() -> Callable[..., Report]:
    return make_one_report


@pytest.fixture(scope="session")
def digit_sets() -> dict[str, np.ndarray]:
    """Real digits and three sets of others, uint8 [n, 8, 8]: as they are, noisy, and fewer as they are."""
    images = load_digits().images
    rng = np.random.default_rng(0)
    order = rng.permutation(len(images))

    def pixels(values: np.ndarray) -> np.ndarray:
        return (np.clip(values, 0, 16) * 15.9).astype(np.uint8)

    noisy = images[order[850:1100]] + rng.normal(0, 3, (250, 8, 8))
    return {
        "real": pixels(images[order[:300]]),
        "good": pixels(images[order[600:850]]),
        "noisy": pixels(noisy),
        "few": pixels(images[order[1200:1350]]),
    }
