"""The weights of a training run as one file to hand on: in half precision, after a look at what that does to pictures.

What half precision moves is measured on pictures, not on weights: a weight's rounding says nothing about pixels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ganeval.errors import OptionError, OutputError, WeightsError
from ganeval.generators.model import DIRECTIONS, GenerativeModel, Sampler, Translator
from ganeval.generators.sampling.blocks import levels
from ganeval.generators.streams import SAMPLES, random_stream
from ganeval.generators.training.checkpoint import write_result
from ganeval.generators.training.run_folder import weights_of
from ganeval.generators.weights_file import model_bytes, read_header, read_model

#: Grey levels, of 255, by which a picture of the exported weights may differ from one of the run's.
TOLERANCE = 4.0
#: Which weights of a run can be meant: those of its newest checkpoint, or of its best one by the evaluations.
CHECKPOINTS = ("last", "best")
#: Pictures that are compared, fewer where they are large: as many pixels at most.
_PICTURES, _PIXELS = 64, 1 << 22
_SUFFIX = ".safetensors"


@dataclass(frozen=True)
class Exported:
    """What was written.

    Parameters
    ----------
    path
        The file.
    size
        Its bytes.
    pictures
        How many were compared with those of the run's own weights.
    largest
        Largest difference of a pixel, in grey levels of 255, before rounding.
    mean
        Mean absolute difference of the pixels.
    """

    path: Path
    size: int
    pictures: int
    largest: float
    mean: float


def run_weights(run: Path, checkpoint: str = "last") -> Path:
    """The weights file of a run.

    Parameters
    ----------
    run
        As `ganeval.generators.training.run_folder.weights_of` takes it.
    checkpoint
        One of `CHECKPOINTS`.

    Raises
    ------
    OptionError
        If there is no such choice.
    WeightsError
        If there are no such weights.
    """
    if checkpoint not in CHECKPOINTS:
        raise OptionError(f"--checkpoint is {checkpoint!r}", hint=f"Choose {' or '.join(CHECKPOINTS)}.")
    return weights_of(run / "best" if checkpoint == "best" else run)


def export_weights(weights: Path, out: Path, *, half: bool = False, tolerance: float = TOLERANCE) -> Exported:
    """Write the networks that make samples, with the header as it is: model, configuration, and how it was trained.

    Parameters
    ----------
    weights
        A weights file of `ganeval train`.
    out
        A .safetensors file; replaced as a whole or not at all.
    half
        Store float32 as float16.
    tolerance
        Grey levels by which a pixel may move; with more, nothing is written.

    Raises
    ------
    WeightsError
        If the weights can't be read, or pictures of the new ones differ by more than the tolerance.
    OptionError
        If the tolerance is no number of 0 or more.
    OutputError
        If the file has another ending, is the run's own, or can't be written.
    """
    if not 0 <= tolerance < math.inf:
        raise OptionError(f"the tolerance is {tolerance}", hint="It is in grey levels, 0 or more.")
    if out.suffix != _SUFFIX:
        raise OutputError(f"{out} doesn't end in {_SUFFIX}, by which generators' weights are known")
    if out.exists() and out.samefile(weights):
        raise OutputError(f"{out} holds the weights that are to be exported", hint="Choose another --out.")
    content = _read(weights)
    model = read_model(content, str(weights))
    header = read_header(content)
    exported = model_bytes(header["model"], model, header.get("made", {}), half=half)
    pictures, largest, mean = difference(model, read_model(exported, str(out)))
    # Not a number where a weight is too large for half precision.
    if not largest <= tolerance:
        raise WeightsError(
            f"these weights make pictures that differ by up to {largest:.3g} of 255 grey levels from those of "
            f"{weights}, more than {tolerance:g}",
            hint="Leave out --half, or allow for more by --tolerance." if half else None,
        )
    write_result(out, exported)
    return Exported(out, len(exported), pictures, largest, mean)


def difference(model: GenerativeModel, other: GenerativeModel) -> tuple[int, float, float]:
    """How far two models' pictures of the same latents or inputs are apart.

    Samplers are compared by their first samples of seed 0, translators by smooth and rough random images in every
    direction.

    Parameters
    ----------
    model, other
        Of one kind and configuration, in evaluation mode.

    Returns
    -------
    tuple
        How many pictures; the largest and the mean absolute difference of their pixels on the scale 0..255.
    """
    count, total, pixels, largest = 0, 0.0, 0, torch.zeros(())
    for first, second in zip(_pictures(model), _pictures(other), strict=True):
        apart = (first - second).abs()
        # Keeps NaN, which Python's max would drop.
        largest = torch.maximum(largest, apart.max())
        total, pixels, count = total + float(apart.double().sum()), pixels + apart.numel(), count + len(apart)
    return count, float(largest), total / pixels


@torch.inference_mode()
def _pictures(model: GenerativeModel) -> Iterator[Tensor]:
    """Pictures float32 [n, C, H, W] on the scale 0..255, some at a time."""
    height, width = model.config.size
    count = max(2, min(_PICTURES, _PIXELS // (height * width)))
    random = random_stream(0, SAMPLES)
    if isinstance(model, Sampler):
        drawn = model.draw(count, random)
        for start in range(0, count, model.pass_size):
            yield levels(model, {name: values[start : start + model.pass_size] for name, values in drawn.items()})
    elif isinstance(model, Translator):
        each = max(1, min(8, count // 4))
        for direction in model.directions:
            channels = model.domain_channels[DIRECTIONS[direction][0]]
            for rough in (False, True):
                size = (height, width) if rough else (4, 4)
                inputs = torch.rand(each, channels, *size, generator=random) * 2 - 1
                inputs = interpolate(inputs, (height, width), mode="bilinear")
                yield (model.translate(inputs, direction, random_stream(0, SAMPLES, 1)).clamp(-1, 1) + 1) * 127.5
    else:
        raise WeightsError(f"{type(model).__name__} makes no pictures to compare")


def _read(weights: Path) -> bytes:
    try:
        return weights.read_bytes()
    except OSError as error:
        raise WeightsError(
            f"can't read the generator's weights {weights}: {(error.strerror or str(error)).lower()}"
        ) from error
