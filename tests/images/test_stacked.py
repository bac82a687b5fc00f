"""Stacked sets: three grey images a channel each, with their classes in the label."""

from __future__ import annotations

import numpy as np
import pytest

from ganeval.errors import CorruptImageError, ImageSourceError
from ganeval.images.arrays import ArraySource
from ganeval.images.opening import open_source
from ganeval.images.source import SourceOptions
from ganeval.images.stacked import StackedSource


def test_stacks_of_digits() -> None:
    source = open_source("stacked:digits", SourceOptions(count=500, seed=3))
    assert source.name == "stacked:digits"
    assert source.count == 500
    known = {item.load().pixels[..., 0].tobytes(): str(item.label) for item in open_source("digits")}
    for item in list(source)[:40]:
        pixels = item.load().pixels
        classes = [known[np.ascontiguousarray(pixels[..., channel]).tobytes()] for channel in range(3)]
        assert item.label == "+".join(classes)
    assert len({item.label for item in source}) > 300


def test_the_same_seed_draws_the_same_and_a_longer_set_begins_with_a_shorter() -> None:
    short, long, other = (
        open_source("stacked:digits", SourceOptions(count=count, seed=seed))
        for count, seed in ((20, 1), (50, 1), (20, 2))
    )
    assert [item.label for item in short] == [item.label for item in long][:20]
    assert [item.label for item in short] != [item.label for item in other]
    assert len({one.fingerprint() for one in (short, long, other)}) == 3
    assert [item.id for item in short.in_order([7, 2])] == ["stacked:digits[7]", "stacked:digits[2]"]
    assert open_source("stacked:digits").count == 1797


def test_modes_are_equally_likely_where_classes_are() -> None:
    labels = np.array([item.label for item in open_source("stacked:fashion-mnist", SourceOptions(count=5000))])
    counts = np.unique(labels, return_counts=True)[1]
    # 1,000 modes of 5 images on average: 1000 (1 - e^-5) of them appear.
    assert abs(len(counts) - 993) < 12


def test_what_cant_be_stacked() -> None:
    images = np.zeros((4, 6, 6, 1), np.uint8)
    with pytest.raises(ImageSourceError, match="no set"):
        open_source("stacked:")
    with pytest.raises(ImageSourceError, match="class label"):
        StackedSource(ArraySource(images))
    with pytest.raises(ImageSourceError, match="'a\\+b'"):
        StackedSource(ArraySource(images, ["a+b", "c", "d", "e"]))
    with pytest.raises(ImageSourceError, match="no image"):
        StackedSource(ArraySource(images[:0], []))


def test_images_of_two_sizes() -> None:
    pair = [ArraySource(np.zeros((1, side, 6, 1), np.uint8), ["a"]) for side in (5, 6)]

    class Both(ArraySource):
        def __iter__(self):  # type: ignore[no-untyped-def]
            return (item for source in pair for item in source)

    source = StackedSource(Both(np.zeros((1, 5, 6, 1), np.uint8)), count=20)
    with pytest.raises(CorruptImageError, match="differ in size"):
        list(source.load_many(source))
