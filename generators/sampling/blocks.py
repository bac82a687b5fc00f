"""Images of a model by number: each depends on the weights, the seed and its number alone, whatever is asked for.

Latents are drawn in blocks of a fixed size, and images made in passes of a fixed size, because a network's rounding
depends on the size of the batch: bytes are the same on one machine with one version of torch, and within rounding
elsewhere.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ganeval.errors import OptionError
from ganeval.features.devices import exact_float32
from ganeval.generators.adversarial import on_device
from ganeval.generators.model import Latents, Truncation
from ganeval.generators.sampling.samplable import Samplable
from ganeval.generators.streams import DRAWINGS, random_stream

#: Images whose latents are drawn together. Part of what an image is.
BLOCK_SIZE = 100
#: Raised whenever the same weights and seed come to give other images.
SAMPLING_VERSION = 2
#: Passes whose images are kept, at least, and bytes up to which more are: a whole set of small pictures, which
#: diagnostics read again and again.
_KEPT_PASSES, _KEPT_BYTES = 8, 64 * 2**20


@dataclass(frozen=True)
class Drawing:
    """Which samples of a model are meant.

    Parameters
    ----------
    seed
        Chooses the latents; 0 or more.
    label
        The class of all of them; None draws each one's.
    truncation
        Of the latents; None takes them as they are drawn.
    fixed
        Values of the model's `conditions` by their names; all others are drawn for each sample.

    Raises
    ------
    OptionError
        If the seed is below 0.
    """

    seed: int = 0
    label: int | None = None
    truncation: Truncation | None = None
    fixed: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise OptionError(f"the seed of the samples is {self.seed}", hint="Choose 0 or more.")


class Blocks:
    """The images of one drawing, the last of them kept; may be asked from any thread.

    Parameters
    ----------
    model
        In evaluation mode.
    drawing
        Which samples.

    Raises
    ------
    OptionError
        If the model has no such class, truncation or condition.
    """

    def __init__(self, model: Samplable, drawing: Drawing) -> None:
        require_class(model, drawing.label)
        self._model, self._drawing = model, drawing
        self._lock = threading.RLock()
        self._kept: OrderedDict[tuple[int, int], Tensor] = OrderedDict()
        self._drawn: OrderedDict[int, Latents] = OrderedDict()
        if drawing.fixed:
            self.raw_latents(0)
        if drawing.truncation is not None:
            model.truncated(self.raw_latents(0), drawing.truncation)

    def image(self, number: int) -> tuple[Tensor, int | None]:
        """Image `number`, uint8 [C, H, W] on the CPU, and its label where the model has classes."""
        block, position = divmod(number, BLOCK_SIZE)
        part, place = divmod(position, self._model.pass_size)
        with self._lock:
            made = self._kept.get((block, part))
            if made is None:
                made = self._kept[block, part] = self._make(block, part)
            _keep_newest(self._kept, (block, part), max(_KEPT_PASSES, _KEPT_BYTES // made.nbytes))
        return made[place], self.label(number)

    def label(self, number: int) -> int | None:
        """The class of image `number`, without making it; None where the model has none."""
        if not self._model.classes:
            return None
        if self._drawing.label is not None:
            return self._drawing.label
        block, position = divmod(number, BLOCK_SIZE)
        return int(self.raw_latents(block)["label"][position])

    def raw_latents(self, block: int) -> Latents:
        """The latents of a block as they are drawn, before any truncation, on the CPU."""
        with self._lock:
            drawn = self._drawn.get(block)
            if drawn is None:
                labels = None if self._drawing.label is None else torch.full((BLOCK_SIZE,), self._drawing.label)
                random = random_stream(self._drawing.seed, DRAWINGS, block)
                # Drawn all the same: what isn't fixed is as it is in samples without conditions.
                drawn = self._model.draw(BLOCK_SIZE, random, labels)
                drawn = self._drawn[block] = self._model.conditioned(drawn, self._drawing.fixed)
            _keep_newest(self._drawn, block, _KEPT_PASSES)
            return drawn

    def latents(self, block: int) -> Latents:
        """The latents of a block, truncated, on the CPU."""
        return self.truncated(self.raw_latents(block))

    @torch.inference_mode()
    def truncated(self, latents: Latents) -> Latents:
        """Latents with the drawing's truncation, if it has one."""
        truncation = self._drawing.truncation
        return latents if truncation is None else self._model.truncated(latents, truncation)

    def _make(self, block: int, part: int) -> Tensor:
        size = self._model.pass_size
        # Truncated as a whole: what a truncation does to a sample may be rounded differently among others.
        some = {name: values[part * size : (part + 1) * size] for name, values in self.latents(block).items()}
        return to_bytes(levels(self._model, some))


def _keep_newest(kept: OrderedDict[Any, Any], key: Any, most: int) -> None:
    kept.move_to_end(key)
    while len(kept) > most:
        kept.popitem(last=False)


@torch.inference_mode()
def levels(model: Samplable, latents: Latents) -> Tensor:
    """Images float32 [N, C, H, W] on the scale 0..255, neither rounded nor clipped, on the CPU."""
    with exact_float32(model.device):
        return (model.render(on_device(latents, model.device)).float().cpu() + 1) * 127.5


def to_bytes(values: Tensor) -> Tensor:
    """uint8 from the scale 0..255."""
    return values.round().clamp(0, 255).to(torch.uint8)


def require_class(model: Samplable, label: int | None) -> None:
    """Check that the model has that class.

    Raises
    ------
    OptionError
        If it has no classes, or not that one.
    """
    classes = model.classes
    if label is None:
        return
    if not classes:
        raise OptionError("this model has no classes to choose from", hint="Leave out --class.")
    if not 0 <= label < classes:
        raise OptionError(f"class {label} is asked for", hint=f"The model's classes are 0 to {classes - 1}.")
