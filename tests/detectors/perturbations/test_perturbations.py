"""Perturbations against hand-made expectations, and their names as specifications."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sklearn.datasets import load_sample_images

from ganeval.detectors.perturbations import (
    PERTURBATIONS,
    Blur,
    Chain,
    Contrast,
    Crop,
    FileKind,
    Gamma,
    Jpeg,
    Noise,
    Resize,
    Rotate,
    Screenshot,
    Social,
    parse_perturbation,
    parse_perturbations,
)
from ganeval.errors import OptionError
from ganeval.images.decode import decode_bytes
from ganeval.images.jpeg_quality import estimate_quality

ALL = (
    "jpeg,jpeg:40:444,webp:70,png,resize,resize:1.37:lanczos,crop:0.8,rotate:3,blur,noise,sharpen,gamma,contrast,"
    "screenshot,screenshot:0.8,social,social:300:75,resize:0.7+jpeg:80"
)


@pytest.fixture(scope="module")
def photograph() -> np.ndarray:
    return np.ascontiguousarray(load_sample_images().images[0][100:300, 100:356])


@pytest.mark.parametrize("one", parse_perturbations(ALL), ids=str)
def test_each_is_deterministic_leaves_its_input_alone_and_is_made_again_by_its_name(one, photograph):
    before = photograph.copy()
    changed = one(photograph, 5)
    assert changed.dtype == np.uint8
    assert changed.ndim == 3
    assert changed.flags.c_contiguous
    np.testing.assert_array_equal(photograph, before)
    np.testing.assert_array_equal(changed, parse_perturbation(one.name)(photograph, 5))
    assert not np.shares_memory(changed, photograph)


@settings(max_examples=40, deadline=None)
@given(height=st.integers(1, 20), width=st.integers(1, 20), place=st.integers(0, 17), seed=st.integers(0, 2**31))
def test_pictures_of_any_size_survive(height, width, place, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    changed = parse_perturbations(ALL)[place](pixels, seed)
    assert changed.dtype == np.uint8
    assert min(changed.shape) >= 1
    assert changed.shape[2] == 3


def test_jpeg_is_what_pillow_writes_with_the_tables_of_that_quality(photograph):
    file = io.BytesIO()
    Image.fromarray(photograph).save(file, "JPEG", quality=63, subsampling=0)
    with Image.open(file) as image:
        assert estimate_quality(image.quantization) == 63
        np.testing.assert_array_equal(Jpeg(63, "444")(photograph), np.array(image))


def test_chroma_subsampling_loses_more_colour_than_none():
    stripes = np.zeros((32, 32, 3), np.uint8)
    stripes[:, ::2, 0], stripes[:, 1::2, 2] = 200, 200
    errors = [np.abs(Jpeg(95, name)(stripes).astype(int) - stripes).mean() for name in ("444", "420")]
    assert errors[1] > 5 * errors[0]


def test_crop_moves_the_corner_off_the_lattice_of_eight_in_both_directions():
    rows, columns = np.mgrid[0:200, 0:240]
    pixels = np.stack([rows, columns, rows], axis=2).astype(np.uint8)
    corners = {tuple(Crop(0.75)(pixels, seed)[0, 0, :2].tolist()) for seed in range(60)}
    assert all(top % 8 and left % 8 for top, left in corners)
    assert len({top for top, _ in corners}) > 15
    assert Crop(0.75)(pixels, 1).shape == (150, 180, 3)
    assert Crop(1.0)(pixels, 1).shape[0] in range(193, 200)


def test_blur_of_a_point_has_the_variance_asked_for():
    pixels = np.zeros((41, 41, 3), np.uint8)
    pixels[20, 20] = 255
    blurred = Blur(1.5)(np.where(pixels > 0, pixels, 0).astype(np.uint8)).astype(float)[..., 0]
    rows = np.arange(41) - 20
    variance = (blurred.sum(axis=1) * rows**2).sum() / blurred.sum()
    assert variance == pytest.approx(1.5**2, rel=0.1)


def test_noise_has_the_deviation_asked_for_and_depends_on_the_seed():
    grey = np.full((300, 300, 3), 128, np.uint8)
    noisy = Noise(3.0)(grey, 1).astype(float)
    # Rounding adds a twelfth to the variance.
    assert noisy.std() == pytest.approx(np.sqrt(9 + 1 / 12), rel=0.02)
    assert noisy.mean() == pytest.approx(128, abs=0.05)
    assert abs(np.corrcoef(noisy[..., 0].ravel(), noisy[..., 1].ravel())[0, 1]) < 0.02
    assert (Noise(3.0)(grey, 2) != Noise(3.0)(grey, 1)).any()


def test_tones_by_hand():
    pixels = np.array([[[0, 64, 255]]], np.uint8)
    assert Gamma(2.0)(pixels).tolist() == [[[0, 16, 255]]]
    assert Contrast(0.5)(pixels).tolist() == [[[64, 96, 191]]]


@pytest.mark.parametrize(("degrees", "shape"), [(20, (90, 160)), (-20, (160, 90)), (45, (60, 200)), (3, (120, 120))])
def test_rotation_leaves_no_empty_corner(degrees, shape):
    white = np.full((*shape, 3), 255, np.uint8)
    turned = Rotate(degrees)(white)
    assert turned.min() >= 254
    assert turned.shape[0] * turned.shape[1] > 0.25 * shape[0] * shape[1] * 0.5


def test_resize_averages_before_it_shrinks():
    checker = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)[..., None].repeat(3, axis=2)
    for name in ("lanczos", "bicubic", "bilinear", "box"):
        assert np.abs(Resize(0.5, name)(checker)[4:-4, 4:-4].astype(int) - 127.5).max() < 20
    assert set(np.unique(Resize(0.5, "nearest")(checker))) <= {0, 255}


def test_an_upload_is_never_enlarged_and_a_large_one_gets_the_longest_side():
    small, large = np.zeros((50, 80, 3), np.uint8), np.zeros((900, 3000, 3), np.uint8)
    assert Social()(small, 3).shape == small.shape
    assert Social(1500, 80)(large).shape == (450, 1500, 3)
    sides = {Social().settings(seed)[0] for seed in range(100)}
    assert min(sides) >= 1280
    assert max(sides) <= 2048


def test_a_screenshot_is_the_chain_of_its_steps(photograph):
    shown = Screenshot()
    np.testing.assert_array_equal(shown(photograph, 7), Chain(shown.steps(7))(photograph, 7))
    assert shown.steps(7) != shown.steps(8)


def test_names_are_the_registry_and_repetitions_are_dropped():
    assert [one.name for one in parse_perturbations("jpeg:75, JPEG ,resize:0.50")] == ["jpeg:75", "resize:0.5"]
    for name in PERTURBATIONS:
        assert parse_perturbation(name).name.split(":")[0] == name


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("jpg", "Did you mean 'jpeg'"),
        ("jpeg:0", "from 1 to 100"),
        ("jpeg:nan", "from 1 to 100"),
        ("jpeg:7.5", "whole number"),
        ("jpeg:75:411", "420, 422, 444"),
        ("blur:1:2", "one argument too many"),
        ("resize:0.5:lancos", "Did you mean 'lanczos'"),
        ("", "is missing"),
        ("jpeg,,blur", "is missing"),
    ],
)
def test_a_wrong_specification_says_what_is_wrong(text, says):
    with pytest.raises(OptionError) as caught:
        parse_perturbations(text)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "seed", "saved"),
    [
        ("jpeg:63", 0, {"format": "JPEG", "quality": 63}),
        ("jpeg:100:444", 0, {"format": "JPEG", "quality": 100}),
        ("webp:80", 0, {"format": "WEBP", "quality": 80}),
        ("png", 0, {"format": "PNG"}),
        ("webp:80+jpeg:75", 0, {"format": "JPEG", "quality": 75}),
        ("social:300:71", 0, {"format": "JPEG", "quality": 71}),
    ],
)
def test_the_kind_of_file_is_that_of_a_file_saved_so(text, seed, saved, photograph):
    file = io.BytesIO()
    Image.fromarray(photograph).save(file, **saved)
    info = decode_bytes(file.getvalue(), "x").info
    assert parse_perturbation(text).comes_as(seed) == FileKind(info.format, info.jpeg_quality)


def test_what_changes_pixels_only_leaves_no_file():
    for text in ("resize", "crop", "rotate", "blur", "noise", "sharpen", "gamma", "contrast", "jpeg:75+resize:0.5"):
        assert parse_perturbation(text).comes_as(3) == FileKind("array", 0)
    assert Chain(()).comes_as() == FileKind()


def test_a_screenshot_and_an_upload_come_as_the_file_that_their_seed_draws():
    kinds = set()
    for seed in range(40):
        last = Screenshot().steps(seed)[-1]
        assert Screenshot().comes_as(seed) == last.comes_as(0)
        assert Social().comes_as(seed) == FileKind("JPEG", Social().settings(seed)[1])
        # The second step of a chain has a seed of its own.
        chained = Chain((Blur(1.0), Screenshot()))
        assert chained.comes_as(seed) == Screenshot().comes_as(seed * 1009 + 1)
        kinds.add(last.comes_as(0).format)
    assert kinds == {"JPEG", "WEBP"}
