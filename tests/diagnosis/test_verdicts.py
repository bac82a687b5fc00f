"""Verdicts: Holm's procedure against statsmodels' table and by simulation, and what counts for a finding."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganeval.diagnosis.verdicts import diagnosed, holm
from ganeval.report.diagnosis import Evidence, Severity


def evidence(
    name: str, failure: str = "mode-collapse", severity: Severity = "partial", p: float | None = 0.5
) -> Evidence:
    reason = "no pictures" if severity == "unknown" else None
    return Evidence(name, name, failure, severity, f"{name} says so", p_value=p, reason=reason)


def test_holm_by_hand() -> None:
    # Of four at 0.05 the thresholds are 0.0125, 0.0167, 0.025 and 0.05; the third fails, so the fourth doesn't count.
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005}, 0.05) == ("d", "a")
    assert holm({"a": 0.0125, "b": 0.0167, "c": 0.025, "d": 0.05}, 0.05) == ("a",)
    assert holm({}, 0.05) == ()
    assert holm({"a": 0.05}, 0.05) == ("a",)


@given(st.dictionaries(st.text(min_size=1), st.floats(0, 1), max_size=12), st.floats(0.001, 0.5))
def test_holm_lies_between_bonferroni_and_no_correction(p_values: dict[str, float], level: float) -> None:
    rejected = set(holm(p_values, level))
    bonferroni = {name for name, p in p_values.items() if p <= level / len(p_values)}
    assert bonferroni <= rejected <= {name for name, p in p_values.items() if p <= level}


def test_family_wise_error_by_simulation() -> None:
    rng = np.random.default_rng(0)
    # Uniform p-values that depend on each other strongly: eight of ten are one and the same.
    alarms = 0
    for _ in range(4000):
        shared, own = rng.random(), rng.random(2)
        p_values = {str(i): shared for i in range(8)} | {"x": own[0], "y": own[1]}
        alarms += bool(holm(p_values, 0.05))
    assert alarms / 4000 < 0.05


def test_what_is_significant_and_large_is_found_worst_first() -> None:
    found = diagnosed(
        [
            evidence("small", severity="none", p=1e-9),
            evidence("large", severity="partial", p=1e-6),
            evidence("larger", severity="severe", p=1e-4),
            evidence("chance", severity="severe", p=0.3),
        ]
    )
    (collapse,) = (one for one in found.findings if one.failure == "mode-collapse")
    assert collapse.severity == "severe"
    assert collapse.sentence == "larger says so; large says so"
    assert collapse.evidence == ("larger", "large")
    assert found.significant == ("small", "large", "larger")


def test_copies_by_their_pixels_are_told_though_no_test_is_significant() -> None:
    copies = evidence("copies", "memorisation", p=0.3)
    samples = evidence("near-duplicates", p=0.3)
    found = diagnosed(
        [
            replace(copies, details={"exact_copies": 2, "exact_mirrored_copies": 1}),
            replace(samples, details={"exact_copies": 9}),
        ]
    )
    sentences = {one.failure: one.sentence for one in found.findings}
    assert sentences["memorisation"].startswith(
        "3 samples have exactly a training image's pixels; beyond that, nothing suggests that"
    )
    assert "pixels" not in sentences["mode-collapse"]


def test_more_than_two_pieces_of_evidence_are_named_only() -> None:
    found = diagnosed([evidence(name, p=1e-6) for name in ("a", "b", "c")])
    assert found.findings[0].sentence == "a says so; b says so; c agrees"
    assert found.findings[0].evidence == ("a", "b", "c")


def test_evidence_without_a_test_counts_by_its_threshold_and_what_was_not_examined_is_unknown() -> None:
    found = {one.failure: one for one in diagnosed([evidence("latent", p=None)]).findings}
    assert found["mode-collapse"].severity == "partial"
    assert found["memorisation"].severity == "unknown"
    found = {one.failure: one for one in diagnosed([evidence("copies", "memorisation", "unknown", None)]).findings}
    assert (found["memorisation"].severity, found["memorisation"].sentence) == ("unknown", "no pictures")


@pytest.mark.parametrize("p", [0.2, 1.0])
def test_nothing_is_found_where_only_chance_shows(p: float) -> None:
    (collapse, *_) = diagnosed([evidence("bins", severity="severe", p=p)]).findings
    assert collapse.severity == "none"
    assert collapse.evidence == ()


def test_what_could_not_have_found_anything_is_no_verdict() -> None:
    blind = replace(evidence("bins", severity="none", p=0.6), effect=0.2, smallest_effect=1.0)
    information = evidence("mifid", "memorisation", "none", None)
    absent = evidence("copies", "memorisation", "unknown", None)
    found = {one.failure: one for one in diagnosed([blind, information, absent]).findings}
    assert found["mode-collapse"].severity == "unknown"
    assert found["mode-collapse"].sentence == "with so few images even the largest effect might pass unseen (bins)"
    assert (found["memorisation"].severity, found["memorisation"].sentence) == ("unknown", "mifid says so; no pictures")
    # One that sees is enough; a threshold without a test is one, and an alarm stands in any case.
    for seeing in (replace(blind, smallest_effect=0.3), replace(blind, p_value=None, smallest_effect=None)):
        assert diagnosed([blind, seeing]).findings[0].severity == "none"
    assert diagnosed([replace(blind, severity="severe", p_value=1e-6)]).findings[0].severity == "severe"


def test_what_chance_may_explain_is_still_told() -> None:
    tests = [evidence("clear", severity="none", p=0.7), evidence("hint", p=0.03), evidence("chance", p=0.2)]
    (collapse, *_) = diagnosed(tests).findings
    assert collapse.severity == "none"
    assert collapse.sentence.endswith(
        "be missing; hint hints at something, which may be chance among so many tests (p = 0.03)"
    )
    assert "chance hints" not in collapse.sentence
