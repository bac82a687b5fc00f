"""`ganeval score --until` and `--top` as users type them."""

from __future__ import annotations

import csv
import json

import jsonschema
import numpy as np
import pytest
from PIL import Image

from ganeval.report.serialise import report_schema

PIXELS = ("--extractor", "pixels")


@pytest.fixture
def sets(tmp_path):
    """Two .npz of 4 x 4 images of one level and some noise; the first ten generated ones are white."""
    rng = np.random.default_rng(0)
    paths = []
    for name, level in (("samples", 110), ("data", 100)):
        levels = rng.normal(level, 20, (800, 1, 1, 1))
        images = np.clip(levels + rng.normal(0, 20, (800, 4, 4, 3)), 1, 255).astype(np.uint8)
        if name == "samples":
            images[:10] = 255
        paths.append(tmp_path / f"{name}.npz")
        np.savez(paths[-1], images)
    return paths


def test_until_stops_and_says_how(ganeval, sets, tmp_path):
    samples, real = sets
    outcome = ganeval("score", samples, "--real", real, *PIXELS, "-m", "kid", "--until", "kid=90%", "--json", "-")
    assert outcome.code == 0, outcome
    jsonschema.validate(outcome.json, report_schema())
    stopping = outcome.json["stopping"]
    assert stopping["targets"][0]["met"] is stopping["met"] is True
    assert outcome.json["scores"]["kd_pixels"]["n_generated"] == stopping["looks"][-1]["n_generated"] < 800
    assert "until: kd_pixels within" in outcome.text
    assert "which hold at all" in outcome.text
    again = ganeval("score", samples, "--real", real, *PIXELS, "-m", "kid", "--until", "kid=90%", "--json", "-")
    assert again.json["scores"] == outcome.json["scores"]
    assert again.json["generated"]["from_store"] == stopping["looks"][-1]["n_generated"]


def test_until_that_is_not_met_still_reports(ganeval, sets):
    samples, real = sets
    outcome = ganeval("score", samples, "--real", real, *PIXELS, "-m", "precision", "--until", "precision=0.001")
    assert outcome.code == 3, outcome
    assert "not met" in outcome.text
    assert outcome.err.splitlines()[-1].startswith("not reached: precision_pixels within ±0.0010; it ended at ±")
    assert "±0.001 was asked for" in outcome.text
    assert "images a side would be needed" in outcome.text


def test_a_script_can_tell_that_until_was_not_met(ganeval, sets):
    samples, real = sets
    asked = ("--until", "precision=0.001,recall=0.9")
    outcome = ganeval("score", samples, "--real", real, *PIXELS, "-m", "prdc", *asked, "--json", "-", "--quiet")
    assert outcome.code == 3
    jsonschema.validate(outcome.json, report_schema())
    assert outcome.json["stopping"]["met"] is False
    assert [target["met"] for target in outcome.json["stopping"]["targets"]] == [False, True]
    assert "recall" not in outcome.err.splitlines()[-1]
    for command in ("score", "compare"):
        told = " ".join(ganeval(command, "--help").text.replace("│", " ").split())
        assert "Exit status: 0; 2 for an error that you can mend; 3 if" in told


@pytest.mark.parametrize(
    ("until", "message"),
    [("kid", "isn't of the form"), ("kid=0", "above 0"), ("fid=1", "isn't computed"), ("kdi=1", "Did you mean")],
)
def test_until_that_makes_no_sense_is_refused(ganeval, sets, until, message):
    outcome = ganeval("score", sets[0], "--real", sets[1], *PIXELS, "-m", "kid", "--until", until)
    assert outcome.code == 2
    assert message in outcome.text


def test_top_lists_the_planted_images_and_writes_gallery_and_table(ganeval, sets, tmp_path):
    samples, real = sets
    page, table = tmp_path / "r.html", tmp_path / "drivers.csv"
    outcome = ganeval(
        "score", samples, "--real", real, *PIXELS, "-m", "kid,prdc", "--top", "10", "--html", page, "--top-table", table
    )
    assert outcome.code == 0, outcome
    assert "drivers: spoil kd_pixels most: samples.npz[" in outcome.text
    assert "real images have no generated one in their neighbourhood" in outcome.text
    assert "What drives the score" in page.read_text()
    rows = [row for row in csv.DictReader(table.open(encoding="utf-8")) if row["side"] == "generated"]
    worst = sorted(rows, key=lambda row: -float(row["influence_kd_pixels"]))[:10]
    assert {int(row["row"]) for row in worst} == set(range(10))
    assert str(table) in outcome.out


def test_a_table_alone_is_enough_to_ask_for_it(ganeval, sets, tmp_path):
    table = tmp_path / "drivers.parquet"
    pytest.importorskip("pyarrow")
    outcome = ganeval(
        "score", sets[0], "--real", sets[1], *PIXELS, "-m", "precision", "--top-table", table, "--json", "-"
    )
    assert outcome.code == 0, outcome
    assert len(outcome.json["drivers"]["worst"]) == 50
    assert table.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--top", "0"), "--top"),
        (("--top-table", "drivers.xlsx"), ".csv or .parquet"),
        (("--top-table", "nowhere/drivers.csv"), "does not exist"),
    ],
)
def test_bad_requests_are_refused_before_any_work(ganeval, sets, arguments, message):
    outcome = ganeval("score", sets[0], "--real", sets[1], *PIXELS, "-m", "precision", *arguments)
    assert outcome.code == 2
    assert message in outcome.text


def test_until_shuffles_a_folder_that_is_sorted_by_class(ganeval, tmp_path):
    for name, level in (("a-dark", 20), ("b-bright", 220)):
        folder = tmp_path / "samples" / name
        folder.mkdir(parents=True)
        rng = np.random.default_rng(level)
        for number in range(400):
            pixels = np.clip(level + rng.normal(0, 5, (4, 4, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{number:03d}.png")
    arguments = ("score", tmp_path / "samples", "--real", "digits", *PIXELS, "-m", "precision", "--labels", "folders")
    outcome = ganeval(*arguments[:-2], "--until", "precision=0.5", "--json", tmp_path / "r.json")
    assert outcome.code == 0, outcome
    plain = json.loads((tmp_path / "r.json").read_text())
    assert plain["stopping"]["looks"][0]["n_generated"] <= 800
    assert plain["run"]["options"]["until"] == {"precision": "0.5"}
