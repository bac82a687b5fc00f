"""The search for duplicates among samples and among as many real images, in feature and in pixel space."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ganeval.diagnosis.collapse.close_pairs import (
    ClosePairs,
    duplicate_threshold,
    more_images_p_value,
    more_pairs_p_value,
    pairs_between,
    pairs_within,
)
from ganeval.diagnosis.collapse.equal_parts import EqualParts, Sample, equal_parts
from ganeval.diagnosis.diagnostic import Subject
from ganeval.diagnosis.pictures import pictures
from ganeval.diagnosis.remembering import Remembered
from ganeval.diagnosis.score_names import name_on_features
from ganeval.errors import GanevalError, OptionError
from ganeval.report.diagnosis import Exhibit, Picture

#: Images of each part that are read again for pixel space, at most.
MOST_PICTURES = 4_000

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class DuplicateSearch:
    """Close pairs within the samples and within as many fresh real images.

    Parameters
    ----------
    space
        ``"features"`` or ``"pixels"``.
    parts
        The images, see `EqualParts`.
    squared_threshold
        Squared distance up to which two images count as duplicates, made of the fixed real images.
    generated, fresh
        The pairs within each side; their rows count the images of the part, not of the set.
    generated_pooled, fresh_pooled
        int64 [n]: pairs of each image with images of either side.
    """

    space: str
    parts: EqualParts
    squared_threshold: float
    generated: ClosePairs
    fresh: ClosePairs
    generated_pooled: Numbers
    fresh_pooled: Numbers

    @property
    def threshold(self) -> float:
        """Distance up to which two images count as duplicates."""
        return float(np.sqrt(self.squared_threshold))

    @property
    def generated_share(self) -> float:
        """Share of the samples that have a duplicate among them."""
        return float((self.generated.first_degrees > 0).mean())

    @property
    def fresh_share(self) -> float:
        """Share of the fresh real images that have a duplicate among them."""
        return float((self.fresh.first_degrees > 0).mean())

    def pairs_p_value(self, seed: int) -> float:
        """Of so many more pairs among the samples; see `more_pairs_p_value`."""
        return more_pairs_p_value(self.generated_pooled, self.fresh_pooled, seed=seed)

    def images_p_value(self) -> float:
        """Of so many more samples with a close neighbour; see `more_images_p_value`."""
        return more_images_p_value(self.generated_pooled > 0, self.fresh_pooled > 0)

    def score_name(self, base: str) -> str:
        """Full name of a score: with the extractor in it, or ``_pixels``."""
        return f"{base}_pixels" if self.space == "pixels" else name_on_features(base, self.parts.generated.features)

    def row(self, image: int) -> int:
        """Row in the set of generated images of an image of the part."""
        return int(self.parts.generated.rows[image])


def search_duplicates(
    space: str, parts: EqualParts, vectors: Callable[[Sample], torch.Tensor], *, share: float, block_bytes: int
) -> DuplicateSearch:
    """Find the close pairs.

    Parameters
    ----------
    space
        Name of the space.
    parts
        The images.
    vectors
        A sample's images as rows [n, D] of that space.
    share
        Of the fixed real images, that shall have a duplicate: it sets the threshold, see `duplicate_threshold`.
    block_bytes
        Bound on temporary arrays.
    """
    threshold = duplicate_threshold(vectors(parts.fixed), share=share)
    one, other = vectors(parts.generated), vectors(parts.fresh)
    generated = pairs_within(one, threshold, block_bytes=block_bytes)
    fresh = pairs_within(other, threshold, block_bytes=block_bytes)
    across = pairs_between(one, other, threshold, most=0, block_bytes=block_bytes)
    return DuplicateSearch(
        space,
        parts,
        threshold,
        generated,
        fresh,
        generated.first_degrees + across.first_degrees,
        fresh.first_degrees + across.second_degrees,
    )


def duplicate_searches(subject: Subject, *, share: float, images: int, pixel_images: int) -> Sequence[DuplicateSearch]:
    """The search in feature space, and the one in pixel space where the pictures can be read again.

    The same subject and parameters give the same objects as long as it lives.

    Parameters
    ----------
    share
        Of real images that shall have a duplicate, in (0, 0.5].
    images, pixel_images
        Images of each part at most, in the one space and the other; no `pixel_images` leaves pixel space out.

    Raises
    ------
    NotEnoughImagesError
        If there are too few images.
    OptionError
        If `share` is out of range.
    """
    if not 0 < share <= 0.5:
        raise OptionError(f"share must lie between 0 and 0.5, not {share!r}", hint="For example 0.01.")
    parts = equal_parts(subject, most=images)
    key = (share, images, pixel_images)
    known = _remembered.find(subject, key=key)
    if known is not None:
        return known
    block_bytes = min(subject.block_bytes, 32 * 2**20)
    found = [search_duplicates("features", parts, lambda s: s.vectors, share=share, block_bytes=block_bytes)]
    sides = (parts.generated, parts.fresh, parts.fixed)
    if pixel_images and all(sample.features.reader is not None for sample in sides):
        fewer = parts.thinned(pixel_images, subject.seed)
        # Pictures that can't be read any more cost pixel space, not the search among features.
        with contextlib.suppress(GanevalError):
            found.append(
                search_duplicates("pixels", fewer, lambda one: one.pictures, share=share, block_bytes=block_bytes)
            )
    return _remembered.keep(tuple(found), subject, key=key)


def pair_exhibit(search: DuplicateSearch, *, count: int) -> Exhibit:
    """The closest pairs of samples for a human to look at, beside the closest pair of real images."""
    rows: list[tuple[str, tuple[Picture, ...]]] = []
    kinds: Mapping[str, tuple[ClosePairs, Sample, int]] = {
        "samples": (search.generated, search.parts.generated, count),
        "real images": (search.fresh, search.parts.fresh, 2),
    }
    for name, (pairs, sample, most) in kinds.items():
        shown = min(most, len(pairs))
        wanted = [int(sample.rows[row]) for i in range(shown) for row in (pairs.first[i], pairs.second[i])]
        captions = [f"{np.sqrt(pairs.squared[i]):.3g}" for i in range(shown) for _ in range(2)]
        found = pictures(sample.features, wanted, sample.side, captions)
        rows += [(f"{name}, pair {i + 1}", found[2 * i : 2 * i + 2]) for i in range(shown)]
    return Exhibit(
        f"Closest pairs in {'pixel' if search.space == 'pixels' else 'feature'} space",
        f"Are these the same picture? Below each is the pair's distance; up to {search.threshold:.3g} two count as "
        "duplicates.",
        tuple(rows),
    )


_remembered: Remembered[tuple[DuplicateSearch, ...]] = Remembered()
