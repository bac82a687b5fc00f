"""Options behind a generator's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from ganeval.errors import OptionError
from ganeval.generators.sources.asked import Asked, split_options, split_target


def test_options_behind_a_question_mark() -> None:
    target, options = split_target("biggan?class=3&truncation=0.5&truncation-method=threshold&range=0,1")
    asked, others = split_options(options)
    assert (target, asked, others) == ("biggan", Asked(3, 0.5, "threshold"), {"range": "0,1"})
    assert asked.words() == "?class=3&truncation=0.5&truncation-method=threshold"
    assert split_options(split_target(f"x{asked.words()}")[1])[0] == asked


def test_no_options() -> None:
    assert split_target("dcgan") == ("dcgan", {})
    assert Asked().words() == ""
    assert not Asked().anything


def test_percent_and_plus_stand_for_what_they_do_in_addresses() -> None:
    assert split_target("p?prompt=a+red%26blue+coat")[1] == {"prompt": "a red&blue coat"}


def test_a_file_with_a_question_mark_in_its_name(tmp_path: Path) -> None:
    path = tmp_path / "a?b=c.onnx"
    path.touch()
    assert split_target(str(path)) == (str(path), {})


@pytest.mark.parametrize("text", ["d?class", "d?class=", "d?class=1&class=2", "d?class=1&&"])
def test_options_that_cannot_be_read(text: str) -> None:
    with pytest.raises(OptionError, match="generator:d"):
        split_target(text)


@pytest.mark.parametrize(("name", "value"), [("class", "three"), ("truncation", "much"), ("class", "1.5")])
def test_options_of_another_type(name: str, value: str) -> None:
    with pytest.raises(OptionError, match=value):
        split_options(split_target(f"d?{name}={value}")[1])
