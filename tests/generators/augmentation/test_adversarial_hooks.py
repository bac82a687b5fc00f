"""Augmentation and spectral loss in the training of any adversarial model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from ganeval.errors import OptionError
from ganeval.generators.adversarial import AdversarialConfig
from ganeval.generators.augmentation.augmentations import AUGMENTATIONS, find_augmentation
from ganeval.generators.configuration import configured
from ganeval.generators.data_kinds import Batch
from ganeval.generators.model import Step
from ganeval.generators.models.dcgan import DCGAN
from ganeval.generators.streams import random_stream
from ganeval.generators.training.data import ImageArrays
from ganeval.generators.training.settings import TrainingSettings
from ganeval.generators.training.trainer import Trainer


def model_of(**values: Any) -> DCGAN:
    kept = {"size": [16, 16], "channels": 1, "width": 4, "latent": 8, "norm": "none", **values}
    return DCGAN.initialised(configured(DCGAN.Config, kept), 0)


def step_of(count: int = 8) -> Step:
    images = torch.rand(count, 1, 16, 16, generator=torch.Generator().manual_seed(5)) * 2 - 1
    return Step(0, count, torch.device("cpu"), random_stream(1), lambda: Batch(images))


def test_without_augmentation_images_and_randomness_are_as_they_were() -> None:
    step = step_of()
    before = step.random.get_state()
    images = step.batch.images
    assert model_of().seen(images, step) is images
    assert torch.equal(step.random.get_state(), before)
    assert not list(model_of().buffers()) or "augment_probability" not in dict(model_of().named_buffers())
    assert not next(phase for phase in model_of().phases() if phase.name == "generator").reads


@pytest.mark.parametrize("name", list(AUGMENTATIONS))
def test_real_and_generated_images_of_all_losses_are_augmented(name: str) -> None:
    model = model_of(augment=name, penalty="r1", penalty_every=2)
    if name == "ada":
        model.augment_probability.fill_(1.0)
    judged: list[torch.Tensor] = []
    model.discriminator.register_forward_pre_hook(lambda _, inputs: judged.append(inputs[0].detach()))
    made: list[torch.Tensor] = []
    model.generator.register_forward_hook(lambda *parts: made.append(parts[2].detach()))
    step = step_of()
    for phase in model.phases():
        phase.loss(step)
    # Real and generated of the discriminator's loss, real of the penalty, generated of the generator's loss.
    for seen, shown in zip(judged, (step.batch.images, made[0], step.batch.images, made[2]), strict=True):
        assert (seen - shown).abs().mean() > 0.05


def test_gradients_reach_the_generator_through_the_augmentation() -> None:
    for name in AUGMENTATIONS:
        model = model_of(augment=name)
        if name == "ada":
            model.augment_probability.fill_(1.0)
        sum(model.generator_loss(step_of()).values(), torch.zeros(())).backward()
        assert all(parameter.grad is not None for parameter in model.generator.parameters()), name
        total = sum(float(p.grad.abs().sum()) for p in model.generator.parameters() if p.grad is not None)
        assert total > 0, name


@pytest.mark.parametrize(("judged", "expected"), [(1.0, 0.32), (-1.0, 0.28)])
def test_the_probability_moves_after_every_fourth_minibatch(judged: float, expected: float) -> None:
    model = model_of(augment="ada", augment_images=1600)
    model.augment_probability.fill_(0.3)
    after = next(phase.after for phase in model.phases() if phase.name == "discriminator")
    assert after is not None
    seen = []
    for _ in range(4):
        model.watch(torch.full((8,), judged))
        after()
        seen.append(model.augment_probability.item())
    assert seen == pytest.approx([0.3, 0.3, 0.3, expected])
    assert model.augment_watched.tolist() == [0, 0, 0]


def test_least_squares_outputs_are_compared_with_one_half() -> None:
    model = model_of(augment="ada", loss="lsgan")
    model.watch(torch.tensor([0.9, 0.4, 0.6, 0.7]))
    assert model.augment_watched[:2].tolist() == [pytest.approx(2.0), 4]


def test_training_moves_the_probability_by_itself() -> None:
    images = np.random.default_rng(0).integers(0, 256, (16, 1, 16, 16), dtype=np.uint8)
    model = model_of(augment="ada", augment_images=320, augment_target=-1.0)
    trainer = Trainer(model, ImageArrays(images), TrainingSettings(batch_size=8))
    for _ in range(8):
        trainer.step()
    assert model.augment_probability.item() == pytest.approx(0.2)


def test_a_model_that_tells_nothing_is_refused() -> None:
    model = model_of(augment="ada")
    after = next(phase.after for phase in model.phases() if phase.name == "discriminator")
    assert after is not None
    for _ in range(3):
        after()
    with pytest.raises(OptionError, match="nothing to adapt to"):
        after()


def test_the_spectral_loss_is_added_with_its_weight_and_reads_real_images() -> None:
    terms = [model_of(spectral_weight=weight).generator_loss(step_of()) for weight in (0.0, 1.0, 3.0)]
    assert set(terms[0]) == {"adversarial"}
    torch.testing.assert_close(terms[2]["spectral"], 3 * terms[1]["spectral"])
    generator = next(phase for phase in model_of(spectral_weight=1.0).phases() if phase.name == "generator")
    assert generator.reads


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"augment": "adda"}, "unknown augmentation 'adda'"),
        ({"augment": "ada", "loss": "wasserstein"}, "can't adapt"),
        ({"augment_target": 2.0}, "augment_target"),
        ({"augment_images": 0}, "augment_images"),
        ({"spectral_weight": -1.0}, "spectral_weight"),
        ({"spectral_weight": float("nan")}, "spectral_weight"),
    ],
)
def test_bad_values_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        AdversarialConfig(**values)
    assert find_augmentation("ada").adaptive
