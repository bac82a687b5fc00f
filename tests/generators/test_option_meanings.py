"""The meaning of options is read from docstrings, and every option of every model has one."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from ganeval.generators.option_meanings import option_meanings
from ganeval.generators.registry import MODELS
from ganeval.generators.training.settings import TrainingSettings


@dataclass(frozen=True)
class Above:
    """Above.

    Parameters
    ----------
    first, second
        Of ``both``,
        as `one` text.
    loss
        A name in `ganeval.generators.losses.adversarial.LOSSES`.

    Raises
    ------
    OptionError
        Never.
    """

    first: int = 1
    second: int = 2
    loss: str = "hinge"
    unsaid: tuple[int, ...] = field(default=())


@dataclass(frozen=True)
class Below(Above):
    """Below.

    Parameters
    ----------
    second
        Another.
    """

    second: int = 3


def test_meanings_of_a_class_come_before_those_above_it() -> None:
    meanings = {one.name: one for one in option_meanings(Below)}
    assert list(meanings) == ["first", "second", "loss", "unsaid"]
    assert meanings["first"].meaning == "Of both, as one text."
    assert (meanings["second"].meaning, meanings["second"].default, meanings["second"].kind) == ("Another.", 3, "int")
    assert meanings["loss"].meaning.startswith("One of non-saturating, minimax, hinge")
    assert (meanings["unsaid"].meaning, meanings["unsaid"].kind) == ("", "tuple[int, ...]")


@pytest.mark.parametrize("name", MODELS.names())
def test_every_option_has_a_meaning(name: str) -> None:
    for one in [*option_meanings(MODELS.get(name).Config), *option_meanings(TrainingSettings)]:
        assert one.meaning, f"{one.name} of {name} says nothing of itself"
        assert "ganeval.generators" not in one.meaning
