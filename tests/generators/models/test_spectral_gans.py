"""SN-GAN and SAGAN: after training every weight's largest singular value is 1, and attention starts as nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from ganeval.generators.models.sagan import SAGAN, SAGANConfig
from ganeval.generators.models.sngan import SNGAN, SNGANConfig
from ganeval.generators.networks.attention import SelfAttention
from ganeval.generators.networks.spectral_norm import reshaped_weights
from ganeval.generators.training.averages import settle_batch_norms
from ganeval.generators.training.data import ImageArrays
from ganeval.generators.training.settings import TrainingSettings
from ganeval.generators.training.trainer import Trainer

IMAGES = ImageArrays(np.random.default_rng(0).integers(0, 256, (40, 1, 8, 8), dtype=np.uint8))
SIZE: dict[str, Any] = {"size": (8, 8), "channels": 1, "latent": 8, "width": 8}


def trained(model: Any, steps: int) -> Trainer:
    trainer = Trainer(model, IMAGES, TrainingSettings(batch_size=4))
    for _ in range(steps):
        trainer.step()
    return trainer


def norms(network: nn.Module) -> dict[str, float]:
    return {
        name: float(torch.linalg.matrix_norm(weight.double(), ord=2))
        for name, weight in reshaped_weights(network).items()
    }


def settled(network: nn.Module, images: torch.Tensor) -> nn.Module:
    """After passes that refine the estimates while the weights stay."""
    with torch.no_grad():
        for _ in range(100):
            network(images)
    return network


@pytest.mark.parametrize("architecture", ["residual", "convolutional"])
def test_spectral_norm_of_every_weight_is_one_after_training(architecture: str) -> None:
    # Once found, one iteration a pass keeps up with weights that move slowly.
    config = SNGANConfig(architecture=architecture, discriminator_rate=2e-6, **SIZE)
    model = SNGAN.initialised(config, 0)
    settled(model.discriminator, torch.randn(2, 1, 8, 8))
    trained(model, 3)
    layers = [m for m in model.discriminator.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    found = norms(model.discriminator)
    assert len(found) == len(layers) > 1
    assert found == pytest.approx(dict.fromkeys(found, 1.0), abs=1e-3)
    assert not reshaped_weights(model.generator)


def test_both_networks_of_sagan_are_normalised_at_the_papers_rates() -> None:
    model = SAGAN.initialised(SAGANConfig(**SIZE), 0)
    trained(model, 20)
    inputs = {"generator": torch.randn(2, 8), "discriminator": torch.randn(2, 1, 8, 8)}
    for name, values in inputs.items():
        network = model.get_submodule(name)
        layers = [m for m in network.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
        # While weights move at full rate, an estimate lags behind by some per cent (as the paper's does) ...
        assert norms(network) == pytest.approx(dict.fromkeys(norms(network), 1.0), abs=0.1)
        # ... and it is exact for the weights that training led to.
        found = norms(settled(network, values))
        assert len(found) == len(layers) > 6
        assert found == pytest.approx(dict.fromkeys(found, 1.0), abs=1e-3)


def test_averaged_weights_are_normalised_by_their_own_norm() -> None:
    trainer = trained(SAGAN.initialised(SAGANConfig(**SIZE), 0), 10)
    model = trainer.averaged_model()
    assert isinstance(model, SAGAN)
    generator = model.generator
    settle_batch_norms(generator, lambda batch: generator(torch.randn(4, 8)), 100)
    assert norms(generator) == pytest.approx(dict.fromkeys(norms(generator), 1.0), abs=1e-3)


def test_attention_is_the_identity_at_first_and_no_longer_after_training() -> None:
    model = SAGAN.initialised(SAGANConfig(**SIZE), 0)
    gates = [m.gate for m in model.modules() if isinstance(m, SelfAttention)]
    assert [gate.item() for gate in gates] == [0.0, 0.0]
    z = torch.randn(2, 8)
    with_attention = model.eval().generator(z)
    plain = nn.Sequential(*(m for m in model.generator.blocks if not isinstance(m, SelfAttention)))
    model.generator.blocks = plain
    assert torch.equal(model.generator(z), with_attention)
    trainer = trained(SAGAN.initialised(SAGANConfig(**SIZE), 0), 5)
    assert all(m.gate.item() != 0 for m in trainer.model.modules() if isinstance(m, SelfAttention))


def test_two_time_scales() -> None:
    rates = {phase.name: phase.optimiser for phase in SAGAN.initialised(SAGANConfig(**SIZE), 0).phases()}
    assert rates["generator"].learning_rate == 1e-4  # type: ignore[union-attr]
    assert rates["discriminator"].learning_rate == 4e-4  # type: ignore[union-attr]
