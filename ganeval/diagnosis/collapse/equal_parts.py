"""Equally many samples, fresh real images and other real images: the ground on which diversity is compared.

Under the null hypothesis of every test the *generated* and the *fresh* images are exchangeable, given the *fixed* ones:
thresholds and neighbourhoods may be made of the fixed images without spoiling a test of the other two.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch

from ganeval.diagnosis.diagnostic import Subject
from ganeval.diagnosis.remembering import Remembered
from ganeval.diagnosis.small_pictures import small_pictures
from ganeval.errors import NotEnoughImagesError
from ganeval.features.features import Features
from ganeval.metrics.arrays import as_pair
from ganeval.wording import counted

#: Images of each part at most: all pairs of so many are looked at in seconds.
MOST_IMAGES = 10_000
#: Images of each part with which anything can be said.
FEWEST_IMAGES = 20
#: Held-out images are the fresh ones if there are at least so many of those that parts of the training images give.
_ENOUGH_HELD_OUT = 0.5

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Sample:
    """Some images of a side.

    Parameters
    ----------
    features
        Of the whole side.
    rows
        int64 [n], ascending.
    side
        ``"real"``, ``"generated"`` or ``"held-out"``.
    """

    features: Features
    rows: Rows
    side: str

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def vectors(self) -> torch.Tensor:
        """Their features, float32 [n, D]."""
        return torch.from_numpy(np.ascontiguousarray(self.features.pooled[self.rows], dtype=np.float32))

    @property
    def pictures(self) -> torch.Tensor:
        """Their pixels, as `small_pictures`; raises `MetricError` if they can't be read again."""
        return small_pictures(self.features, self.side, [int(row) for row in self.rows])

    def thinned(self, count: int, seed: int) -> Sample:
        """`count` of them drawn at random, or itself if there are no more."""
        if count >= len(self):
            return self
        kept = np.random.default_rng(seed).choice(len(self), count, replace=False)
        return Sample(self.features, self.rows[np.sort(kept)], self.side)


@dataclass(frozen=True, eq=False)
class EqualParts:
    """Three samples of one size that share no image; see the module's head."""

    generated: Sample
    fresh: Sample
    fixed: Sample

    def __len__(self) -> int:
        return len(self.generated)

    def thinned(self, count: int, seed: int) -> EqualParts:
        """`count` images of each part at most."""
        return EqualParts(*(part.thinned(count, seed) for part in (self.generated, self.fresh, self.fixed)))


def equal_parts(subject: Subject, *, most: int = MOST_IMAGES, fewest: int = FEWEST_IMAGES) -> EqualParts:
    """As many samples as fresh and fixed real images, drawn at random from `subject`.

    Fresh images are held-out ones where there are enough, and the fixed ones then training images; else both are
    disjoint parts of the training images. The same subject gives the same object as long as it lives.

    Parameters
    ----------
    most, fewest
        Images of each part.

    Raises
    ------
    NotEnoughImagesError
        If a part would have fewer than `fewest`.
    MetricError
        If features aren't finite, or the sides' have different numbers of columns.
    """
    known = _remembered.find(subject, key=most)
    if known is not None:
        return known
    parts = _drawn(subject, most, fewest)
    as_pair(parts.fixed.vectors, parts.generated.vectors)
    as_pair(parts.fresh.vectors, parts.generated.vectors)
    return _remembered.keep(parts, subject, key=most)


def _drawn(subject: Subject, most: int, fewest: int) -> EqualParts:
    real, generated, held_out = subject.real, subject.generated, subject.held_out
    from_training = min(most, len(generated), len(real) // 2)
    from_held_out = 0 if held_out is None else min(most, len(generated), len(real), len(held_out))
    with_held_out = from_held_out >= max(1.0, _ENOUGH_HELD_OUT * from_training)
    size = from_held_out if with_held_out else from_training
    if size < fewest:
        raise NotEnoughImagesError(
            f"{counted(fewest, 'sample')} and twice as many real images are needed to compare their variety, and there "
            f"are {counted(len(generated), 'sample')} and {counted(len(real), 'real image')}",
            hint="Add images.",
        )
    random = np.random.default_rng(subject.seed)

    def some(of: Features, side: str) -> Sample:
        return Sample(of, _draw(random, len(of), size), side)

    if held_out is not None and with_held_out:
        return EqualParts(some(generated, "generated"), some(held_out, "held-out"), some(real, "real"))
    both = random.permutation(len(real))[: 2 * size].astype(np.int64)
    fresh, fixed = (Sample(real, np.sort(rows), "real") for rows in (both[:size], both[size:]))
    return EqualParts(some(generated, "generated"), fresh, fixed)


def _draw(random: np.random.Generator, total: int, count: int) -> Rows:
    return np.sort(random.permutation(total)[:count]).astype(np.int64)


_remembered: Remembered[EqualParts] = Remembered()
