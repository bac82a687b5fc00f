"""Configurations from text, YAML values and mappings."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ganeval.errors import OptionError
from ganeval.generators.configuration import configured, plain
from ganeval.generators.models.dcgan import DCGAN


@pytest.mark.parametrize(
    ("values", "field", "expected"),
    [
        ({"size": "64x48"}, "size", (64, 48)),
        ({"size": "64"}, "size", (64, 64)),
        ({"size": [28, 56]}, "size", (28, 56)),
        ({"betas": "0.0,0.9"}, "betas", (0.0, 0.9)),
        ({"generator_rate": "1e-4"}, "generator_rate", 1e-4),
        ({"penalty": "none"}, "penalty", None),
        ({"penalty": "r1", "penalty_weight": 2}, "penalty_weight", 2.0),
        ({"width": "16"}, "width", 16),
    ],
)
def test_values_become_what_the_field_is(values: dict[str, Any], field: str, expected: Any) -> None:
    config = configured(DCGAN.Config, values)
    found = getattr(config, field)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"widht": 3}, "no option 'widht'.*'width'"),
        ({"width": "wide"}, "width of the model is 'wide'.*whole number"),
        ({"width": True}, "width of the model is True"),
        ({"width": 1.5}, "width of the model is 1.5"),
        ({"width": 0}, "width of the model is 0"),
        ({"size": "64x48x3"}, "size of the model"),
        ({"size": 30}, "can't make images of 30×30"),
        ({"betas": "0.5"}, "betas of the model"),
        ({"betas": [0.5, 1.5]}, "betas are"),
        ({"loss": "hinges"}, "unknown adversarial loss 'hinges'.*'hinge'"),
        ({"penalty": "r3"}, "unknown penalty 'r3'"),
        ({"prior": "cauchy"}, "unknown prior"),
        ({"norm": "layer"}, "unknown norm"),
        ({"optimiser": "lion"}, "unknown optimiser 'lion'"),
        ({"generator_rate": 0.0}, "learning rate is 0"),
        ({"critic_steps": 0}, "critic_steps of the model is 0"),
        ({"channels": 0}, "channels of the model is 0"),
    ],
)
def test_bad_values_are_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        configured(DCGAN.Config, values)
    assert re.search(message, f"{caught.value} {caught.value.hint}", re.DOTALL)


def test_plain_values_make_the_same_configuration() -> None:
    config = configured(DCGAN.Config, {"size": "28x56", "loss": "hinge", "betas": "0,0.9"})
    assert configured(DCGAN.Config, plain(config)) == config
