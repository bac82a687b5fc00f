"""The model that is shipped: averages whose batch norms have the statistics of their own activations."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image

from ganeval.generators.configuration import configured
from ganeval.generators.models.dcgan import DCGAN
from ganeval.generators.registry import MODELS
from ganeval.generators.streams import STATISTICS, random_stream
from ganeval.generators.training import finishing
from ganeval.generators.training.data import ImageArrays
from ganeval.generators.training.finishing import finished_model
from ganeval.generators.training.previews import preview
from ganeval.generators.training.settings import TrainingSettings
from ganeval.generators.training.trainer import Trainer


def trainer() -> Trainer:
    config = configured(DCGAN.Config, {"size": 8, "channels": 1, "width": 8, "latent": 8})
    images = np.random.default_rng(0).integers(0, 256, (200, 1, 8, 8), dtype=np.uint8)
    running = Trainer(DCGAN.initialised(config, seed=5), ImageArrays(images), TrainingSettings(batch_size=50))
    for _ in range(4):
        running.step()
    return running


def test_statistics_are_those_of_its_own_activations() -> None:
    running = trainer()
    model = finished_model(running)
    assert not model.generator.training
    norm = model.generator.layers[2]
    z = model.draw(20_000, random_stream(77))["z"]
    with torch.no_grad():
        before = model.generator.layers[1](model.generator.layers[0](z))
    mean, variance = before.mean((0, 2, 3)), before.var((0, 2, 3))
    torch.testing.assert_close(norm.running_mean, mean, atol=0.05 * variance.max().sqrt().item(), rtol=0)
    torch.testing.assert_close(norm.running_var, variance, rtol=0.1, atol=0)


def test_training_goes_on_untouched_and_the_same_state_gives_the_same_weights() -> None:
    running = trainer()
    before = copy.deepcopy(running.state())
    randomness = torch.get_rng_state()
    first, second = finished_model(running), finished_model(running)
    preview(first, running)
    after = running.state()
    assert torch.equal(randomness, torch.get_rng_state())
    for name in ("networks", "averages"):
        assert all(torch.equal(before[name][key], after[name][key]) for key in before[name])
    weights = first.state_dict()
    assert all(torch.equal(weights[key], values) for key, values in second.state_dict().items())
    assert running.model.training
    assert running.model.discriminator.training


def test_noise_of_the_networks_own_is_neither_that_of_a_latent_nor_of_whoever_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    running = trainer()
    drawn, asked = [], []

    def noisy(module: torch.nn.Module, render: Callable[[int], torch.Tensor], batches: int) -> None:
        drawn.append(torch.randn(8))
        asked.append(batches)

    monkeypatch.setattr(finishing, "settle_batch_norms", noisy)
    for outside in (1, 2):
        torch.manual_seed(outside)
        finished_model(running)
    half = len(drawn) // 2
    assert all(torch.equal(one, other) for one, other in zip(drawn[:half], drawn[half:], strict=True))
    seed = running.settings.seed
    latents = [torch.randn(8, generator=random_stream(seed, STATISTICS, batch)) for batch in range(max(asked))]
    latents.append(torch.randn(8, generator=random_stream(seed, STATISTICS)))
    assert not any(torch.equal(one, latent) for one in drawn for latent in latents)


@pytest.mark.parametrize(("name", "kind", "rows"), [("cyclegan", "unpaired", 4), ("pix2pix", "paired", 3)])
def test_translators_show_inputs_and_outputs(name: str, kind: str, rows: int) -> None:
    if name not in MODELS:
        pytest.skip(f"{name} isn't registered")
    random = np.random.default_rng(0)
    first, second = (random.integers(0, 256, (6, 1, 32, 32), dtype=np.uint8) for _ in range(2))
    examples = ImageArrays(first, others=second, kind=kind)
    model = MODELS.get(name)
    config = configured(model.Config, {"size": 32, "channels": 1, "width": 2})
    running = Trainer(model.initialised(config, seed=0), examples, TrainingSettings(batch_size=2))
    running.step()
    shown = np.asarray(Image.open(io.BytesIO(preview(finished_model(running), running))))
    assert shown.shape[:2] == (rows * 34 + 2, 8 * 34 + 2)
    inputs = running.example_batch(0, 8).images
    np.testing.assert_array_equal(shown[2:34, 2:34], ((inputs[0, 0] + 1) * 127.5).round().to(torch.uint8))
