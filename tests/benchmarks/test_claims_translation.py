"""The measures of translators: right on mappings that are known."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn

from ganeval.generators.configuration import ModelConfig
from ganeval.generators.model import ModelInfo, Phase, Translator

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "claim_experiments" / "translation.py"


@pytest.fixture(scope="module")
def claims() -> ModuleType:
    spec = importlib.util.spec_from_file_location("claims_translation", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["claims_translation"] = module
    spec.loader.exec_module(module)
    return module


class Known(Translator):
    """a-to-b by one factor, b-to-a by another."""

    info = ModelInfo("Known", "nobody", "image-to-image", "unpaired")
    Config = ModelConfig
    networks = ("generator",)
    sampled = ("generator",)
    factors = (-1.0, -1.0)

    @property
    def directions(self) -> tuple[str, ...]:
        return ("a-to-b", "b-to-a")

    def build(self, name: str) -> nn.Module:
        return nn.Linear(1, 1)

    def phases(self) -> Sequence[Phase]:
        return []

    def translate(self, images: Tensor, direction: str, random: torch.Generator) -> Tensor:
        return images * self.factors[self.directions.index(direction)]


@pytest.fixture
def pairs() -> tuple[Tensor, Tensor]:
    images = torch.rand(40, 1, 6, 6, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return images, -images


def test_a_right_mapping(claims: ModuleType, pairs: tuple[Tensor, Tensor]) -> None:
    found = claims.measured(Known(ModelConfig(channels=1)), *pairs, seed=0)
    assert found["pair error a-to-b"] == found["cycle a-to-b"] == found["cycle b-to-a"] == 0
    assert found["own partner a-to-b"] == found["own partner b-to-a"] == 1
    assert found["identity"] == pytest.approx(2 * pairs[0].abs().mean().item(), rel=1e-6)
    assert 0 < found["constant a-to-b"] < found["identity"]


def test_a_wrong_mapping_closes_its_cycles_all_the_same(claims: ModuleType, pairs: tuple[Tensor, Tensor]) -> None:
    # What the claim is about: the identity has no cycle loss, and is wrong.
    model = Known(ModelConfig(channels=1))
    model.factors = (1.0, 1.0)
    found = claims.measured(model, *pairs, seed=0)
    assert found["cycle a-to-b"] == 0
    assert found["pair error a-to-b"] == found["identity"] > 0.5
    assert found["own partner a-to-b"] < 0.2


@pytest.mark.slow
@pytest.mark.parametrize("claim", ["cycle", "pairs"])
def test_smallest_run(claims: ModuleType, claim: str) -> None:
    benchmark = claims.Benchmark("inverted", "fashion-mnist:test", 2, 1, 2, 2, 10, 0, "cpu")
    table = claims.CLAIMS[claim](benchmark)
    assert [row["step"] for row in table] == [0, 2]
    assert all(0 <= value <= 2 for row in table for name, value in row.items() if name != "step")
