"""The class histogram: constructed losses are named, nothing is named where nothing is lost, bad input is explained."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from ganeval.diagnosis.collapse.class_histogram import DIAGNOSTIC, judged_by_probe
from ganeval.diagnosis.diagnostic import Subject
from ganeval.errors import MetricError
from ganeval.features.features import ExtractorInfo, Features

NAMES = ("bag", "boot", "coat", "dress", "sandal")
CENTRES = np.random.default_rng(99).normal(size=(5, 16)) * 3


def made(count: int, seed: int, shares: list[float] | None = None, labelled: bool = True) -> Features:
    rng = np.random.default_rng(seed)
    classes = rng.choice(5, size=count, p=None if shares is None else np.asarray(shares) / sum(shares))
    pooled = (CENTRES[classes] + rng.normal(size=(count, 16))).astype(np.float32)
    return Features(pooled, labels=tuple(NAMES[one] for one in classes) if labelled else None)


def test_a_lost_class_and_a_rare_one_are_named() -> None:
    generated = made(1500, 1, [1, 1, 1, 0.2, 0])
    found = DIAGNOSTIC(Subject(generated, made(2000, 0)))
    evidence = found.evidence
    assert evidence.p_value == pytest.approx(1e-4)
    assert evidence.severity == "severe"
    assert [part.name for part in evidence.parts] == ["sandal", "dress"]
    assert evidence.parts[0].generated == 0
    assert evidence.sentence.startswith("no images of sandal and few of dress (")
    # 0.2 of sandal, and of dress 0.2 less 0.2 / 3.2.
    assert evidence.effect == pytest.approx(0.2 + 0.2 - 0.2 / 3.2, abs=0.05)
    assert [one["missing"] for one in evidence.details["classes"]] == [False, False, False, False, True]
    assert found.scores["modes_captured"].value == 4
    truth = sum(g * np.log(5 * g) for g in (1 / 3.2, 1 / 3.2, 1 / 3.2, 0.2 / 3.2))
    kl = found.scores["class_kl"]
    assert kl.interval is not None
    assert kl.interval.low < truth < kl.interval.high
    assert found.scores["class_agreement"].value > 0.95


def test_nothing_is_found_where_nothing_is_lost() -> None:
    found = DIAGNOSTIC(Subject(made(1500, 3), made(2000, 2)))
    assert found.evidence.severity == "none"
    assert found.evidence.p_value is not None
    assert found.evidence.p_value > 0.01
    assert found.evidence.parts == ()
    assert "all 5 classes are made" in found.evidence.sentence


def test_few_images_are_not_said_to_differ() -> None:
    def with_logits(classes: npt.NDArray[np.int64]) -> Features:
        logits = np.eye(10, dtype=np.float32)[classes]
        return Features(logits.copy(), logits=logits, extractor=ExtractorInfo("mine", None, "clean"))

    # Ten images of five classes in ten: that looks like a loss, and is chance as well as not.
    evidence = DIAGNOSTIC(Subject(with_logits(np.arange(10) // 2), with_logits(np.arange(200) % 10))).evidence
    assert evidence.severity != "none"
    assert evidence.p_value is not None
    assert evidence.p_value > 0.05
    assert evidence.sentence.startswith("the shares of the 10 classes differ by no more than chance may give (")


@pytest.mark.slow
def test_false_alarms_with_few_images() -> None:
    p_values = []
    for seed in range(80):
        subject = Subject(made(60, 3 * seed), made(80, 3 * seed + 1), seed=seed)
        p_values.append(DIAGNOSTIC(subject).evidence.p_value)
    # 80 tests: 4 expected at 5 %, and more than 10 have a probability of 0.002.
    assert sum(p <= 0.05 for p in p_values) <= 10


def test_the_classifier_never_judges_what_it_was_fitted_to() -> None:
    real = made(400, 5)
    judged = judged_by_probe(real, made(50, 6), most_fitted=100)
    assert (judged.real < 0).sum() == 100
    assert (judged.real >= 0).sum() == 300
    assert judged.names == NAMES
    # Images without a label are judged too.
    holes = Features(
        real.pooled, labels=tuple(None if row % 2 else label for row, label in enumerate(real.labels or ()))
    )
    assert (judged_by_probe(holes, made(50, 6), most_fitted=100).real >= 0).sum() == 300


def test_the_extractors_own_classes_where_there_are_no_labels() -> None:
    def with_logits(features: Features) -> Features:
        logits = (features.pooled @ CENTRES.T).astype(np.float32)
        return Features(features.pooled, logits=logits, extractor=ExtractorInfo("mine", None, "clean"))

    real, generated = made(1000, 7, labelled=False), made(800, 8, [1, 1, 1, 1, 0], labelled=False)
    found = DIAGNOSTIC(Subject(with_logits(generated), with_logits(real)))
    assert found.evidence.details["n_real_counted"] == 1000
    assert found.evidence.p_value == pytest.approx(1e-4)
    assert found.evidence.parts[0].name == "class 4 of the extractor"
    assert set(found.scores) == {"modes_captured_mine", "class_kl_mine"}


def test_agreement_counts_labels_as_text() -> None:
    real = made(400, 9)
    numbered = Features(real.pooled, labels=tuple(NAMES.index(str(label)) for label in real.labels or ()))
    wrong = made(300, 10)
    # Every sandal was meant as a bag.
    meant = tuple(str(NAMES.index(str(label)) % 4) for label in wrong.labels or ())
    found = DIAGNOSTIC(Subject(Features(wrong.pooled, labels=meant), numbered))
    share = np.mean([label == "sandal" for label in wrong.labels or ()])
    assert found.scores["class_agreement"].value == pytest.approx(1 - share, abs=0.02)
    agreement = {one["name"]: one["generated"] for one in found.evidence.details["agreement"]}
    assert agreement["class 0"] < 0.7
    assert agreement["class 1"] > 0.95
    assert agreement["class 4"] is None
    assert sum(map(sum, found.evidence.matrices[0].counts)) == 300


def test_the_same_seed_gives_the_same() -> None:
    subject = Subject(made(200, 1), made(200, 0), seed=4)
    assert DIAGNOSTIC(subject).evidence == DIAGNOSTIC(subject).evidence


@pytest.mark.parametrize(
    ("generated", "real", "message"),
    [
        (made(50, 0), made(50, 1, labelled=False), "no class labels"),
        (made(50, 0), made(50, 1, [1, 0, 0, 0, 0]), "at least two classes"),
        (made(50, 0), made(15, 1), "20 real images at least"),
        (Features(np.full((50, 16), np.nan, np.float32)), made(50, 1), "finite"),
        (Features(np.zeros((50, 7), np.float32)), made(50, 1), "columns"),
    ],
)
def test_bad_input(generated: Features, real: Features, message: str) -> None:
    with pytest.raises(MetricError, match=message):
        DIAGNOSTIC(Subject(generated, real))


def test_identical_features() -> None:
    real = Features(np.ones((60, 4), np.float32), labels=("a", "b") * 30)
    evidence = DIAGNOSTIC(Subject(Features(np.ones((60, 4), np.float32)), real)).evidence
    assert evidence.p_value == 1.0
    assert evidence.severity == "none"
