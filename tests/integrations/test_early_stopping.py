"""Early stopping: only differences beyond chance are improvements, as often as the level says."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
import torch

from ganeval.errors import MetricError, OptionError
from ganeval.integrations.early_stopping import StopWhenNotImproving
from ganeval.metrics import Score, frechet_distance
from ganeval.uncertainty.influence import Influence, StandardError


def scored(value: float, error: float | None = None, *, higher: bool = False, influence=None) -> dict[str, Score]:
    score = Score("fid", value, 100, 100, higher_is_better=higher, influence=influence)
    if error is not None:
        score = Score(
            "fid", value, 100, 100, higher_is_better=higher, standard_error=StandardError(0, error), influence=influence
        )
    return {"fid": score}


def fed(stop: StopWhenNotImproving, scores) -> list[bool]:
    return [stop(step, score) for step, score in enumerate(scores)]


def test_a_difference_within_the_noise_is_no_improvement() -> None:
    # The difference of two standard errors of 3 has one of 3√2; 1.96 times that is 8.32.
    limit = 1.959964 * 3 * math.sqrt(2)
    stop = StopWhenNotImproving("fid", patience=3)
    assert fed(stop, [scored(50, 3), scored(50 - limit + 0.01, 3)]) == [False, False]
    assert (stop.best.step, stop.waited, stop.improved) == (0, 1, False)
    assert not stop(2, scored(50 - limit - 0.01, 3))
    assert (stop.best.step, stop.best.value, stop.waited, stop.improved) == (2, 50 - limit - 0.01, 0, True)


def test_steps_too_small_to_be_seen_add_up() -> None:
    stop = StopWhenNotImproving("fid", patience=5)
    assert not any(fed(stop, [scored(50 - 3 * step, 3) for step in range(12)]))
    assert stop.best.step == 9  # after 3, 6 and 9 steps of 3


def test_patience_and_direction() -> None:
    rising = [scored(value, 0.1) for value in (1, 2, 3, 4)]
    assert fed(StopWhenNotImproving("fid", patience=2), rising) == [False, False, True, True]
    higher = StopWhenNotImproving("fid", patience=2)
    assert not any(fed(higher, [scored(value, 0.1, higher=True) for value in (1, 2, 3, 4)]))
    assert higher.best.step == 3


def test_scores_without_an_interval_improve_by_anything() -> None:
    stop = StopWhenNotImproving("fid", patience=2)
    assert fed(stop, [scored(5), scored(4.999), scored(4.999), scored(4.999)]) == [False, False, False, True]
    assert stop.best.step == 1
    assert stop.best.interval is None


def test_nan_improves_on_nothing() -> None:
    stop = StopWhenNotImproving("fid", patience=2)
    assert fed(stop, [scored(math.nan, 1.0), scored(5, 1.0), scored(math.nan, 1.0), scored(math.nan, 1.0)]) == [
        *(False, False, False, True)
    ]
    assert stop.best.step == 1


def test_what_real_images_do_to_both_alike_cancels() -> None:
    real = np.random.default_rng(0).normal(size=100) * 30

    def influenced(value: float) -> dict[str, Score]:
        error = StandardError(float(real.std(ddof=1)) / 10, 0.5)
        influence = Influence(real - real.mean(), np.zeros(100))
        return {"fid": Score("fid", value, 100, 100, False, standard_error=error, influence=influence)}

    for same, improvements in ((True, 1), (False, 0)):
        stop = StopWhenNotImproving("fid", patience=9, same_real=same)
        fed(stop, [influenced(50), influenced(47)])
        assert stop.best.step == improvements


@pytest.mark.parametrize(("shift", "fewest", "most"), [(0.5, 0, 8), (0.1, 60, 100)])
def test_equally_good_generators_seldom_count_as_better_and_better_ones_do(shift, fewest, most) -> None:
    rng = np.random.default_rng(3)
    real = rng.normal(size=(150, 3))
    improved = 0
    for _ in range(100):
        stop = StopWhenNotImproving("fd", patience=9)
        for step, mean in enumerate((0.5, shift)):
            stop(step, {"fd": frechet_distance(real, rng.normal(mean, 1, size=(120, 3)))})
        improved += stop.best.step
    # Of equally good ones one in forty by its own account, and of a hundred hardly ever more than eight.
    assert fewest <= improved <= most


def test_state_survives_a_checkpoint() -> None:
    rng = np.random.default_rng(5)
    real = rng.normal(size=(150, 3))
    scores = [
        {"fd": frechet_distance(real, rng.normal(shift, 1, size=(120, 3)))} for shift in (1.0, 0.9, 0.8, 0.7, 0.7)
    ]
    whole, first = StopWhenNotImproving("fd", patience=2), StopWhenNotImproving("fd", patience=2)
    expected = fed(whole, scores)
    assert fed(first, scores[:2]) == expected[:2]
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    resumed = StopWhenNotImproving("fd", patience=2)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    assert resumed.best == first.best
    assert [resumed(step, scores[step]) for step in range(2, 5)] == expected[2:]
    assert (resumed.best, resumed.waited, resumed.improved) == (whole.best, whole.waited, whole.improved)
    empty = StopWhenNotImproving("fd")
    empty.load_state_dict(StopWhenNotImproving("fd").state_dict())
    assert empty.best is None


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"waited": 1, "improved": True},
        {"waited": "x", "improved": 0, "best": None},
        {"waited": 0, "improved": True, "best": {"step": 1}},
        {"waited": 0, "improved": True, "best": [1]},
    ],
)
def test_a_state_of_something_else_is_refused_and_changes_nothing(state) -> None:
    stop = StopWhenNotImproving("fid", patience=5)
    fed(stop, [scored(value) for value in (3.0, 2.0, 2.5)])
    before = (stop.best, stop.waited, stop.improved)
    with pytest.raises(MetricError, match="no state of StopWhenNotImproving"):
        stop.load_state_dict(state)
    assert (stop.best, stop.waited, stop.improved) == before


def test_bad_input() -> None:
    with pytest.raises(OptionError, match="patience"):
        StopWhenNotImproving("fid", patience=0)
    with pytest.raises(OptionError, match="level"):
        StopWhenNotImproving("fid", level=1.0)
    with pytest.raises(OptionError, match="chance"):
        StopWhenNotImproving("fid", level=None)
    with pytest.raises(MetricError, match="Did you mean 'fid'"):
        StopWhenNotImproving("fidd")(0, scored(1))
