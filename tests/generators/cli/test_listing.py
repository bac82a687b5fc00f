"""``ganeval generators`` lists all models, and everything about one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ganeval.generators.registry import MODELS


def test_all_models_with_papers_and_weights(ganeval: Callable[..., Any]) -> None:
    rows = {row["name"]: row for row in ganeval("generators", "--json").json}
    assert list(rows) == MODELS.names()
    assert "dcgan-fashion-mnist" in rows["dcgan"]["bundled"]
    assert all(row["paper"] and row["title"] for row in rows.values())
    table = ganeval("generators")
    assert table.code == 0
    assert "Radford, Metz and Chintala 2016" in table.text
    assert "bundled weights: dcgan-fashion-mnist" in table.text


@pytest.mark.parametrize("name", MODELS.names())
def test_one_in_full(ganeval: Callable[..., Any], name: str) -> None:
    shown = ganeval("generators", name, "--json").json
    assert shown["phases"]
    assert {option["name"] for option in shown["options"]} >= {"size", "channels"}
    assert {"batch_size", "seed"} <= {option["name"] for option in shown["training"]}
    assert ganeval("generators", name).code == 0


def test_a_model_for_people(ganeval: Callable[..., Any]) -> None:
    text = ganeval("generators", "dcgan").text
    assert "phase discriminator: moves discriminator by adam, rate 0.0002, betas 0.5,0.999" in text
    assert "latent 100 Dimensions of the latent vector." in text
    assert "loss non-saturating One of non-saturating, minimax" in text
    assert "-o name=value" in text


def test_an_unknown_model_suggests_the_nearest(ganeval: Callable[..., Any]) -> None:
    told = ganeval("generators", "dcgn")
    assert told.code == 2
    assert "unknown model 'dcgn'" in told.text
    assert "Did you mean 'dcgan'?" in told.text


def test_conditions_are_listed(ganeval: Callable[..., Any]) -> None:
    found = ganeval("generators", "infogan", "--json").json
    assert list(found["conditions"]) == ["c1", "c2", "c3"]
    assert "c1: categorical code, 0 to 9 (--fix c1=VALUE)" in ganeval("generators", "infogan").text
    assert ganeval("generators", "cyclegan", "--json").json["conditions"] == {}
