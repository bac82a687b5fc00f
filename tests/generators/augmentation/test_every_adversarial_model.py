"""Every adversarial model shows its discriminator augmented images alone, and can have the spectral loss."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from ganeval.generators.adversarial import AdversarialModel
from ganeval.generators.configuration import configured
from ganeval.generators.data_kinds import Batch
from ganeval.generators.model import Phase, Step
from ganeval.generators.registry import MODELS
from ganeval.generators.streams import random_stream

_SIDE, _COUNT, _CLASSES = 32, 4, 3


def adversarial() -> Iterator[str]:
    for name in MODELS.names():
        if issubclass(MODELS.get(name), AdversarialModel):
            yield name


def model_of(name: str, **values: Any) -> AdversarialModel:
    kind = MODELS.get(name)
    assert issubclass(kind, AdversarialModel)
    fields = {field.name for field in dataclasses.fields(kind.Config)}
    small = {"size": _SIDE, "channels": 1, "width": 4, "latent": 16, "style": 8, "mapping_layers": 2, "widest": 8}
    if kind.info.data == "labelled":
        small["classes"] = _CLASSES
    chosen = {key: value for key, value in (small | values).items() if key in fields}
    return kind.initialised(configured(kind.Config, chosen), 0)


def step_of(seed: int) -> Step:
    images = torch.rand(_COUNT, 1, _SIDE, _SIDE, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    batch = Batch(images, labels=torch.arange(_COUNT) % _CLASSES)
    return Step(0, _COUNT, torch.device("cpu"), random_stream(1), lambda: batch)


def phase_named(model: AdversarialModel, name: str) -> Phase:
    return next(phase for phase in model.phases() if phase.name == name)


def hidden(images: Tensor, step: Step) -> Tensor:
    """What is left of images behind an augmentation that shows nothing of them."""
    return images * 0


@pytest.mark.parametrize("name", list(adversarial()))
def test_the_discriminator_sees_nothing_else(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for seed in (0, 1):
        model = model_of(name, augment="diffaugment")
        open_losses = phase_named(model, "discriminator").loss(step_of(seed))
        model = model_of(name, augment="diffaugment")
        monkeypatch.setattr(model, "seen", hidden)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            losses = phase_named(model, "discriminator").loss(step_of(seed))
        assert any(not torch.equal(losses[term], open_losses[term]) for term in losses)
        found.append(losses)
    for term, value in found[0].items():
        torch.testing.assert_close(value, found[1][term], msg=f"{term} depends on images that weren't augmented")


@pytest.mark.parametrize("name", list(adversarial()))
def test_the_generator_learns_through_what_is_seen_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for show in (True, False):
        model = model_of(name, augment="diffaugment")
        if not show:
            monkeypatch.setattr(model, "seen", hidden)
        total = torch.stack([*phase_named(model, "generator").loss(step_of(0)).values()]).sum()
        total.backward()
        slopes = [float(p.grad.abs().sum()) for p in model.generator.parameters() if p.grad is not None]
        assert (sum(slopes) > 0) == show


@pytest.mark.parametrize("name", list(adversarial()))
def test_the_spectral_loss_is_a_term_of_the_generators(name: str) -> None:
    model = model_of(name, spectral_weight=2.0)
    phase = phase_named(model, "generator")
    assert phase.reads
    losses = phase.loss(step_of(0))
    assert losses["spectral"] > 0
    assert losses["spectral"].requires_grad
