"""Labels by their names: numbers, and folders that are called after numbers; others stay."""

from __future__ import annotations

import numpy as np

from ganeval.diagnosis.class_names import with_class_names
from ganeval.features.features import Features
from ganeval.images.opening import open_source


def features(*labels: int | str | None) -> Features:
    return Features(np.zeros((len(labels), 2), np.float32), labels=labels)


def test_numbers_and_their_texts_get_names_and_others_stay() -> None:
    found = with_class_names(features(8, "5", "other", None), {5: "sandal", 8: "bag"})
    assert found.labels == ("bag", "sandal", "other", None)


def test_without_labels_or_names_nothing_changes() -> None:
    bare = Features(np.zeros((2, 2), np.float32))
    assert with_class_names(bare, {0: "a"}) is bare
    plain = features(1, 2)
    assert with_class_names(plain, {}) is plain


def test_fashion_mnist_knows_what_its_labels_show() -> None:
    names = open_source("fashion-mnist").class_names
    assert [names[label] for label in (0, 5, 8, 9)] == ["t-shirt/top", "sandal", "bag", "ankle boot"]
    assert open_source("digits").class_names == {}
