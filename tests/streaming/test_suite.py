"""The suite: one call scores a generator in the middle of its training, and leaves the training as it was."""

# The training's random numbers are those of the old interface, which is what is tested.
# ruff: noqa: NPY002

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader, TensorDataset

import ganeval
from ganeval.errors import ImageRangeError, ImageSourceError, MetricError, OptionError
from ganeval.metrics import MetricSuite
from ganeval.streaming.generating import latents


class Generator(nn.Module):
    """Has every mode and source of randomness that an evaluation could disturb."""

    def __init__(self, z_dim: int | None = 8, noise: float = 0.0) -> None:
        super().__init__()
        if z_dim is not None:
            self.z_dim = z_dim
        self.layers = nn.Sequential(nn.Linear(8, 192), nn.BatchNorm1d(192), nn.Dropout(0.5), nn.Tanh())
        self.frozen = nn.BatchNorm1d(3).eval()
        self.noise = noise

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        assert not self.training
        assert not torch.is_grad_enabled()
        images = self.layers(z).reshape(-1, 3, 8, 8)
        return (images + self.noise * (torch.randn(1) + np.random.rand() + random.random())).clamp(-1, 1)


def suite_for(network, real, metrics=("fid", "kid", "prdc", "is"), **options) -> MetricSuite:
    options = {"value_range": (-1, 1), "device": "cpu", "cache": False, **options}
    chosen = {"kid": {"subset_size": 20}} if "kid" in metrics else {}
    return MetricSuite(list(metrics), real, extractor=network, options=chosen, **options)


def test_scores_are_those_of_score(network, real_images, generated_images) -> None:
    suite = suite_for(network, real_images, ["standard"])
    for batch in generated_images.split(40):
        suite.update(batch)
    scores = suite.compute()
    assert network.images == len(real_images) + len(generated_images)
    report = ganeval.score(generated_images, real_images, extractor=network, metrics="standard", cache=False)
    assert set(scores) == set(report.scores)
    assert scores["fid"].value == pytest.approx(report["fd"].value, rel=1e-9)
    for name in ("fd", "precision", "recall", "density", "coverage"):
        assert scores[name].value == pytest.approx(report[name].value, rel=1e-9)
        assert (scores[name].interval is None) == (report[name].interval is None)
    # The sets of all pairs and of all images don't hang on the order, unlike subsets and splits.
    assert scores["kid"].corrected == pytest.approx(report["kd"].corrected, rel=1e-9)
    assert "kid" in scores
    assert scores.get("kid") is scores["kd"]
    assert "precisoin" not in scores
    assert scores.get("precisoin") is None
    with pytest.raises(MetricError, match="precision_tinynetwork"):
        scores["precisoin"]


def test_evaluation_leaves_the_training_alone(network, real_images) -> None:
    generator = Generator(noise=0.01)
    generator.train()
    generator.frozen.eval()
    suite = suite_for(network, real_images)
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    modes = [module.training for module in generator.modules()]
    states = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state()
    first = suite.evaluate(generator, n=100, seed=3)
    assert random.getstate() == states[0]
    assert np.array_equal(np.random.get_state()[1], states[1])
    assert torch.equal(torch.get_rng_state(), states[2])
    assert [module.training for module in generator.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in generator.state_dict().items())
    # What was drawn in between doesn't show.
    random.random(), np.random.rand(), torch.rand(1)
    again = suite.evaluate(generator, n=100, seed=3)
    assert {name: score.value for name, score in again.items()} == {name: score.value for name, score in first.items()}
    other = suite.evaluate(generator, n=100, seed=4)
    assert other["fid"].value != first["fid"].value


def test_reading_real_images_draws_nothing(network, real_images) -> None:
    shuffled = DataLoader(TensorDataset(real_images), batch_size=32, shuffle=True)

    class Drawing(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            random.random(), np.random.rand(), torch.rand(1)
            return network(images)[0]

    suite = suite_for(Drawing(), shuffled, ["fid"])
    states = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state()
    suite.update(real_images)
    suite.compute()
    suite.evaluate(real_images, n=50)
    assert random.getstate() == states[0]
    assert np.array_equal(np.random.get_state()[1], states[1])
    assert torch.equal(torch.get_rng_state(), states[2])


def test_a_network_in_training_can_be_the_extractor(real_images) -> None:
    discriminator = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(192, 5)).double()
    discriminator.register_forward_pre_hook(lambda module, inputs: (inputs[0].double() / 255,))
    suite = suite_for(discriminator, real_images, ["fid"])
    first = suite.evaluate(real_images, n=50)["fid"].value
    assert discriminator.training
    assert all(parameter.requires_grad and parameter.grad is None for parameter in discriminator.parameters())
    # Both sides go on being seen with the weights that it had when the suite was made.
    nn.init.zeros_(discriminator[2].weight)
    assert suite.evaluate(real_images, n=50)["fid"].value == pytest.approx(first, rel=1e-9, abs=1e-9)
    assert suite.evaluate(real_images.flip(1) // 2, n=50)["fid"].value > 1e-3


def test_modes_come_back_after_a_failure(network, real_images) -> None:
    generator = Generator().train()
    state = torch.get_rng_state()
    with pytest.raises(AttributeError):
        suite_for(network, real_images).evaluate(nn.Sequential(generator, nn.Flatten(), Broken()), n=4, latent=8)
    assert generator.training
    assert torch.equal(torch.get_rng_state(), state)


class Broken(nn.Module):
    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return values.no_such_thing()


def test_batch_size_does_not_matter(network, real_images) -> None:
    suite, generator = suite_for(network, real_images, ["fid"]), Generator().double()
    one, other = (suite.evaluate(generator, n=90, batch_size=size)["fid"] for size in (90, 7))
    assert one.value == pytest.approx(other.value, rel=1e-9)
    assert one.n_generated == 90


def test_all_kinds_of_generators(network, real_images) -> None:
    generator = Generator().eval()
    suite = suite_for(network, real_images, ["fid"])
    images = torch.cat([generator_images(generator, start, 25) for start in range(0, 50, 25)])
    wrapped = AveragedModel(generator)
    sources = [
        generator,
        wrapped,
        torch.utils.data.TensorDataset(images),
        images,
        iter(images.split(20)),
        lambda count, taken=[0]: images[taken[0] : taken.__setitem__(0, taken[0] + count) or taken[0]],
    ]
    found = [suite.evaluate(source, n=50, batch_size=25)["fid"] for source in sources]
    assert [score.n_generated for score in found] == [50] * len(found)
    assert [score.value for score in found] == pytest.approx([found[0].value] * len(found), rel=1e-6)
    with_latent = suite.evaluate(lambda z: generator.layers(z).reshape(-1, 3, 8, 8), n=50, batch_size=25, latent=(8,))
    assert with_latent["fid"].value == pytest.approx(found[0].value, rel=1e-6)


def generator_images(generator: Generator, start: int, count: int) -> torch.Tensor:
    with torch.no_grad():
        return generator(latents((8,), start, count, 0))


def test_bundled_generators_by_name(network, real_images) -> None:
    suite = suite_for(network, real_images, ["fid"])
    assert suite.evaluate("digits", n=64)["fid"].n_generated == 64


def test_latents_do_not_depend_on_how_they_are_asked_for() -> None:
    whole = latents((3, 2), 0, 700, seed=5)
    assert torch.equal(torch.cat([latents((3, 2), start, 100, seed=5) for start in range(0, 700, 100)]), whole)
    assert not torch.equal(latents((3, 2), 0, 700, seed=6), whole)


def test_what_cannot_be_evaluated(network, real_images) -> None:
    suite = suite_for(network, real_images, ["fid"])
    with pytest.raises(OptionError, match="latent=128"):
        suite.evaluate(Generator(z_dim=None), n=10)
    with pytest.raises(ImageRangeError, match=r"from 2 to 2"):
        suite.evaluate(lambda n: torch.full((n, 3, 8, 8), 2.0), n=10)
    with pytest.raises(ImageSourceError, match="NoneType"):
        suite.evaluate(lambda n: None, n=10)
    for option, value in {"n": 1.5, "batch_size": 0, "seed": -1, "latent": "16"}.items():
        with pytest.raises(OptionError, match=f"^{option} must be a whole number"):
            suite.evaluate(lambda n: torch.zeros(n, 3, 8, 8), **{"n": 10} | {option: value})


def test_metrics_that_need_more_than_features(network, real_images) -> None:
    with pytest.raises(MetricError, match="stream"):
        suite_for(network, real_images, ["fid", "ppl"])
    suite = suite_for(network, real_images, ["diversity"])
    suite.evaluate(Generator(), n=40)
    assert any("ms_ssim" in notice.message for notice in suite.notices)


def test_real_images_can_come_by_update(network, real_images, generated_images) -> None:
    named, updated = suite_for(network, real_images), suite_for(network, None)
    updated.update(real_images, real=True)
    for suite in (named, updated):
        suite.reset()
        suite.update(generated_images)
    assert updated.compute()["fid"].value == pytest.approx(named.compute()["fid"].value, rel=1e-9)


def test_autocast_is_the_generators_alone(network, real_images) -> None:
    seen = []

    class Noting(Generator):
        def forward(self, z: torch.Tensor) -> torch.Tensor:
            seen.append(torch.is_autocast_enabled("cpu"))
            return super().forward(z)

    suite_for(network, real_images, ["fid"]).evaluate(Noting(), n=20, autocast=torch.bfloat16)
    assert seen == [True]
