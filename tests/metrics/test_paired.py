"""Paired metrics against definitions written in SciPy and NumPy, and against torchmetrics; the matching of names."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.ndimage import gaussian_filter
from torchmetrics.functional.image import (
    multiscale_structural_similarity_index_measure,
    peak_signal_noise_ratio,
)

from ganeval.errors import MetricError
from ganeval.features.features import Features
from ganeval.images.opening import open_source
from ganeval.images.reading import ImageReader
from ganeval.metrics import paired_lpips, paired_ms_ssim, psnr, ssim
from ganeval.metrics.name_matching import match_names
from ganeval.metrics.pair_comparisons import foresee_paired
from ganeval.metrics.registry import METRICS

NAMES = ("psnr", "ssim", "paired_ms_ssim")


def _images(count: int, side: int = 16, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def _noisy(images: np.ndarray, spread: float = 20.0, seed: int = 9) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal(images.shape) * spread
    return np.clip(images + noise, 0, 255).round().astype(np.uint8)


def _ssim_by_scipy(a: np.ndarray, b: np.ndarray, sigma: float) -> float:
    """Wang et al. 2004, equation 13, a channel at a time, windows mirrored at the border."""
    values = []
    for x, y in zip(np.moveaxis(a / 255, 2, 0), np.moveaxis(b / 255, 2, 0), strict=True):

        def blur(z: np.ndarray) -> np.ndarray:
            return gaussian_filter(z, sigma, truncate=3.5, mode="mirror")

        mx, my = blur(x), blur(y)
        vx, vy, cov = blur(x * x) - mx**2, blur(y * y) - my**2, blur(x * y) - mx * my
        c1, c2 = 0.01**2, 0.03**2
        values.append((2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2)))
    return float(np.mean(values))


@pytest.mark.parametrize("side", [8, 16, 40])
def test_ssim_agrees_with_scipy(side: int) -> None:
    real = _images(3, side)
    generated = _noisy(real)
    expected = [_ssim_by_scipy(a, b, 1.5 if side >= 11 else 0.5) for a, b in zip(real, generated, strict=True)]
    assert ssim(real, generated).value == pytest.approx(np.mean(expected), abs=2e-5)


def test_psnr_agrees_with_its_definition_and_torchmetrics() -> None:
    real = _images(4)
    generated = _noisy(real)
    errors = ((real.astype(float) - generated) ** 2).mean(axis=(1, 2, 3))
    score = psnr(real, generated)
    assert score.value == pytest.approx(np.mean(10 * np.log10(255**2 / errors)))
    theirs = peak_signal_noise_ratio(
        torch.from_numpy(generated).double(), torch.from_numpy(real).double(), data_range=255.0
    )
    assert score.details["of_mean_error"] == pytest.approx(float(theirs))
    assert score.details["identical_pairs"] == 0
    assert score.higher_is_better


def test_a_grey_level_of_difference_is_48_decibels() -> None:
    real = np.full((2, 12, 12, 3), 100, np.uint8)
    assert psnr(real, real + 1).value == pytest.approx(20 * math.log10(255))


def test_ms_ssim_agrees_with_torchmetrics() -> None:
    real = _images(2, 180)
    generated = _noisy(real)
    theirs = multiscale_structural_similarity_index_measure(
        *(torch.from_numpy(x).permute(0, 3, 1, 2) / 255 for x in (generated, real)), data_range=1.0
    )
    assert paired_ms_ssim(real, generated).value == pytest.approx(float(theirs), abs=1e-5)


def test_identical_pairs_are_counted_and_the_mean_is_of_the_rest() -> None:
    real = _images(14)
    generated = _noisy(real)
    generated[2] = real[2]
    score = psnr(real, generated)
    rest = [i for i in range(14) if i != 2]
    assert score.details["identical_pairs"] == 1
    assert score.value == pytest.approx(psnr(real[rest], generated[rest]).value)
    assert score.interval is not None
    assert score.influence.real[2] == 0
    equal = psnr(real, real)
    assert equal.value == math.inf
    assert equal.interval is None
    assert "identical" in equal.no_interval_reason
    assert equal.details["of_mean_error"] == math.inf
    assert ssim(real, real).value == pytest.approx(1, abs=1e-6)
    assert paired_ms_ssim(real, real).value == pytest.approx(1, abs=1e-6)


def test_interval_is_students_over_pairs_and_the_influence_gives_the_same_error() -> None:
    real = _images(30)
    generated = np.concatenate([_noisy(real[:15], 5), _noisy(real[15:], 40)])
    score = ssim(real, generated)
    values = np.array([ssim(real[i : i + 1], generated[i : i + 1], level=None).value for i in range(30)])
    error = values.std(ddof=1) / math.sqrt(30)
    assert score.value == pytest.approx(values.mean())
    # 2.045: Student's 97.5 % with 29 degrees of freedom.
    assert score.interval.high - score.value == pytest.approx(2.0452 * error, rel=1e-3)
    np.testing.assert_allclose(score.influence.real, values - values.mean(), atol=1e-9)
    assert score.influence.generated is None
    assert score.influence.standard_error().total == pytest.approx(error)
    assert [one["name"] for one in score.details["worst"]] == [f"[{i}]" for i in np.argsort(values)[:5]]
    few = ssim(real[:5], generated[:5])
    assert few.interval is None
    assert "too few pairs of images" in few.no_interval_reason


def test_names_are_matched_by_path_then_by_stem() -> None:
    real = ["a/1.png", "a/2.png", "b/1.png", "deep/c/9.tiff", "left.over.png"]
    generated = ["b/1.jpg", "a/1.jpg", "9.webp", "other/2.png", "nobody.png"]
    found = match_names(real, generated)
    assert [(real[r], generated[g]) for r, g in zip(found.real, found.generated, strict=True)] == [
        ("b/1.png", "b/1.jpg"),
        ("a/1.png", "a/1.jpg"),
        ("deep/c/9.tiff", "9.webp"),
        ("a/2.png", "other/2.png"),
    ]
    assert found.names == ("b/1", "a/1", "9", "2")
    assert found.unmatched_real == ("left.over.png",)
    assert found.unmatched_generated == ("nobody.png",)


def test_only_image_endings_are_endings() -> None:
    assert len(match_names(["x.v1", "x.v2"], ["x.v2", "x.v1"])) == 2
    assert match_names(["x.v1.png"], ["x.v1.jpg"]).names == ("x.v1",)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 30), st.randoms())
def test_arrays_are_matched_by_place_and_files_in_any_order(count: int, random) -> None:
    assert match_names([f"gt.npy[{i}]" for i in range(count)], [f"out.npy[{i}]" for i in range(count)]).real == tuple(
        range(count)
    )
    assert len(match_names([f"a[{i}]/03" for i in range(count)], [f"b[{i}]/03" for i in range(count)])) == count
    real, generated = [f"r/{i}.png" for i in range(count)], [f"{i}.png" for i in range(count)]
    random.shuffle(real)
    found = match_names(real, generated)
    assert [real[row] for row in found.real] == [f"r/{i}.png" for i in range(count)]


def test_what_can_not_be_matched_is_named() -> None:
    with pytest.raises(MetricError, match=r"begin with x\.png, the real ones with y\.png"):
        match_names(["y.png"], ["x.png"])
    with pytest.raises(MetricError, match=r"2 real images are called '1'.*a/1\.png, b/1\.png"):
        match_names(["a/1.png", "b/1.png"], ["1.png"])
    with pytest.raises(MetricError, match=r"2 generated images are called '1'.*1\.png, 1\.jpg"):
        match_names(["1.png"], ["1.png", "1.jpg"])
    # The same stem twice on a side is no matter where the other side doesn't have it.
    assert match_names(["a/1.png", "b/1.png", "2.png"], ["2.png"]).unmatched_real == ("a/1.png", "b/1.png")


def test_pairs_of_different_sizes_are_refused_by_name() -> None:
    names = (["one.png", "two.png"],) * 2
    with pytest.raises(MetricError, match=r"'two'.*real 16x16, generated 20x20"):
        psnr([_images(1)[0]] * 2, [_images(1)[0], _images(1, 20)[0]], names=names)


def test_sizes_may_differ_from_pair_to_pair() -> None:
    real = [_images(1, side, side)[0] for side in (16, 20, 16, 24)]
    generated = [_noisy(image) for image in real]
    alone = [ssim([a], [b], level=None).value for a, b in zip(real, generated, strict=True)]
    assert ssim(real, generated).value == pytest.approx(np.mean(alone))


def test_bad_counts() -> None:
    with pytest.raises(MetricError, match="2 real and 3 generated"):
        psnr(_images(2), _images(3))
    with pytest.raises(MetricError, match="1 name for 2 real images"):
        psnr(_images(2), _images(2), names=(["a"], ["a", "b"]))


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path, np.ndarray, np.ndarray]:
    """Twelve pairs as files, the generated ones as PNG in another order of names, and one more image on either side."""
    real = _images(13, 24, seed=4)
    generated = _noisy(real)
    for i in range(13):
        # Odd ones come first on the real side.
        for side, image in (("gt/a" if i % 2 else "gt/b", real[i]), ("out", generated[i])):
            (tmp_path / side).mkdir(parents=True, exist_ok=True)
            ending = "png" if side == "out" else "bmp"
            stem = f"{i % 10}" + ("" if i < 10 else "-b")
            if i == 12:
                stem = f"only-{side[:2]}"
            Image.fromarray(image).save(tmp_path / side / f"{stem}.{ending}")
    return tmp_path / "gt", tmp_path / "out", real[:12], generated[:12]


def _side(path: Path) -> Features:
    source = open_source(str(path))
    items = list(source)
    return Features(
        pooled=np.zeros((len(items), 1), np.float32),
        ids=tuple(item.id for item in items),
        reader=ImageReader(source, len(items)),
    )


def test_folders_through_the_table(folders) -> None:
    real, generated = _side(folders[0]), _side(folders[1])
    for name, function in zip(NAMES, (psnr, ssim, paired_ms_ssim), strict=True):
        metric = METRICS.get(name)
        assert metric.needs == "pairs"
        assert not metric.on_features
        (score,) = metric(real, generated)
        assert score.value == pytest.approx(function(folders[2], folders[3]).value)
        assert score.n_generated == 12
        assert {one["name"] for one in score.details["worst"]} <= {path.stem for path in folders[1].iterdir()}
        assert score.details["unmatched_real"] == score.details["unmatched_generated"] == 1
        assert score.details["first_unmatched_generated"] == ["only-ou.png"]
        assert len(score.influence.real) == 13


@pytest.mark.parametrize("foreseen", [True, False])
def test_one_pass_serves_all_that_is_foreseen(folders, monkeypatch: pytest.MonkeyPatch, foreseen: bool) -> None:
    real, generated = _side(folders[0]), _side(folders[1])
    reads: list[int] = []
    ordered = ImageReader.ordered

    def counting(self: ImageReader, rows, **options):
        reads.append(len(rows))
        return ordered(self, rows, **options)

    monkeypatch.setattr(ImageReader, "ordered", counting)
    if foreseen:
        foresee_paired(real, generated, ["fd", *NAMES])
    values = {name: METRICS.get(name)(real, generated)[0].value for name in NAMES}
    assert reads == [12, 12] * (1 if foreseen else 3)
    again = METRICS.get("psnr")(real, generated)[0].value
    assert again == values["psnr"]
    assert len(reads) == (2 if foreseen else 6)


def test_foreseeing_what_can_not_be_done_is_no_error(folders) -> None:
    foresee_paired(None, _side(folders[1]), NAMES)
    other = Features(
        pooled=np.zeros((1, 1), np.float32), ids=("x.png",), reader=ImageReader(open_source(_images(1)), 1)
    )
    foresee_paired(other, _side(folders[1]), NAMES)
    with pytest.raises(MetricError, match="no generated image has the name"):
        METRICS.get("psnr")(other, _side(folders[1]))


def test_lpips_without_weights_says_where_they_come_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganeval.features.weights.weights_folder", lambda: tmp_path)
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path))
    with pytest.raises(MetricError, match="AlexNet, which are not on disk") as raised:
        paired_lpips(_images(2), _images(2))
    assert "alexnet-owt-7be5be79.pth" in raised.value.hint
    with pytest.raises(MetricError, match="VGG-16"):
        METRICS.get("lpips_diversity")(
            None,
            Features(pooled=np.zeros((2, 1), np.float32), reader=ImageReader(open_source(_images(2)), 2)),
            network="vgg",
        )
