"""The measures of models with labels and codes: right on cases that are known, and a run in small."""

from __future__ import annotations

import math
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from tests.conftest import load_script


@pytest.fixture(scope="module")
def claims() -> ModuleType:
    return load_script(Path(__file__).parents[2] / "benchmarks" / "claim_experiments" / "conditional.py")


def small(claims: ModuleType, **options: Any) -> Any:
    values = {
        "steps": 1,
        "width": 2,
        "batch_size": 8,
        "samples": 40,
        "classifier_steps": 2,
        "features": "classifier",
        "seed": 0,
        "model": None,
        "device": "cpu",
    }
    return claims.Benchmark(**values | options)


def test_mutual_information_of_known_labellings(claims: ModuleType) -> None:
    random = np.random.default_rng(0)
    codes = random.integers(0, 10, 4000)
    assert claims.mutual_information(codes, (codes + 3) % 10) == pytest.approx(math.log(10), abs=0.01)
    # Without the correction independent labellings seem to share (10 − 1)² / 2N nats.
    apart = [claims.mutual_information(random.integers(0, 10, 400), random.integers(0, 10, 400)) for _ in range(60)]
    assert np.mean(apart) == pytest.approx(0, abs=0.02)
    noisy = np.where(random.random(4000) < 0.5, codes, random.integers(0, 10, 4000))
    # The channel keeps a code with probability 0.55 and else makes each other one alike.
    known = math.log(10) + 0.55 * math.log(0.55) + 0.45 * math.log(0.05)
    assert claims.mutual_information(codes, noisy) == pytest.approx(known, abs=0.06)


def test_a_classifier_learns_and_is_repeatable(claims: ModuleType) -> None:
    labels = torch.arange(100) % 10
    images = torch.zeros(100, 1, 28, 28, dtype=torch.uint8)
    images[torch.arange(100), 0, 2 * labels + 4] = 255
    data = claims.Labelled(images, labels)
    first, second = (claims.trained_classifier(data, 12, 3, torch.device("cpu")) for _ in range(2))
    assert claims.accuracy(first, data, torch.device("cpu")) > 0.5
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_samples_are_of_one_noise_whatever_the_truncation(claims: ModuleType) -> None:
    bench = small(claims)
    model = claims.MODELS.get("biggan")
    config = claims.configured(model.Config, {"size": [28, 28], "channels": 1, "classes": 10, "width": 1, "shared": 4})
    sampler = model.initialised(config, 0).eval()
    whole, cut = (bench.sampled(sampler, t)[1] for t in (None, claims.Truncation("threshold", 0.5)))
    assert whole["label"].tolist() == [number % 10 for number in range(40)] == cut["label"].tolist()
    assert torch.equal(whole["z"].sign(), cut["z"].sign())
    assert cut["z"].abs().max() <= 0.5


def test_bounds_can_fail(claims: ModuleType) -> None:
    assert claims.labels_hold([{"label recovered": 0.9}]) is not claims.labels_hold([{"label recovered": 0.1}])
    both = [{"mutual information": 0.3}, {"mutual information": 0.01}]
    assert claims.information_holds(both)
    assert not claims.information_holds(both[::-1])
    falling = [
        {"precision": 0.9, "recall": 0.0, "CAS": 0.4},
        {"precision": 0.8, "recall": 0.2, "CAS": 0.6},
        {"precision": 0.5, "recall": 0.5, "CAS": 0.5},
    ]
    assert claims.truncation_holds(falling)
    assert not claims.truncation_holds(falling[::-1])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["labels", "information", "truncation"])
def test_a_run_in_small(claims: ModuleType, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # The training images aren't everywhere.
    few = claims._part("test").first(120)
    monkeypatch.setattr(claims, "_part", lambda _: few)
    table = claims.CLAIMS[name].measure(small(claims))
    assert claims.markdown(table).count("\n") == len(table) + 1
    assert all(math.isfinite(value) for row in table for value in row.values() if isinstance(value, float))
    assert claims.CLAIMS[name].holds(table) in (True, False)
