"""Bundled generators as image sources: the same images however they are consumed."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata, resources

import numpy as np
import numpy.typing as npt
import pytest
import torch

from ganeval.errors import ImageSourceError, OptionError
from ganeval.generators import open_generator
from ganeval.generators.bundled import BUNDLED, BundledGenerator
from ganeval.generators.registry import MODELS
from ganeval.generators.sampling.blocks import SAMPLING_VERSION
from ganeval.generators.sources import SampleSource
from ganeval.generators.sources.model_weights import BundledOrigin
from ganeval.generators.weights_file import read_model
from ganeval.images.source import DecodedImage, ImageSource, SourceOptions

SAMPLES = 250


def load_all(source: ImageSource) -> list[DecodedImage]:
    return [item.load() for item in source]


def pixels_of(source: ImageSource) -> npt.NDArray[np.uint8]:
    return np.stack([image.pixels for image in load_all(source)])


@pytest.fixture(scope="module")
def samples() -> npt.NDArray[np.uint8]:
    return pixels_of(open_generator("dcgan-fashion-mnist", SourceOptions(count=SAMPLES)))


def test_items_and_infos() -> None:
    source = open_generator("dcgan-fashion-mnist", SourceOptions(count=3, seed=4))
    assert (source.kind, source.name, source.count, source.repeatable) == (
        "generator",
        "generator:dcgan-fashion-mnist",
        3,
        True,
    )
    items = list(source)
    assert [item.id for item in items] == [f"generator:dcgan-fashion-mnist/seed-4/00000{i}" for i in range(3)]
    for item in items:
        image = item.load()
        assert image.pixels.dtype == np.uint8
        assert image.pixels.shape == (28, 28, 3)
        assert image.pixels.flags.c_contiguous
        assert (image.info.format, image.info.mode, image.info.width, image.info.height) == ("array", "L", 28, 28)
        # BLAKE2b of the shape as three little-endian 64-bit numbers and the pixels, written out anew.
        expected = hashlib.blake2b(b"".join(n.to_bytes(8, "little") for n in (28, 28, 3)), digest_size=16)
        expected.update(image.pixels.tobytes())
        assert image.info.digest == expected.digest()


def test_the_bundled_samples_are_those_of_sampling_version_2(samples: npt.NDArray[np.uint8]) -> None:
    assert SAMPLING_VERSION == 2, "whoever changes what a seed gives measures the figures of README and cards anew"
    # Rounding differs between processors, but by a level of few pixels: means over many don't move.
    assert samples.mean() == pytest.approx(73.641, abs=0.05)
    assert samples[:3].reshape(3, -1).mean(1) == pytest.approx([85.25, 67.50, 93.32], abs=0.1)


def test_default_count_and_alias() -> None:
    source = open_generator("dcgan", SourceOptions())
    assert (source.name, source.count) == ("generator:dcgan-fashion-mnist", 2000)


def test_images_are_grey_distinct_and_use_the_range(samples: npt.NDArray[np.uint8]) -> None:
    assert (samples == samples[..., :1]).all()
    assert len({image.tobytes() for image in samples}) == SAMPLES
    # Fashion-MNIST has a black ground and light clothes: half of all its pixels are 0.
    assert samples.min() == 0
    assert samples.max() > 240
    assert 0.25 < (samples < 13).mean() < 0.75
    assert samples.std(axis=0).max() > 60


def test_same_seed_same_images_other_seed_others(samples: npt.NDArray[np.uint8]) -> None:
    again = pixels_of(open_generator("dcgan-fashion-mnist", SourceOptions(count=SAMPLES)))
    np.testing.assert_array_equal(samples, again)
    other = pixels_of(open_generator("dcgan-fashion-mnist", SourceOptions(count=SAMPLES, seed=1)))
    same = {image.tobytes() for image in samples} & {image.tobytes() for image in other}
    assert not same


@pytest.mark.parametrize("count", [1, 99, 100, 101, 400])
def test_an_image_does_not_depend_on_the_count(samples: npt.NDArray[np.uint8], count: int) -> None:
    some = pixels_of(open_generator("dcgan-fashion-mnist", SourceOptions(count=count)))
    shared = min(count, SAMPLES)
    np.testing.assert_array_equal(some[:shared], samples[:shared])


def test_an_image_does_not_depend_on_order_or_threads(samples: npt.NDArray[np.uint8]) -> None:
    # More blocks than are kept, in an order that makes and forgets each of them many times.
    source = open_generator("dcgan-fashion-mnist", SourceOptions(count=1000))
    items = list(source)
    order = np.random.default_rng(0).permutation(1000)[:120]
    with ThreadPoolExecutor(8) as pool:
        loaded = list(pool.map(lambda index: items[index].load().pixels, order))
    for index, image in zip(order, loaded, strict=True):
        if index < SAMPLES:
            np.testing.assert_array_equal(image, samples[index])
    direct = load_all(open_generator("dcgan-fashion-mnist", SourceOptions(count=1000)))
    for index, image in zip(order, loaded, strict=True):
        np.testing.assert_array_equal(image, direct[index].pixels)


def test_global_randomness_is_neither_read_nor_moved(samples: npt.NDArray[np.uint8]) -> None:
    torch.manual_seed(123)
    np.random.seed(123)  # noqa: NPY002
    before = torch.get_rng_state()
    again = pixels_of(open_generator("dcgan-fashion-mnist", SourceOptions(count=10)))
    np.testing.assert_array_equal(again, samples[:10])
    assert torch.equal(before, torch.get_rng_state())


def test_fingerprint_tells_apart_what_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    def fingerprint(count: int = 10, seed: int = 0) -> str:
        return open_generator("dcgan", SourceOptions(count=count, seed=seed)).fingerprint()

    assert fingerprint() == open_generator("dcgan-fashion-mnist", SourceOptions(count=10)).fingerprint()
    different = {fingerprint(), fingerprint(count=11), fingerprint(seed=1)}
    monkeypatch.setattr(BundledOrigin, "digest", lambda self: "others")
    different.add(fingerprint())
    assert len(different) == 4


@pytest.mark.parametrize("name", ["dcgan-fashion-mnits", "dcgan-fashion", "DCGAN-fashion-mnist"])
def test_unknown_name_suggests_the_nearest(name: str) -> None:
    with pytest.raises(ImageSourceError, match=re.escape(repr(name))) as raised:
        open_generator(name, SourceOptions())
    assert "Did you mean 'dcgan-fashion-mnist'?" in str(raised.value)


def test_no_name_lists_what_there_is() -> None:
    with pytest.raises(ImageSourceError, match=r"Known: .*dcgan, dcgan-fashion-mnist"):
        open_generator("", SourceOptions())


@pytest.mark.parametrize(("count", "seed"), [(0, 0), (-5, 0), (10, -1)])
def test_impossible_count_or_seed(count: int, seed: int) -> None:
    with pytest.raises(OptionError, match=str(min(count, seed))):
        open_generator("dcgan", SourceOptions(count=count, seed=seed))


@pytest.mark.parametrize("model", BUNDLED, ids=lambda model: model.name)
def test_weights_are_small_and_have_a_true_card(model: BundledGenerator) -> None:
    content = model.weights()
    assert len(content) < 8_000_000
    assert hashlib.sha256(content).hexdigest() in model.card()
    for needed in ("Apache-2.0", "MIT", "Zalando"):
        assert needed in model.card()
    header = model.header
    assert isinstance(read_model(content, model.file), MODELS.get(header["model"]))
    assert f"{header['made']['images']:,}" in model.card()
    assert f"{header['made']['steps']:,}" in model.card()


def test_every_weights_file_is_listed_once_under_a_name_of_its_own() -> None:
    folder = resources.files("ganeval.generators") / "weights"
    files = {entry.name for entry in folder.iterdir() if entry.name.endswith(".safetensors")}
    assert [model.file for model in BUNDLED] == sorted(files)
    names = [name for model in BUNDLED for name in (model.name, *model.aliases)]
    assert len(set(names)) == len(names)


def test_the_entry_point_opens_it() -> None:
    (point,) = metadata.entry_points(group="ganeval.sample_sources", name="generator")
    source = point.load()("dcgan", SourceOptions(count=1))
    assert isinstance(source, SampleSource)


def test_importing_the_package_loads_no_torch() -> None:
    code = "import sys, ganeval.generators; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
