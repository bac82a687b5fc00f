"""BigGAN: truncation, orthogonal regularisation, spectral norm, first weights, and its sizes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn
from torch.nn.utils import parametrize

from ganeval.errors import OptionError
from ganeval.generators.configuration import configured
from ganeval.generators.losses.orthogonal import orthogonal_gradient, orthogonal_penalty, regularised_weights
from ganeval.generators.model import Truncation
from ganeval.generators.models.biggan import BigGAN, BigGANConfig
from ganeval.generators.networks.attention import SelfAttention
from ganeval.generators.networks.spectral_norm import reshaped_weights
from ganeval.generators.streams import random_stream
from ganeval.generators.training.averages import settle_batch_norms
from ganeval.generators.training.data import ImageArrays
from ganeval.generators.training.settings import TrainingSettings
from ganeval.generators.training.trainer import Trainer


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def config(**options: Any) -> BigGANConfig:
    values = {"size": (16, 16), "channels": 1, "classes": 3, "width": 2, "shared": 6, "latent": 8, **options}
    return configured(BigGANConfig, values)


def built(**options: Any) -> BigGAN:
    return BigGAN.initialised(config(**options), seed=1)


def noise(count: int = 24) -> ImageArrays:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (count, 1, 16, 16), dtype=np.uint8)
    return ImageArrays(images, random.integers(0, 3, count), kind="labelled")


def test_the_papers_training() -> None:
    discriminator, generator = built().phases()
    assert discriminator.repeats == 2
    for phase, rate in ((discriminator, 4e-4), (generator, 1e-4)):
        assert (phase.optimiser.learning_rate, phase.optimiser.betas) == (rate, (0.0, 0.999))  # type: ignore[union-attr]
    assert (built().config.loss, built().config.orthogonal) == ("hinge", 1e-4)
    assert (discriminator.on_gradients, built(orthogonal=0.0).phases()[1].on_gradients) == (None, None)


@pytest.mark.parametrize(
    ("size", "channels"),
    [
        ((28, 28), 1),
        ((32, 32), 3),
        ((64, 48), 4),
        ((128, 128), 1),
        pytest.param((256, 256), 3, marks=pytest.mark.slow),
        pytest.param((512, 512), 3, marks=pytest.mark.slow),
    ],
)
def test_sizes(size: tuple[int, int], channels: int) -> None:
    model = built(size=size, channels=channels, width=1).eval()
    latents = model.draw(2, random_stream(0))
    with torch.inference_mode():
        images = model.render(latents)
        assert images.shape == (2, channels, *size)
        assert model.judge(images, latents["label"]).shape == (2,)


def _keep(into: list[torch.Tensor], _module: nn.Module, _inputs: object, output: torch.Tensor) -> None:
    into.append(output)


def test_attention_is_where_the_paper_has_it_or_where_it_is_asked_for() -> None:
    assert [config(size=(side, side)).attended for side in (16, 32, 64, 128, 256)] == [0, 0, 0, 64, 64]
    assert config(size=(128, 128), attention=0).attended == 0
    for size, attention in (((16, 16), 8), ((28, 28), 14), ((64, 96), 16)):
        model = built(size=size, attention=attention).eval()
        maps: list[torch.Tensor] = []
        keep = partial(_keep, maps)
        for module in model.modules():
            if isinstance(module, SelfAttention):
                module.register_forward_hook(keep)
        latents = model.draw(1, random_stream(0))
        model.judge(model.render(latents), latents["label"])
        expected = (attention * size[0] // min(size), attention * size[1] // min(size))
        assert [tuple(found.shape[2:]) for found in maps] == [expected, expected]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"attention": 7}, "no maps of 7 pixels.*\n.*8"),
        ({"attention": 16}, "no maps of 16"),
        ({"size": (8, 8), "attention": 4}, "no maps of 4"),
        ({"latent": 2}, "2 dimensions can't be split into 3 parts"),
        ({"size": (30, 30)}, "30×30"),
        ({"orthogonal": -1.0}, "orthogonal"),
        ({"width": 0}, "width"),
    ],
)
def test_bad_options(option: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as error:
        config(**option)
    found = f"{error.value}\n{error.value.hint}"
    for part in message.split(".*\n.*"):
        assert part in found


def test_few_dimensions_suffice_without_hierarchy() -> None:
    assert built(latent=1, hierarchical=False).draw(3, random_stream(0))["z"].shape == (3, 1)


class TestTruncation:
    """Section 3.1, by quantiles instead of drawing again."""

    @pytest.mark.parametrize("threshold", [0.2, 0.5, 1.0, 2.0])
    def test_the_distribution_is_the_truncated_normal(self, threshold: float) -> None:
        model = built(latent=100)
        latents = model.draw(100, random_stream(0))
        cut = model.truncated(latents, Truncation("threshold", threshold))
        assert cut["z"].abs().max() <= threshold
        assert cut["z"].abs().mean() < latents["z"].abs().mean()
        values = cut["z"].flatten().double().numpy()
        assert stats.kstest(values, stats.truncnorm(-threshold, threshold).cdf).pvalue > 1e-3
        assert stats.kstest(values, stats.truncnorm(-1.5 * threshold, 1.5 * threshold).cdf).pvalue < 1e-3
        assert torch.equal(cut["label"], latents["label"])

    def test_order_stays_and_values_shrink_with_the_threshold(self) -> None:
        model = built(latent=50)
        latents = model.draw(20, random_stream(0))
        order = latents["z"].flatten().argsort()
        sizes = [latents["z"].abs()]
        for threshold in (4.0, 2.0, 1.0, 0.5, 0.2, 0.01):
            z = model.truncated(latents, Truncation("threshold", threshold))["z"]
            assert bool((z.flatten()[order].diff() >= 0).all())
            sizes.append(z.abs())
        assert all(bool((later <= earlier + 1e-6).all()) for earlier, later in pairwise(sizes))

    def test_a_high_threshold_changes_nothing(self) -> None:
        model = built()
        latents = model.draw(20, random_stream(0))
        torch.testing.assert_close(model.truncated(latents, Truncation("threshold", 8.0))["z"], latents["z"])

    @pytest.mark.parametrize("value", [0.0, -1.0, float("inf"), float("nan")])
    def test_thresholds_without_a_meaning(self, value: float) -> None:
        with pytest.raises(OptionError, match="threshold"):
            built().truncated(built().draw(1, random_stream(0)), Truncation("threshold", value))

    def test_a_uniform_prior_has_no_tails(self) -> None:
        model = built(prior="uniform")
        with pytest.raises(OptionError, match="uniform"):
            model.truncated(model.draw(1, random_stream(0)), Truncation("threshold", 0.5))

    def test_other_methods(self) -> None:
        with pytest.raises(OptionError, match="psi"):
            built().truncated(built().draw(1, random_stream(0)), Truncation("psi", 0.5))


def test_first_weights_are_orthogonal() -> None:
    model = built()
    for name in model.networks:
        for weight in regularised_weights([model.get_submodule(name)]):
            matrix = weight.detach().flatten(1)
            short = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
            torch.testing.assert_close(short @ short.T, torch.eye(len(short)), atol=1e-5, rtol=0)


def test_all_weights_but_the_classes_vectors_are_spectrally_normal() -> None:
    model = built()
    trainer = Trainer(model, noise(), TrainingSettings(batch_size=12))
    for _ in range(3):
        trainer.step()
    model.eval()
    layers = (nn.Linear, nn.Conv2d, nn.Embedding)
    for network, free in ((model.generator, {"shared"}), (model.discriminator, set())):
        names = {name for name, module in network.named_modules() if isinstance(module, layers)}
        weights = reshaped_weights(network)
        assert set(weights) == names - free
        for name, weight in weights.items():
            assert torch.linalg.matrix_norm(weight, ord=2).item() == pytest.approx(1, abs=0.05), name
    assert not parametrize.is_parametrized(model.generator.shared)


def test_the_generators_gradients_get_the_regularisations() -> None:
    plain, regular = built(orthogonal=0.0), built(orthogonal=0.5)
    # Orthogonal weights have none: start from others.
    for model in (plain, regular):
        random = random_stream(3)
        with torch.no_grad():
            for weight in model.generator.parameters():
                weight += 0.1 * torch.randn(weight.shape, generator=random)
    shared, gradients = [], []
    for model in (plain, regular):
        *_, phase = model.phases()
        trainer = Trainer(model, noise(), TrainingSettings(batch_size=12))
        sum(phase.loss(trainer._step_of((1, 0), 0, 0)).values()).backward()  # type: ignore[union-attr]
        if phase.on_gradients is not None:
            phase.on_gradients()
        weights = list(regularised_weights(model.generator.unshared()))
        gradients.append([weight.grad for weight in weights])
        shared.append(model.generator.shared.weight.grad)
    for weight, first, second in zip(weights, *gradients, strict=True):
        expected = first + 0.5 * orthogonal_gradient(weight)
        torch.testing.assert_close(second, expected, rtol=1e-4, atol=1e-6)
    assert torch.equal(*shared)


def test_strong_regularisation_keeps_filters_apart() -> None:
    apart = []
    for strength in (0.0, 10.0):
        model = built(orthogonal=strength, generator_rate=5e-3)
        trainer = Trainer(model, noise(), TrainingSettings(batch_size=12))
        for _ in range(6):
            trainer.step()
        apart.append(sum(orthogonal_penalty(w).item() for w in regularised_weights(model.generator.unshared())))
    assert apart[1] < 0.5 * apart[0]


def test_batch_norms_can_be_settled() -> None:
    model = built()
    settle_batch_norms(model.generator, lambda batch: model.render(model.draw(16, random_stream(0, batch))), 3)
    norm = model.generator.blocks[0].norm1.norm  # type: ignore[union-attr]
    seen: list[torch.Tensor] = []
    norm.register_forward_hook(lambda _m, inputs, _o: seen.append(inputs[0]))
    for batch in range(3):
        model.render(model.draw(16, random_stream(0, batch)))
    means = torch.stack([features.mean(dim=(0, 2, 3)) for features in seen]).mean(dim=0)
    # The statistics' refinement of spectral norm moves weights a little between the two rounds.
    torch.testing.assert_close(norm.running_mean, means, rtol=0.02, atol=0.02)
