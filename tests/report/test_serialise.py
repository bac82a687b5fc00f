"""The JSON holds everything, obeys its schema, and reads back as it was."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganeval.errors import OutputError
from ganeval.metrics.score import Interval, Score
from ganeval.report import Gallery, Report, ReportError, report_from_json, report_schema
from ganeval.report.serialise import report_to_dict, report_to_json
from ganeval.uncertainty.influence import StandardError
from ganeval.version import __version__

Make = Callable[..., Report]
TOP_KEYS = [
    "schema",
    "ganeval",
    "scores",
    "requested",
    "extractor",
    "real",
    "generated",
    "run",
    "comparable",
    "notices",
]


def valid(document: Any) -> bool:
    return bool(jsonschema.Draft202012Validator(report_schema()).is_valid(document))


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(report_schema())


def test_every_field_of_the_schema_is_described() -> None:
    schema = report_schema()
    for name, definition in {"top": schema, **schema["$defs"]}.items():
        for key, field in definition.get("properties", {}).items():
            target = schema["$defs"][field["$ref"].rpartition("/")[2]] if "$ref" in field else {}
            assert field.get("description") or target.get("description"), f"{name}.{key}"


def test_a_report_obeys_the_schema_with_keys_in_order(make_report: Make) -> None:
    document = json.loads(report_to_json(make_report()))
    jsonschema.validate(document, report_schema(), jsonschema.Draft202012Validator)
    assert list(document) == TOP_KEYS
    assert document["schema"] == "ganeval/report@1"
    assert document["ganeval"] == __version__
    assert next(iter(document["scores"])) == "inception_score_efficientnet-lite0"
    score = document["scores"]["fd_efficientnet-lite0"]
    assert list(score) == ["value", "interval", "n_real", "n_generated", "higher_is_better", "parameters", "details"]
    assert score["value"] == 23.416785123456
    assert score["interval"] is None
    assert (score["n_real"], score["n_generated"], score["higher_is_better"]) == (2000, 2000, False)
    assert document["generated"]["skipped"][1] == {"id": "samples/01203.png", "reason": "the file has zero bytes"}


def test_the_report_s_own_methods_lead_here(make_report: Make, tmp_path: Path) -> None:
    report = make_report()
    assert report.to_dict() == report_to_dict(report)
    text = report.to_json(tmp_path / "out.json")
    assert (tmp_path / "out.json").read_text(encoding="utf-8") == text


def test_same_report_same_bytes(make_report: Make) -> None:
    assert report_to_json(make_report()) == report_to_json(make_report())


SCORE = ("scores", "fd_efficientnet-lite0")


@pytest.mark.parametrize(
    ("path", "change"),
    [
        (SCORE, lambda s: s.update(paramters=s.pop("parameters"))),
        (SCORE, lambda s: s.update(valeu=1.0)),
        (SCORE, lambda s: s.pop("higher_is_better")),
        (SCORE, lambda s: s.update(value="23.4")),
        (SCORE, lambda s: s.update(value=None)),
        (SCORE, lambda s: s.update(n_real=-1)),
        (SCORE, lambda s: s.update(n_real=2000.5)),
        (SCORE, lambda s: s.update(interval={"low": 1, "high": 2, "level": 95, "method": ""})),
        (SCORE, lambda s: s.update(interval={"low": 1, "high": 2, "level": 0.95})),
        ((), lambda d: d.update(schema="ganeval/report@2")),
        ((), lambda d: d.pop("comparable")),
        ((), lambda d: d.update(extra=1)),
        (("extractor",), lambda e: e.update(weights=e.pop("weights_sha256"))),
        (("generated",), lambda s: s["sizes"].update({"28x28": "many"})),
        (("run",), lambda r: r.pop("seed")),
        (("notices", 0), lambda n: n.update(severity="fatal")),
    ],
)
def test_the_schema_refuses_what_is_wrong(make_report: Make, path: tuple[Any, ...], change: Callable[..., Any]) -> None:
    document = copy.deepcopy(report_to_dict(make_report()))
    assert valid(document)
    place: Any = document
    for step in path:
        place = place[step]
    change(place)
    assert not valid(document)


def test_the_schema_leaves_room_for_what_comes() -> None:
    allowed = report_schema()["$defs"]["score"]
    assert {"corrected", "no_interval_reason"} <= set(allowed["properties"]) - set(allowed["required"])


def test_round_trip(make_report: Make) -> None:
    report = make_report()
    back = report_from_json(report_to_json(report))
    assert back == replace(report, gallery=Gallery())
    assert list(back.scores) == list(report.scores)
    assert back["fid"].value == 23.416785123456


def test_round_trip_without_real_side_and_from_a_file(make_report: Make, tmp_path: Path) -> None:
    report = make_report(real=None, gallery=Gallery(), notices=(), requested={})
    report_to_json(report, tmp_path / "r.json")
    assert report_from_json(tmp_path / "r.json") == report
    assert report_from_json(str(tmp_path / "r.json")) == report


numbers = st.floats() | st.integers(-(2**60), 2**60)
finite = st.floats(allow_nan=False, allow_infinity=False)
plain = st.recursive(
    st.none() | st.booleans() | numbers | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.sampled_from("ab/~ é"), max_size=4), inner),
    max_leaves=8,
)
intervals = st.builds(Interval, st.floats(), st.floats(), st.floats(0.01, 0.99), st.text(st.sampled_from("abc ✓")))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    value=st.floats(),
    interval=st.none() | intervals,
    n_real=st.none() | st.integers(0, 10**9),
    higher=st.booleans(),
    parameters=st.dictionaries(st.sampled_from(["k", "a/b", "~", "s"]), plain, max_size=3),
    details=st.dictionaries(st.sampled_from(["std", "per_class"]), plain, max_size=2),
    corrected=st.none() | st.floats(),
    reason=st.none() | st.text(st.sampled_from("ab é"), max_size=4),
    error=st.none() | st.builds(StandardError, *[st.floats(0)] * 3),
)
def test_any_score_survives_the_way_through_json(
    make_report: Make,
    value: float,
    interval: Interval | None,
    n_real: int | None,
    higher: bool,
    parameters: dict[str, Any],
    details: dict[str, Any],
    corrected: float | None,
    reason: str | None,
    error: StandardError | None,
) -> None:
    score = Score("s", value, n_real, 5, higher, interval, parameters, details, corrected, reason, error)
    text = report_to_json(make_report(scores={"s": score}))
    document = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} in the JSON"))
    jsonschema.validate(document, report_schema(), jsonschema.Draft202012Validator)
    # repr, because NaN is unequal to itself and -0.0 equal to 0.0.
    assert repr(report_from_json(text)["s"]) == repr(score)


def test_numbers_that_are_not_finite_are_null_with_a_reason(make_report: Make) -> None:
    score = Score("s", math.nan, 1, 2, True, Interval(-math.inf, 1.0, 0.9, "m"), {}, {"per": [1.0, math.inf]})
    document = report_to_dict(make_report(scores={"s": score}))
    written = document["scores"]["s"]
    assert written["value"] is None
    assert written["interval"]["low"] is None
    assert written["details"] == {"per": [1.0, None]}
    assert written["not_finite"] == {"/value": "nan", "/interval/low": "-inf", "/details/per/1": "inf"}
    assert valid(json.loads(json.dumps(document)))


def test_numpy_paths_and_tuples_become_plain(make_report: Make) -> None:
    parameters = {
        "k": np.int64(3),
        "on": np.bool_(True),
        "x": np.float32(0.1),
        "list": (1, 2),
        "array": np.arange(3),
        "zero": np.array(2.5),
        "path": Path("a/b"),
    }
    score = Score("s", np.float32(0.1), 1, 2, True, None, parameters)  # type: ignore[arg-type]
    written = json.loads(report_to_json(make_report(scores={"s": score})))["scores"]["s"]
    assert written["value"] == float(np.float32(0.1))
    assert written["parameters"] == {
        "k": 3,
        "on": True,
        "x": float(np.float32(0.1)),
        "list": [1, 2],
        "array": [0, 1, 2],
        "zero": 2.5,
        "path": str(Path("a/b")),
    }


@pytest.mark.parametrize("value", [1j, object(), {1, 2}, b"x", np.array([object()], dtype=object)])
def test_what_json_can_not_express_is_named(make_report: Make, value: object) -> None:
    score = Score("s", 1.0, 1, 2, True, None, {"odd": value})
    with pytest.raises(OutputError, match=r"parameters/odd.* of the score 's' is of type"):
        report_to_json(make_report(scores={"s": score}))


def test_names_of_files_that_are_no_unicode(make_report: Make, tmp_path: Path) -> None:
    side = replace(make_report().generated, source="a\udcff", skipped=(("b\udc80.png", "cut ✂"),))
    report_to_json(make_report(generated=side), tmp_path / "r.json")
    back = report_from_json(tmp_path / "r.json")
    assert back.generated.source == "a\\udcff"
    assert back.generated.skipped == (("b\\udc80.png", "cut ✂"),)


def without(*path: str) -> Callable[[dict[str, Any]], object]:
    def change(document: dict[str, Any]) -> None:
        for step in path[:-1]:
            document = document[step]
        del document[path[-1]]

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(schema="ganeval/report@2"), "'ganeval/report@2'.* reads 'ganeval/report@1'"),
        (without("schema"), "isn't a ganeval report"),
        (without("scores"), "'scores' is missing"),
        (without("scores", "fd_efficientnet-lite0", "value"), "score 'fd_efficientnet-lite0': 'value' is missing"),
        (
            lambda d: d["scores"]["fd_efficientnet-lite0"].update(value="1"),
            "'value' has a value of the wrong type, '1'",
        ),
        (lambda d: d["scores"]["fd_efficientnet-lite0"].update(value=True), "'value' has a value of the wrong type"),
        (lambda d: d["scores"]["fd_efficientnet-lite0"].update(value=None), "'value' has a value of the wrong type"),
        (lambda d: d["scores"]["fd_efficientnet-lite0"].update(value=10**400), "too large"),
        (lambda d: d["scores"].update(fid=3), "score 'fid' must be an object"),
        (lambda d: d["run"].update(not_finite={"/nowhere/at/all": "nan"}), "fits nothing"),
        (lambda d: d["run"].update(not_finite=[1]), "'not_finite' must be an object"),
        (lambda d: d.update(notices=["x"]), "notice must be an object"),
        (lambda d: d["generated"].update(count="many"), "generated: 'count'"),
    ],
)
def test_a_document_that_is_no_report(make_report: Make, change: Callable[..., Any], message: str) -> None:
    document = json.loads(report_to_json(make_report()))
    change(document)
    with pytest.raises(ReportError, match=message):
        report_from_json(json.dumps(document))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"schema": "ganeval/report@1", "sco', "isn't valid JSON"),
        (b'{"schema": NaN}', "NaN is not JSON"),
        (b"[1, 2]", "isn't a ganeval report"),
        (b"", "isn't valid JSON"),
        (b"[" * 100_000, "isn't valid JSON"),
        (b"\x89PNG\r\n\x1a\n\xff", "isn't UTF-8 text"),
    ],
)
def test_files_that_are_no_report(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "r.json").write_bytes(content)
    with pytest.raises(ReportError, match=message):
        report_from_json(tmp_path / "r.json")


def test_no_such_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="there is no report"):
        report_from_json(tmp_path / "none.json")
    with pytest.raises(ReportError, match="can't be read"):
        report_from_json(tmp_path)


def test_a_newer_minor_version_with_further_keys_is_read(make_report: Make) -> None:
    document = json.loads(report_to_json(make_report()))
    document["scores"]["fd_efficientnet-lite0"]["corrected"] = 20.0
    document["attribution"] = {"anything": 1}
    assert report_from_json(json.dumps(document))["fid"].value == 23.416785123456
