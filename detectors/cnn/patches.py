"""A decision for every patch of a picture, averaged for the score and drawn as a heatmap: it shows what was pasted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from scipy.ndimage import uniform_filter
from torch import nn

from ganeval.detectors.cnn.folded import FoldedPatch
from ganeval.detectors.cnn.network_detector import NetworkDetector, load_arrays, trimmed_mean, whole_number
from ganeval.detectors.cnn.patch_network import PATCH, STEP, PatchNetwork
from ganeval.detectors.cnn.training import Recipe, trained_from_seed
from ganeval.detectors.detector import Example, Pixels, State
from ganeval.detectors.evidence import Heatmap
from ganeval.detectors.spectral.tiles import FLAT, choose_tiles, texture
from ganeval.progress import Progress

DEFAULT_WIDTH = 32
_SMALLEST = 64
#: Pixels up to which the heatmap looks at every patch; above, at windows spread over the picture.
_DENSE = 1 << 22
#: Patches on each side whose logits a heatmap's tile averages: single ones are noisy.
_NEIGHBOURS = 2
_WINDOW = PATCH + 2 * _NEIGHBOURS * STEP
_MOST_WINDOWS = 512
_STRIP = 512
_BATCH = 16


class PatchDetector(NetworkDetector):
    """Chai et al. 2020: a truncated fully convolutional network decides on each patch of 51 x 51 pixels by itself.

    What it sees are high-pass residuals (see `HighPass`) at full resolution for the first layers: small patches leave
    it no objects or faces to learn, and so it learns traces, which other generators leave too. Its patches are averaged
    for a picture, and show where in it they lie.

    Parameters
    ----------
    network
        To judge with.
    width
        Of the network.
    tile
        Side of the tiles that the score is taken from, in pixels.
    tiles
        How many at most.
    device
        Where to run.
    """

    name: ClassVar[str] = "patch"
    title: ClassVar[str] = "patches"
    paper: ClassVar[str] = (
        "Chai, Bau, Lim, Isola 2020, What makes fake images detectable? Understanding properties that generalize: "
        "local traces, patch by patch"
    )
    minimum_side: ClassVar[int] = _SMALLEST

    def __init__(
        self,
        network: PatchNetwork,
        width: int = DEFAULT_WIDTH,
        tile: int = 251,
        tiles: int = 8,
        device: str | torch.device = "cpu",
    ) -> None:
        super().__init__(network, device)
        self.width, self.tile, self.tiles = width, tile, tiles

    def prepared(self) -> nn.Module:
        """With its batch norms folded."""
        assert isinstance(self.network, PatchNetwork)
        return FoldedPatch(self.network)

    def score(self, pixels: Pixels) -> float:
        """Mean over tiles, without the lowest and highest fifth, of their patches' mean logit; NaN if flat or small."""
        if min(pixels.shape[:2]) < self.minimum_side:
            return float("nan")
        tile = min(self.tile, *pixels.shape[:2])
        chosen = choose_tiles(pixels, tile, limit=self.tiles)
        return trimmed_mean(self.patch_logits(chosen.pixels).mean(axis=(1, 2))) if len(chosen) else float("nan")

    @torch.no_grad()
    def patch_logits(self, tiles: Pixels) -> npt.NDArray[np.float32]:
        """Logits of all patches of tiles, uint8 [n, h, w, 3], float32 [n, (h - 51) // 8 + 1, (w - 51) // 8 + 1].

        Both sides of a tile are 51 pixels or more.
        """
        # One at a time on a CPU: its activations then stay in the cache.
        count = 1 if self.device.type == "cpu" and tiles[:1].size > 1 << 15 else _BATCH
        with self._exact():
            parts = [
                self._judge(self._batch(list(tiles[i : i + count]))).float().cpu() for i in range(0, len(tiles), count)
            ]
        return torch.cat(parts).numpy()

    def heatmap(self, pixels: Pixels) -> Heatmap | None:
        """Mean logit of 5 x 5 patches around each place; NaN where it is flat; None for a picture that is too small.

        Pictures of up to 4 megapixels are judged every 8 pixels, larger ones at up to 512 places.
        """
        if min(pixels.shape[:2]) < max(self.minimum_side, _WINDOW):
            return None
        return self._dense(pixels) if pixels.shape[0] * pixels.shape[1] <= _DENSE else self._sparse(pixels)

    def _dense(self, pixels: Pixels) -> Heatmap:
        logits = self.all_logits(pixels)
        inner = slice(_NEIGHBOURS, -_NEIGHBOURS)
        means = uniform_filter(logits, 2 * _NEIGHBOURS + 1)[inner, inner].astype(np.float32)
        textured = _textures(pixels, means.shape) >= FLAT
        return Heatmap(np.where(textured, means, np.float32(np.nan)), top=0, left=0, step=STEP, size=_WINDOW)

    def all_logits(self, pixels: Pixels) -> npt.NDArray[np.float32]:
        """The logit of every patch, float32 [rows, columns], computed block by block; exactly that of the whole."""
        rows, columns = ((length - PATCH) // STEP + 1 for length in pixels.shape[:2])
        found = np.empty((rows, columns), dtype=np.float32)
        step = _STRIP // STEP
        for row in range(0, rows, step):
            for column in range(0, columns, step):
                height, width = min(step, rows - row), min(step, columns - column)
                top, left = row * STEP, column * STEP
                block = pixels[top : top + PATCH + (height - 1) * STEP, left : left + PATCH + (width - 1) * STEP]
                found[row : row + height, column : column + width] = self.patch_logits(block[None])[0]
        return found

    def _sparse(self, pixels: Pixels) -> Heatmap:
        room = [length - _WINDOW for length in pixels.shape[:2]]
        step = int(np.ceil(np.sqrt((room[0] + _WINDOW) * (room[1] + _WINDOW) / _MOST_WINDOWS)))
        # Of a very long and narrow picture one row may be left, and then more columns than windows.
        step = max(step, -(-max(room) // _MOST_WINDOWS))
        rows, columns = (length // step + 1 for length in room)
        top, left = (length % step // 2 for length in room)
        values = np.full(rows * columns, np.nan, dtype=np.float32)
        corners = [(top + i * step, left + j * step) for i in range(rows) for j in range(columns)]
        windows = [pixels[y : y + _WINDOW, x : x + _WINDOW] for y, x in corners]
        judged = [i for i, window in enumerate(windows) if texture(window) >= FLAT]
        for start in range(0, len(judged), _BATCH):
            some = judged[start : start + _BATCH]
            values[some] = self.patch_logits(np.stack([windows[i] for i in some])).mean(axis=(1, 2))
        return Heatmap(values.reshape(rows, columns), top=top, left=left, step=step, size=_WINDOW)

    def settings(self) -> dict[str, Any]:
        """Width of the network, side and number of the tiles."""
        return {"width": self.width, "tile": self.tile, "tiles": self.tiles}

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
    ) -> PatchDetector:
        """Train on crops of every phase, each patch with its picture's label.

        Raises
        ------
        OptionError
            If a class is missing or its images are too small, or there is no such device.
        """
        network = trained_from_seed(
            lambda: PatchNetwork(width),
            examples,
            recipe or Recipe(),
            detector=cls.name,
            seed=seed,
            device=device,
            progress=progress,
        )
        return cls(network, width, device=device)

    @classmethod
    def restore(cls, state: State) -> PatchDetector:
        """The detector of that state, on the CPU."""
        width = whole_number(state.settings, "width", 4, 256, cls.name)
        tile = whole_number(state.settings, "tile", PATCH, 1024, cls.name)
        tiles = whole_number(state.settings, "tiles", 1, 256, cls.name)
        network = PatchNetwork(width)
        load_arrays(network, state.arrays, cls.name)
        return cls(network, width, tile, tiles)


def _textures(pixels: Pixels, shape: tuple[int, int]) -> npt.NDArray[np.float64]:
    """`texture` of the window of each of a heatmap's tiles, from one pass over the picture, float64 `shape`."""
    x = pixels.astype(np.int16)
    inner = x[1:-1, 1:-1] * 4 - x[:-2, 1:-1] - x[2:, 1:-1] - x[1:-1, :-2] - x[1:-1, 2:]
    clipped = np.minimum(np.abs(inner), 32).sum(axis=2, dtype=np.int64)
    sums = np.zeros((clipped.shape[0] + 1, clipped.shape[1] + 1), dtype=np.int64)
    sums[1:, 1:] = clipped.cumsum(axis=0).cumsum(axis=1)
    side = _WINDOW - 2
    y, x_ = (np.arange(count)[:, None] * STEP for count in shape)
    x_ = x_.T
    total = sums[y + side, x_ + side] - sums[y, x_ + side] - sums[y + side, x_] + sums[y, x_]
    return total / (side * side * 3 * 4)  # type: ignore[no-any-return]
