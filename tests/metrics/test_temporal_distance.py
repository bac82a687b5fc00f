"""The temporal Fréchet distance against closed forms and the plain distance, and clips as the units of uncertainty."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganeval.errors import MetricError, NotEnoughImagesError, OptionError
from ganeval.features.features import Features
from ganeval.metrics import (
    Score,
    feature_diversity,
    for_clips,
    frechet_distance,
    frechet_distance_from_moments,
    temporal_frechet_distance,
)
from ganeval.metrics.registry import METRICS
from ganeval.metrics.temporal_distance import transitions
from ganeval.uncertainty.influence import Influence

Clips = tuple[np.ndarray, list[str]]


def _walks(clips: int, frames: int, seed: int, *, d: int = 3, speed: float = 0.5, shift: float = 0.0) -> Clips:
    """Random walks from random places: frames of a clip depend on each other."""
    random = np.random.default_rng(seed)
    steps = speed * random.standard_normal((clips, frames, d))
    walks = random.standard_normal((clips, 1, d)) + steps.cumsum(axis=1) + shift
    return walks.reshape(-1, d), [f"clip{i}" for i in range(clips) for _ in range(frames)]


def test_steps_are_the_differences_within_clips() -> None:
    features = np.array([[0.0], [1], [3], [10], [20], [5], [4]])
    found = transitions(features, ["a", "a", "a", "b", "b", "c", "d"])
    np.testing.assert_array_equal(found.vectors, [[0, 1], [1, 2], [10, 10]])
    assert found.clips == ("a", "a", "b")
    assert found.left_out == ("c", "d")
    far = transitions(features, ["a", "a", "a", "b", "b", "c", "d"], lag=2)
    np.testing.assert_array_equal(far.vectors, [[0, 3]])
    without = transitions(features, ["a", "a", "a", "b", "b", "c", "d"], gapped=["a"])
    np.testing.assert_array_equal(without.vectors, [[10, 10]])
    assert without.left_out == ("a", "c", "d")


def test_value_is_the_frechet_distance_of_the_steps() -> None:
    real, generated = _walks(30, 5, 1), _walks(25, 7, 2, speed=0.8)

    def steps(features: np.ndarray, frames: int) -> np.ndarray:
        walks = features.reshape(-1, frames, 3)
        return np.concatenate([walks[:, :-1], np.diff(walks, axis=1)], axis=2).reshape(-1, 6)

    score = temporal_frechet_distance(real[0], generated[0], real[1], generated[1])
    assert score.value == pytest.approx(frechet_distance(steps(real[0], 5), steps(generated[0], 7)).value)
    assert (score.n_real, score.n_generated) == (150, 175)
    assert score.details["clips"] == {"real": 30, "generated": 25}
    assert score.details["steps"] == {"real": 120, "generated": 150}


def test_shuffled_frames_are_the_same_images_and_other_videos() -> None:
    real, generated = _walks(200, 8, 1), _walks(200, 8, 2)
    order = np.concatenate([c * 8 + np.random.default_rng(c).permutation(8) for c in range(200)])
    shuffled = generated[0][order]
    assert frechet_distance(real[0], shuffled).value == pytest.approx(frechet_distance(real[0], generated[0]).value)
    scores = [temporal_frechet_distance(real[0], x, real[1], generated[1]) for x in (generated[0], shuffled)]
    assert scores[0].interval is not None
    assert scores[1].interval is not None
    assert scores[0].interval.high < scores[1].interval.low


def test_closed_form_of_random_walks() -> None:
    # Of two frames: the first is N(0, 1 + s²), the step N(0, s²), independent of each other.
    real, generated = _walks(40_000, 2, 1, d=1), _walks(40_000, 2, 2, d=1, speed=1.0)
    expected = frechet_distance_from_moments(np.zeros(2), np.diag([1.25, 0.25]), np.zeros(2), np.diag([2.0, 1.0])).value
    score = temporal_frechet_distance(real[0], generated[0], real[1], generated[1])
    assert score.value == pytest.approx(expected, rel=0.05)
    assert score.interval is not None
    assert score.interval.low < expected < score.interval.high


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), scale=st.floats(0.1, 10))
def test_order_of_clips_scale_and_rotation(seed: int, scale: float) -> None:
    real, generated = _walks(12, 4, seed), _walks(9, 5, seed + 1)
    score = temporal_frechet_distance(*[x[0] for x in (real, generated)], real[1], generated[1])
    order = np.concatenate([np.arange(c * 4, c * 4 + 4) for c in np.random.default_rng(seed).permutation(12)])
    rotation = np.linalg.qr(np.random.default_rng(seed).standard_normal((3, 3)))[0]
    moved = temporal_frechet_distance(
        scale * real[0][order] @ rotation, scale * generated[0] @ rotation, [real[1][i] for i in order], generated[1]
    )
    assert moved.value == pytest.approx(scale**2 * score.value, rel=1e-6)
    same = temporal_frechet_distance(real[0], real[0], real[1], real[1])
    assert same.value == pytest.approx(0, abs=1e-8)


@pytest.mark.parametrize(("speed", "shift"), [(0.5, 0.0), (0.5, 0.5), (1.0, 0.0)])
def test_the_interval_covers(speed: float, shift: float) -> None:
    # By the moments of a walk's step from a random one of its first 5 frames.
    def moments(s: float) -> np.ndarray:
        return np.kron(np.diag([1 + 3 * s**2, s**2]), np.eye(3))

    mean = np.concatenate([np.full(3, shift), np.zeros(3)])
    truth = frechet_distance_from_moments(np.zeros(6), moments(0.5), mean, moments(speed)).value
    hits = 0
    for seed in range(100):
        real, generated = _walks(60, 6, 2 * seed), _walks(60, 6, 2 * seed + 1, speed=speed, shift=shift)
        interval = temporal_frechet_distance(real[0], generated[0], real[1], generated[1]).interval
        assert interval is not None
        hits += interval.low <= truth + 1e-9 and truth <= interval.high + 1e-9
    assert hits >= 88


def test_too_few_clips_for_an_interval_is_said() -> None:
    real, generated = _walks(30, 4, 1, d=10), _walks(30, 4, 2, d=10)
    score = temporal_frechet_distance(real[0], generated[0], real[1], generated[1])
    assert score.interval is None
    assert score.corrected is None
    assert "30 clips on a side are too few" in score.no_interval_reason
    assert "40" in score.no_interval_reason
    assert temporal_frechet_distance(real[0], real[0], real[1], real[1], level=None).no_interval_reason is None


@pytest.mark.parametrize("level", [None, 0.95])
def test_a_single_clip_is_refused(level: float | None) -> None:
    one, many = _walks(1, 40, 1), _walks(20, 4, 2)
    with pytest.raises(NotEnoughImagesError, match="only 1 generated clip with frames that are 1 apart"):
        temporal_frechet_distance(many[0], one[0], many[1], one[1], level=level)
    with pytest.raises(NotEnoughImagesError, match="only 1 real clip"):
        temporal_frechet_distance(one[0], many[0], one[1], many[1], level=level)
    # Of two clips, one of which is too short for a step.
    features, clips = np.concatenate([one[0], many[0][:1]]), [*one[1], "short"]
    with pytest.raises(NotEnoughImagesError, match="only 1 real clip"):
        temporal_frechet_distance(features, many[0], clips, many[1], level=level)


def test_bad_input() -> None:
    features, clips = _walks(4, 3, 1)
    with pytest.raises(MetricError, match="11 clip names for 12 frames"):
        transitions(features, clips[:-1])
    with pytest.raises(MetricError, match="'clip0' don't follow"):
        transitions(features, [*clips[:-1], "clip0"])
    with pytest.raises(NotEnoughImagesError, match="3 apart"):
        transitions(features, clips, lag=3)
    with pytest.raises(OptionError, match="lag"):
        transitions(features, clips, lag=0)
    features[5, 1] = math.nan
    with pytest.raises(MetricError, match="row 5"):
        transitions(features, clips)


def test_table_entry_leaves_out_clips_with_gaps() -> None:
    metric = METRICS.get("temporal_fd")
    assert metric.needs == "clips"
    real, generated = _walks(30, 5, 1), _walks(30, 5, 2)
    sides = [
        Features(pooled=x.astype(np.float32), clips=tuple(clips), skipped=skipped)
        for (x, clips), skipped in zip((real, generated), ((), (("clip3/0002", "truncated"),)), strict=True)
    ]
    (score,) = metric(*sides)
    assert score.details["clips"] == {"real": 30, "generated": 29}
    assert score.details["clips_left_out"] == {"real": 0, "generated": 1}
    with pytest.raises(MetricError, match="aren't frames of any"):
        metric(sides[0], Features(pooled=sides[1].pooled))


def _score(influence: Influence | None, value: float = 0.5, **more: object) -> Score:
    score = Score("x", value, None, 600, True, **more)
    return score if influence is None else score.with_influence(influence, level=0.95, method="normal", highest=1.0)


CLIPS = [f"c{i // 2}" for i in range(600)]


def test_frames_of_a_clip_count_once() -> None:
    # Both frames of each clip say the same: as if there were half as many of them.
    values = np.repeat(np.random.default_rng(1).standard_normal(300), 2)
    values -= values.mean()
    score = _score(Influence(None, values))
    grouped = for_clips(score, None, CLIPS, 0.95)
    assert grouped.standard_error.total == pytest.approx(math.sqrt(2) * score.standard_error.total, rel=5e-3)
    assert grouped.value == score.value
    assert "clips, not frames" in grouped.interval.method
    assert grouped.interval.high - grouped.interval.low > 1.4 * (score.interval.high - score.interval.low)


def test_the_range_of_the_quantity_is_kept() -> None:
    values = np.repeat(np.random.default_rng(1).standard_normal(300), 2) * 5
    near_one = _score(Influence(None, values - values.mean()), value=0.9)
    assert near_one.interval.high == 1
    assert for_clips(near_one, None, CLIPS, 0.95).interval.high == 1
    assert for_clips(near_one, None, CLIPS, 0.95, lowest=0.5).interval.low == 0.5


def test_where_clips_leave_no_interval_the_reason_is_given() -> None:
    influence = Influence(None, np.random.default_rng(1).standard_normal(600))
    few = for_clips(_score(influence), None, [f"c{i // 10}" for i in range(600)], 0.95)
    assert few.interval is None
    assert "60 generated clips are too few" in few.no_interval_reason
    corrected = for_clips(_score(influence, corrected=0.4), None, CLIPS, 0.95)
    assert corrected.interval is None
    assert corrected.corrected is None
    assert "independent" in corrected.no_interval_reason
    plain = for_clips(_score(None), None, CLIPS, 0.95)
    assert plain.interval is None
    assert "independent" in plain.no_interval_reason
    own = _score(None).without_interval("an own reason")
    assert for_clips(own, None, CLIPS, 0.95) is own


def test_nothing_changes_without_clips_or_level() -> None:
    score = _score(Influence(None, np.random.default_rng(1).standard_normal(600)))
    assert for_clips(score, None, None, 0.95) is score
    assert for_clips(score, None, CLIPS, None) is score
    # Clips of a side that has no part in the score.
    assert for_clips(score, CLIPS, None, 0.95) is score


@pytest.mark.slow
def test_clips_cover_where_frames_do_not() -> None:
    truth = np.mean(
        [feature_diversity(_walks(1500, 6, 10**6 + s)[0], distance="euclidean", level=None).value for s in range(8)]
    )
    hits = [0, 0]
    for seed in range(150):
        features, clips = _walks(200, 6, seed)
        score = feature_diversity(features, distance="euclidean")
        for i, interval in enumerate((score.interval, for_clips(score, None, clips, 0.95).interval)):
            assert interval is not None
            hits[i] += interval.low <= truth <= interval.high
    assert hits[0] < 100
    assert hits[1] >= 132
