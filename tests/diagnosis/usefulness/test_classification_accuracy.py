"""The accuracy score on features with known truth: scikit-learn's numbers, label noise, chance, false alarms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LogisticRegression

from ganeval.diagnosis.diagnostic import Subject
from ganeval.diagnosis.usefulness.classification_accuracy import DIAGNOSTIC, examine_probe, probe_accuracy
from ganeval.diagnosis.usefulness.judging import Judged, Manner, examine_usefulness
from ganeval.diagnosis.usefulness.labelled_sets import common_classes, matched, overlap, split_off
from ganeval.diagnosis.usefulness.paired_accuracy import Answers
from ganeval.errors import MetricError, NotEnoughImagesError, OptionError
from ganeval.features.features import ExtractorInfo, Features
from ganeval.images.source import ImageInfo

MANNER = Manner("accuracy", "Accuracy", "a classifier", "cas")


def gaussian(seed: int, count: int, *, noise: float = 0.0, classes: int = 3, width: int = 8, spread: float = 1.5):
    """Features with labels, of which a share `noise` is drawn anew."""
    random = np.random.default_rng(seed)
    truth = np.arange(count) % classes
    rows = random.standard_normal((count, width)).astype(np.float32)
    rows[:, :classes] += spread * np.eye(classes)[truth]
    labels = np.where(random.random(count) < noise, random.integers(0, classes, count), truth)
    ids = tuple(f"{seed}-{number}.png" for number in range(count))
    return Features(rows, ids=ids, labels=tuple(labels.tolist()))


def judged(truth, generated, real, classes: int) -> Judged:
    """Of predictions alone."""
    truth = np.asarray(truth)
    told = [Answers.of(np.eye(classes)[np.asarray(one)], truth) for one in (generated, real)]
    return Judged(tuple(map(str, range(classes))), truth, *told, None, trained_on=100)


# --- the arithmetic, whoever trained ---


def test_lost_accuracy_by_hand() -> None:
    truth = [0] * 40 + [1] * 60
    real = [0] * 40 + [1] * 50 + [0] * 10
    generated = [0] * 40 + [1] * 20 + [0] * 40
    found = examine_usefulness(judged(truth, generated, real, 2), MANNER)
    assert float(found.scores["cas_top1"]) == 0.6
    assert float(found.scores["cas_real_top1"]) == 0.9
    assert found.evidence.effect == pytest.approx(0.3)
    # 30 of the 30 points above always naming the most frequent class.
    assert found.evidence.details["share_of_what_real_images_teach_lost"] == pytest.approx(1.0)
    assert found.evidence.severity == "severe"
    assert [part.name for part in found.evidence.parts] == ["1"]
    assert found.evidence.parts[0].generated == pytest.approx(1 / 3)
    assert found.evidence.matrices[0].counts == ((40, 0), (40, 20))
    assert "cas_top5" not in found.scores
    assert "60.0 %" in found.evidence.sentence
    assert "1 (33.3 % instead of 83.3 %)" in found.evidence.sentence


def test_intervals_by_class_are_wilsons() -> None:
    truth = [0] * 30 + [1] * 20
    found = examine_usefulness(judged(truth, [0] * 50, [0] * 35 + [1] * 15, 2), MANNER, level=0.9)
    of_class = found.evidence.details["classes"]["1"]["real"]
    expected = stats.binomtest(15, 20).proportion_ci(0.9, method="wilson")
    assert of_class == {
        "accuracy": 0.75,
        "low": pytest.approx(expected.low),
        "high": pytest.approx(expected.high),
    }


def test_severity_is_by_size_alone() -> None:
    def severity(lost: int) -> str:
        truth = [0] * 1000 + [1] * 1000
        return examine_usefulness(
            judged(truth, [1] * lost + [0] * (1000 - lost) + [1] * 1000, truth, 2), MANNER
        ).evidence.severity

    # Half of the accuracy is above chance: 5 % of it are 50 of 2,000 images, 25 % are 250.
    assert [severity(lost) for lost in (0, 40, 60, 240, 260)] == ["none", "none", "partial", "partial", "severe"]


def test_a_single_training_is_tested_against_the_noise_of_trainings() -> None:
    truth = [0] * 1000 + [1] * 1000
    little = examine_usefulness(judged(truth, [1] * 30 + [0] * 970 + [1] * 1000, truth, 2), MANNER).evidence
    much = examine_usefulness(judged(truth, [1] * 200 + [0] * 800 + [1] * 1000, truth, 2), MANNER).evidence
    # The exact test of the two classifiers calls 1.5 points real; two trainings differ by as much.
    assert little.details["mcnemar_p"] < 1e-6
    assert little.p_value > 0.9
    assert much.p_value < 1e-6


def test_labels_that_real_images_dont_teach_say_nothing() -> None:
    truth = [0, 1] * 50
    found = examine_usefulness(judged(truth, [0] * 100, [0] * 100, 2), MANNER).evidence
    assert found.severity == "unknown"
    assert found.p_value is None
    assert "next to nothing of these labels was learnt" in found.reason


def test_of_many_classes_the_worst_are_shown() -> None:
    truth = np.repeat(np.arange(40), 10)
    generated = np.where(truth == 7, 8, truth)
    found = examine_usefulness(judged(truth, generated, truth, 40), MANNER).evidence
    assert len(found.matrices[0].names) == 21
    assert found.matrices[0].names[0] == "7"
    assert sum(map(sum, found.matrices[0].counts)) == 400
    assert len(found.histograms[0].names) == 20
    assert len(found.details["classes"]) == 40


# --- linear classifiers ---


def test_accuracies_are_those_of_scikit_learn_on_the_same_images() -> None:
    generated, real, test = gaussian(1, 240, noise=0.3), gaussian(2, 240), gaussian(3, 300)
    classes = common_classes(generated.labels, real.labels, test.labels)
    found = probe_accuracy(generated.pooled, real.pooled, test.pooled, classes, strength=0.1, parts=4, seed=5).judged
    chosen = matched(classes.generated, classes.real, seed=5)
    for rows, answers in (
        (generated.pooled[chosen.generated], found.generated),
        (real.pooled[chosen.real], found.real),
    ):
        mean, scale = rows.mean(0), rows.std(0)
        oracle = LogisticRegression(C=0.1, max_iter=2000, tol=1e-8).fit((rows - mean) / scale, chosen.targets)
        expected = oracle.predict((test.pooled - mean) / scale)
        assert (answers.predicted == expected).mean() > 0.995


def test_generated_images_as_good_as_real_ones_raise_no_alarm_and_useless_ones_do() -> None:
    test, real = gaussian(3, 600), gaussian(2, 400)
    good = examine_probe(gaussian(1, 400), real, test, strength=0.1).evidence
    assert good.severity == "none"
    assert good.p_value > 0.05
    useless = examine_probe(gaussian(1, 400, noise=1.0), real, test, strength=0.1)
    assert useless.evidence.severity == "severe"
    assert useless.evidence.p_value == pytest.approx(1 / 12870)
    # Labels that mean nothing give chance.
    assert float(useless.scores["cas_probe_top1"]) == pytest.approx(1 / 3, abs=0.15)
    assert useless.evidence.smallest_effect < useless.evidence.effect


def test_separable_images_are_all_told_right() -> None:
    found = examine_probe(*[gaussian(seed, 120, spread=30) for seed in (1, 2, 3)], strength=1.0)
    assert float(found.scores["cas_probe_top1"]) == 1
    assert found.evidence.effect == 0
    assert found.evidence.p_value > 0.2
    assert found.evidence.severity == "none"
    assert not found.evidence.parts


def test_exchanged_labels_lose_what_they_must() -> None:
    # A share p of labels moved to the next class, and the classifier learns the majority: below one half nothing is
    # lost by separable classes, above it everything is.
    def shifted(share: float) -> Features:
        features = gaussian(1, 600, spread=12)
        labels = np.asarray(features.labels)
        moved = np.random.default_rng(0).random(600) < share
        return replace(features, labels=tuple(np.where(moved, (labels + 1) % 3, labels).tolist()))

    real, test = gaussian(2, 600, spread=12), gaussian(3, 300, spread=12)
    assert float(examine_probe(shifted(0.25), real, test, strength=0.01).scores["cas_probe_top1"]) > 0.97
    assert float(examine_probe(shifted(0.75), real, test, strength=0.01).scores["cas_probe_top1"]) < 0.03


def test_a_lost_mode_loses_its_share_of_the_class() -> None:
    # Class 1 has two modes, of which one is never made: a line between class 0 and the other leaves it with class 0.
    places = np.asarray([[0, 0], [8, 0], [-4, 8]])

    def made(seed: int, modes: tuple[int, ...]) -> Features:
        random = np.random.default_rng(seed)
        truth = np.arange(400) % 2
        mode = np.where(truth == 1, random.choice(modes, 400), 0)
        rows = (places[mode] + 0.7 * random.standard_normal((400, 2))).astype(np.float32)
        return Features(rows, labels=tuple(truth.tolist()))

    found = examine_probe(made(1, (1,)), made(2, (1, 2)), made(3, (1, 2)), strength=1.0)
    classes = found.evidence.details["classes"]
    assert classes["1"]["real"]["accuracy"] > 0.97
    assert classes["1"]["generated"]["accuracy"] == pytest.approx(0.5, abs=0.1)
    assert classes["0"]["generated"]["accuracy"] > 0.97
    assert found.evidence.parts[0].name == "1"
    assert found.evidence.severity == "severe"


def test_same_seed_same_numbers() -> None:
    sides = gaussian(1, 150, noise=0.2), gaussian(2, 180), gaussian(3, 100)
    first, second = examine_probe(*sides, seed=7), examine_probe(*sides, seed=7)
    assert first.evidence == second.evidence
    assert first.scores == second.scores


def test_the_extractor_is_in_every_name() -> None:
    info = ExtractorInfo("inception-v3", None, "tf1")
    sides = [replace(gaussian(seed, 90, classes=6), extractor=info) for seed in (1, 2, 3)]
    found = examine_probe(*sides, strength=0.1, parts=4)
    assert set(found.scores) == {
        f"cas_probe_{side}{top}_inception-v3" for side in ("", "real_", "both_") for top in ("top1", "top5")
    } | {"cas_probe_lost_top1_inception-v3"}
    assert found.evidence.sentence.startswith("a linear classifier of inception-v3 features")


# --- sets ---


def test_labels_as_numbers_and_as_words_are_the_same() -> None:
    classes = common_classes([10, 2, 2, 10], ["2", "10", "10", "2"], ["10"])
    assert classes.names == ("2", "10")
    assert classes.generated.tolist() == [1, 0, 0, 1]
    assert classes.test.tolist() == [1]


@pytest.mark.parametrize(
    ("generated", "real", "test", "error", "said"),
    [
        (None, "aabb", "ab", MetricError, "the generated images have no class labels"),
        ("aabb", None, "ab", MetricError, "the real images have no class labels"),
        (["a", None, "b", "b"], "aabb", "ab", MetricError, "1 image of the 4 generated images has no class label"),
        ("aabbcc", "aabb", "ab", MetricError, "label sets differ: generated images have the class 'c'"),
        (
            "aabb",
            "aabbccdd",
            "ab",
            MetricError,
            "real images have the classes 'c', 'd', and nothing of it is generated",
        ),
        ("aabb", "aabb", "abz", MetricError, "test images have the class 'z'"),
        ("aaab", "aabb", "ab", NotEnoughImagesError, "a single generated image of class 'b'"),
        ("aabb", "abbb", "ab", NotEnoughImagesError, "a single real image of class 'a'"),
        ("aa", "aa", "a", NotEnoughImagesError, "all images are of one class, 'a'"),
    ],
)
def test_label_sets_that_cant_be_used_are_named(generated, real, test, error, said: str) -> None:
    sides = [None if side is None else list(side) for side in (generated, real, test)]
    with pytest.raises(error, match=said):
        common_classes(*sides)


def test_matched_sets_have_as_many_of_each_class_as_both() -> None:
    generated, real = np.asarray([0] * 30 + [1] * 5), np.asarray([1] * 20 + [0] * 10)
    chosen = matched(generated, real, seed=0)
    assert np.bincount(chosen.targets).tolist() == [10, 5]
    assert np.array_equal(generated[chosen.generated], chosen.targets)
    assert np.array_equal(real[chosen.real], chosen.targets)
    assert len(set(chosen.generated.tolist())) == 15
    assert np.bincount(matched(generated, real, seed=0, most=6).targets).tolist() == [4, 2]


def test_parts_are_disjoint_and_alike() -> None:
    targets = np.asarray([0] * 17 + [1] * 9 + [2] * 3)
    parts = matched(targets, targets, seed=0).parts(4)
    assert [np.bincount(part.targets, minlength=3).tolist() for part in parts] == [[4, 2, 0]] * 4
    rows = np.concatenate([part.real for part in parts])
    assert len(set(rows.tolist())) == len(rows) == 24


def test_splitting_off_keeps_images_of_each_class_on_both_sides() -> None:
    targets = np.asarray([0] * 100 + [1] * 3)
    train, test = split_off(targets, ("a", "b"), share=0.25, most=1000, seed=0)
    assert sorted([*train, *test]) == list(range(103))
    assert np.bincount(targets[test]).tolist() == [25, 1]
    with pytest.raises(NotEnoughImagesError, match="2 real images of class 'b'"):
        split_off(targets[:102], ("a", "b"), share=0.25, most=1000, seed=0)


def test_test_images_among_those_to_train_on_are_named_and_left_out() -> None:
    real, test = gaussian(2, 100), gaussian(3, 60)
    leaky = replace(test, pooled=np.concatenate([test.pooled[:58], real.pooled[40:42]]))
    shared = overlap(leaky, {"real": real})
    assert shared.rows.tolist() == [58, 59]
    assert "2 of 60 test images are also among the images to train on" in shared.sentence
    assert "3-58.png is 2-40.png of the real images" in shared.sentence
    found = examine_probe(gaussian(1, 100), real, leaky, strength=0.1, parts=4).evidence
    assert found.details["tested_on"] == 58
    assert found.details["left_out_of_test"] == 2
    with pytest.raises(MetricError, match="nothing is left to test on"):
        examine_probe(gaussian(1, 100), real, real)


def test_digests_of_pixels_decide_where_they_are_known() -> None:
    def with_digests(features: Features, first: int) -> Features:
        infos = [
            ImageInfo("PNG", "RGB", 8, 8, digest=bytes([number])) for number in range(first, first + len(features))
        ]
        return replace(features, images=tuple(infos))

    real, test = with_digests(gaussian(2, 20), 0), with_digests(gaussian(3, 20), 19)
    # Features are all different, the last training image and the first test image are the same file.
    assert overlap(test, {"real": real}).rows.tolist() == [0]


def test_too_few_images_for_the_test_are_refused() -> None:
    with pytest.raises(NotEnoughImagesError, match="too few to test"):
        examine_probe(gaussian(1, 9), gaussian(2, 9), gaussian(3, 30))
    with pytest.raises(OptionError, match="parts"):
        examine_probe(gaussian(1, 90), gaussian(2, 90), gaussian(3, 30), parts=2)


def test_features_that_are_no_numbers_are_refused() -> None:
    broken = gaussian(1, 60)
    broken.pooled[7, 2] = np.inf
    with pytest.raises(MetricError, match="generated must be finite"):
        examine_probe(broken, gaussian(2, 60), gaussian(3, 60))


# --- the diagnostic ---


def test_without_held_out_images_some_of_the_real_ones_are_tested_on() -> None:
    subject = Subject(gaussian(1, 200), gaussian(2, 400), seed=3)
    found = DIAGNOSTIC(subject, strength=0.1, parts=4).evidence
    assert found.details["tested_on"] == 100
    assert found.details["trained_on"] <= 200
    held_out = replace(subject, held_out=gaussian(4, 70))
    assert DIAGNOSTIC(held_out, strength=0.1, parts=4).evidence.details["tested_on"] == 70
    unlabelled = replace(subject, held_out=replace(gaussian(4, 70), labels=None))
    assert DIAGNOSTIC(unlabelled, strength=0.1, parts=4).evidence.details["tested_on"] == 100


def test_all_images_equal() -> None:
    same = Features(np.ones((60, 4), np.float32), labels=tuple([0, 1, 2] * 20))
    # Every test image is also among those to train on, since all are one image.
    with pytest.raises(MetricError, match="nothing is left to test on"):
        DIAGNOSTIC(Subject(same, same))


def alarms(repetitions: int, level: float) -> float:
    """Share of repetitions with p at most `level` on real halves; the test set is shared by all that train."""
    found = []
    for seed in range(repetitions):
        sides = [gaussian(3 * seed + side, size, spread=1.2) for side, size in enumerate((96, 96, 200))]
        evidence = examine_probe(*sides, strength=0.1, parts=4, seed=seed).evidence
        found.append(evidence.p_value is not None and evidence.p_value <= level)
    return float(np.mean(found))


def test_false_alarms_are_no_more_often_than_they_may_be() -> None:
    # At 20 %, so that few repetitions show a test that alarms twice as often as it may.
    assert alarms(12, 0.2) * 12 <= stats.binom.ppf(0.99, 12, 0.2)


@pytest.mark.long
def test_false_alarms_over_many_repetitions() -> None:
    assert alarms(400, 0.1) * 400 <= stats.binom.ppf(0.99, 400, 0.1)
