"""``ganeval detectors``: what there is, and what ships with it."""

from __future__ import annotations

import hashlib
import json
from importlib.resources import files

import pytest
from typer.testing import CliRunner

from ganeval.cli.app import _add_plugins, app
from ganeval.detectors.bundled import DEFAULT, shipped_detector, shipped_reference


@pytest.fixture(scope="module")
def rows() -> dict[str, dict]:
    _add_plugins()
    done = CliRunner().invoke(app, ["detectors", "--json"])
    assert done.exit_code == 0
    return {row["name"]: row for row in json.loads(done.stdout)}


def test_all_kinds_of_the_issue_are_there(rows: dict[str, dict]) -> None:
    assert {"lattice", "spectral", "dct", "peaks", "npr", "cnn", "patch", "features"} <= set(rows)
    assert {"wang2020", "npr-published"} <= set(rows)


def test_those_asked_by_default_ship_with_cards_and_reference_scores(rows: dict[str, dict]) -> None:
    shipped = shipped_reference().detectors
    for name in DEFAULT:
        assert rows[name]["default"]
        assert rows[name]["bundled"]
        assert rows[name]["card"]["trained_on"]["photographs"] > 500
        assert name in shipped
        assert shipped_detector(name).name == name


def test_each_says_how_it_gets_its_weights() -> None:
    _add_plugins()
    text = " ".join(CliRunner().invoke(app, ["detectors"]).stdout.split())
    assert "ganeval detect --weights wang2020=FILE" in text
    assert "--detector patch --out FOLDER" in text
    assert "needs 128 pixels on the shorter side with the weights that ship, 96 with your own" in text


def test_in_words() -> None:
    _add_plugins()
    done = CliRunner().invoke(app, ["detectors"])
    assert done.exit_code == 0
    assert "asked by default" in done.stdout
    assert "ships untrained" in done.stdout


def test_weights_are_small_and_no_photograph_has_two_roles() -> None:
    folder = files("ganeval.detectors").joinpath("weights")
    sizes = [len(file.read_bytes()) for file in folder.iterdir() if file.is_file()]
    assert max(sizes) < 8_000_000
    assert sum(sizes) < 12_000_000
    lines = folder.joinpath("photographs.tsv").read_text().splitlines()
    assert lines[0].split("\t") == ["sha256", "source", "file", "role"]
    rows = [line.split("\t") for line in lines[1:]]
    assert {role for *_, role in rows} == {"train", "calibrate", "test"}
    assert len({digest for digest, *_ in rows}) == len(rows)
    assert all(len(digest) == len(hashlib.sha256().hexdigest()) for digest, *_ in rows)
    # What comes from a package, few cameras' work, has one role.
    sets = {"imagenet_sample", "bsds500"}
    for source in {source for _, source, *_ in rows} - sets:
        assert len({role for _, other, _, role in rows if other == source}) == 1
