"""The variational autoencoder: its bound, its likelihoods, and what training does to them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from ganeval.errors import OptionError
from ganeval.generators.configuration import configured
from ganeval.generators.model import Step
from ganeval.generators.models.vae import VAE, VAEConfig
from ganeval.generators.streams import random_stream
from ganeval.generators.training.data import ImageArrays
from ganeval.generators.training.settings import TrainingSettings
from ganeval.generators.training.trainer import Trainer


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def built(**options: Any) -> VAE:
    values = {"size": (16, 16), "channels": 1, "latent": 4, "width": 4, **options}
    return VAE.initialised(configured(VAEConfig, values), seed=2)


def bars(count: int = 64) -> ImageArrays:
    """A bright bar in one of eight places, upright or lying."""
    images = np.full((count, 1, 16, 16), 20, np.uint8)
    for number in range(count):
        place = slice(number % 8 * 2, number % 8 * 2 + 2)
        rows, columns = (place, slice(None)) if number // 8 % 2 else (slice(None), place)
        images[number, 0, rows, columns] = 220
    return ImageArrays(images)


def step_of(size: int = 16) -> Step:
    batch = bars().read([torch.arange(size)])
    return Step(0, size, torch.device("cpu"), random_stream(5), lambda: batch)


def test_one_phase_of_both_networks() -> None:
    (phase,) = built().phases()
    assert (phase.name, phase.modules, phase.reads) == ("vae", ("encoder", "decoder"), True)
    assert VAE.sampled == ("decoder",)


def test_the_loss_is_minus_the_bound() -> None:
    model = built(deviation=0.5, beta=3.0).eval()
    losses = model.loss(step_of())
    images = step_of().batch.images
    mean, log_variance = model.encode(images)
    posterior = Normal(mean, (log_variance / 2).exp())
    z = mean + posterior.stddev * torch.randn(mean.shape, generator=step_of().random)
    likelihood = Normal(model.render({"z": z}), 0.5).log_prob(images).flatten(1).sum(1)
    assert losses["reconstruction"].item() == pytest.approx(-likelihood.mean().item(), rel=1e-5)
    divergence = kl_divergence(posterior, Normal(0.0, 1.0)).sum(1).mean()
    assert losses["divergence"].item() == pytest.approx(3 * divergence.item(), rel=1e-4)


@pytest.mark.parametrize("options", [{}, {"likelihood": "bernoulli"}, {"deviation": 0.3}])
def test_the_loss_falls_and_reconstructions_come_nearer(options: dict[str, Any]) -> None:
    model = built(learning_rate=3e-3, **options)
    images = bars().read([torch.arange(64)]).images

    def error() -> float:
        model.eval()
        with torch.no_grad():
            value = (model.reconstruct(images) - images).square().mean().item()
        model.train()
        return value

    before = error()
    trainer = Trainer(model, bars(), TrainingSettings(batch_size=32))
    totals = [sum(trainer.step().values()) for _ in range(60)]
    assert np.mean(totals[-5:]) < np.mean(totals[:5]) - 20
    assert error() < 0.8 * before


def test_the_deviation_is_learned_unless_given() -> None:
    for deviation, moves in ((None, True), (0.3, False)):
        model = built(deviation=deviation)
        before = model.decoder.log_deviation.item()
        trainer = Trainer(model, bars(), TrainingSettings(batch_size=16))
        for _ in range(3):
            trainer.step()
        assert (model.decoder.log_deviation.item() != before) is moves
    assert model.decoder.log_deviation.exp().item() == pytest.approx(0.3)


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_samples_and_reconstructions(channels: int) -> None:
    model = built(size=(16, 32), channels=channels).eval()
    latents = model.draw(5, random_stream(0))
    assert latents["z"].shape == (5, 4)
    images = model.render(latents)
    assert images.shape == (5, channels, 16, 32)
    assert images.abs().max() <= 1
    again = model.reconstruct(images)
    assert again.shape == images.shape
    assert torch.equal(again, model.reconstruct(images))
    assert not torch.equal(again, model.reconstruct(images, random_stream(0)))


def test_the_decoder_alone_makes_samples_but_no_reconstructions() -> None:
    model = VAE(VAEConfig(size=(16, 16), channels=1, width=4), only=VAE.sampled).eval()
    assert model.render(model.draw(2, random_stream(0))).shape == (2, 1, 16, 16)
    with pytest.raises(OptionError, match="no encoder"):
        model.reconstruct(torch.zeros(1, 1, 16, 16))


def test_a_wild_encoder_stays_finite() -> None:
    model = built()
    model.encoder.network.head.bias.data.fill_(1e6)
    assert all(torch.isfinite(term) for term in [model.loss(step_of())["divergence"]])
    assert model.encode(step_of().batch.images)[1].max() <= 20


def test_a_resumed_run_goes_on_bit_for_bit() -> None:
    settings = TrainingSettings(batch_size=16, seed=3)
    straight = Trainer(built(), bars(), settings)
    straight.step()
    stored = io.BytesIO()
    torch.save(straight.state(), stored)
    losses = [straight.step() for _ in range(2)]
    resumed = Trainer(built(), bars(), settings)
    resumed.restore(torch.load(io.BytesIO(stored.getvalue()), weights_only=True))
    assert [resumed.step() for _ in range(2)] == losses
    first, second = straight.state()["networks"], resumed.state()["networks"]
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"likelihood": "gauss"}, "gauss"),
        ({"deviation": 0.0}, "deviation"),
        ({"beta": -1.0}, "beta"),
        ({"latent": 0}, "latent"),
        ({"size": (9, 9)}, "9×9"),
        ({"learning_rate": 0.0}, "learning rate"),
    ],
)
def test_bad_options(option: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        built(**option)
