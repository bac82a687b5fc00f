"""Reports compared by their numbers: verdicts by hand, and refusals that name everything that differs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import ganeval
from ganeval.comparing.from_reports import compare_reports
from ganeval.errors import CompareError, OptionError, ReportError
from ganeval.metrics.score import Score
from ganeval.report.report import Side
from ganeval.report.stopping import Stopping

FD, RECALL = "fd_efficientnet-lite0", "recall_efficientnet-lite0"


def test_verdicts_by_hand(report_of, score_of):
    a = report_of("a/", [score_of(FD, 10.0, 0.3), score_of(RECALL, 0.50, 0.02)])
    b = report_of("b/", [score_of(FD, 6.9, 0.4), score_of(RECALL, 0.51, 0.02)])
    found = compare_reports([a, b])
    assert [one.name for one in found.sets] == ["a", "b"]
    (fd,) = found["fid"].differences
    # The standard error is √(.3² + .4²) = .5; of two differences the first is judged at 97.5 %: ± 2.2414 × .5.
    assert fd.standard_error == pytest.approx(0.5)
    assert (fd.outcome, fd.better, fd.paired) == ("better", "b", False)
    assert fd.verdict == f"b is better than a on {FD}, by 3.1 [2.0, 4.2]"
    assert (fd.interval.low, fd.interval.high) == pytest.approx((3.1 - 1.1207, 3.1 + 1.1207), abs=1e-4)
    (recall,) = found[RECALL].differences
    assert (recall.outcome, recall.better) == ("undecided", None)
    assert recall.verdict.startswith(f"a and b can't be told apart on {RECALL} at N=2,000 (difference -0.010 [")
    # (1.96 + .8416)² × (2 × .0004) × 2,000 / .01² images on each side: the real ones' part alone is too large.
    assert recall.needed == pytest.approx(2.80158**2 * 0.0008 * 2000 / 1e-4, rel=1e-4)
    assert recall.more_real
    assert recall.verdict.endswith("about 130,000 images a set and as many real ones")
    assert [(place.name, place.text) for place in found["fid"].ranking] == [("b", "1"), ("a", "2")]
    assert [place.text for place in found[RECALL].ranking] == ["1–2", "1–2"]
    assert found.tested == 2
    assert "as if every score had real images of its own" in found.method


def test_higher_is_better_decides_the_winner(report_of, score_of):
    found = compare_reports([report_of(n, [score_of(RECALL, v, 0.01)]) for n, v in (("a", 0.9), ("b", 0.5))])
    assert found[RECALL].differences[0].better == "a"
    assert [place.name for place in found[RECALL].ranking] == ["a", "b"]


def test_many_comparisons_cost_power(report_of, score_of):
    pair = [report_of("a", [score_of(FD, 0.0, 0.1)]), report_of("b", [score_of(FD, 0.31, 0.1)])]
    assert compare_reports(pair)[FD].differences[0].outcome == "better"
    three = compare_reports([*pair, report_of("c", [score_of(FD, 0.15, 0.1)])])
    assert [one.outcome for one in three[FD].differences] == ["undecided"] * 3
    assert three[FD].differences[0].adjusted_p_value == pytest.approx(3 * three[FD].differences[0].p_value)


def test_scores_without_intervals_are_shown_without_verdict(report_of, score_of):
    reason = "no valid interval exists"
    a = report_of("a", [score_of(FD, 3.0, None, no_interval_reason=reason), score_of(RECALL, 0.5)])
    b = report_of("b", [score_of(FD, 9.0), score_of(RECALL, 0.5)])
    found = compare_reports([a, b])
    (fd,) = found[FD].differences
    assert fd.outcome == "no-verdict"
    assert fd.interval is None
    assert reason in fd.verdict
    assert found[FD].ranking == ()
    assert found.tested == 1


def test_a_corrected_score_is_not_held_against_an_uncorrected_one(report_of, score_of):
    a, b = report_of("a", [score_of(FD, 3.0)]), report_of("b", [score_of(FD, 9.0, corrected=None)])
    (fd,) = compare_reports([a, b])[FD].differences
    assert fd.outcome == "no-verdict"
    assert "b: the finite-sample bias" in fd.verdict


def test_scores_that_depend_on_the_number_of_images_need_equal_numbers(report_of, score_of):
    a = report_of("a", [score_of(FD, 3.0), score_of(RECALL, 0.5)])
    b = report_of("b", [score_of(FD, 9.0, n_generated=5000), score_of(RECALL, 0.9, n_generated=5000)])
    found = compare_reports([a, b])
    assert found[FD].differences[0].outcome == "better"
    assert found[RECALL].differences[0].outcome == "no-verdict"
    assert "a has 2,000, b 5,000" in found[RECALL].differences[0].verdict


def test_identical_sets(report_of, score_of):
    side = Side("a", "folder", 2000, fingerprint="77" * 32)
    pair = [report_of("a", [score_of(FD, 3.0)], generated=side), report_of("a", [score_of(FD, 3.0)], generated=side)]
    found = compare_reports(pair)
    assert [one.name for one in found.sets] == ["a", "a (2)"]
    (fd,) = found[FD].differences
    assert (fd.outcome, fd.difference) == ("identical", 0.0)
    assert "identical-sets" in [notice.code for notice in found.notices]
    assert found.tested == 0


def test_a_difference_that_chance_cannot_explain_is_no_verdict(report_of, score_of):
    found = compare_reports([report_of(n, [score_of(RECALL, v, 0.0)]) for n, v in (("a", 1.0), ("b", 0.0))])
    assert found[RECALL].differences[0].outcome == "no-verdict"
    same = compare_reports([report_of(n, [score_of(RECALL, 1.0, 0.0)]) for n in "ab"])
    assert same[RECALL].differences[0].outcome == "undecided"
    assert "no number of images" in same[RECALL].differences[0].verdict


def test_everything_that_differs_is_named_at_once(report_of, score_of):
    a = report_of("a", [score_of(RECALL, 0.5, parameters={"k": 3})])
    other = replace(a.extractor, weights_sha256="cd34" * 16, preprocessing="clean", precision="bfloat16")
    b = report_of("b", [score_of(RECALL, 0.5, parameters={"k": 5})], extractor=other, real=replace(a.real, count=1000))
    with pytest.raises(CompareError) as caught:
        compare_reports([a, b])
    for part in (
        "weights of the extractor: a: ab12ab12ab12, b: cd34cd34cd34",
        "preprocessing (resize): a: tf1, b: clean",
        "precision of the network: a: float32, b: bfloat16",
        "numbers of real images: a: 2000, b: 1000",
        f"k of {RECALL}: a: 3, b: 5",
    ):
        assert part in caught.value.message


def test_other_real_images_are_refused(report_of, score_of):
    a, b = report_of("a", [score_of(FD, 3.0)]), report_of("b", [score_of(FD, 3.0)])
    b = replace(b, real=replace(b.real, source="other/", fingerprint="6f" * 32))
    with pytest.raises(CompareError, match=r"real images: a: data/ .fingerprint 5e5e.*b: other/"):
        compare_reports([a, b])
    unknown = replace(b, real=replace(b.real, fingerprint=None))
    assert "real-images-unknown" in [notice.code for notice in compare_reports([a, unknown]).notices]


def test_the_real_images_of_scores_that_use_none_do_not_matter(report_of, score_of):
    name = "inception_score_efficientnet-lite0"
    a, b = (report_of(n, [score_of(name, 3.0, n_real=None, higher_is_better=True)]) for n in "ab")
    b = replace(b, real=replace(b.real, fingerprint="6f" * 32))
    assert compare_reports([a, b])[name].differences[0].outcome == "undecided"


def test_other_extractors_have_no_score_in_common(report_of, score_of):
    a = report_of("a", [score_of(FD, 3.0)])
    b = report_of("b", [Score("fid", 3.0, 2000, 2000, False)], extractor=replace(a.extractor, name="inception-v3"))
    with pytest.raises(
        CompareError, match=r"no score in common.*\n.*extractors: a: efficientnet-lite0, b: inception-v3"
    ):
        compare_reports([a, b])


def test_metrics_that_not_all_have_are_left_out(report_of, score_of):
    a, b = report_of("a", [score_of(FD, 3.0), score_of(RECALL, 0.5)]), report_of("b", [score_of(FD, 4.0)])
    found = compare_reports([a, b])
    assert list(found.metrics) == [FD]
    assert [notice.code for notice in found.notices] == ["not-in-all"]
    with pytest.raises(CompareError, match="recall"):
        compare_reports([a, b], metrics="recall")
    assert list(compare_reports([a, b], metrics=["fid"]).metrics) == [FD]


def test_from_files_and_their_names(report_of, score_of, tmp_path):
    for name in "ab":
        report_of(f"runs/{name}/samples", [score_of(FD, 3.0 if name == "a" else 5.0)]).to_json(
            tmp_path / f"{name}.json"
        )
    found = ganeval.compare([tmp_path / "a.json", str(tmp_path / "b.json")])
    assert [one.name for one in found.sets] == ["runs/a/samples", "runs/b/samples"]
    assert found["fid"].differences[0].better == "runs/a/samples"
    named = ganeval.compare({"A": tmp_path / "a.json", "B": tmp_path / "b.json"})
    assert named["fid"].differences[0].better == "A"
    with pytest.raises(CompareError, match="bring their own"):
        ganeval.compare([tmp_path / "a.json", tmp_path / "b.json"], "digits")
    with pytest.raises(CompareError, match="mixed"):
        ganeval.compare([tmp_path / "a.json", "digits"], "digits")
    with pytest.raises(ReportError, match="no report"):
        ganeval.compare([tmp_path / "a.json", tmp_path / "missing.json"])


@pytest.mark.parametrize(
    ("names", "match"),
    [(["x"], "1 name was given for 2 sets"), (["x", "x"], "must differ"), (["x", " "], "must differ")],
)
def test_names_that_do_not_fit(report_of, score_of, names, match):
    with pytest.raises(OptionError, match=match):
        compare_reports([report_of("a", [score_of(FD, 3.0)]), report_of("b", [score_of(FD, 4.0)])], names=names)


def test_a_level_is_needed(report_of, score_of):
    for level in (None, 1.0, 0):
        with pytest.raises(OptionError, match="level"):
            compare_reports([report_of("a", [score_of(FD, 3.0)]), report_of("b", [score_of(FD, 4.0)])], level=level)


def test_a_run_that_stopped_when_it_was_enough_counts_its_looks(report_of, score_of):
    stopping = Stopping((), (), (500, 750), 0.95, 2 * 1.959964)
    plain = [report_of(n, [score_of(FD, v, 0.1)]) for n, v in (("a", 1.0), ("b", 2.0))]
    looked = [replace(plain[0], stopping=stopping), plain[1]]
    errors = [compare_reports(pair)[FD].differences[0].standard_error for pair in (plain, looked)]
    assert errors == pytest.approx([np.hypot(0.1, 0.1), np.hypot(0.2, 0.1)], rel=1e-5)
