"""The simulation's own numbers: moments and truths against draws, the summary by hand, results that survive."""

from __future__ import annotations

import json

import numpy as np
import pytest
from coverage_simulation import cases as table_of_cases
from coverage_simulation.cases import Case, Line, all_cases
from coverage_simulation.code_digest import digest_of_metric
from coverage_simulation.families import FAMILIES
from coverage_simulation.replicates import Outcome, Replicate, run_replicate
from coverage_simulation.results import Results
from coverage_simulation.scenes import DISTANCES
from coverage_simulation.summary import summarise
from coverage_simulation.table import BEGIN, END, markdown, write_into
from coverage_simulation.truths import (
    frechet,
    frechet_within_classes,
    gaussian_kernel_mmd,
    inception_score,
    polynomial_mmd,
    sliced_transport,
    vendi,
)
from coverage_simulation.truths import renyi_kernel_entropy as renyi_kernel_entropy_truth
from coverage_simulation.truths import spectral_distance as spectral_truth

from ganeval.metrics import frechet_distance, kernel_distance
from ganeval.metrics import inception_score as inception_score_of_logits
from ganeval.metrics.renyi_kernel_entropy import renyi_kernel_entropy
from ganeval.metrics.spectral_distance import spectral_distance
from ganeval.metrics.temporal_distance import transitions
from ganeval.metrics.vendi_score import vendi_score

CASE = Case("kd", "gaussian", 8, 0.5, "near", 40, 50)


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("family", ["gaussian", "mixture", "heavy", "sparse", "logits"])
def test_stated_moments_are_those_of_draws(family, distance):
    scene = FAMILIES[family](10, 0.5, distance)
    rng = np.random.default_rng(0)
    for side in (scene.real, scene.generated):
        rows = side.draw(200_000, rng).astype(np.float64)
        covariance = side.covariance()
        scale = np.sqrt(np.diag(covariance).max())
        np.testing.assert_allclose(rows.mean(axis=0), side.mean(), atol=0.015 * scale)
        np.testing.assert_allclose(np.cov(rows.T), covariance, atol=0.04 * scale**2)
        np.testing.assert_allclose(covariance, covariance.T, atol=1e-12)


@pytest.mark.parametrize("distance", ["same", "far"])
def test_stated_moments_of_clips_are_those_of_their_steps(distance):
    scene = FAMILIES["clips"](3, 0.5, distance)
    for features, side in zip(
        scene.draw(60_000, 90_000, np.random.default_rng(0)), (scene.real, scene.generated), strict=True
    ):
        steps = transitions(features.pooled, features.clips).vectors
        np.testing.assert_allclose(steps.mean(axis=0), side.mean(), atol=0.03)
        np.testing.assert_allclose(np.cov(steps.T), side.covariance(), atol=0.05)


def test_spectral_truth_is_where_large_samples_go():
    scene = FAMILIES["textures"](16, 0, "far")
    truth = spectral_truth(scene, {"bins": None, "window": "none"}, draws=2000)
    real, generated = scene.draw(2000, 2000, np.random.default_rng(7))
    assert spectral_distance(real.reader, generated.reader).corrected == pytest.approx(truth.value, rel=0.05)
    assert 0 < truth.error < 0.05 * truth.value


def test_diversity_truths_are_where_large_samples_go():
    scene = FAMILIES["mixture"](6, 0.5, "far")
    rows = scene.generated.draw(20_000, np.random.default_rng(8))
    truth = vendi(scene, {"q": 1.0}, draws=200_000)
    assert vendi_score(rows, level=None).value == pytest.approx(truth.value, rel=0.01)
    order = vendi(scene, {"q": 2.0}, draws=200_000)
    assert vendi_score(rows, q=2.0, level=None).value == pytest.approx(order.value, rel=0.02)
    entropy = renyi_kernel_entropy_truth(scene, {"normalise": True, "bandwidth": 0.3}, draws=400_000)
    found = renyi_kernel_entropy(rows[:4000], bandwidth=0.3)
    assert found.corrected == pytest.approx(entropy.value, abs=4 * found.standard_error.total)
    assert found.standard_error.total < 0.05 * entropy.value


def test_truth_within_classes_of_shifted_clusters_is_the_shift():
    scene = FAMILIES["mixture"](6, 0.5, "same")
    mixture = scene.generated
    moved = type(scene)(scene.real, type(mixture)(mixture.weights, mixture.means + 0.5, mixture.scales))
    assert frechet_within_classes(moved, {}).value == pytest.approx(6 * 0.25)


@pytest.mark.parametrize("family", ["gaussian", "mixture", "heavy", "sparse"])
def test_both_sides_are_one_distribution_where_they_are_the_same(family):
    scene = FAMILIES[family](6, 1.0, "same")
    drawn = [side.draw(5, np.random.default_rng(1)) for side in (scene.real, scene.generated)]
    np.testing.assert_array_equal(*drawn)
    assert frechet(scene, {}).value == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("family", ["gaussian", "mixture", "heavy", "sparse"])
def test_frechet_truth_is_where_large_samples_go(family):
    scene = FAMILIES[family](8, 0.5, "far")
    rng = np.random.default_rng(2)
    value = frechet_distance(scene.real.draw(150_000, rng), scene.generated.draw(150_000, rng), level=None).value
    assert value == pytest.approx(frechet(scene, {}).value, rel=0.02)


@pytest.mark.parametrize("family", ["gaussian", "mixture"])
def test_polynomial_truth_is_the_mean_of_an_unbiased_estimate(family):
    scene = FAMILIES[family](8, 0.5, "far")
    parameters = {"degree": 3, "gamma": None, "coef0": 1.0}
    truth = polynomial_mmd(scene, parameters).value
    rng = np.random.default_rng(3)
    found = [
        kernel_distance(scene.real.draw(400, rng), scene.generated.draw(400, rng), subsets=1, level=None).value
        for _ in range(60)
    ]
    assert np.mean(found) == pytest.approx(truth, abs=4 * np.std(found) / np.sqrt(60))
    assert np.std(found) / np.sqrt(60) < 0.1 * truth


@pytest.mark.parametrize("family", ["gaussian", "mixture"])
def test_gaussian_kernel_truth_is_the_mean_of_kernel_values(family):
    scene = FAMILIES[family](5, 0.5, "far")
    truth = gaussian_kernel_mmd(scene, {"normalise": False, "sigma": 2.0, "scale": 1.0}).value
    rng = np.random.default_rng(4)
    n = 400_000
    x, x2 = (scene.real.draw(n, rng).astype(np.float64) for _ in range(2))
    y, y2 = (scene.generated.draw(n, rng).astype(np.float64) for _ in range(2))

    def kernel(a, b):
        return np.exp(-((a - b) ** 2).sum(axis=1) / 8)

    terms = kernel(x, x2) + kernel(y, y2) - kernel(x, y) - kernel(x2, y2)
    assert truth == pytest.approx(terms.mean(), abs=4 * terms.std() / np.sqrt(n))
    assert truth > 10 * terms.std() / np.sqrt(n)


def test_sliced_truth_of_a_shift_is_three_times_its_square():
    scene = FAMILIES["gaussian"](6, 0.5, "same")
    moved = type(scene)(scene.real, type(scene.real)(np.ones(1), scene.real.means + 0.7, scene.real.scales))
    assert sliced_transport(moved, {}, directions=1000).value == pytest.approx(3 * 6 * 0.49)


def test_sliced_truth_of_mixtures_is_that_of_sorted_draws():
    scene = FAMILIES["mixture"](6, 0.5, "far")
    truth = sliced_transport(scene, {}, directions=1000)
    rng = np.random.default_rng(5)
    x, y = (side.draw(20_000, rng).astype(np.float64) for side in (scene.real, scene.generated))
    along = rng.standard_normal((6, 200))
    along /= np.linalg.norm(along, axis=0)
    centred = [np.sort((side - side.mean(axis=0)) @ along, axis=0) for side in (x, y)]
    gap = x.mean(axis=0) - y.mean(axis=0)
    costs = 18 * ((centred[0] - centred[1]) ** 2).mean(axis=0)
    error = np.hypot(costs.std() / np.sqrt(200), truth.error)
    assert truth.value == pytest.approx(3 * gap @ gap + costs.mean(), abs=4 * error + 0.02 * truth.value)


def test_inception_truth_is_where_large_samples_go():
    scene = FAMILIES["logits"](5, 0.0, "far")
    truth = inception_score(scene, {}, draws=400_000)
    logits = scene.generated.draw(200_000, np.random.default_rng(6))
    found = inception_score_of_logits(logits, splits=1).value
    assert found == pytest.approx(truth.value, abs=5 * truth.error * np.sqrt(2))
    assert 1 < truth.value < 5


def outcome(low, high, value=1.0, corrected=None, error=0.1):
    return Outcome("kd", value, corrected, low, high, error, None if low is not None else "too few")


def replicates(*outcomes):
    return [Replicate("kd", "c", CASE.key, number, 0.5, 0.1, (each,)) for number, each in enumerate(outcomes)]


def test_summary_counts_by_hand():
    truth = polynomial_mmd(CASE.scene(), {"degree": 3, "gamma": None, "coef0": 1.0}).value
    rows = summarise(
        CASE,
        replicates(
            outcome(truth - 1, truth + 1, value=truth + 1, corrected=truth),
            outcome(truth + 0.5, truth + 1, value=truth + 3, corrected=truth + 2),
            outcome(truth - 3, truth - 1, value=truth + 2, corrected=truth - 2),
            outcome(None, None, value=truth + 2, error=None),
        ),
    )
    (row,) = rows
    assert (row.replicates, row.offered, row.inside, row.below, row.above) == (4, 3, 1, 1, 1)
    assert row.coverage == pytest.approx(1 / 3)
    assert row.truth == pytest.approx(truth)
    assert row.bias_value == pytest.approx(2)
    assert row.bias_estimate == pytest.approx(0.5)
    assert row.half_width == pytest.approx((1 + 0.25 + 1) / 3)
    assert row.spread == pytest.approx(np.std([0, 2, -2, 2], ddof=1))
    assert row.refusal == "too few"


@pytest.mark.parametrize(
    ("inside", "of", "verdict"), [(190, 200, "holds"), (175, 200, "holds"), (165, 200, "low"), (200, 200, "wide")]
)
def test_verdict_is_beyond_chance(inside, of, verdict):
    truth = polynomial_mmd(CASE.scene(), {"degree": 3, "gamma": None, "coef0": 1.0}).value
    hit, miss = outcome(truth - 1, truth + 1), outcome(truth + 1, truth + 2)
    (row,) = summarise(CASE, replicates(*[hit] * inside, *[miss] * (of - inside)))
    assert row.verdict == verdict


def test_no_interval_at_all_is_called_refused():
    (row,) = summarise(CASE, replicates(outcome(None, None, error=None)))
    assert row.verdict == "refused"
    assert "refused" in markdown([row])
    assert "Where it is refused: too few." in markdown([row])


def test_a_replicate_is_the_same_again_and_another_one_differs():
    first, again, other = run_replicate(CASE, 3), run_replicate(CASE, 3), run_replicate(CASE, 4)
    assert first.outcomes == again.outcomes
    assert first.outcomes != other.outcomes
    assert Case("kd", "gaussian", 8, 0.5, "near", 40, 51).seed(3) != CASE.seed(3)


def test_results_survive_an_interruption(tmp_path):
    path = tmp_path / "deep" / "results.jsonl"
    results = Results(path)
    made = [run_replicate(CASE, number) for number in range(3)]
    for replicate in made:
        results.append(replicate)
    # The machine died within the third line.
    text = path.read_text()
    path.write_text(text[: text.rindex("{") + 40])
    again = Results(path)
    assert again.of(CASE.key) == made[:2]
    assert not again.has(CASE.key, 2)
    again.append(made[2])
    assert Results(path).of(CASE.key) == made


def test_results_of_other_code_do_not_count(tmp_path):
    path = tmp_path / "results.jsonl"
    Results(path).append(run_replicate(CASE, 0))
    row = json.loads(path.read_text())
    assert row["code"] == digest_of_metric("kd")
    path.write_text(json.dumps(row | {"code": "00000000"}) + "\n")
    assert Results(path).of(CASE.key) == []
    assert Results(path).of_other_code == 1
    assert len(Results(path, any_code=True).of(CASE.key)) == 1


def test_digests_tell_metrics_apart_and_are_stable():
    assert digest_of_metric("kd") != digest_of_metric("fd")
    digest_of_metric.cache_clear()
    assert digest_of_metric("kd") == digest_of_metric("kd")


def test_every_line_of_the_table_is_one_of_known_metrics_and_scenes():
    cases = all_cases()
    assert len(cases) > 50
    assert {case.family for case in cases} == {*FAMILIES}
    for case in cases:
        assert case.family in FAMILIES
        assert case.distance in DISTANCES


def test_a_line_stands_for_its_cases():
    made = list(Line("fd kd", "mixture D=8 p=0.5", "10 20x30", "same far").cases())
    assert len(made) == 8
    assert {(case.n_real, case.n_generated) for case in made} == {(10, 10), (20, 30)}
    assert {case.metric for case in made} == {"fd", "kd"}


def test_a_case_named_twice_is_refused(monkeypatch):
    line = Line("fd", "mixture D=8", "10")
    monkeypatch.setattr(table_of_cases, "LINES", (line, line))
    with pytest.raises(ValueError, match="twice"):
        all_cases()


def test_the_table_goes_between_the_marks(tmp_path):
    document = tmp_path / "coverage.md"
    document.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    rows = summarise(CASE, replicates(*[outcome(-1, 10)] * 5))
    write_into(document, rows)
    write_into(document, rows)
    text = document.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text
    assert text.count("| gaussian, D=8, p=0.5, near | 40 × 50 |") == 1
    assert "100.0 % of 5" in text
    document.write_text("no marks")
    with pytest.raises(ValueError, match="each of the two lines"):
        write_into(document, rows)
