"""``ganeval detect`` as it is typed, with an examiner whose verdict on a picture is its redness."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from PIL import Image

from ganeval.detectors.cli.options import states_of_named
from ganeval.detectors.reporting.documents import verdict_schema
from ganeval.detectors.specimen import open_specimen

pytestmark = pytest.mark.usefixtures("red")


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def valid(document: Any) -> Any:
    jsonschema.Draft202012Validator(verdict_schema()).validate(document)
    return document


@pytest.fixture
def folder(tmp_path: Path, paint: Callable[..., Path]) -> Path:
    root = tmp_path / "pictures"
    for name, redness in (("a.png", 0.1), ("b.jpg", 0.95), ("sub/c.webp", 0.7), ("sub/d.PNG", 0.4)):
        paint(root / name, redness)
    (root / "broken.jpg").write_bytes((root / "b.jpg").read_bytes()[:300])
    (root / "empty.png").write_bytes(b"")
    (root / "notes.txt").write_text("no picture")
    return root


def test_one_picture(ganeval, paint, tmp_path: Path) -> None:
    done = ganeval("detect", paint(tmp_path / "x.png", 0.7))
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0].endswith("x.png")
    assert lines[1].startswith("probably generated: probability of being generated 70 %, 95 % interval 60 % to 80 %")
    for part in (
        "It is 70% red.",
        "abstains",
        "unchecked: blue: was never measured",
        "limits: It knows red.",
        "PNG, 48",
    ):
        assert part in done.out, part


def test_json_of_one_picture_is_of_the_schema(ganeval, paint, tmp_path: Path) -> None:
    done = ganeval("detect", paint(tmp_path / "x.jpg", 0.95, quality=80), "--json", "-", "--prior", "0.2")
    document = valid(done.json)
    assert document["verdict"] == "generated"
    assert document["prior"] == 0.2
    assert document["conditions"]["quality"] == 80
    assert [one["detector"] for one in document["evidence"]] == ["red", "blue"]
    assert "generated" in done.err


def test_html_of_one_picture_loads_nothing_and_escapes(ganeval, paint, tmp_path: Path) -> None:
    picture = paint(tmp_path / "<script>alert(1)<.png", 0.7)
    done = ganeval("detect", picture, "--html", tmp_path / "x.html")
    assert done.code == 0, done.err
    page = (tmp_path / "x.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "http" not in page.replace("http-equiv", "")
    assert "&lt;b&gt;red&lt;/b&gt;" in page


def test_a_folder_gives_a_row_a_file_and_errors_end_nothing(ganeval, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    page = tmp_path / "out.html"
    done = ganeval("detect", folder, "--csv", out, "--html", page, "--jobs", 2)
    assert done.code == 0, done.err
    rows = rows_of(out.read_text())
    assert [os.path.relpath(row["path"], folder) for row in rows] == [
        *("a.png", "b.jpg", "broken.jpg", "empty.png", "sub/c.webp", "sub/d.PNG")
    ]
    assert [row["verdict"] for row in rows] == [
        *("probably camera", "generated", "", "", "probably generated", "inconclusive")
    ]
    assert rows[2]["error"].startswith("truncated")
    assert "empty file" in rows[3]["error"]
    # What the files hold: JPEG and WebP bleach saturated red.
    redness = [open_specimen(row["path"]).pixels[..., 0].mean() / 255 for row in rows if row["verdict"]]
    assert [float(row["probability"]) for row in rows if row["verdict"]] == pytest.approx(redness, abs=1e-4)
    assert "6 files: 1 generated, 1 probably generated, 1 inconclusive, 1 probably camera, 2 with an error" in done.text
    assert "1 file without an image's suffix passed over (1 .txt)" in done.text
    html = page.read_text()
    # The highest probability first, each with its picture.
    places = [html.index(f"{name}<br>") for name in ("b.jpg", "c.webp", "d.PNG", "a.png")]
    assert places == sorted(places)
    assert html.count('<img src="data:image/') == 4
    assert "empty.png" in html


def test_crashes_hangs_and_defects_cost_their_own_row(ganeval, paint, tmp_path: Path) -> None:
    for name in ("a.png", "crash.png", "hang.png", "boom.png", "z.png"):
        paint(tmp_path / "p" / name, 0.5)
    out = tmp_path / "out.csv"
    done = ganeval("detect", tmp_path / "p", "--csv", out, "-j", 2, "--time-limit", 2)
    assert done.code == 0, done.err
    found = {Path(row["path"]).name: row for row in rows_of(out.read_text())}
    assert list(found) == ["a.png", "boom.png", "crash.png", "hang.png", "z.png"]
    assert found["crash.png"]["error"] == "the worker process ended (status 7)"
    assert found["hang.png"]["error"] == "it took longer than 2 s"
    assert found["boom.png"]["error"].startswith("internal error: ZeroDivisionError")
    assert found["a.png"]["verdict"] == found["z.png"]["verdict"] == "inconclusive"


def test_a_batch_goes_on_where_it_stopped(ganeval, folder: Path, paint, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    assert ganeval("detect", folder, "--csv", out).code == 0
    whole = out.read_text()
    # As if it had been killed while writing the fifth row.
    out.write_text("".join(whole.splitlines(keepends=True)[:5]) + "half a ro")
    paint(folder / "a.png", 0.99, size=50)
    done = ganeval("detect", folder, "--csv", out)
    assert done.code == 0, done.err
    # Of a.png (changed), b.jpg, and two broken files only b.jpg's row holds.
    assert "1 of 6 files are in" in done.text
    rows = rows_of(out.read_text())
    assert [Path(row["path"]).name for row in rows] == ["a.png", "b.jpg", "broken.jpg", "empty.png", "c.webp", "d.PNG"]
    assert rows[0]["verdict"] == "generated"
    # Other options, other verdicts: nothing is kept.
    assert "are in" not in ganeval("detect", folder, "--csv", out, "--prior", "0.1").text


def test_a_detector_that_was_trained_anew_is_another_run(tmp_path: Path) -> None:
    """Rows of an earlier run hold only for the same content behind the same names."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "detector.json").write_text("{}")
    options = {"detector": [str(folder), "lattice"], "weights": {}, "trust_anchors": None}
    before = states_of_named(options)
    assert states_of_named(options) == before
    (folder / "detector.json").write_text("{ }")
    assert states_of_named(options) != before


def test_json_of_a_batch_is_of_the_schema_with_errors_in_their_places(ganeval, folder: Path) -> None:
    done = ganeval("detect", folder, "--json", "-", "-q")
    assert done.json["schema"] == "ganeval/verdicts@1"
    found = [valid(one) for one in done.json["verdicts"]]
    assert [Path(one["path"]).name for one in found] == ["a.png", "b.jpg", "broken.jpg", "empty.png", "c.webp", "d.PNG"]
    assert [bool(one["error"]) for one in found] == [False, False, True, True, False, False]


def test_csv_on_stdout_and_a_list_on_stdin(ganeval, folder: Path, monkeypatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{folder}/b.jpg\n{folder}/a.png\n{folder}/b.jpg\n"))
    done = ganeval("detect", "-", "--csv", "-", "-q")
    assert [Path(row["path"]).name for row in rows_of(done.out)] == ["b.jpg", "a.png"]


@pytest.mark.parametrize(
    ("redness", "fail_on", "code"),
    [(0.95, "generated", 1), (0.7, "generated", 0), (0.7, "probably-generated", 1), (0.4, "probably-generated", 0)],
)
def test_fail_on(ganeval, paint, tmp_path: Path, redness: float, fail_on: str, code: int) -> None:
    done = ganeval("detect", paint(tmp_path / "x.png", redness), "--fail-on", fail_on)
    assert done.code == code
    assert "probability of being generated" in done.out


def test_a_file_called_like_a_command(ganeval, paint, tmp_path: Path, monkeypatch) -> None:
    paint(tmp_path / "x.png", 0.95)
    Image.open(tmp_path / "x.png").save(tmp_path / "train", "PNG")
    monkeypatch.chdir(tmp_path)
    assert ganeval("detect", "./train").out.splitlines()[1].startswith("generated")
    assert ganeval("detect", "examine", "train").out.splitlines()[1].startswith("generated")
    assert "Missing argument" in ganeval("detect", "train").err


def test_help_shows_commands_and_the_options_of_the_default(ganeval) -> None:
    done = ganeval("detect", "--help")
    assert done.code == 0
    for part in ("evaluate", "fingerprint", "--explain", "--fail-on"):
        assert part in done.out, part


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.png"], "'missing.png' doesn't exist"),
        (["tex.txt"], "Did you mean 'text.txt'?"),
        (["text.txt"], "text.txt can't be examined"),
        (["x.png", "--prior", "1"], "--prior 1 doesn't lie between 0 and 1"),
        (["x.png", "--level", "0"], "--level 0 doesn't lie between 0 and 1"),
        (["x.png", "--fail-on", "camera"], "--fail-on 'camera' is not known"),
        (["x.png", "--detector", "nothing"], "unknown detector 'nothing'"),
        (["x.png", "--csv", "no/such/out.csv"], "the folder"),
        (["x.png", "--csv", "foreign.csv"], "isn't a table of verdicts"),
        (["x.png", "--json", "o", "--csv", "o"], "are the same file"),
        (["x.png", "--trust-anchors", "no.pem"], "--trust-anchors no.pem is no file"),
        (["nothing/"], "there is no image to examine"),
        (["x.png", "--explain", "text.txt"], "is no folder"),
    ],
)
def test_what_a_user_can_mend_ends_with_2_and_a_sentence(
    ganeval, paint, tmp_path: Path, monkeypatch, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    paint(tmp_path / "x.png", 0.5)
    (tmp_path / "text.txt").write_text("hello")
    (tmp_path / "foreign.csv").write_text("a,b\n1,2\n")
    (tmp_path / "nothing").mkdir()
    done = ganeval("detect", *arguments)
    assert done.code == 2, done.err
    assert said in done.text
    assert "Traceback" not in done.err
    assert (tmp_path / "foreign.csv").read_text() == "a,b\n1,2\n"


def test_explain_writes_a_sheet_for_each_picture_and_nothing_outside(ganeval, paint, tmp_path: Path) -> None:
    first = paint(tmp_path / "one" / "..x y.png", 0.7, size=160)
    second = paint(tmp_path / "two" / "..x y.png", 0.2, size=160)
    out = tmp_path / "out"
    done = ganeval("detect", first, "--explain", out, "--json", "-")
    assert done.code == 0, done.err
    document = valid(done.json)
    written = {Path(file).name for file in document["files"]}
    assert {"sheet.html", "sheet.png", "verdict.json", "heatmap-red.png", "residual-spectrum.png"} <= written
    done = ganeval("detect", first, second, "--explain", out, "-q")
    assert done.code == 0, done.err
    folders = sorted(out.iterdir())
    assert len(folders) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ganeval-cache", "one", "out", "two"] or sorted(
        path.name for path in tmp_path.iterdir()
    ) == ["one", "out", "two"]
    for one in folders:
        assert one.name.startswith("x_y-")
        assert {path.name for path in one.iterdir()} == written
        valid(json.loads((one / "verdict.json").read_text()))
        with Image.open(one / "sheet.png") as sheet:
            assert sheet.width > 800
        page = (one / "sheet.html").read_text()
        assert page.count("data:image/png;base64,") == 5
        assert "http" not in page.replace("http-equiv", "")
