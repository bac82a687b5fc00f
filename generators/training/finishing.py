"""The model as it is shipped and sampled from: averaged weights, with batch norms measured for them."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor

from ganeval.generators.adversarial import on_device
from ganeval.generators.data_kinds import Batch
from ganeval.generators.model import DIRECTIONS, GenerativeModel, Sampler, Translator
from ganeval.generators.streams import STATISTICS, random_stream
from ganeval.generators.training.averages import settle_batch_norms
from ganeval.generators.training.trainer import Trainer

#: Samples from which batch norms are measured, and in how few and many passes at most.
_SAMPLES, _FEWEST, _MOST = 2000, 8, 64


def finished_model(trainer: Trainer) -> GenerativeModel:
    """A copy of the averaged networks, in evaluation mode, on the trainer's device; training isn't touched.

    The same training state gives the same weights, bit for bit on one machine.
    """
    model = trainer.model.with_networks(copy.deepcopy(trainer.averages))
    model.training = False
    settings = trainer.settings
    size = max(2, settings.batch_size // settings.accumulate)
    batches = min(_MOST, max(_FEWEST, -(-_SAMPLES // size)))
    render = _renderer(model, trainer, size)
    # A network that draws noise of its own must neither depend on torch's global state nor move it.
    devices = [trainer.device] if trainer.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        # Beyond the batches' keys: (STATISTICS) alone is the stream of the first batch's latents, (STATISTICS, 0).
        torch.manual_seed(random_stream(settings.seed, STATISTICS, _MOST).initial_seed())
        # One after the other: a network's statistics hang on what networks before it give.
        for name in model.sampled:
            settle_batch_norms(model.get_submodule(name), render, batches)
    return model


def _renderer(model: GenerativeModel, trainer: Trainer, size: int) -> Callable[[int], Tensor]:
    def random_of(batch: int) -> torch.Generator:
        return random_stream(trainer.settings.seed, STATISTICS, batch)

    if isinstance(model, Sampler):
        sampler = model
        return lambda batch: sampler.render(on_device(sampler.draw(size, random_of(batch)), trainer.device))
    if not isinstance(model, Translator):
        return lambda batch: torch.empty(0)
    translator = model

    def translate(batch: int) -> Tensor:
        found = trainer.example_batch(batch, size)
        for direction in translator.directions:
            images = translation_inputs(found, direction).to(trainer.device)
            made = translator.translate(images, direction, random_of(batch))
        return made

    return translate


def translation_inputs(batch: Batch, direction: str) -> Tensor:
    """Images of the domain where that direction starts."""
    return _domain(batch, DIRECTIONS[direction][0])


def translation_targets(batch: Batch, direction: str) -> Tensor:
    """Images of the domain where that direction ends."""
    return _domain(batch, DIRECTIONS[direction][1])


def _domain(batch: Batch, number: int) -> Tensor:
    return batch.others if number == 1 and batch.others is not None else batch.images
