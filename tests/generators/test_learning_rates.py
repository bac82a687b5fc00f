"""Learning rates: constant, or falling linearly to nothing as declared."""

from __future__ import annotations

import pytest
import torch

from ganeval.errors import OptionError
from ganeval.generators.optimisers import Optimiser


def test_a_rate_stays_unless_it_is_to_fall() -> None:
    declared = Optimiser(learning_rate=0.3)
    assert {declared.rate(step) for step in (0, 10, 10**9)} == {0.3}


@pytest.mark.parametrize(("step", "rate"), [(0, 0.4), (100, 0.4), (125, 0.3), (150, 0.2), (200, 0.0), (999, 0.0)])
def test_a_rate_falls_linearly_after_its_height(step: int, rate: float) -> None:
    declared = Optimiser(learning_rate=0.4, decay_after=100, decay_steps=100)
    built = declared.build([torch.zeros(1, requires_grad=True)])
    declared.schedule(built, step)
    assert declared.rate(step) == pytest.approx(rate)
    assert built.param_groups[0]["lr"] == declared.rate(step)


def test_what_others_set_is_left_alone_without_a_fall() -> None:
    declared = Optimiser(learning_rate=0.4)
    built = declared.build([torch.zeros(1, requires_grad=True)])
    built.param_groups[0]["lr"] = 7.0
    declared.schedule(built, 3)
    assert built.param_groups[0]["lr"] == 7.0


@pytest.mark.parametrize("values", [{"decay_after": -1}, {"decay_steps": -2}])
def test_negative_steps_are_refused(values: dict[str, int]) -> None:
    with pytest.raises(OptionError, match="the learning rate falls after"):
        Optimiser(**values)  # type: ignore[arg-type]
