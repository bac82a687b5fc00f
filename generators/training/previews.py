"""Grids of samples from fixed latents or inputs, which show how far training is."""

from __future__ import annotations

import io

import torch
from torch import Tensor

from ganeval.generators.model import GenerativeModel, Sampler, Translator
from ganeval.generators.picture import grid
from ganeval.generators.sampling.blocks import levels, to_bytes
from ganeval.generators.streams import SAMPLES, random_stream
from ganeval.generators.training.finishing import translation_inputs, translation_targets
from ganeval.generators.training.trainer import Trainer

COLUMNS = 8
#: Most rows of a grid: so many classes are shown of models that have more.
_ROWS = 16


@torch.inference_mode()
def preview(model: GenerativeModel, trainer: Trainer) -> bytes:
    """A PNG of samples, from the same latents or inputs at every step.

    A model with classes shows one a row; one from image to image shows inputs above outputs (above targets, of pairs).

    Parameters
    ----------
    model
        In evaluation mode.
    trainer
        Whose seed and examples are shown.
    """
    if isinstance(model, Translator):
        rows = _translations(model, trainer)
    elif isinstance(model, Sampler):
        rows = _samples(model, trainer.settings.seed)
    else:
        raise TypeError(f"{type(model).__name__} makes no images")
    stream = io.BytesIO()
    # As small as they are: a run leaves many.
    grid([[_picture(image) for image in row] for row in rows], smallest=1).save(stream, format="PNG")
    return stream.getvalue()


def _samples(model: Sampler, seed: int) -> list[Tensor]:
    classes = min(_ROWS, model.config.classes)
    count = COLUMNS * (classes or COLUMNS)
    labels = torch.arange(classes).repeat_interleave(COLUMNS) if classes else None
    images = to_bytes(levels(model, model.draw(count, random_stream(seed, SAMPLES), labels)))
    return list(torch.split(images, COLUMNS))


def _translations(model: Translator, trainer: Trainer) -> list[Tensor]:
    batch = trainer.example_batch(0, COLUMNS)
    rows: list[Tensor] = []
    for direction in model.directions:
        inputs = translation_inputs(batch, direction)
        made = model.translate(inputs.to(trainer.device), direction, random_stream(trainer.settings.seed, SAMPLES))
        shown = [inputs, made.float().cpu()]
        if model.info.data == "paired":
            shown.append(translation_targets(batch, direction))
        rows += [to_bytes((images + 1) * 127.5) for images in shown]
    return rows


def _picture(image: Tensor) -> Tensor:
    """What can be shown of an image with any number of channels: the first three, or the first."""
    return image[: 3 if len(image) >= 3 else 1]
