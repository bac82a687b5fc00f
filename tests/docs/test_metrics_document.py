"""docs/metrics.md knows every metric of the table: its section, scores, options with defaults, direction and paper."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ganeval.metrics.registry import METRICS

TEXT = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
FACTS = ["Names", "Formula", "Paper", "Range", "Options", "Images", "Interval", "Blind to", "Compare with"]
#: Plug-ins of other packages are not ours to describe.
OWN = sorted(name for name in METRICS.names() if METRICS.get(name).compute.__module__.startswith("ganeval.metrics."))


def sections() -> dict[str, str]:
    parts = re.split(r"^### `(\w+)`\n", TEXT, flags=re.MULTILINE)
    bodies = [re.split(r"^## ", body, flags=re.MULTILINE)[0] for body in parts[2::2]]
    assert len(set(parts[1::2])) == len(parts[1::2])
    return dict(zip(parts[1::2], bodies, strict=True))


SECTIONS = sections()


def fact(name: str, label: str) -> str:
    """The text behind one bold label of a section, in one line."""
    found = re.search(rf"^- \*\*{label}\*\*: (.*?)(?=^- \*\*|\Z)", SECTIONS[name], flags=re.MULTILINE | re.DOTALL)
    assert found is not None, f"the section of {name} has no {label}"
    return " ".join(found[1].split())


def test_sections_are_those_of_the_table():
    assert sorted(SECTIONS) == OWN


@pytest.mark.parametrize("name", OWN)
def test_a_section_says_everything_in_order(name):
    assert re.findall(r"^- \*\*([\w ]+)\*\*:", SECTIONS[name], flags=re.MULTILINE) == FACTS


@pytest.mark.parametrize("name", OWN)
def test_options_and_defaults_are_those_of_the_table(name):
    stated = dict(re.findall(r"`(\w+)` \(([^:;)]+)", fact(name, "Options")))
    defaults = {parameter.name: str(parameter.default).lower() for parameter in METRICS.get(name).parameters}
    assert stated == defaults
    assert (fact(name, "Options") == "none.") == (not defaults)


@pytest.mark.parametrize("name", OWN)
def test_names_are_stated(name):
    metric = METRICS.get(name)
    text = fact(name, "Names")
    for base in metric.scores:
        assert f"`{base}" in text or f"`{(metric.inception_names or {}).get(base, base)}" in text
    for special in (metric.inception_names or {}).values():
        assert f"`{special}`" in text
    for names in (metric.field_names or {}).values():
        assert all(f"`{special}" in text for special in names.values())


@pytest.mark.parametrize("name", OWN)
def test_direction_is_that_of_the_table(name):
    text = fact(name, "Range").lower()
    for up in METRICS.get(name).higher_is_better:
        assert ("higher is better" if up else "lower is better") in text


@pytest.mark.parametrize("name", OWN)
def test_paper_is_that_of_the_table(name):
    years = set(re.findall(r"\b(?:19|20)\d\d\b", METRICS.get(name).paper))
    assert years & set(re.findall(r"\b(?:19|20)\d\d\b", fact(name, "Paper")))


@pytest.mark.parametrize("name", OWN)
def test_the_interval_is_described_where_there_is_one(name):
    assert fact(name, "Interval").startswith("none") == (not METRICS.get(name).has_interval)


def test_every_metric_is_in_the_table_of_questions():
    questions = TEXT.split("## How to read a score")[0]
    for name in OWN:
        names = {name, *METRICS.get(name).scores}
        assert any(f"`{known}`" in questions for known in names), f"no question leads to {name}"


def test_the_table_of_questions_names_nothing_that_there_is_not():
    known = {"--top"}.union(*({name, *METRICS.get(name).scores} for name in OWN))
    rows = [row for row in TEXT.split("## How to read a score")[0].splitlines() if row.startswith("| ")]
    for row in rows[1:]:
        for name in re.findall(r"`([\w-]+)`", row.split("|")[2]):
            assert name in known, f"{name} isn't in the table of metrics"
