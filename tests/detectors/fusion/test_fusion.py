"""Fusion and rules: weights go to what tells, probabilities are calibrated, false alarms keep their bound."""

from __future__ import annotations

import numpy as np
import pytest

from ganeval.detectors.calibration.reference import ReferenceScores
from ganeval.detectors.evidence import Evidence
from ganeval.detectors.fusion.bins import BINS, bin_of
from ganeval.detectors.fusion.fusing import FEWEST, SOURCE, Fused, Fusion
from ganeval.detectors.fusion.rules import ABSENCE, LIKELY_ALARMS, MOST_OF_HINTS, SURE_ALARMS, judge
from ganeval.detectors.fusion.stability import can_turn_over, turns_over
from ganeval.detectors.provenance.judgements import TRUSTED_CAPTURE
from ganeval.detectors.verdict import LABELS, Conditions


def _reference(n: int, seed: int, bins: str | list[str] = "light", shift: float = 1.5) -> ReferenceScores:
    """ "good" tells by `shift` either way, "noise" tells nothing; both of deviation 1."""
    rng = np.random.default_rng(seed)
    generated = np.arange(n) % 2 == 1
    good = rng.standard_normal(n) + np.where(generated, shift, -shift)
    scores = np.stack([good, rng.standard_normal(n) * 5], axis=1).astype(np.float32)
    names = np.array([f"f{i % 7}" for i in range(n)])
    keys = np.array([bins] * n if isinstance(bins, str) else bins)
    return ReferenceScores(("good", "noise"), scores, generated, names, np.arange(n).astype(str), keys)


#: Photographs that score as high are as rare as "probably generated" allows.
RARE = 0.9 * LIKELY_ALARMS


def _fused(ratio: float, p_camera: float, p_generated: float, p_pooled: float | None = None) -> Fused:
    pooled = p_camera / 2 if p_pooled is None else p_pooled
    return Fused(ratio, np.array([ratio - 0.5, ratio + 0.5]), p_camera, pooled, p_generated)


def test_the_detector_that_tells_gets_the_weight() -> None:
    fusion = Fusion.fitted(_reference(2000, 0), replicates=5)
    assert fusion.weights["good"] > 0.8
    together = fusion.together({"good": 1.0, "noise": 3.0}, "light")
    alone = fusion.together({"good": 1.0}, "light")
    assert together is not None
    assert alone is not None
    assert together.ratio == pytest.approx(alone.ratio, abs=0.15)
    assert alone.ratio == pytest.approx(3.0, abs=0.4)  # The true ratio of two normals at -1.5 and 1.5 is 3 s.


def test_probabilities_of_new_pictures_are_calibrated() -> None:
    fusion = Fusion.fitted(_reference(2000, 1), replicates=5)
    fresh = _reference(4000, 2)
    ratios = []
    for row in fresh.scores:
        fused = fusion.together(dict(zip(fresh.detectors, row.tolist(), strict=True)), "light")
        assert fused is not None
        ratios.append(fused.ratio)
    p = 1 / (1 + np.exp(-np.array(ratios)))
    edges = np.linspace(0, 1, 11)
    of = np.clip(np.digitize(p, edges) - 1, 0, 9)
    error = sum((of == k).mean() * abs(p[of == k].mean() - fresh.generated[of == k].mean()) for k in set(of.tolist()))
    assert error < 0.03


def test_false_alarms_keep_to_their_bound_whatever_the_detector() -> None:
    fusion = Fusion.fitted(_reference(1200, 3, shift=0.7), replicates=5)
    fresh = _reference(4000, 4, shift=0.7)
    alarms = []
    for row in fresh.scores[~fresh.generated]:
        fused = fusion.together(dict(zip(fresh.detectors, row.tolist(), strict=True)), "light")
        judgement = judge(fused, (), key="light", prior=0.5, level=0.95)
        alarms.append(judgement.label in ("generated", "probably generated"))
    # Of 600 references: the bound holds on average over references; 2 % is two deviations of one draw.
    assert np.mean(alarms) <= LIKELY_ALARMS + 0.02


def test_false_alarms_are_bounded_for_the_least_fortunate_source() -> None:
    """One source of photographs scores higher than the others: a score that is rare on average isn't rare there."""
    rng = np.random.default_rng(5)
    n = 20 * (SOURCE + 20)
    generated = np.arange(n) % 2 == 1
    odd = np.arange(n) % 20 == 0  # A tenth of the photographs, enough to have a say.
    scores = rng.standard_normal(n) + np.where(generated, 3.0, -3.0) + np.where(odd, 3.0, 0.0)
    sources = np.where(odd, "odd", "usual")
    text = np.arange(n).astype(str)
    reference = ReferenceScores(
        ("x",), scores.astype(np.float32)[:, None], generated, sources, text, np.array(["light"] * n)
    )
    fused = Fusion.fitted(reference, replicates=2).together({"x": 1.0}, "light")
    assert fused is not None
    cameras = scores[~generated]
    assert (cameras >= 1.0).mean() < 0.03
    assert fused.p_camera == pytest.approx(((scores[odd] >= 1.0).sum() + 1) / (odd.sum() + 1))


def test_conditions_without_references_get_no_answer() -> None:
    fusion = Fusion.fitted(_reference(2 * FEWEST - 2, 0), replicates=2)
    assert not fusion.knows("light")
    assert fusion.together({"good": 3.0}, "light") is None
    assert Fusion.fitted(_reference(2 * FEWEST, 0), replicates=2).knows("light")


def test_a_detector_that_abstains_is_left_out() -> None:
    fusion = Fusion.fitted(_reference(400, 0), replicates=2)
    assert fusion.together({"good": float("nan")}, "light") is None
    assert fusion.single("good", float("nan"), "light") is None


@pytest.mark.parametrize(
    ("fused", "label"),
    [
        (_fused(5.0, 0.002, 0.9), "generated"),
        (_fused(5.0, RARE, 0.6, 1.1 * SURE_ALARMS), "probably generated"),  # Rare, but not as rare as that.
        (_fused(2.0, RARE, 0.6), "probably generated"),
        (_fused(2.0, 1.3 * LIKELY_ALARMS, 0.6), "inconclusive"),
        (_fused(-0.1, RARE, 0.6), "inconclusive"),
        (_fused(5.0, 0.2, 0.9), "inconclusive"),  # A large ratio that many photographs have too.
        (_fused(0.3, 0.3, 0.3), "inconclusive"),
        (_fused(-3.0, 0.8, 0.05), "inconclusive"),  # An absent trace alone is no camera.
        (_fused(-3.0, 0.8, 0.5), "inconclusive"),
        (_fused(0.0, 0.01, 0.01), "inconclusive"),  # Like neither.
        (None, "inconclusive"),
    ],
)
def test_labels(fused: Fused | None, label: str) -> None:
    judgement = judge(fused, (), key="light", prior=0.5, level=0.95, silent="too small")
    assert judgement.label == label
    assert judgement.reason
    assert judgement.label in LABELS


@pytest.mark.parametrize(
    ("fused", "hint", "label"),
    [
        (_fused(-3.0, 0.8, 0.05), -0.7, "probably camera"),
        (_fused(-3.0, 0.8, 0.05), -0.3, "inconclusive"),
        (_fused(-3.0, 0.8, 0.5), -0.7, "inconclusive"),  # Half of the generators leave no more than this.
        (_fused(5.0, 0.002, 0.9), -0.7, "generated"),  # Camera data are easily forged.
    ],
)
def test_a_camera_needs_more_than_an_absent_trace(fused: Fused, hint: float, label: str) -> None:
    judgement = judge(fused, _marks(hint), key="light", prior=0.5, level=0.95)
    assert judgement.label == label


def test_absent_traces_count_for_little() -> None:
    judgement = judge(_fused(-9.0, 0.9, 0.01), (), key="light", prior=0.5, level=0.95)
    assert judgement.probability == pytest.approx(1 / (1 + np.exp(-ABSENCE)))


def test_probability_follows_the_prior_and_lies_in_its_interval() -> None:
    even = judge(_fused(1.0, 0.2, 0.5), (), key="light", prior=0.5, level=0.95)
    rare = judge(_fused(1.0, 0.2, 0.5), (), key="light", prior=0.01, level=0.95)
    assert even.probability == pytest.approx(1 / (1 + np.exp(-1.0)))
    assert rare.probability == pytest.approx(1 / (1 + 99 * np.exp(-1.0)))
    assert even.low is not None
    assert even.high is not None
    assert even.low < even.probability < even.high


def _marks(ratio: float, decides: bool = False) -> tuple[Evidence, ...]:
    return (Evidence("png-text", "the file names a generator", log_likelihood_ratio=ratio, decides=decides),)


def test_unsigned_marks_hint_but_never_decide() -> None:
    judgement = judge(None, _marks(50.0), key="light", prior=0.5, level=0.95, silent="too small")
    assert judgement.label == "probably generated"
    assert judgement.probability == pytest.approx(1 / (1 + np.exp(-MOST_OF_HINTS)))
    camera = judge(None, _marks(-50.0), key="light", prior=0.5, level=0.95, silent="too small")
    assert camera.label == "inconclusive"


def test_words_agree_with_the_probability_at_any_prior() -> None:
    """A picture with a generator's mark, and one with strong traces, where few pictures are taken to be generated."""
    for fused in (None, _fused(-0.5, 0.5, 0.5), _fused(3.0, 0.002, 0.9)):
        judgement = judge(fused, _marks(3.0), key="light", prior=0.0001, level=0.95, silent="too small")
        assert judgement.probability is not None
        assert judgement.probability < 0.5
        assert judgement.label == "inconclusive"
    traces = judge(_fused(3.0, 0.002, 0.9), (), key="light", prior=0.01, level=0.95)
    assert traces.label == "inconclusive"
    assert "traces of a generator" in traces.reason
    assert "taken to be generated" in traces.reason


def test_traces_against_camera_data_are_not_called_common() -> None:
    judgement = judge(_fused(0.5, 0.01, 0.6), _marks(-0.7), key="light", prior=0.5, level=0.95)
    assert judgement.label == "inconclusive"
    assert "traces of a generator that fewer than 1 %" in judgement.reason
    assert "the file names a generator" in judgement.reason  # The sentence of the evidence that speaks against it.


def test_reasons_do_not_blame_an_even_prior() -> None:
    judgement = judge(_fused(-0.1, RARE, 0.6), (), key="light", prior=0.5, level=0.95)
    assert "known generators leave others" in judgement.reason


def test_a_mark_of_a_generator_counts_where_the_pixels_are_like_nothing_known() -> None:
    odd = _fused(0.0, 0.01, 0.01)
    assert judge(odd, _marks(3.0), key="light", prior=0.5, level=0.95).label == "probably generated"
    assert judge(odd, _marks(0.5), key="light", prior=0.5, level=0.95).label == "inconclusive"


def test_a_trusted_cameras_signature_counts_unless_the_pixels_contradict_it() -> None:
    trusted = _marks(TRUSTED_CAPTURE)
    told = judge(_fused(0.2, 0.5, 0.5), trusted, key="light", prior=0.5, level=0.95)
    assert told.label == "probably camera"
    assert "the pixels don't contradict it" in told.reason
    torn = judge(_fused(2.5, 0.002, 0.9), trusted, key="light", prior=0.5, level=0.95)
    assert torn.label == "inconclusive"
    assert "against it stands that" in torn.reason


def test_an_absent_trace_may_be_worth_nothing() -> None:
    """The interval reaches up to what is known without the pixels, however sure the references are."""
    for hint in (0.0, -0.7):
        sure = judge(_fused(-9.0, 0.9, 0.01), _marks(hint), key="light", prior=0.3, level=0.95)
        assert sure.high == pytest.approx(1 / (1 + np.exp(-hint) * 0.7 / 0.3))
        assert sure.low is not None
        assert sure.probability is not None
        assert sure.low <= sure.probability < sure.high
    traced = judge(_fused(2.0, RARE, 0.6), (), key="light", prior=0.5, level=0.95)
    assert traced.high == pytest.approx(1 / (1 + np.exp(-2.5)))


def test_a_ratio_at_its_bound_has_the_interval_of_none_of_so_many() -> None:
    n = 400
    fusion = Fusion.fitted(_reference(2 * n, 3), replicates=20)
    fused = fusion.together({"good": 60.0, "noise": 0.0}, "light")
    assert fused is not None
    # Of n photographs none scores as high, so that all that redrawing finds is the bound again.
    assert fused.ratio == fused.bound == pytest.approx(np.log(n + 1), abs=0.1)
    judged = judge(fused, (), key="light", prior=0.5, level=0.95)
    share = 1 - 0.025 ** (1 / n)  # The exact binomial limit (Clopper, Pearson 1934).
    assert judged.low == pytest.approx(1 / (1 + share), abs=2e-3)
    assert judged.high == 1
    assert judged.probability is not None
    assert judged.low is not None
    assert judged.low < judged.probability < 1


def test_what_a_signature_settles_does_not_depend_on_the_prior() -> None:
    judgement = judge(None, _marks(7.0, decides=True), key="light", prior=1e-6, level=0.95)
    assert judgement.label == "generated"
    assert judgement.probability is not None
    assert judgement.probability > 0.99


def test_a_signature_decides_against_the_pixels() -> None:
    judgement = judge(_fused(-4.0, 0.9, 0.01), _marks(7.0, decides=True), key="light", prior=0.5, level=0.95)
    assert judgement.label == "generated"
    assert judgement.reason == "the file names a generator"


def test_every_condition_has_a_bin_with_words() -> None:
    def named(**changes: object) -> str:
        return bin_of(Conditions(**{"format": "PNG", "width": 9, "height": 9, **changes}))  # type: ignore[arg-type]

    assert named() == "lossless"
    assert [named(format="JPEG", quality=q) for q in (100, 90, 89, 70, 69, 1)] == [
        "light", "light", "moderate", "moderate", "strong", "strong",
    ]  # fmt: skip
    assert named(format="WEBP", quality=80) == "webp"
    assert named(resampled=0.5) == "resampled"
    # WebP's blocks of 4 x 4 look like an enlargement; one by another factor is one.
    assert [named(format="WEBP", resampled=factor) for factor in (1.333, 2.0, 4.0, 1.5)] == [
        "webp", "webp", "webp", "resampled",
    ]  # fmt: skip
    assert named(format="PNG", resampled=2.0) == "resampled"
    assert named(format="GIF") == named(format="MPEG4") == "other"
    assert named(format="H264") == "video"
    assert {named(), named(quality=95), named(quality=80), named(quality=50)} <= set(BINS)


def test_opposites() -> None:
    assert turns_over("generated", "probably camera")
    assert turns_over("probably camera", "probably generated")
    assert not turns_over("generated", "inconclusive")
    assert not turns_over("generated", "probably generated")
    assert can_turn_over("probably camera", 0.0)
    assert can_turn_over("generated", -0.7)
    assert not can_turn_over("generated", 0.0)  # Without camera data no copy can be called a camera's.
    assert not can_turn_over("inconclusive", -0.7)
