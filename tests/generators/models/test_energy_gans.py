"""EBGAN and BEGAN: losses of single steps, the balance, and the convergence measure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from ganeval.errors import OptionError
from ganeval.generators.data_kinds import Batch
from ganeval.generators.model import Step
from ganeval.generators.models.began import BEGAN, BEGANConfig
from ganeval.generators.models.ebgan import EBGAN, EBGANConfig
from ganeval.generators.training.data import ImageArrays
from ganeval.generators.training.settings import TrainingSettings
from ganeval.generators.training.trainer import Trainer


class Constant(nn.Module):
    """A network with one answer; as an autoencoder it gives the first two of four images the same code."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.tensor(value))

    def forward(self, inputs: Tensor) -> Tensor:
        return self.value.expand(len(inputs), 1, 8, 8)

    def encode(self, images: Tensor) -> Tensor:
        return torch.eye(4)[[0, 0, 1, 2]]

    def decode(self, codes: Tensor) -> Tensor:
        return self(codes)


def step(level: float, count: int = 4) -> Step:
    batch = Batch(torch.full((count, 1, 8, 8), level))
    return Step(0, count, torch.device("cpu"), torch.Generator().manual_seed(0), lambda: batch)


def constant(kind: type[Any], config: Any, made: float, rebuilt: float) -> Any:
    model = kind.initialised(config, 0)
    model.generator, model.discriminator = Constant(made), Constant(rebuilt)
    return model


def values(losses: Any) -> dict[str, Any]:
    return {name: pytest.approx(term.item(), abs=1e-5) for name, term in losses.items()}


def test_ebgan_losses_by_hand() -> None:
    config = EBGANConfig(size=(8, 8), channels=1, width=4, margin=0.5, pulling_away=0.1)
    # Real images of level 0.4 and generated ones of −0.3 are all rebuilt as 0: energies 0.4 and 0.3.
    model = constant(EBGAN, config, made=-0.3, rebuilt=0.0)
    assert values(model.discriminator_loss(step(0.4))) == {"adversarial": 0.4 + 0.2}
    # Of six pairs of codes one is parallel, the others are orthogonal.
    assert values(model.generator_loss(step(0.4))) == {"adversarial": 0.3, "pulling_away": 0.1 / 6}
    without = constant(EBGAN, EBGANConfig(size=(8, 8), channels=1, width=4, pulling_away=0.0), -0.3, 0.0)
    assert set(without.generator_loss(step(0.4))) == {"adversarial"}


def test_began_losses_and_balance_by_hand() -> None:
    config = BEGANConfig(size=(8, 8), channels=1, width=4, gain=0.2)
    model = constant(BEGAN, config, made=-0.1, rebuilt=0.0)
    model.balance.fill_(0.5)
    assert values(model.discriminator_loss(step(0.4))) == {"real": 0.4, "fake": -0.5 * 0.1}
    # M = .4 + |.5·.4 − .1|
    generator = model.generator_loss(step(0.4))
    assert values(generator) == {"adversarial": 0.1, "convergence": 0.5, "balance": 0.5}
    assert not generator["convergence"].requires_grad
    assert not generator["balance"].requires_grad
    model.follow()
    # k = .5 + .2·(.5·.4 − .1)
    assert model.balance.item() == pytest.approx(0.52)


@pytest.mark.parametrize(("made", "end"), [(-5.0, 0.0), (0.0, 1.0)])
def test_the_balance_stays_between_zero_and_one(made: float, end: float) -> None:
    model = constant(BEGAN, BEGANConfig(size=(8, 8), channels=1, width=4, gain=100.0), made=made, rebuilt=0.0)
    model.balance.fill_(0.5)
    model.discriminator_loss(step(0.4))
    model.generator_loss(step(0.4))
    model.follow()
    assert model.balance.item() == end


def test_the_balance_follows_the_mean_over_micro_batches() -> None:
    model = constant(BEGAN, BEGANConfig(size=(8, 8), channels=1, width=4, gain=1.0), made=-0.1, rebuilt=0.0)
    for level in (0.4, 0.8):
        model.discriminator_loss(step(level))
    for _ in range(2):
        model.generator_loss(step(0.0))
    model.follow()
    assert model.balance.item() == pytest.approx(0.5 * 0.6 - 0.1)
    # What was gathered is spent.
    model.discriminator_loss(step(0.2))
    model.generator_loss(step(0.2))
    model.follow()
    assert model.balance.item() == pytest.approx(0.2 + 0.0)


def digits() -> ImageArrays:
    images = np.round(load_digits().images * 255 / 16).astype(np.uint8)
    return ImageArrays(images[:, np.newaxis])


def test_began_s_convergence_measure_falls() -> None:
    config = BEGANConfig(
        size=(8, 8), channels=1, latent=16, width=8, generator_rate=1e-3, discriminator_rate=1e-3, gain=0.01
    )
    trainer = Trainer(BEGAN.initialised(config, 0), digits(), TrainingSettings(batch_size=16))
    measures = [trainer.step()["generator/convergence"] for _ in range(70)]
    assert np.mean(measures[-20:]) < 0.6 * np.mean(measures[:10])


def test_began_is_clipped_after_training_only() -> None:
    model = BEGAN.initialised(BEGANConfig(size=(8, 8), channels=1, width=4, latent=4), 0)
    with torch.no_grad():
        model.generator.get_submodule("to_image").bias.fill_(3.0)  # type: ignore[union-attr]
    latents = model.draw(2, torch.Generator().manual_seed(0))
    assert model.train().render(latents).max() > 1
    assert model.eval().render(latents).max() <= 1


def test_ebgan_rebuilds_real_images_and_pushes_generated_ones_to_the_margin() -> None:
    config = EBGANConfig(size=(8, 8), channels=1, latent=8, width=8)
    trainer = Trainer(EBGAN.initialised(config, 0), digits(), TrainingSettings(batch_size=16))
    losses = [trainer.step() for _ in range(80)]
    assert losses[0]["generator/adversarial"] < config.margin / 2
    assert losses[-1]["generator/adversarial"] == pytest.approx(config.margin, rel=0.25)
    assert losses[-1]["discriminator/adversarial"] < 0.7 * losses[0]["discriminator/adversarial"]


@pytest.mark.parametrize("config", [EBGANConfig, BEGANConfig])
def test_adaptive_augmentation_has_nothing_to_adapt_to(config: type[EBGANConfig | BEGANConfig]) -> None:
    config(augment="diffaugment")
    with pytest.raises(OptionError, match="can't adapt"):
        config(augment="ada")
