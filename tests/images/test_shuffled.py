"""Sets in random order and their first parts: every image once, reproducible, with fingerprints of their own."""

from __future__ import annotations

import tarfile

import numpy as np
import pytest
from PIL import Image

from ganeval.images.opening import open_source
from ganeval.images.shuffled import FirstImages, ShuffledSource, in_random_order


def ids(source):
    return [item.id for item in source]


@pytest.fixture
def folder(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / "set" / name).mkdir(parents=True)
        for number in range(20):
            pixels = np.full((2, 2, 3), number + 100 * (name == "dog"), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "set" / name / f"{number:02d}.png")
    return tmp_path / "set"


def test_each_image_comes_once_in_an_order_of_the_seed(folder):
    source = open_source(folder)
    shuffled = in_random_order(source, 3)
    assert sorted(ids(shuffled)) == ids(source)
    assert ids(shuffled) == ids(in_random_order(open_source(folder), 3)) != ids(in_random_order(source, 4))
    assert 3 <= sum(name.startswith("cat") for name in ids(shuffled)[:20]) <= 17
    assert shuffled.exchangeable
    assert (shuffled.name, shuffled.kind, shuffled.count) == (source.name, source.kind, 40)
    for item in shuffled:
        assert item.load().pixels[0, 0, 0] == int(item.id[4:6]) + 100 * item.id.startswith("dog")


def test_fingerprints_tell_the_orders_and_the_contents_apart(folder):
    source = open_source(folder)
    prints = {source.fingerprint(), *(ShuffledSource(source, seed).fingerprint() for seed in (1, 2))}
    prints |= {FirstImages(ShuffledSource(source, 1), 10).fingerprint()}
    assert len(prints) == 4
    before = ShuffledSource(open_source(folder), 1).fingerprint()
    Image.fromarray(np.zeros((3, 3, 3), np.uint8)).save(folder / "cat" / "00.png")
    assert ShuffledSource(open_source(folder), 1).fingerprint() != before


def test_first_images_are_the_first(folder):
    shuffled = ShuffledSource(open_source(folder), 1)
    part = FirstImages(shuffled, 7)
    assert ids(part) == ids(shuffled)[:7]
    assert part.count == 7
    assert part.repeatable


def test_samples_of_a_generator_stay_as_they_come():
    source = open_source("generator:dcgan")
    assert in_random_order(source, 0) is source


def test_what_can_only_be_read_in_order_is_left_in_order(tmp_path, folder):
    stream = open_source(np.zeros((2, 4, 4, 3), np.uint8) for _ in range(3))
    assert in_random_order(stream, 0) is stream
    assert not stream.exchangeable
    packed, plain = tmp_path / "set.tar.gz", tmp_path / "set.tar"
    for path, mode in ((packed, "w:gz"), (plain, "w")):
        with tarfile.open(path, mode) as archive:
            archive.add(folder, "set")
    source = open_source(packed)
    assert in_random_order(source, 0) is source
    assert isinstance(in_random_order(open_source(plain), 0), ShuffledSource)
