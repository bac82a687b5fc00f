"""What users call metrics and options, and what they get."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ganeval.errors import MetricError, OptionError
from ganeval.metrics.naming import score_name
from ganeval.metrics.registry import METRICS, Metric
from ganeval.metrics.selection import GROUPS, known_names, pairs_left_out, parse_options, select_metrics

OWN = ["inception_score", "fd", "kd", "precision_recall", "density_coverage"]


def _picked(*names: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(s.metric.name, s.scores) for s in select_metrics(names)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("fid", [("fd", ("fd",))]),
        ("fd", [("fd", ("fd",))]),
        ("FID", [("fd", ("fd",))]),
        ("kid", [("kd", ("kd",))]),
        ("is", [("inception_score", ("inception_score",))]),
        ("isc", [("inception_score", ("inception_score",))]),
        ("Inception-Score", [("inception_score", ("inception_score",))]),
        ("pr", [("precision_recall", ("precision", "recall"))]),
        ("prc", [("precision_recall", ("precision", "recall"))]),
        ("precision_recall", [("precision_recall", ("precision", "recall"))]),
        ("precision", [("precision_recall", ("precision",))]),
        ("coverage", [("density_coverage", ("coverage",))]),
        ("dc", [("density_coverage", ("density", "coverage"))]),
        ("prdc", [("precision_recall", ("precision", "recall")), ("density_coverage", ("density", "coverage"))]),
    ],
)
def test_one_name(name: str, expected: list[tuple[str, tuple[str, ...]]]) -> None:
    assert _picked(name) == expected


@pytest.mark.parametrize("group", ["default", "standard"])
def test_listed_groups(group: str) -> None:
    assert [name for name, _ in _picked(group)] == OWN


def test_all_is_the_whole_table_but_for_pairs() -> None:
    """Equal names such as 0001.png in two folders are no sign that the images belong together."""
    pairs = {"psnr", "ssim", "paired_ms_ssim", "paired_lpips"}
    assert [name for name, _ in _picked("all")] == [name for name in METRICS.names() if name not in pairs]
    assert {name for name, _ in _picked("all", "paired")} == set(METRICS.names())
    assert "ssim" in dict(_picked("all,ssim"))
    assert set(pairs_left_out(["kid,all"])) == pairs
    assert set(pairs_left_out(["all", "SSIM"])) == pairs - {"ssim"}
    assert pairs_left_out(["all,paired"]) == pairs_left_out(["standard"]) == ()


def test_a_metric_of_pairs_is_in_no_group_but_paired(monkeypatch: pytest.MonkeyPatch) -> None:
    both = replace(METRICS.get("ssim"), groups=("fidelity", "paired"))
    monkeypatch.setitem(METRICS._loaded, "ssim", both)
    assert "ssim" not in dict(_picked("fidelity"))
    assert "ssim" in dict(_picked("paired"))


def test_a_metric_may_belong_to_a_group_with_some_of_its_scores() -> None:
    fidelity, diversity = dict(_picked("fidelity")), dict(_picked("diversity"))
    assert (fidelity["precision_recall"], diversity["precision_recall"]) == (("precision",), ("recall",))
    assert (fidelity["density_coverage"], diversity["density_coverage"]) == (("density",), ("coverage",))
    assert "vendi" in diversity
    assert "vendi" not in fidelity
    assert {name for name, _ in _picked("paired")} == {"psnr", "ssim", "paired_ms_ssim", "paired_lpips"}


def test_commas_order_and_repeats() -> None:
    assert _picked("kid, FID", "is", "fd") == [
        ("kd", ("kd",)),
        ("fd", ("fd",)),
        ("inception_score", ("inception_score",)),
    ]
    assert _picked("recall,precision") == [("precision_recall", ("precision", "recall"))]
    assert _picked("recall", "prdc")[0] == ("precision_recall", ("precision", "recall"))
    assert select_metrics("fid,kid") == select_metrics(["fid", "kid"])


def test_requested_names_lead_to_the_score() -> None:
    fid, isc, pr = select_metrics(["FID", "isc", "pr"])
    assert fid.requested == {"fid": "fd", "fd": "fd"}
    assert isc.requested["isc"] == "inception_score"
    assert pr.requested == {"precision": "precision", "recall": "recall"}


@pytest.mark.parametrize(("typo", "nearest"), [("kidd", "kid"), ("precison", "precision"), ("densty", "density")])
def test_unknown_names_suggest_the_nearest(typo: str, nearest: str) -> None:
    with pytest.raises(MetricError, match=f"unknown metric '{typo}'\nDid you mean '{nearest}'"):
        select_metrics(["kid", typo])


@pytest.mark.parametrize("nothing", [[], [""], [" , "]])
def test_nothing_asked_for(nothing: list[str]) -> None:
    with pytest.raises(MetricError, match="no metric is asked for"):
        select_metrics(nothing)


def test_every_known_name_selects_something() -> None:
    for name in known_names():
        assert select_metrics([name])
    assert {"fid", "kid", "is", "prdc", "precision", "all", *GROUPS} <= set(known_names())


def test_options() -> None:
    assert parse_options(["kid.subset_size=500", "kd.gamma=0.5", "IS.splits=5", "is.shuffle=no"]) == {
        "kd": {"subset_size": 500, "gamma": 0.5},
        "inception_score": {"splits": 5, "shuffle": False},
    }
    assert parse_options(["kid.subset-size = none"]) == {"kd": {"subset_size": None}}
    assert parse_options(["prdc.k=7", "precision.k=4"]) == {"precision_recall": {"k": 4}, "density_coverage": {"k": 7}}
    assert parse_options([]) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kid.subset_size", "isn't of the form metric.parameter=value"),
        ("subset_size=3", "isn't of the form"),
        ("=3", "isn't of the form"),
        (".k=3", "isn't of the form"),
        ("kidd.subset_size=3", "unknown metric 'kidd'\nDid you mean 'kid'"),
        ("kid.subsetsize=3", "no option 'subsetsize'\nDid you mean 'subset_size'"),
        ("kid.subset_size=many", "the value 'many', which can't be read"),
        ("kid.subset_size=", "the value '', which can't be read"),
        ("is.shuffle=perhaps", "'perhaps' is neither true nor false"),
        ("fid.k=3", "no option 'k'"),
    ],
)
def test_bad_options(text: str, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        parse_options([text])


@pytest.mark.parametrize("name", OWN)
def test_table_entries_are_whole(name: str) -> None:
    metric = METRICS.get(name)
    assert isinstance(metric, Metric)
    assert metric.name == name
    assert len(metric.scores) == len(metric.higher_is_better) > 0
    assert metric.title
    assert metric.paper
    assert metric.formula
    for parameter in metric.parameters:
        assert parameter.help
        assert parameter.parse(str(parameter.default)) == parameter.default


def test_parameter_parsers_read_back_their_defaults() -> None:
    kernel = METRICS.get("kd")
    assert [kernel.parameter(n).parse("none") for n in ("subset_size", "gamma")] == [None, None]
    assert METRICS.get("inception_score").parameter("shuffle").parse("On") is True


@pytest.mark.parametrize(
    ("base", "metric", "inception", "other"),
    [
        ("fd", "fd", "fid", "fd_dinov2-vit-l-14"),
        ("kd", "kd", "kid", "kd_dinov2-vit-l-14"),
        ("inception_score", "inception_score", "inception_score", "inception_score_dinov2-vit-l-14"),
        ("recall", "precision_recall", "recall", "recall_dinov2-vit-l-14"),
    ],
)
def test_names_of_scores(base: str, metric: str, inception: str, other: str) -> None:
    assert score_name(base, METRICS.get(metric), "inception-v3") == inception
    assert score_name(base, METRICS.get(metric), "dinov2-vit-l-14") == other
