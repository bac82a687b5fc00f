"""A diagnosis in the report: JSON and back, console and page."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from dataclasses import replace

import jsonschema
import numpy as np
import pytest
from rich.console import Console

from ganeval.features.features import Preview
from ganeval.report.console import render_report
from ganeval.report.diagnosis import (
    Diagnosis,
    Evidence,
    Exhibit,
    Finding,
    Histogram,
    Matrix,
    Part,
    Picture,
)
from ganeval.report.diagnosis_in_words import share_text
from ganeval.report.html import report_to_html
from ganeval.report.reading import report_from_json
from ganeval.report.report import Gallery, Report
from ganeval.report.serialise import report_schema, report_to_json

Make = Callable[..., Report]


def make_diagnosis() -> Diagnosis:
    picture = Picture(Preview("a<b>.png", np.full((8, 6, 3), 90, np.uint8)), "a<b>.png", "generated", "0.12")
    lost = Evidence(
        "class-histogram",
        "Class histogram",
        "mode-collapse",
        "severe",
        "no sandals & few bags are made",
        p_value=1e-40,
        effect=0.31,
        effect_of="share of the real data that is missing",
        smallest_effect=0.02,
        parts=(Part("sandal", 0.1, 0.0, -0.11, -0.09, 1e-30), Part("bag", 0.1, 0.004)),
        parts_of="share of the images",
        exhibits=(Exhibit("Bins", "the most under-represented", (("bin <1>", (picture,)), ("", (picture, picture)))),),
        histograms=(Histogram("Classes", "share", ("sandal", "bag"), {"real": (0.1, 0.1), "generated": (0.0, 0.004)}),),
        matrices=(Matrix("Confusion", "rows are true", ("a", "b"), ((5, 1), (0, 7))),),
        details={"modes": 9, "kl": 0.25},
    )
    small = Evidence("bins", "Bins", "mode-collapse", "partial", "chance alone would show it", p_value=0.2, effect=0.01)
    copies = Evidence("copies", "Copies", "memorisation", "unknown", "not examined: no pictures", reason="no pictures")
    return Diagnosis(
        findings=(
            Finding("mode-collapse", "severe", lost.sentence, ("class-histogram",)),
            Finding("memorisation", "unknown", "no pictures"),
        ),
        evidence=(lost, small, copies),
        significant=("class-histogram",),
        false_alarms=0.05,
    )


def without_pixels(diagnosis: Diagnosis) -> Diagnosis:
    def bare(exhibit: Exhibit) -> Exhibit:
        rows = tuple((name, tuple(replace(one, preview=None) for one in row)) for name, row in exhibit.rows)
        return replace(exhibit, rows=rows)

    evidence = tuple(replace(one, exhibits=tuple(map(bare, one.exhibits))) for one in diagnosis.evidence)
    return replace(diagnosis, evidence=evidence)


def test_json_obeys_the_schema_and_comes_back(make_report: Make) -> None:
    report = make_report(diagnosis=make_diagnosis())
    text = report_to_json(report)
    jsonschema.validate(json.loads(text), report_schema(), jsonschema.Draft202012Validator)
    back = report_from_json(text)
    assert back == replace(report, gallery=Gallery(), diagnosis=without_pixels(make_diagnosis()))


def test_a_report_without_a_diagnosis_has_no_such_key(make_report: Make) -> None:
    assert "diagnosis" not in json.loads(report_to_json(make_report()))
    assert 'id="diagnosis"' not in report_to_html(make_report())


@pytest.mark.parametrize(("key", "value"), [("severity", "awful"), ("p_value", 1.5), ("parts", [{"name": "x"}])])
def test_the_schema_refuses_what_is_wrong(make_report: Make, key: str, value: object) -> None:
    document = json.loads(report_to_json(make_report(diagnosis=make_diagnosis())))
    document["diagnosis"]["evidence"][0][key] = value
    assert not jsonschema.Draft202012Validator(report_schema()).is_valid(document)


def printed(report: Report) -> str:
    stream = io.StringIO()
    render_report(report, Console(file=stream, width=120))
    return stream.getvalue()


def test_the_console_says_the_verdict_before_any_number(make_report: Make) -> None:
    text = printed(make_report(diagnosis=make_diagnosis()))
    verdict = text.index("Mode collapse: severe. No sandals & few bags are made.")
    assert verdict < text.index("inception_score")
    assert "Memorisation: not examined. No pictures." in text
    rows = {line.split("  ")[0]: line for line in text.splitlines() if line.startswith(("Class histogram", "Bins"))}
    assert re.search(r"severe\s+31\.0 %\s+2\.0 %\s+<1e-9", rows["Class histogram"])
    # What is too small to count has no verdict, whatever its size would mean.
    assert "none" in rows["Bins"]
    assert "partial" not in rows["Bins"]
    assert "in at most 5.0 % of cases" in text


def test_the_page_shows_pictures_bars_and_tables_and_escapes_names(make_report: Make) -> None:
    page = report_to_html(make_report(diagnosis=make_diagnosis()))
    section = page[page.index('<section id="diagnosis"') :]
    section = section[: section.index("</section>")]
    assert section.count("data:image/png") == 3
    assert "bin &lt;1&gt;" in section
    assert "bin <1>" not in section
    assert "a&lt;b&gt;.png" in section
    assert "sandals &amp; few bags" in section
    assert section.count("<details") == 3
    assert section.count(" open>") == 1
    assert "--share: 83.3%" in section
    assert "−11.0 % to −9.0 %" in section
    assert page.index('id="diagnosis"') < page.index('id="scores"')


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.31, "31.0 %"), (0.00046, "0.05 %"), (1.0, "100 %"), (0.0, "0 %"), (-0.02, "−2.0 %"), (0.00996, "1.0 %")],
)
def test_shares_in_words(value: float, text: str) -> None:
    assert share_text(value) == text
