"""`ganeval compare` as users type it."""

from __future__ import annotations

import json

import jsonschema
import numpy as np
import pytest
from PIL import Image

from ganeval.report import comparison_schema

PIXELS = ("--extractor", "pixels", "--quiet")


@pytest.fixture
def folders(tmp_path):
    """Folders of handwritten digits: real ones, others, and others with noise."""
    from sklearn.datasets import load_digits

    images = load_digits().images * 15.9
    rng = np.random.default_rng(0)
    order = rng.permutation(len(images))
    made = {}
    for name, rows, noise in (("real", order[:200], 0), ("a", order[600:760], 0), ("b", order[900:1060], 60)):
        folder = tmp_path / name
        folder.mkdir()
        for number, image in enumerate(np.clip(images[rows] + noise * rng.normal(size=(len(rows), 8, 8)), 0, 255)):
            Image.fromarray(image.astype(np.uint8)).save(folder / f"{number:03d}.png")
        made[name] = folder
    return made


def test_a_table_and_plain_verdicts(ganeval, folders):
    outcome = ganeval("compare", folders["a"], folders["b"], "--real", folders["real"], *PIXELS, "-m", "kid,precision")
    assert outcome.code == 0, outcome
    assert "settled: a is better than b on kd_pixels, by" in outcome.out
    assert "settled: a is better than b on precision_pixels, by" in outcome.out
    assert "paired over the shared real images" in outcome.text
    assert "Place" in outcome.out


def test_json_html_and_names(ganeval, folders, tmp_path):
    outcome = ganeval(
        "compare", folders["a"], folders["b"], "--real", folders["real"], *PIXELS, "-m", "kid", "--name", "ours",
        "--name", "theirs", "--json", "-", "--html", tmp_path / "c.html",
    )  # fmt: skip
    assert outcome.code == 0, outcome
    jsonschema.validate(outcome.json, comparison_schema())
    assert [one["name"] for one in outcome.json["sets"]] == ["ours", "theirs"]
    assert outcome.json["metrics"]["kd_pixels"]["differences"][0]["better"] == "ours"
    assert outcome.json["run"]["command"].startswith("ganeval compare")
    assert "ours is better than theirs" in outcome.err
    assert "ours is better than theirs" in (tmp_path / "c.html").read_text()


def test_until_decided_takes_no_more_than_there_is(ganeval, folders):
    outcome = ganeval(
        "compare", folders["a"], folders["b"], "--real", folders["real"], *PIXELS, "-m", "kid", "--until-decided",
        "--json", "-",
    )  # fmt: skip
    assert outcome.code == 0, outcome
    jsonschema.validate(outcome.json, comparison_schema())
    assert outcome.json["looks"]["taken"] == [200]
    assert outcome.json["metrics"]["kd_pixels"]["differences"][0]["better"] == "a"
    assert outcome.json["looks"]["decided"] is True
    assert "images a set, until all was settled: 200 (0 open)" in outcome.text


def test_a_script_can_tell_that_not_all_was_decided(ganeval, folders, tmp_path):
    again = tmp_path / "again"
    again.mkdir()
    for number, path in enumerate(sorted(folders["a"].iterdir())[:80]):
        path.rename(again / f"{number}.png")
    outcome = ganeval(
        "compare", folders["a"], again, "--real", folders["real"], *PIXELS, "-m", "kid", "--until-decided", "--json",
        "-",
    )  # fmt: skip
    assert outcome.code == 3, outcome
    jsonschema.validate(outcome.json, comparison_schema())
    assert outcome.json["looks"]["decided"] is False
    assert outcome.err.splitlines()[-1].startswith("not reached: 1 difference is still open with all images")
    assert "images a set, 1 difference is still open with the last: 200 (1 open)" in outcome.text


def test_reports_that_were_written_before(ganeval, folders, tmp_path):
    for name in "ab":
        outcome = ganeval(
            "score", folders[name], "--real", folders["real"], *PIXELS, "-m", "kid,recall",
            "--json", tmp_path / f"{name}.json",
        )  # fmt: skip
        assert outcome.code == 0, outcome
    apart = ganeval("compare", tmp_path / "a.json", tmp_path / "b.json", "--json", "-").json
    together = ganeval(
        "compare", folders["a"], folders["b"], "--real", folders["real"], *PIXELS, "-m", "kid,recall", "--json", "-"
    ).json
    for name in ("kd_pixels", "recall_pixels"):
        (one,), (other,) = (run["metrics"][name]["differences"] for run in (apart, together))
        assert one["difference"] == pytest.approx(other["difference"], rel=1e-6, abs=1e-12)
        assert (one["paired"], other["paired"]) == (False, True)


def test_reports_of_other_kinds_are_refused_with_all_that_differs(ganeval, folders, tmp_path):
    common = ("--real", folders["real"], *PIXELS, "-m", "recall")
    ganeval("score", folders["a"], *common, "--json", tmp_path / "a.json")
    ganeval(
        "score",
        folders["b"],
        "--real",
        folders["a"],
        *PIXELS,
        "-m",
        "recall",
        "-o",
        "recall.k=5",
        "--json",
        tmp_path / "b.json",
    )
    outcome = ganeval("compare", tmp_path / "a.json", tmp_path / "b.json")
    assert outcome.code == 2
    assert "numbers of real images: a: 200, b: 160" in outcome.text
    assert "k of recall_pixels: a: 3, b: 5" in outcome.text
    assert "real images: a:" in outcome.text


def test_the_same_folder_twice(ganeval, folders):
    outcome = ganeval("compare", folders["a"], folders["a"], "--real", folders["real"], *PIXELS, "-m", "kid")
    assert outcome.code == 0, outcome
    assert "are identical sets" in outcome.text
    assert "hold the same images" in outcome.text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("a",), "at least two sets"),
        (("a", "b", "--metrics", "fid"), "no real images"),
        (("a", "b", "--real", "real", "--level", "2"), "level"),
        (("a", "b", "--real", "real", "--name", "x"), "1 name was given for 2 sets"),
        (("a", "b", "--real", "real", "--json", "missing/c.json"), "missing"),
        (("a", "r.json", "--real", "real"), "mixed"),
        (("a", "b", "--real", "real", "-n", "5"), "--count 5 is for generators"),
        (("a", "nowhere", "--real", "real"), "nowhere"),
    ],
)
def test_what_cannot_be_done_is_said_with_code_2(ganeval, folders, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    outcome = ganeval("compare", *arguments, *PIXELS)
    assert outcome.code == 2, outcome
    assert said in outcome.text


def test_power_from_a_report_and_from_images(ganeval, folders, tmp_path):
    ganeval(
        "score", folders["a"], "--real", folders["real"], *PIXELS, "-m", "kid,recall", "--json", tmp_path / "a.json"
    )
    outcome = ganeval("power", tmp_path / "a.json", "--metric", "recall", "--difference", "0.05")
    assert outcome.code == 0, outcome
    assert "recall_pixels = " in outcome.out
    assert "kd_pixels" not in outcome.out
    assert "at hand: two generators can be told apart from a difference of" in outcome.text
    assert "to tell a difference of 0.050: about" in outcome.text
    assert "for an interval of ±0.050: about" in outcome.text
    direct = ganeval(
        "power", folders["a"], "--real", folders["real"], *PIXELS, "--metric", "recall", "-d", "0.05", "--json", "-"
    )
    plan = direct.json["metrics"]["recall_pixels"]
    again = ganeval("power", tmp_path / "a.json", "--metric", "recall", "-d", "0.05", "--json", "-").json
    assert plan == again["metrics"]["recall_pixels"]
    half = json.loads(ganeval("power", tmp_path / "a.json", "-m", "recall", "-d", "0.025", "--json", "-").out)
    assert half["metrics"]["recall_pixels"]["needed"] == pytest.approx(4 * plan["needed"], rel=0.01)
    relative = ganeval("power", tmp_path / "a.json", "-m", "recall", "--relative", "10%", "--json", "-").json
    assert relative["metrics"]["recall_pixels"]["difference"] == pytest.approx(0.1 * plan["value"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--difference", "0"), "difference must be"),
        (("--difference", "1", "--relative", "5%"), "both given"),
        (("--relative", "five"), "--relative 'five'"),
        (("--power", "1"), "power must lie"),
        (("--level", "0"), "level must lie"),
        (("--metric", "kid"), "no score 'kid'"),
        (("--real", "digits"), "brings its own"),
    ],
)
def test_power_refuses_what_has_no_meaning(ganeval, folders, tmp_path, arguments, said):
    ganeval("score", folders["a"], "--real", folders["real"], *PIXELS, "-m", "recall", "--json", tmp_path / "a.json")
    outcome = ganeval("power", tmp_path / "a.json", *arguments)
    assert outcome.code == 2, outcome
    assert said in outcome.text
