"""Training crops: regions of labelled pictures in memory, cut at any phase, turned and mirrored, split by group."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ganeval.detectors.detector import Example
from ganeval.detectors.spectral.tiles import choose_tiles
from ganeval.errors import OptionError
from ganeval.random_streams import stream_seed

Pixels = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

#: A region is so much larger than a crop; crops then lie at every phase of lattices up to this period.
SLACK = 32


@dataclass(frozen=True)
class Region:
    """A part of a picture that crops are cut from.

    Parameters
    ----------
    pixels
        uint8 [height, width, 3], each side at least that of a crop.
    generated, group
        Of its picture.
    """

    pixels: Pixels
    generated: bool
    group: str


def collect_regions(examples: Iterable[Example], crop: int, regions: int, detector: str) -> list[Region]:
    """Up to `regions` parts of each picture, those with texture.

    A region of ``(crop + 32)^2`` pixels takes 3 bytes a pixel: 77 kB for crops of 128.

    Raises
    ------
    OptionError
        If one class is missing, or has no picture as large as a crop.
    """
    kept: list[Region] = []
    seen = {True: 0, False: 0}
    for number, example in enumerate(examples):
        seen[example.generated] += 1
        height, width = example.pixels.shape[:2]
        if min(height, width) < crop:
            continue
        side = min(height, width, crop + SLACK)
        group = example.group or f"{number}"
        # Copies: views would keep whole pictures in memory.
        parts = choose_tiles(example.pixels, side, limit=regions, align=1).pixels
        kept += [Region(part.copy(), example.generated, group) for part in parts]
    for generated, word in ((True, "generated"), (False, "real")):
        if not seen[generated]:
            raise OptionError(
                f"the detector {detector} can't be trained without {word} images",
                hint="Give images of both classes.",
            )
        if not any(region.generated is generated for region in kept):
            raise OptionError(
                f"none of the {seen[generated]} {word} images has {crop} x {crop} pixels that aren't flat",
                hint=f"The detector {detector} learns from crops of that size: give larger images, or a smaller crop.",
            )
    return kept


def split_by_group(regions: list[Region], share: float, seed: int) -> tuple[list[Region], list[Region]]:
    """Regions to train on and regions to validate on; no group is on both sides.

    Groups with both classes, with reals only and with generated only are split each by themselves. Where a side would
    lack a class, all are trained on and the second list is empty.
    """
    classes: dict[str, set[bool]] = {}
    for region in regions:
        classes.setdefault(region.group, set()).add(region.generated)
    random = np.random.default_rng(stream_seed(seed, 1))
    held: set[str] = set()
    for kind in ({True, False}, {False}, {True}):
        groups = sorted(group for group, found in classes.items() if found == kind)
        count = min(round(share * len(groups) + 0.3), len(groups) - 1) if groups else 0
        held.update(groups[i] for i in random.permutation(len(groups))[: max(count, 0)])
    training = [region for region in regions if region.group not in held]
    validation = [region for region in regions if region.group in held]
    if any({region.generated for region in side} != {True, False} for side in (training, validation)):
        return regions, []
    return training, validation


class BalancedCrops:
    """Batches with as many crops of one class as of the other, each step's drawn from its own random stream.

    Parameters
    ----------
    regions
        Of both classes.
    crop
        Side of a crop, at most that of any region.
    seed
        Of all that is random.
    """

    def __init__(self, regions: list[Region], crop: int, seed: int) -> None:
        self._crop, self._seed = crop, seed
        self._by_class = [[r for r in regions if r.generated is generated] for generated in (False, True)]

    def batch(self, step: int, size: int) -> tuple[Pixels, npt.NDArray[np.float32]]:
        """Crops uint8 [size, crop, crop, 3] and labels float32 [size], 1 for generated; `size` is even."""
        random = np.random.default_rng(stream_seed(self._seed, 2, step))
        crops, labels = [], []
        for label, regions in enumerate(self._by_class):
            for place in random.integers(len(regions), size=size // 2):
                crops.append(random_crop(regions[place].pixels, self._crop, random))
                labels.append(float(label))
        return np.stack(crops), np.asarray(labels, dtype=np.float32)


def random_crop(pixels: Pixels, crop: int, random: np.random.Generator) -> Pixels:
    """A crop at any place, turned by a multiple of 90 degrees and mirrored or not: every phase of any lattice."""
    top, left = (int(random.integers(length - crop + 1)) for length in pixels.shape[:2])
    turned = np.rot90(pixels[top : top + crop, left : left + crop], k=int(random.integers(4)))
    return turned[:, ::-1] if random.integers(2) else turned


def fixed_crops(regions: list[Region], crop: int) -> Pixels:
    """The crop in the middle of each region, uint8 [n, crop, crop, 3]: for validation, the same each time."""
    cut = []
    for region in regions:
        top, left = ((length - crop) // 2 for length in region.pixels.shape[:2])
        cut.append(region.pixels[top : top + crop, left : left + crop])
    return np.stack(cut)
