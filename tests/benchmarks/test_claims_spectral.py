"""The spectral benchmark's measures, in closed form, and a run of it in small."""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "claim_experiments" / "spectral.py"


@pytest.fixture(scope="module")
def claims() -> ModuleType:
    spec = importlib.util.spec_from_file_location("claims_spectral", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["claims_spectral"] = module
    spec.loader.exec_module(module)
    return module


def test_power_outside_the_baseband_is_as_filters_have_it(claims: ModuleType) -> None:
    table = {row["upsampling"]: row for row in claims.upsampling(claims.Benchmark(size=32, images=300))}
    # 1 − (1/2)², and 1 − (1/2 + 1/π)² of cos² below a quarter.
    assert table["zero insertion"]["in theory"] == pytest.approx(0.75, abs=1e-6)
    assert table["nearest"]["in theory"] == pytest.approx(1 - (0.5 + 1 / math.pi) ** 2, abs=1e-6)
    for row in table.values():
        assert row["measured"] == pytest.approx(row["in theory"], abs=0.025)


def test_a_wave_is_inside_or_outside(claims: ModuleType) -> None:
    x = torch.arange(32)
    for cycles, expected in ((4, 0.0), (8, 0.5), (12, 1.0)):
        wave = torch.cos(2 * math.pi * cycles * x / 32).expand(1, 1, 32, 32)
        assert claims.outside_baseband(wave) == pytest.approx(expected, abs=1e-5)


def test_gaps_are_logarithms_of_ratios(claims: ModuleType) -> None:
    random = torch.Generator().manual_seed(0)
    noise = torch.randn(200, 1, 28, 28, generator=random)
    loud, low = ((128 + scale * noise).round().clamp(0, 255).to(torch.uint8) for scale in (30, 10))
    assert claims.high_frequency_gap(loud, loud) == 0
    assert claims.high_frequency_gap(low, loud) == pytest.approx(-2 * math.log10(3), abs=0.03)
    assert claims.gap_of_logarithms(low, loud) == pytest.approx(-2 * math.log10(3), abs=0.03)
    assert claims.corner_gap(low, loud) == pytest.approx(-2 * math.log10(3), abs=0.03)


def test_generators_upsample_as_they_are_named_and_train(claims: ModuleType) -> None:
    data = claims.ImageArrays(torch.randint(256, (16, 1, 16, 16), dtype=torch.uint8).numpy())
    benchmark = claims.Benchmark(steps=2, looks=2, width=4, batch_size=8, samples=5, extractor="none")
    for mode, kind in claims.GENERATORS.items():
        network = kind.initialised(claims.configured(kind.Config, {"size": 16, "channels": 1, "width": 4}), 0).generator
        transposed = any(isinstance(layer, torch.nn.ConvTranspose2d) for layer in network.modules())
        modes = {layer.mode for layer in network.modules() if isinstance(layer, torch.nn.Upsample)}
        assert (transposed, modes) == ((True, set()) if mode == "transposed" else (False, {mode}))
        looks = list(claims.samples_along(benchmark, mode, 0.5, data))
        assert [step for step, _ in looks] == [1, 2]
        assert all(images.shape == (5, 1, 16, 16) for _, images in looks)
