"""The first GAN: either loss, dropout that a seed decides, and the gradient that minimax loses."""

from __future__ import annotations

import pytest
import torch

from ganeval.generators.data_kinds import Batch
from ganeval.generators.model import Step
from ganeval.generators.models.gan import GAN, GANConfig


def model(loss: str, dropout: float = 0.5) -> GAN:
    sizes = {"latent": 5, "width": 16, "units": 8, "pieces": 2}
    return GAN.initialised(GANConfig(size=(6, 4), channels=1, loss=loss, dropout=dropout, **sizes), 0)  # type: ignore[arg-type]


def step(seed: int) -> Step:
    batch = Batch(torch.full((8, 1, 6, 4), 0.5))
    return Step(0, 8, torch.device("cpu"), torch.Generator().manual_seed(seed), lambda: batch)


def generator_gradient(loss: str) -> float:
    gan = model(loss)
    with torch.no_grad():
        # A discriminator that is sure of every generated image.
        gan.discriminator.layers[-2].bias.fill_(-12.0)  # type: ignore[index, union-attr]
    term = gan.generator_loss(step(0))["adversarial"]
    gradients = torch.autograd.grad(term, list(gan.generator.parameters()))
    return float(torch.cat([gradient.flatten() for gradient in gradients]).norm())


def test_minimax_gives_a_far_smaller_gradient_than_non_saturating_against_a_confident_discriminator() -> None:
    minimax, non_saturating = generator_gradient("minimax"), generator_gradient("non-saturating")
    assert 0 < minimax < 1e-4 * non_saturating


def test_an_undecided_discriminator_has_the_value_minus_log_4() -> None:
    gan = model("minimax")
    with torch.no_grad():
        for parameter in gan.discriminator.parameters():
            parameter.zero_()
    assert gan.discriminator_loss(step(0))["adversarial"].item() == pytest.approx(torch.tensor(4.0).log().item())


def test_dropout_follows_the_step_and_nothing_else() -> None:
    gan = model("non-saturating")
    first, again, other = (gan.discriminator_loss(step(seed))["adversarial"].item() for seed in (1, 1, 2))
    assert first == again
    assert first != other
    # The same weights and latents without dropout: it takes part in both losses.
    without = model("non-saturating", dropout=0.0)
    assert without.discriminator_loss(step(1))["adversarial"].item() != first
    assert without.generator_loss(step(1))["adversarial"] != gan.generator_loss(step(1))["adversarial"]
    images = step(0).batch.images
    assert torch.equal(gan.judge(images, None), without.judge(images, None)), "there is dropout outside of a step"
