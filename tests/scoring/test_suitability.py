"""What a report says of the images that went into its scores: ranks of covariances, copies of real images."""

from __future__ import annotations

import numpy as np
import pytest

from ganeval.features.features import Features
from ganeval.metrics.registry import METRICS
from ganeval.notices import Notice
from ganeval.scoring.suitability import sample_size_notices


def _features(count: int, seed: int, *, columns: int = 6, **more: object) -> Features:
    pooled = np.random.default_rng(seed).standard_normal((count, columns)).astype(np.float32)
    return Features(pooled=pooled, **more)


def _notices(name: str, real: Features, generated: Features) -> list[Notice]:
    metric = METRICS.get(name)
    scores = metric(real, generated)
    return sample_size_notices(scores, generated.pooled.shape[1], {score.name: metric for score in scores})


def test_spatial_features_have_dimensions_of_their_own() -> None:
    def side(count: int, seed: int) -> Features:
        spatial = np.random.default_rng(seed).random((count, 70), np.float32)
        return _features(count, seed, spatial=spatial)

    (told,) = _notices("sfd", side(100, 1), side(70, 2))
    assert told.code == "rank-deficient"
    assert told.message == "sfd: 70 generated images for 70 feature dimensions: the covariance is rank-deficient"
    assert _notices("sfd", side(100, 1), side(71, 2)) == []


def _clips(clips: int, frames: int, seed: int) -> Features:
    names = tuple(f"clip{clip}" for clip in range(clips) for _ in range(frames))
    return _features(clips * frames, seed, clips=names)


def test_steps_of_clips_are_held_against_twice_the_features() -> None:
    (told,) = _notices("temporal_fd", _clips(4, 4, 1), _clips(6, 4, 2))
    assert told.code == "rank-deficient"
    assert "temporal_fd: 12 real steps for 12 feature dimensions" in told.message
    assert told.effect == "The value is far above what more images would give; use more than 12 a side."
    assert _notices("temporal_fd", _clips(5, 4, 1), _clips(6, 4, 2)) == []


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((30, 30, 30), None),
        ((30, 12, 30), "1 of 3 classes has no more images on a side than there are feature dimensions, 12"),
        ((10, 12, 30), "2 of 3 classes have no more images on a side than there are feature dimensions, 12"),
        ((11, 11, 11), "each class has no more images on a side than there are feature dimensions, 12"),
    ],
)
def test_classes_are_counted_by_themselves(counts: tuple[int, ...], expected: str | None) -> None:
    generated_labels = tuple(np.repeat(range(3), counts).tolist())
    real = _features(90, 1, columns=12, labels=tuple(np.repeat(range(3), 30).tolist()))
    generated = _features(sum(counts), 2, columns=12, labels=generated_labels)
    told = _notices("intra_fd", real, generated)
    if expected is None:
        assert told == []
    else:
        assert [notice.code for notice in told] == ["rank-deficient"]
        assert told[0].message.startswith(f"intra_fd: {expected}: their covariances")


@pytest.mark.parametrize(("copies", "words"), [(0, None), (1, "1 generated image has"), (3, "3 generated images have")])
def test_copies_of_real_images_are_said_with_realism(copies: int, words: str | None) -> None:
    real, generated = _features(60, 1), _features(40, 2)
    # Only images in the denser half have a ball that counts.
    densest = np.argsort(np.square(real.pooled).sum(axis=1))[:copies]
    generated.pooled[:copies] = real.pooled[densest]
    told = [notice for notice in _notices("realism", real, generated) if notice.code == "equal-to-real"]
    if words is None:
        assert told == []
    else:
        assert len(told) == 1
        assert f"realism: {words} exactly the features of a real one" in told[0].message
