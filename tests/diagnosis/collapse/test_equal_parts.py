"""Equal parts of the sides: sizes, no image in two of them, which side is fresh, lifetimes."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

from ganeval.diagnosis.collapse.equal_parts import equal_parts
from ganeval.diagnosis.diagnostic import Subject
from ganeval.errors import MetricError, NotEnoughImagesError
from ganeval.features.features import Features


def _features(count: int, seed: int = 0) -> Features:
    return Features(np.random.default_rng(seed).normal(size=(count, 3)).astype(np.float32))


def test_halves_of_the_training_images_share_none() -> None:
    parts = equal_parts(Subject(_features(500), _features(301)))
    assert [part.side for part in (parts.generated, parts.fresh, parts.fixed)] == ["generated", "real", "real"]
    assert [len(part.rows) for part in (parts.generated, parts.fresh, parts.fixed)] == [150] * 3
    assert not set(parts.fresh.rows) & set(parts.fixed.rows)
    for part in (parts.generated, parts.fresh, parts.fixed):
        assert (np.diff(part.rows) > 0).all()
        np.testing.assert_array_equal(part.vectors.numpy(), part.features.pooled[part.rows])


def test_held_out_images_are_fresh_where_there_are_enough() -> None:
    parts = equal_parts(Subject(_features(100), _features(300), held_out=_features(60)))
    assert (parts.fresh.side, parts.fixed.side, len(parts)) == ("held-out", "real", 60)
    parts = equal_parts(Subject(_features(100), _features(300), held_out=_features(40)))
    assert (parts.fresh.side, parts.fixed.side, len(parts)) == ("real", "real", 100)
    # Where the training images are too few to be divided, held-out ones help.
    parts = equal_parts(Subject(_features(30), _features(30), held_out=_features(30)))
    assert len(parts) == 30


def test_at_most_and_thinned() -> None:
    parts = equal_parts(Subject(_features(100), _features(300)), most=50)
    assert len(parts) == 50
    fewer = parts.thinned(20, 3)
    assert len(fewer) == 20
    assert set(fewer.fresh.rows) < set(parts.fresh.rows)
    assert parts.thinned(50, 3).generated is parts.generated


def test_same_subject_same_parts_until_it_goes() -> None:
    subject = Subject(_features(40), _features(100))
    parts = equal_parts(subject)
    assert equal_parts(subject) is parts
    again = equal_parts(Subject(subject.generated, subject.real))
    np.testing.assert_array_equal(again.fresh.rows, parts.fresh.rows)
    other = equal_parts(Subject(subject.generated, subject.real, seed=1))
    assert not np.array_equal(other.fresh.rows, parts.fresh.rows)
    gone = weakref.ref(subject.generated)
    del subject, parts, again, other
    gc.collect()
    assert gone() is None


def test_bad_input() -> None:
    with pytest.raises(NotEnoughImagesError, match="20 samples"):
        equal_parts(Subject(_features(2), _features(2)))
    broken = _features(40)
    broken.pooled[:, 1] = np.nan
    with pytest.raises(MetricError, match="finite"):
        equal_parts(Subject(broken, _features(100)))
    with pytest.raises(MetricError, match="columns"):
        equal_parts(Subject(Features(np.zeros((40, 2), dtype=np.float32)), _features(100)))
