"""A comparison's forms: JSON of its schema and back, a console table, and a page that is whole in itself."""

from __future__ import annotations

import io
import json
import math
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import jsonschema
import pytest
from rich.console import Console

from ganeval.comparing.judging import Row, judge
from ganeval.errors import MetricError, OutputError, ReportError
from ganeval.features.features import ExtractorInfo
from ganeval.metrics.score import Score
from ganeval.notices import Notice
from ganeval.report import comparison_from_json, comparison_schema, report_from_json
from ganeval.report.comparison import ComparedSet, Comparison, Curve, Looks
from ganeval.report.comparison_console import render_comparison
from ganeval.report.comparison_figures import curve_svg, difference_svg, interval_svg
from ganeval.report.report import Run, Side
from ganeval.uncertainty.influence import StandardError
from ganeval.uncertainty.interval import normal_interval

EVIL = "<script>alert(1)</script>/v2 & co"


def score(name: str, value: float, error: float | None, *, higher: bool, corrected: float | None = None) -> Score:
    centre = value if corrected is None else corrected
    interval = None if error is None else normal_interval(centre, error, level=0.95, method="influence")
    return Score(
        name,
        value,
        2000,
        2000,
        higher,
        interval=interval,
        corrected=corrected,
        standard_error=None if error is None else StandardError(error, 0.0),
        no_interval_reason="it has no influence" if error is None else None,
    )


@pytest.fixture
def comparison() -> Comparison:
    names = ("a", EVIL, "c")
    rows = [
        Row(
            "fd_pixels",
            {
                n: score("fd_pixels", v + 2, 0.4, higher=False, corrected=v)
                for n, v in zip(names, (9, 5, 5.1), strict=True)
            },
        ),
        Row(
            "recall_pixels",
            {n: score("recall_pixels", v, 0.02, higher=True) for n, v in zip(names, (0.5, 0.5, 0.61), strict=True)},
            remark="on 2,000 images of each set",
        ),
        Row("other", {n: score("other", 1.0, None, higher=True) for n in names}),
    ]
    judged = judge(rows, identical=[], level=0.95)
    return Comparison(
        sets=tuple(ComparedSet(n, Side(f"{n}/", "folder", 2000, fingerprint="ab" * 32)) for n in names),
        metrics=judged.metrics,
        extractor=ExtractorInfo("pixels", None, "clean", feature_dim=192),
        real=Side("data/", "folder", 2000),
        level=0.95,
        tested=judged.tested,
        method="differences of corrected values",
        run=Run("ganeval compare", 2020, "2025-11-21T22:41:07+00:00", 3.2, "cpu", 32, {"ganeval": "0.1"}, "Linux"),
        notices=(Notice("size", "The sets differ in size.", "They were cut."), Notice("x", "Seen.", "", "info")),
        requested={"fid": "fd_pixels"},
        curves=tuple(
            Curve("fd_pixels", n, (250, 500, 1000, 2000), (20.0, 14.0, 9.0, 7.0), (None, 5.5, 5.2, 5.0)) for n in names
        ),
    )


def test_json_follows_its_schema_and_comes_back(comparison, tmp_path):
    text = comparison.to_json(tmp_path / "c.json")
    jsonschema.Draft202012Validator(comparison_schema()).validate(json.loads(text))
    back = comparison_from_json(tmp_path / "c.json")
    assert back == comparison_from_json(text)
    assert back.metrics == comparison.metrics
    assert back.curves == comparison.curves
    assert back == comparison
    jsonschema.Draft202012Validator.check_schema(comparison_schema())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: d.pop("method"),
        lambda d: d.update(level=1.5),
        lambda d: d["metrics"]["fd_pixels"]["differences"][0].update(outcome="maybe"),
        lambda d: d["metrics"]["fd_pixels"]["ranking"][0].pop("best"),
        lambda d: d.update(sets=d["sets"][:1]),
        lambda d: d["curves"][0].update(extra=1),
    ],
)
def test_the_schema_refuses_what_is_wrong(comparison, spoil):
    document = comparison.to_dict()
    spoil(document)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, comparison_schema())


def test_every_field_of_the_schema_is_described():
    schema = comparison_schema()
    own = {"top": schema, **{name: schema["$defs"][name] for name in ("metric", "difference", "looks", "curve")}}
    for name, definition in own.items():
        for key, field in definition["properties"].items():
            target = schema["$defs"][field["$ref"].rpartition("/")[2]] if "$ref" in field else {}
            assert field.get("description") or target.get("description"), f"{name}.{key}"


def test_numbers_that_are_not_finite_are_marked(comparison):
    first = comparison.metrics["fd_pixels"]
    endless = replace(first, differences=(replace(first.differences[0], needed=math.inf), *first.differences[1:]))
    changed = replace(comparison, metrics={**comparison.metrics, "fd_pixels": endless})
    document = changed.to_dict()
    jsonschema.validate(document, comparison_schema())
    assert document["metrics"]["fd_pixels"]["differences"][0]["not_finite"] == {"/needed": "inf"}
    assert comparison_from_json(changed.to_json())["fd_pixels"].differences[0].needed == math.inf


def test_a_report_is_no_comparison_and_the_other_way_round(comparison, make_report):
    with pytest.raises(ReportError, match="'ganeval/report@1'"):
        comparison_from_json(make_report().to_json())
    with pytest.raises(ReportError, match="'ganeval/comparison@1'"):
        report_from_json(comparison.to_json())
    with pytest.raises(ReportError, match="'level' is missing"):
        comparison_from_json(json.dumps({k: v for k, v in comparison.to_dict().items() if k != "level"}))


def test_looks_are_told_and_come_back(comparison):
    changed = replace(comparison, looks=Looks((500, 750, 1000), (500, 750), (3, 1)))
    jsonschema.validate(changed.to_dict(), comparison_schema())
    assert comparison_from_json(changed.to_json()).looks == changed.looks
    stream = io.StringIO()
    render_comparison(changed, Console(file=stream, width=200))
    assert "500 (3 open), 750 (1 open); the verdicts hold for 3 planned looks" in stream.getvalue()
    assert "750 (1 open)" in changed.to_html()


def test_a_narrow_terminal_breaks_names_before_the_extractor(comparison):
    def lines(width):
        stream = io.StringIO()
        render_comparison(comparison, Console(file=stream, width=width, force_terminal=True, color_system=None))
        return stream.getvalue().splitlines()

    wide, narrow = lines(200), lines(106)
    assert any(line.startswith("fd_pixels ") for line in wide)
    first = next(i for i, line in enumerate(narrow) if line.startswith("fd "))
    assert narrow[first + 1].startswith("_pixels ")
    assert all(len(line) <= 106 for line in narrow)
    one_look = replace(comparison, looks=Looks((500,), (500,), (0,)))
    stream = io.StringIO()
    render_comparison(one_look, Console(file=stream, width=200))
    assert "the verdicts hold for 1 planned look\n" in stream.getvalue()


def test_metrics_are_found_by_every_name(comparison):
    assert comparison["fid"] is comparison["fd_pixels"]
    assert "fid" in comparison
    assert "kid" not in comparison
    with pytest.raises(MetricError, match="no metric 'kid'"):
        comparison["kid"]
    assert len(comparison.verdicts) == 9


def test_the_console_shows_scores_verdicts_rankings_and_notices(comparison):
    stream = io.StringIO()
    render_comparison(comparison, Console(file=stream, width=200))
    shown = stream.getvalue()
    for metric in comparison.metrics.values():
        assert metric.name in shown
        for one in metric.differences:
            assert one.verdict in shown
    assert f"ranking: fd_pixels: 1–2. {EVIL}, 1–2. c, 3. a" in shown
    assert "recall_pixels: on 2,000 images of each set" in shown
    assert "warning: The sets differ in size. They were cut." in shown
    assert "none of the verdicts on 6 differences is false" in shown
    for row in shown.splitlines():
        if row.startswith("fd_pixels ") and " a " in row:
            assert "11.00" in row
            assert "9.00" in row
            assert "[8.22, 9.78]" in row
            break
    else:
        pytest.fail("no row of fd_pixels and a")


def test_an_ascii_console_gets_ascii_and_no_control_characters(comparison):
    raw = io.BytesIO()
    changed = replace(comparison, sets=(ComparedSet("a\x1b[31m", comparison.sets[0].side), *comparison.sets[1:]))
    with io.TextIOWrapper(raw, encoding="ascii") as stream:
        render_comparison(changed, Console(file=stream, width=120))
        stream.flush()
        shown = raw.getvalue().decode("ascii")
    assert "\x1b" not in shown
    assert "a\\x1b[31m" in shown


def test_the_page_is_whole_and_lets_no_name_become_markup(comparison, tmp_path):
    from html.parser import HTMLParser

    page = comparison.to_html(tmp_path / "c.html")
    assert (tmp_path / "c.html").read_text() == page
    elements: list[tuple[str, dict[str, str | None]]] = []
    still_open: list[str] = []
    void = {"meta", "link", "img", "br", "hr", "input"}

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            elements.append((tag, dict(attrs)))
            if tag not in void:
                still_open.append(tag)

        def handle_startendtag(self, tag, attrs):
            elements.append((tag, dict(attrs)))

        def handle_endtag(self, tag):
            assert still_open.pop() == tag

    reader = Reader()
    reader.feed(page)
    reader.close()
    assert still_open == []
    assert not {tag for tag, _ in elements} & {"script", "link", "iframe", "object", "embed", "form", "base", "img"}
    assert all(not (value or "").startswith("http") for _, attrs in elements for name, value in attrs.items())
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert page.count("<svg") == 3 + 2 + 1
    for metric in comparison.metrics.values():
        assert metric.name in page
    policy = [attrs["content"] for tag, attrs in elements if attrs.get("http-equiv") == "Content-Security-Policy"]
    assert policy == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]
    with pytest.raises(OutputError):
        comparison.to_html(tmp_path / "missing" / "c.html")


def test_figures_are_well_formed_and_drawn_to_scale(comparison):
    metric = comparison["fd_pixels"]
    root = ElementTree.fromstring(interval_svg(metric))
    bars = [(float(r.get("x")), float(r.get("width"))) for r in root.iter("rect")]
    assert len(bars) == 3
    # Equal standard errors make bars of equal length, at distances as the values 9, 5 and 5.1.
    assert bars[0][1] == pytest.approx(bars[1][1], abs=0.2)
    assert (bars[0][0] - bars[1][0]) / (bars[2][0] - bars[1][0]) == pytest.approx(40, rel=0.05)
    differences = ElementTree.fromstring(difference_svg(metric.differences))
    assert len(list(differences.iter("rect"))) == 3
    assert difference_svg(comparison["other"].differences) is None
    curves = ElementTree.fromstring(curve_svg(comparison.curves, {"a": 0, EVIL: 1, "c": 2}))
    assert len(list(curves.iter("polyline"))) == 6
    assert curve_svg([], {}) is None
    assert len(list(ElementTree.fromstring(interval_svg(comparison["other"])).iter("rect"))) == 0
