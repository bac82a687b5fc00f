"""InfoGAN: codes that can be drawn, fixed and recognised, and the information that its losses keep."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from ganeval.errors import OptionError
from ganeval.generators.configuration import configured
from ganeval.generators.losses.information import categorical_information, gaussian_information
from ganeval.generators.model import Step
from ganeval.generators.models.infogan import InfoGAN, InfoGANConfig
from ganeval.generators.networks.recognition import LARGEST_LOG_DEVIATION, RecognisingDiscriminator
from ganeval.generators.networks.sizes import Halvings
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


def built(**options: Any) -> InfoGAN:
    values = {"size": (8, 8), "channels": 1, "width": 4, "hidden": 16, "latent": 6, "categories": (3,), **options}
    return InfoGAN.initialised(configured(InfoGANConfig, values), seed=2)


def pictures(count: int = 96) -> ImageArrays:
    random = np.random.default_rng(1)
    levels = 40 + 80 * (np.arange(count) % 3)
    images = levels[:, None, None, None] + random.integers(-30, 31, (count, 1, 8, 8))
    return ImageArrays(images.astype(np.uint8))


def step_of(number: int = 0) -> Step:
    batch = pictures().read([torch.arange(16)])
    return Step(number, 16, torch.device("cpu"), random_stream(5, number), lambda: batch)


def test_the_papers_defaults() -> None:
    config = InfoGANConfig(size=(28, 28), channels=1)
    assert (config.latent, config.categories, config.continuous) == (62, (10,), 2)
    assert (config.category_weight, config.continuous_weight) == (1.0, 0.1)
    rates = {phase.name: phase.optimiser.learning_rate for phase in built().phases()}  # type: ignore[union-attr]
    assert rates == {"discriminator": 2e-4, "generator": 1e-3}
    # Appendix C.1: 74 inputs, 1,024 units, 7×7×128; in the discriminator 1,024 units, and 128 on the way to Q.
    generator = InfoGAN(config, only=["generator"]).generator
    assert [p.shape[:2] for p in generator.parameters() if p.ndim == 2] == [(1024, 74), (6272, 1024)]
    discriminator = RecognisingDiscriminator(1, Halvings(2, (7, 7)), 64, "batch", 1024, (10,), 2)
    assert [tuple(p.shape) for p in discriminator.parameters() if p.ndim == 2] == [
        (1024, 6272),
        (1, 1024),
        (128, 1024),
        (14, 128),
    ]


def test_codes_are_drawn_from_their_priors() -> None:
    latents = built(categories=(3, 5), continuous=2).draw(4000, random_stream(0))
    assert latents["categories"].dtype == torch.int64
    for column, values in zip(latents["categories"].T, (3, 5), strict=True):
        counts, share = torch.bincount(column, minlength=values), 1 / values
        assert len(counts) == values
        assert bool(((counts - 4000 * share).abs() < 6 * math.sqrt(4000 * share * (1 - share))).all())
    codes = latents["codes"]
    assert codes.min() >= -1
    assert codes.max() <= 1
    assert codes.var(dim=0).tolist() == pytest.approx([1 / 3] * 2, abs=0.03)


def test_fixed_codes() -> None:
    model = built(categories=(3, 5), continuous=2).eval()
    latents = model.draw(6, random_stream(0))
    fixed = model.fixed(latents, categories={1: 4}, codes={0: 1.5})
    assert fixed["categories"][:, 1].tolist() == [4] * 6
    assert fixed["codes"][:, 0].tolist() == [1.5] * 6
    for name, others in (("z", slice(None)), ("categories", slice(1)), ("codes", slice(1, None))):
        assert torch.equal(latents[name][:, others], fixed[name][:, others])
    # The latents that came in stay as they are.
    assert torch.equal(latents["categories"], model.draw(6, random_stream(0))["categories"])
    assert model.render(fixed).shape == (6, 1, 8, 8)


@pytest.mark.parametrize(("kind", "number"), [("categories", 0), ("categories", 1), ("codes", 0), ("codes", 1)])
def test_each_code_changes_the_image(kind: str, number: int) -> None:
    model = built(categories=(3, 5), continuous=2).eval()
    latents = model.draw(1, random_stream(0))
    first, second = (model.render(model.fixed(latents, **{kind: {number: value}})) for value in (0, 1))
    # Exactly the same, if the code didn't reach the generator.
    assert (first - second).abs().max() > 1e-6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"categories": {1: 0}}, "no categorical code 1"),
        ({"categories": {0: 3}}, "code 0 can't be 3"),
        ({"categories": {0: -1}}, "code 0 can't be -1"),
        ({"codes": {2: 0.0}}, "no continuous code 2"),
        ({"codes": {-1: 0.0}}, "no continuous code -1"),
    ],
)
def test_codes_that_are_not_there(options: dict[str, Any], message: str) -> None:
    model = built()
    with pytest.raises(OptionError, match=message):
        model.fixed(model.draw(2, random_stream(0)), **options)


@pytest.mark.parametrize("option", [{"categories": (1,)}, {"continuous": -1}, {"hidden": 0}, {"category_weight": -1.0}])
def test_bad_options(option: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=next(iter(option))):
        built(**option)


def test_a_code_is_needed() -> None:
    with pytest.raises(OptionError, match="needs a code"):
        built(categories=(), continuous=0)
    assert set(built(categories=()).generator_loss(step_of())) == {"adversarial", "codes"}
    assert set(built(continuous=0).generator_loss(step_of())) == {"adversarial", "categories"}


@pytest.mark.parametrize("which", ["discriminator_loss", "generator_loss"])
def test_losses_are_minus_the_weighted_bounds(which: str) -> None:
    model = built(categories=(3, 4), category_weight=0.7, continuous_weight=0.3).eval()
    losses = getattr(model, which)(step_of(3))
    latents = model.draw(16, step_of(3).random)
    _, recognised = model.discriminator.judge_and_recognise(model.render(latents))
    known = sum(
        categorical_information(scores, column).item()
        for scores, column in zip(recognised.categories, latents["categories"].T, strict=True)
    )
    assert losses["categories"].item() == pytest.approx(-0.7 * known, rel=1e-5)
    codes = gaussian_information(recognised.mean, recognised.log_deviation, latents["codes"]).item()
    assert losses["codes"].item() == pytest.approx(-0.3 * codes, rel=1e-5)


def test_heads_share_the_trunk() -> None:
    model = built()
    losses = model.discriminator_loss(step_of())
    trunk = [p for p in model.discriminator.trunk.parameters() if p.ndim > 1]
    for name in ("adversarial", "categories", "codes"):
        gradients = torch.autograd.grad(losses[name], trunk, retain_graph=True)
        assert all(gradient.abs().max() > 0 for gradient in gradients)
    generator = [p for p in model.generator.parameters() if p.ndim > 1]
    for name, term in model.generator_loss(step_of()).items():
        gradients = torch.autograd.grad(term, generator, retain_graph=True)
        assert all(gradient.abs().max() > 0 for gradient in gradients), name


def test_judging_is_the_same_with_and_without_recognition() -> None:
    model = built().eval()
    images = torch.rand(4, 1, 8, 8, generator=random_stream(0))
    outputs, recognised = model.discriminator.judge_and_recognise(images)
    assert torch.equal(outputs, model.judge(images, None))
    assert [scores.shape for scores in recognised.categories] == [(4, 3)]
    assert recognised.mean.shape == recognised.log_deviation.shape == (4, 2)


def test_deviations_stay_finite() -> None:
    model = built().eval()
    model.discriminator.recogniser[-1].bias.data.fill_(1e4)  # type: ignore[union-attr]
    _, recognised = model.discriminator.judge_and_recognise(torch.zeros(2, 1, 8, 8))
    assert recognised.log_deviation.unique().tolist() == [LARGEST_LOG_DEVIATION]


def information_after(steps: int, **options: Any) -> float:
    """The bound for the categories of 300 images, in nats."""
    model = built(continuous=0, hidden=128, discriminator_rate=1e-3, **options)
    trainer = Trainer(model, pictures(), TrainingSettings(batch_size=32))
    for _ in range(steps):
        trainer.step()
    latents = model.draw(300, random_stream(8))
    with torch.no_grad():
        _, recognised = model.discriminator.judge_and_recognise(model.render(latents))
        return categorical_information(recognised.categories[0], latents["categories"][:, 0]).item()


def test_training_raises_the_information() -> None:
    # log 3 = 1.10 nats are there to be had.
    assert information_after(40) > 0.3
    assert information_after(40, category_weight=0.0) < 0.1


def test_a_resumed_run_goes_on_bit_for_bit() -> None:
    settings = TrainingSettings(batch_size=16, seed=3)
    straight = Trainer(built(), pictures(), settings)
    straight.step()
    stored = io.BytesIO()
    torch.save(straight.state(), stored)
    losses = [straight.step() for _ in range(2)]
    resumed = Trainer(built(), pictures(), settings)
    resumed.restore(torch.load(io.BytesIO(stored.getvalue()), weights_only=True))
    assert [resumed.step() for _ in range(2)] == losses
    first, second = straight.state()["networks"], resumed.state()["networks"]
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_penalty_forbids_batch_norm_in_all_layers_of_the_discriminator() -> None:
    model = built(norm="none", penalty="gradient-penalty")
    assert not any("BatchNorm" in type(module).__name__ for module in model.discriminator.modules())
    assert "penalty" in model.discriminator_loss(step_of())
