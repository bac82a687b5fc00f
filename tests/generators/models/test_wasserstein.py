"""Wasserstein GANs: what their critics may be, and how often they move."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from ganeval.generators.losses.adversarial import find_loss
from ganeval.generators.losses.penalties import find_penalty
from ganeval.generators.models.wgan import WGAN, WGANConfig
from ganeval.generators.models.wgan_gp import WGANGP, WGANGPConfig
from ganeval.generators.training.data import ImageArrays
from ganeval.generators.training.settings import TrainingSettings
from ganeval.generators.training.trainer import Trainer

IMAGES = ImageArrays(np.random.default_rng(0).integers(0, 256, (40, 1, 8, 8), dtype=np.uint8))


def test_weights_are_clipped_after_every_descent() -> None:
    model = WGAN.initialised(WGANConfig(size=(8, 8), channels=1, latent=4, width=4, clip=0.003), 0)
    assert max(p.abs().max().item() for p in model.discriminator.parameters()) > 0.003
    trainer = Trainer(model, IMAGES, TrainingSettings(batch_size=4))
    trainer.step()
    largest = max(p.abs().max().item() for p in model.discriminator.parameters())
    assert largest == pytest.approx(0.003)
    # The generator is left as it is.
    assert max(p.abs().max().item() for p in model.generator.parameters()) > 0.003


def test_lazy_penalties_are_clipped_too() -> None:
    config = WGANConfig(size=(8, 8), channels=1, latent=4, width=4, norm="none", penalty="r1", penalty_every=4)
    phases = WGAN.initialised(config, 0).phases()
    assert [(phase.name, phase.after is not None) for phase in phases] == [
        ("discriminator", True),
        ("penalty", True),
        ("generator", False),
    ]


@pytest.mark.parametrize(("kind", "config"), [(WGAN, WGANConfig), (WGANGP, WGANGPConfig)])
def test_the_critic_takes_five_steps_on_five_batches(kind: type[WGAN], config: type[WGANConfig]) -> None:
    model = kind.initialised(config(size=(8, 8), channels=1, latent=4, width=4), 0)
    moved = [phase for phase in model.phases() if phase.name == "discriminator"]
    assert [phase.repeats for phase in moved] == [5]
    trainer = Trainer(model, IMAGES, TrainingSettings(batch_size=4))
    # Five batches a step: the ten of an epoch last for two.
    assert trainer.steps_per_epoch == 2


def test_the_critic_of_wgan_gp_judges_each_image_alone() -> None:
    for architecture in ("convolutional", "residual"):
        config = WGANGPConfig(size=(8, 8), channels=1, latent=4, width=4, architecture=architecture)
        critic = WGANGP.initialised(config, 0).discriminator
        assert not any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in critic.modules())
        images = torch.randn(4, 1, 8, 8)
        torch.testing.assert_close(critic(images)[:1], critic(images[:1]))


def test_the_critics_estimate_is_the_distance_of_two_images() -> None:
    # Levels of −1/4 and 1/4 in all of 64 pixels: W₁ is ‖(1/2, …, 1/2)‖₂ = 4.
    critic = WGANGP.initialised(WGANGPConfig(size=(8, 8), channels=1, latent=4, width=8), 0).discriminator
    real, fake = torch.full((8, 1, 8, 8), 0.25), torch.full((8, 1, 8, 8), -0.25)
    optimiser = torch.optim.Adam(critic.parameters(), 5e-3, (0.0, 0.9))
    penalty, loss = find_penalty("gradient-penalty"), find_loss("wasserstein")
    random, estimate = torch.Generator().manual_seed(0), torch.zeros(())
    for _ in range(200):
        optimiser.zero_grad()
        estimate = -loss.discriminator(critic(real), critic(fake))
        (penalty.weight * penalty.compute(critic, real, fake, random) - estimate).backward()
        optimiser.step()
    # A slope above 1 costs λ(t − 1)²: the largest t·W − λ(t − 1)² is at t = 1 + W / 2λ, which a convolutional critic,
    # whose slope differs from pixel to pixel, doesn't quite reach.
    assert 4 < estimate.item() < 4 * (1 + 4 / 20)


def test_clipping_comes_with_what_else_follows_the_critic() -> None:
    config = WGANConfig(size=(8, 8), channels=1, latent=4, width=4, loss="hinge", augment="ada")
    model = WGAN.initialised(config, 0)
    Trainer(model, IMAGES, TrainingSettings(batch_size=4)).step()
    assert max(p.abs().max().item() for p in model.discriminator.parameters()) == pytest.approx(0.01)
    # Five minibatches: the augmentation adapted after four, and one is counted.
    assert model.augment_watched[2].item() == 1
