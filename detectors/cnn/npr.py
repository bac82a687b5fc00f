"""A small network on the differences of neighbouring pixels: the traces that up-sampling leaves between neighbours."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ganeval.detectors.cnn.folded import FoldedNPR
from ganeval.detectors.cnn.neighbouring_pixels import PAPER_WIDTH, NPRNetwork
from ganeval.detectors.cnn.network_detector import NetworkDetector, load_arrays, trimmed_mean, whole_number
from ganeval.detectors.cnn.training import Recipe, trained_from_seed
from ganeval.detectors.detector import Example, Pixels, State
from ganeval.detectors.spectral.tiles import choose_tiles
from ganeval.progress import Progress

DEFAULT_WIDTH = 28
_SMALLEST = 64
_PHASES = ((0, 0), (1, 1), (0, 1), (1, 0))


class NPRDetector(NetworkDetector):
    """Tan et al. 2024: a cut ResNet on ``x - up2(down2(x))``, the logit averaged over tiles.

    The residual depends on where the blocks of 2 x 2 begin: a crop that starts one pixel further has another one. So it
    is trained on crops of every phase, and judges tiles at several phases, all four where there is time; the score then
    hardly changes when a picture is cropped off its lattice.

    Known blind spots: traces of JPEG, sharpening and enlargement by 2 look like those of a generator to it (users of
    the published network report that many real pictures are called generated); shrinking and strong compression remove
    what it sees; a generator without up-sampling leaves nothing for it.

    Parameters
    ----------
    network
        To judge with.
    width
        Of the network.
    tile
        Side of the tiles, in pixels.
    views
        Tiles times phases, at most.
    device
        Where to run.
    """

    name: ClassVar[str] = "npr"
    title: ClassVar[str] = "neighbouring pixel relationships"
    paper: ClassVar[str] = (
        "Tan, Zhao, Wei, Gu, Liu, Wei 2024, Rethinking the Up-Sampling Operations in CNN-based Generative Network for "
        "Generalizable Deepfake Detection: traces of up-sampling between neighbouring pixels"
    )
    minimum_side: ClassVar[int] = _SMALLEST

    def __init__(
        self,
        network: NPRNetwork,
        width: int = DEFAULT_WIDTH,
        tile: int = 254,
        views: int = 8,
        device: str | torch.device = "cpu",
    ) -> None:
        super().__init__(network, device)
        self.width, self.tile, self.views = width, tile, views

    def prepared(self) -> nn.Module:
        """With its batch norms folded."""
        assert isinstance(self.network, NPRNetwork)
        return FoldedNPR(self.network)

    def score(self, pixels: Pixels) -> float:
        """Mean logit over tiles and phases without the lowest and the highest fifth; NaN if all flat or too small."""
        return trimmed_mean(self.view_logits(pixels))

    @torch.no_grad()
    def view_logits(self, pixels: Pixels) -> npt.NDArray[np.float32]:
        """Logit of each view that shows something, float32 [n], in the order of the tiles."""
        views = self._views(pixels)
        if not views:
            return np.zeros(0, dtype=np.float32)
        with self._exact():
            # One at a time: on a CPU its activations then stay in the cache.
            count = 1 if self.device.type == "cpu" else len(views)
            parts = [self._judge(self._batch(views[i : i + count])) for i in range(0, len(views), count)]
        return torch.cat(parts).float().cpu().numpy()

    def _views(self, pixels: Pixels) -> list[Pixels]:
        if min(pixels.shape[:2]) < self.minimum_side:
            return []
        # One pixel is left for the other phase: 512 pixels hold two tiles of 255.
        tile = min(self.tile, (min(pixels.shape[:2]) - 1) // 2 * 2)
        tiles = choose_tiles(pixels, tile + 1, limit=self.views).pixels
        each = min(len(_PHASES), self.views // max(1, len(tiles)))
        return [
            whole[down : down + tile, right : right + tile]
            for number, whole in enumerate(tiles)
            for down, right in (_PHASES[(number * each + i) % len(_PHASES)] for i in range(each))
        ]

    def settings(self) -> dict[str, Any]:
        """Width of the network, side and number of the views."""
        return {"width": self.width, "tile": self.tile, "views": self.views}

    @classmethod
    def fit(
        cls,
        examples: Iterable[Example],
        *,
        seed: int = 2020,
        progress: Progress | None = None,
        recipe: Recipe | None = None,
        width: int = DEFAULT_WIDTH,
        device: str | torch.device = "cpu",
    ) -> NPRDetector:
        """Train on crops of every phase.

        Raises
        ------
        OptionError
            If a class is missing or its images are too small, or there is no such device.
        """
        network = trained_from_seed(
            lambda: NPRNetwork(width),
            examples,
            recipe or Recipe(),
            detector=cls.name,
            seed=seed,
            device=device,
            progress=progress,
        )
        return cls(network, width, device=device)

    @classmethod
    def restore(cls, state: State) -> NPRDetector:
        """The detector of that state, on the CPU."""
        width = whole_number(state.settings, "width", 4, 4 * PAPER_WIDTH, cls.name)
        tile = whole_number(state.settings, "tile", 32, 1024, cls.name)
        views = whole_number(state.settings, "views", 1, 256, cls.name)
        network = NPRNetwork(width)
        load_arrays(network, state.arrays, cls.name)
        return cls(network, width, tile, views)
