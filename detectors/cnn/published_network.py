"""A detector that is the authors' network with the authors' weights, run on pixels prepared as they prepare them."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from typing_extensions import Self

from ganeval.detectors.cnn.network_detector import NetworkDetector, load_arrays, trimmed_mean, whole_number
from ganeval.detectors.cnn.published import load_published, refuse_to_train
from ganeval.detectors.detector import Example, Pixels, State
from ganeval.detectors.spectral.tiles import FLAT, choose_tiles, texture
from ganeval.progress import Progress

#: Up to so many pixels the network sees the picture as the authors' does: whole.
WHOLE = 1 << 20
_TILE = 512
_TILES = 4


class PublishedDetector(NetworkDetector):
    """Loads a file of published weights; can't be trained.

    A picture of more than a megapixel, whose activations would fill the memory, is judged by tiles. Both networks
    average over all places before their one linear layer, so that the mean over equal tiles is the logit of the
    whole but for the padding at the tiles' edges.

    Parameters
    ----------
    network
        float32 [n, 3, h, w] in 0..255 to logits [n].
    crop
        Side of the centre crop that is judged; 0, as in the authors' demonstration, takes the whole picture.
    device
        Where to run.
    """

    #: Entry of the file that holds the parameters, and parameters in it that the network doesn't use.
    entry: ClassVar[str | None] = None
    unused: ClassVar[tuple[str, ...]] = ()
    #: Which detector to train instead.
    trainable: ClassVar[str]

    def __init__(self, network: nn.Module, crop: int = 0, device: str | torch.device = "cpu") -> None:
        super().__init__(network, device)
        self.crop = crop

    @staticmethod
    @abstractmethod
    def build() -> nn.Module:
        """The network with random weights."""

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], *, crop: int = 0, device: str | torch.device = "cpu") -> Self:
        """The detector with the authors' file.

        Raises
        ------
        WeightsError
            If the file is missing, unreadable, or of another network; missing arrays are named.
        OptionError
            If there is no such device.
        """
        network = cls.build()
        load_published(network, Path(path), title=cls.title, entry=cls.entry, unused=cls.unused)
        return cls(network, crop, device)

    @torch.no_grad()
    def score(self, pixels: Pixels) -> float:
        """The network's logit; NaN for a picture that is too small, or flat."""
        views = [] if min(pixels.shape[:2]) < self.minimum_side else self._views(pixels)
        with self._exact():
            return trimmed_mean(np.array([float(self._judge(self._batch([view]))) for view in views]))

    def _views(self, pixels: Pixels) -> list[Pixels]:
        height, width = pixels.shape[:2]
        if self.crop:
            # As torchvision's CenterCrop rounds; a side that is shorter than the crop stays as it is.
            tall, wide = min(self.crop, height), min(self.crop, width)
            top, left = round((height - tall) / 2), round((width - wide) / 2)
            pixels = pixels[top : top + tall, left : left + wide]
        if pixels.shape[0] * pixels.shape[1] <= WHOLE:
            return [pixels] if texture(pixels) >= FLAT else []
        return list(choose_tiles(pixels, min(_TILE, *pixels.shape[:2]), limit=_TILES).pixels)

    def settings(self) -> dict[str, Any]:
        """The centre crop."""
        return {"crop": self.crop}

    @classmethod
    def fit(cls, examples: Iterable[Example], *, seed: int = 2020, progress: Progress | None = None) -> Self:
        """Raises `OptionError`, always."""
        refuse_to_train(cls.name, cls.trainable)

    @classmethod
    def restore(cls, state: State) -> Self:
        """The detector of that state, on the CPU."""
        crop = whole_number(state.settings, "crop", 0, 1024, cls.name)
        network = cls.build()
        load_arrays(network, state.arrays, cls.name)
        return cls(network, crop)


class Normalised(nn.Module):
    """Pixels in 0..255 normalised by the statistics of ImageNet, float32 [n, 3, h, w]."""

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor((0.485, 0.456, 0.406))[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor((0.229, 0.224, 0.225))[:, None, None], persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        return (pixels / 255.0 - self.mean) / self.std
