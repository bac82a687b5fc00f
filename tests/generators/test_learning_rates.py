"""Learning rates: constant, or rising and falling as the model or the training says."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from ganeval.errors import OptionError
from ganeval.generators.optimisers import Optimiser
from ganeval.generators.schedules import Schedule
from ganeval.generators.training.settings import TrainingSettings


def test_a_rate_stays_unless_it_is_to_fall() -> None:
    declared = Optimiser(learning_rate=0.3)
    assert {declared.rate(step) for step in (0, 10, 10**9)} == {0.3}


@pytest.mark.parametrize(("step", "rate"), [(0, 0.4), (100, 0.4), (125, 0.3), (150, 0.2), (200, 0.0), (999, 0.0)])
def test_a_rate_falls_linearly_after_its_height(step: int, rate: float) -> None:
    declared = Optimiser(learning_rate=0.4, schedule=Schedule("linear", 100, 100))
    built = declared.build([torch.zeros(1, requires_grad=True)])
    declared.set_rate(built, step)
    assert declared.rate(step) == pytest.approx(rate)
    assert built.param_groups[0]["lr"] == declared.rate(step)


def test_what_others_set_is_left_alone_without_a_fall() -> None:
    declared = Optimiser(learning_rate=0.4)
    built = declared.build([torch.zeros(1, requires_grad=True)])
    built.param_groups[0]["lr"] = 7.0
    declared.set_rate(built, 3)
    assert built.param_groups[0]["lr"] == 7.0


@pytest.mark.parametrize(
    ("step", "share"),
    [(0, 0.25), (1, 0.5), (3, 1.0), (4, 1.0), (8, 0.5 + math.sqrt(0.5) / 2), (12, 0.5), (20, 0.0), (99, 0.0)],
)
def test_a_cosine_after_a_warm_up(step: int, share: float) -> None:
    # From 4 on, half a turn in 16 steps.
    assert Schedule("cosine", after=4, steps=16, warm_up=4).share(step) == pytest.approx(share, abs=1e-12)


def test_the_training_says_when_rates_are_0() -> None:
    settings = TrainingSettings(schedule="linear", warm_up=10).for_steps(30)
    assert settings.schedule_steps == 30
    assert settings.for_steps(20) == settings
    assert settings.scheduled(Optimiser()).schedule == Schedule("linear", after=10, steps=20, warm_up=10)
    with pytest.raises(OptionError, match="0 from step 30 on"):
        settings.for_steps(31)
    constant = TrainingSettings()
    assert constant.for_steps(10**9) is constant
    assert constant.scheduled(Optimiser()) == Optimiser()


def test_a_model_keeps_its_own_schedule_and_only_one_can_be() -> None:
    own = Optimiser(schedule=Schedule("linear", 5, 5))
    assert TrainingSettings().scheduled(own) == own
    assert TrainingSettings(warm_up=3).scheduled(own).schedule == Schedule("linear", 5, 5, warm_up=3)
    with pytest.raises(OptionError, match="has a schedule of its own"):
        TrainingSettings(schedule="cosine", schedule_steps=9).scheduled(own)


def test_without_a_schedule_records_are_as_they_were() -> None:
    names = {"batch_size", "seed", "average_decay", "precision", "accumulate", "flip"}
    assert set(TrainingSettings().recorded()) == names
    assert TrainingSettings(schedule="cosine", schedule_steps=9).recorded()["schedule_steps"] == 9
    assert TrainingSettings(warm_up=5).recorded()["warm_up"] == 5


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"after": -1}, "falls after -1"),
        ({"steps": -2}, "over -2"),
        ({"warm_up": -1}, "rises over -1"),
        ({"kind": "cosin", "steps": 2}, "unknown schedule 'cosin'"),
        ({"kind": "linear"}, "has no steps"),
    ],
)
def test_schedules_that_cannot_be(values: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Schedule(**values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"schedule": "cosin"}, "schedule of the training is 'cosin'"),
        ({"schedule": "linear", "schedule_steps": 5, "warm_up": 5}, "schedule_steps of the training is 5"),
        ({"warm_up": -1}, "rises over -1"),
    ],
)
def test_settings_that_cannot_be(values: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        TrainingSettings(**values)


def test_an_end_that_nobody_said() -> None:
    with pytest.raises(OptionError, match="schedule=linear has no end"):
        TrainingSettings(schedule="linear").scheduled(Optimiser())
