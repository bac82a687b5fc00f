"""Finds held-out images that are training images after all, by their pixels and by their features."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ganeval.features.features import Features
from ganeval.wording import counted

_NAMED = 3


@dataclass(frozen=True)
class Overlap:
    """Images that are in both sets.

    Parameters
    ----------
    pairs
        Ids of a held-out image and of the first training image equal to it, in the held-out set's order.
    by_pixels, by_features
        How many of them have the same pixels; how many are only known by exactly the same features.
    held_out, training
        How many images the sets have.
    place
        Where the others are, in words.
    """

    pairs: tuple[tuple[str, str], ...]
    by_pixels: int
    by_features: int
    held_out: int
    training: int
    place: str = "in the training set"

    @property
    def share(self) -> float:
        """Of the held-out images."""
        return len(self.pairs) / self.held_out if self.held_out else 0.0

    @property
    def sentence(self) -> str:
        """What was found, with the first names; empty where the sets have nothing in common."""
        if not self.pairs:
            return ""
        named = ", ".join(f"{held} = {training}" for held, training in self.pairs[:_NAMED])
        more = f" and {len(self.pairs) - _NAMED:,} more" if len(self.pairs) > _NAMED else ""
        verb = "is" if len(self.pairs) == 1 else "are"
        return (
            f"{len(self.pairs):,} of {counted(self.held_out, 'held-out image')} {verb} also {self.place}: {named}{more}"
        )


def find_overlap(held_out: Features, training: Features, *, place: str = "in the training set") -> Overlap:
    """The held-out images that are in the training set too: of the same pixels, or with exactly the same features.

    Features count where the pixels of one side aren't known, or where the features come from the same extractor and
    agree to the bit.

    Parameters
    ----------
    held_out, training
        Of one extractor; `images` (with digests) and `ids` may be missing. The second may be another set, such as the
        samples.
    place
        Where the second set's images are, in words, for the sentence.
    """
    pixels = {info.digest: row for row, info in reversed(list(enumerate(training.images))) if info.digest}
    by_pixels = {row: pixels[info.digest] for row, info in enumerate(held_out.images) if info.digest in pixels}
    by_features = {row: other for row, other in _equal_features(held_out, training) if row not in by_pixels}
    pairs = sorted((by_features | by_pixels).items())
    return Overlap(
        tuple((_id(held_out, row), _id(training, other)) for row, other in pairs),
        len(by_pixels),
        len(by_features),
        len(held_out),
        len(training),
        place,
    )


def _equal_features(held_out: Features, training: Features) -> list[tuple[int, int]]:
    if held_out.pooled.ndim != 2 or held_out.pooled.shape[1:] != training.pooled.shape[1:]:
        return []
    known: dict[bytes, int] = {}
    for row, vector in enumerate(training.pooled):
        known.setdefault(_digest(vector), row)
    digests = [_digest(vector) for vector in held_out.pooled]
    return [(row, known[digest]) for row, digest in enumerate(digests) if digest in known]


def _digest(vector: npt.NDArray[np.float32]) -> bytes:
    # Adding 0 makes one of the two zeros.
    return hashlib.blake2b((vector + 0).tobytes(), digest_size=16).digest()


def _id(features: Features, row: int) -> str:
    return features.ids[row] if row < len(features.ids) else str(row)
