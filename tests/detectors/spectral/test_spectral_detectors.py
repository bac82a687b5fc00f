"""The published spectral detectors: against re-statements of their papers, on constructed generators, restored."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
import scipy.fft
from PIL import Image
from scipy import ndimage
from scipy.special import expit
from sklearn.datasets import load_sample_images
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.svm import SVC

from ganeval.detectors.detector import PIXEL_DETECTORS, Example, PixelDetector, State
from ganeval.detectors.spectral.classifiers import FeatureClassifier
from ganeval.detectors.spectral.dct_coefficients import dct_features, fit_logistic, log_dct
from ganeval.detectors.spectral.peaks import (
    PeakDetector,
    lattice_frequencies,
    median_residual,
    peak_features,
    peak_heights,
    residual_spectrum,
)
from ganeval.detectors.spectral.radial_spectrum import RadialSpectrumDetector, azimuthal_profile, spectral_features
from ganeval.errors import ImageRangeError, OptionError, WeightsError

NAMES = ["spectral", "dct", "peaks"]


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=quality)
    return np.array(Image.open(stream))


def upsampled(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A constructed generator: each of the four phases of a 2 x 2 lattice has its own filter close to the identity."""
    picture = np.pad(pixels.astype(float), ((1, 1), (1, 1), (0, 0)), mode="edge")
    height, width = pixels.shape[:2]
    made = np.empty(pixels.shape)
    for row, column in np.ndindex(2, 2):
        kernel = rng.normal(0, 0.06, (3, 3))
        kernel[1, 1] += 1
        filtered = sum(kernel[i, j] * picture[i : i + height, j : j + width] for i, j in np.ndindex(3, 3))
        made[row::2, column::2] = filtered[row::2, column::2]
    return np.clip(made.round(), 0, 255).astype(np.uint8)


def crops(photo: np.ndarray, count: int, rng: np.random.Generator) -> list[np.ndarray]:
    places = [(rng.integers(photo.shape[0] - 160), rng.integers(photo.shape[1] - 160)) for _ in range(count)]
    return [np.ascontiguousarray(photo[top : top + 160, left : left + 160]) for top, left in places]


@pytest.fixture(scope="module")
def sets() -> dict[str, list[Example]]:
    """Crops of one photograph to train on and of another to test on; generated: the same crops, up-sampled."""
    rng = np.random.default_rng(3)
    photos = dict(zip(("train", "test"), load_sample_images().images, strict=True))
    made = {}
    for split, photo in photos.items():
        real = crops(photo, 40, rng)
        pairs = [(x, upsampled(x, rng)) for x in real]
        made[split] = [
            Example(x, generated, str(i)) for i, pair in enumerate(pairs) for generated, x in enumerate(pair)
        ]
        made[split] = [replace(example, generated=bool(example.generated)) for example in made[split]]
    return made


@pytest.fixture(scope="module")
def trained(sets: dict[str, list[Example]]) -> dict[str, PixelDetector]:
    return {name: PIXEL_DETECTORS.get(name).fit(iter(sets["train"])) for name in NAMES}


# The azimuthally integrated spectrum


@pytest.mark.parametrize("shape", [(16, 16), (15, 15), (12, 21)])
def test_profile_is_the_mean_over_each_radius(shape: tuple[int, int]) -> None:
    grey = np.random.default_rng(1).normal(100, 30, shape)
    rows, columns = shape
    sums: dict[int, list[float]] = {}
    for u in range(rows):
        for v in range(columns):
            # The transform by its definition, with the zero frequency in the middle.
            down, right = (u - rows // 2) / rows, (v - columns // 2) / columns
            wave = np.exp(-2j * np.pi * (np.arange(rows)[:, None] * down + np.arange(columns)[None] * right))
            radius = int(np.sqrt((u - (rows - 1) / 2) ** 2 + (v - (columns - 1) / 2) ** 2))
            sums.setdefault(radius, []).append(20 * np.log(abs((grey * wave).sum() + 1e-8)))
    expected = [np.mean(sums[radius]) for radius in sorted(sums)][1:-1]
    np.testing.assert_allclose(azimuthal_profile(grey), expected, rtol=1e-9)


def test_profile_of_1024_pixels_has_722_values() -> None:
    assert azimuthal_profile(np.random.default_rng(0).normal(size=(1024, 1024))).shape == (722,)


def test_contrast_moves_a_profile_by_a_constant_and_brightness_hardly() -> None:
    pixels = noise(128, 128)
    grey = pixels[..., 0].astype(float)
    np.testing.assert_allclose(azimuthal_profile(grey * 3) - azimuthal_profile(grey), 20 * np.log(3), atol=1e-6)
    # Only the zero frequency knows the brightness; it is at the innermost radius, which is left out.
    np.testing.assert_allclose(azimuthal_profile(grey + 40), azimuthal_profile(grey), atol=1e-6)


@pytest.mark.parametrize("shape", [(3, 9), (9,), (4, 4, 3)])
def test_profile_refuses_what_has_no_radii(shape: tuple[int, ...]) -> None:
    with pytest.raises(ImageRangeError, match="no radial spectrum"):
        azimuthal_profile(np.zeros(shape))


def test_spectral_features_ignore_contrast() -> None:
    pixels = noise(128, 128) // 4
    np.testing.assert_allclose(spectral_features(pixels * 2), spectral_features(pixels), atol=1e-4)


@pytest.mark.parametrize(
    ("kind", "reference"),
    [
        ("svm-rbf", SVC(C=6.37, gamma=0.86)),
        ("svm-linear", SVC(kernel="linear")),
        ("logistic", LogisticRegression(solver="liblinear", max_iter=1000)),
    ],
)
def test_classifiers_decide_as_scikit_learn_does(kind: str, reference: SVC) -> None:
    rng = np.random.default_rng(2)
    features = rng.normal(5, 3, (60, 7)) * np.arange(1, 8)
    generated = features[:, 0] + rng.normal(0, 2, 60) > 5
    ours = FeatureClassifier.fit(kind, features, generated, seed=1)
    restored = FeatureClassifier.restore(State(ours.arrays(), json.loads(json.dumps(ours.settings()))), 7)
    scaled = (features - features.mean(0)) / features.std(0) / np.sqrt(7)
    expected = reference.fit(scaled, generated).decision_function(scaled[::-1])
    for classifier in (ours, restored):
        np.testing.assert_allclose(classifier.score(features[::-1]), expected, atol=1e-7)


def test_a_constant_feature_is_left_out() -> None:
    features = np.random.default_rng(0).normal(size=(30, 3))
    features[:, 1] = 4.0
    classifier = FeatureClassifier.fit("logistic", features, features[:, 0] > 0, seed=0)
    changed = features.copy()
    changed[:, 1] = 1e6
    np.testing.assert_allclose(classifier.score(changed), classifier.score(features))


def test_unknown_classifier_is_named_with_the_known_ones() -> None:
    with pytest.raises(OptionError, match="svm-rbf"):
        FeatureClassifier.fit("svm-rfb", np.zeros((2, 2)), np.array([True, False]), seed=0)


@pytest.mark.parametrize("kind", ["svm-linear", "logistic"])
def test_the_other_classifiers_train_and_separate(kind: str, sets: dict[str, list[Example]]) -> None:
    detector = RadialSpectrumDetector.fit(sets["train"], classifier=kind)
    assert auc(detector, sets["train"]) > 0.9


# DCT coefficients


def test_log_dct_is_that_of_the_definition() -> None:
    tile = np.random.default_rng(4).integers(0, 256, (6, 5, 3)).astype(np.uint8)
    expected = np.empty(tile.shape)
    for u, v, c in np.ndindex(tile.shape):
        wave = [np.cos(np.pi * (2 * np.arange(n) + 1) * k / (2 * n)) for n, k in ((6, u), (5, v))]
        scale = np.sqrt((1 if u == 0 else 2) / 6 * (1 if v == 0 else 2) / 5)
        expected[u, v, c] = np.log(abs(scale * np.outer(*wave).ravel() @ tile[..., c].ravel().astype(float)) + 1e-12)
    np.testing.assert_allclose(log_dct(tile), expected, rtol=1e-8)
    flat = log_dct(np.full((8, 8, 3), 50.0))
    np.testing.assert_allclose(flat[0, 0], np.log(50 * 8))
    assert flat.reshape(-1, 3)[1:].max() < -20
    with pytest.raises(ImageRangeError, match="colour tile"):
        log_dct(np.zeros((8, 8)))


def test_dct_features_are_the_mean_over_tiles() -> None:
    pixels = noise(64, 192)
    tiles = [pixels[:, left : left + 64].astype(float) for left in (0, 64, 128)]
    single = [np.log(np.abs(scipy.fft.dctn(tile[..., c], norm="ortho")) + 1e-12) for tile in tiles for c in range(3)]
    expected = np.mean(np.array(single).reshape(3, 3, 64, 64), axis=0).transpose(1, 2, 0)
    np.testing.assert_allclose(dct_features(pixels).reshape(64, 64, 3), expected)


@pytest.mark.parametrize(("count", "dimension"), [(40, 5), (20, 90)])
def test_logistic_head_is_at_its_optimum(count: int, dimension: int) -> None:
    rng = np.random.default_rng(5)
    features = rng.normal(size=(count, dimension)).astype(np.float32)
    generated = features[:, 0] + rng.normal(size=count) > 0
    weight, bias = fit_logistic(features, generated, 0.01)
    error = expit(features @ weight + bias) - generated
    # The gradient of mean loss + l2/2 |w|^2 vanishes, and the loss is strictly convex: this is the minimum.
    np.testing.assert_allclose(features.T @ error / count + 0.01 * weight, 0, atol=1e-4)
    assert abs(error.mean()) < 1e-4
    # Frank's loss has two softmax rows and l2 on each; by symmetry they are w/2 and -w/2.
    rows = np.stack([-weight / 2, weight / 2])
    assert np.isclose(0.01 * (rows**2).sum(), 0.005 * (weight**2).sum())


def test_score_of_dct_is_the_mean_of_its_heatmap(trained: dict[str, PixelDetector]) -> None:
    pixels = noise(128, 192)
    heatmap = trained["dct"].heatmap(pixels)
    assert heatmap.values.shape == (2, 3)
    assert (heatmap.step, heatmap.size, heatmap.top, heatmap.left) == (64, 64, 0, 0)
    assert trained["dct"].score(pixels) == pytest.approx(heatmap.values.mean(), rel=1e-5)
    pixels[64:, :64] = 9
    assert np.isnan(trained["dct"].heatmap(pixels).values[1, 0])
    assert trained["dct"].heatmap(noise(20, 500)) is None


def test_heatmap_of_a_large_picture_is_bounded_and_lies_within(trained: dict[str, PixelDetector]) -> None:
    heatmap = trained["dct"].heatmap(np.zeros((64 * 40, 64 * 40, 3), np.uint8))
    assert heatmap.values.size <= 1024
    assert heatmap.step == 128
    assert (heatmap.values.shape[0] - 1) * heatmap.step + heatmap.size <= 64 * 40


# Peaks


def test_residual_is_pixel_minus_median_of_nine() -> None:
    pixels = noise(2 * 20, 31).reshape(2, 20, 31, 3)
    median = np.stack([[ndimage.median_filter(x[..., c], 3, mode="nearest") for c in range(3)] for x in pixels])
    np.testing.assert_array_equal(median_residual(pixels), pixels - np.moveaxis(median.astype(int), 1, -1))


def test_lattice_frequencies_are_all_that_differ() -> None:
    # A real signal's spectrum is the same at opposite frequencies: of 64 less zero, pairs count once.
    classes = {frozenset({(i, j), (-i % 8, -j % 8)}) for i, j in np.ndindex(8, 8) if (i, j) != (0, 0)}
    ours = [frozenset({(i % 8, j % 8), (-i % 8, -j % 8)}) for i, j in lattice_frequencies()]
    assert len(ours) == len(set(ours)) == 33
    assert set(ours) == classes


def test_residual_spectrum_against_a_whole_transform() -> None:
    pixels = noise(128, 128, 7)
    line = np.sin(np.pi * (np.arange(128) + 0.5) / 128) ** 2
    window = np.outer(line, line) / np.linalg.norm(np.outer(line, line))
    residual = median_residual(pixels).astype(float)
    y = residual @ [0.299, 0.587, 0.114]
    expected = [
        np.log(np.abs(np.fft.fftshift(np.fft.fft2(plane * window))) ** 2 + 0.01)
        for plane in (y, residual[..., 2] - y, residual[..., 0] - y)
    ]
    np.testing.assert_allclose(residual_spectrum(pixels), expected, atol=1e-6)


def test_a_wave_is_a_peak_where_its_frequency_is() -> None:
    rng = np.random.default_rng(8)
    down, right = np.indices((256, 256))
    wave = 12 * np.cos(2 * np.pi * (20 * down + 45 * right) / 128)
    pixels = np.clip(rng.normal(128, 10, (256, 256, 1)) + wave[..., None], 0, 255).repeat(3, axis=2).astype(np.uint8)
    heights = peak_heights(residual_spectrum(pixels))
    at = np.unravel_index(heights[0].argmax(), (128, 128))
    assert tuple(abs(np.array(at) - 64)) == (20, 45)
    # Grey: no colour residual, so nothing but the floor there.
    np.testing.assert_allclose(heights[1:], 0, atol=1e-9)
    facts = dict(PeakDetector.weigh_facts(PeakDetector.__new__(PeakDetector), pixels))
    assert "0.352 cycles a pixel across and 0.156 down" in facts["highest peak elsewhere"]
    extremes = peak_features(residual_spectrum(pixels)).reshape(3, 69)[:, -3:]
    assert extremes[0, 0] > 10 > 1e-6 > extremes[1, 0]


def test_heights_are_measured_against_a_ring() -> None:
    spectrum = np.random.default_rng(9).normal(size=(1, 32, 32))
    around = [
        spectrum[0, (5 + i) % 32, (30 + j) % 32] for i in range(-6, 7) for j in range(-6, 7) if max(abs(i), abs(j)) > 1
    ]
    assert peak_heights(spectrum)[0, 5, 30] == pytest.approx(spectrum[0, 5, 30] - np.mean(around))
    np.testing.assert_allclose(peak_heights(spectrum + 3), peak_heights(spectrum), atol=1e-9)


def test_a_checkerboard_is_a_peak_on_the_lattice() -> None:
    pixels = noise(256, 256) // 4 + 60
    pixels[::2, ::2] += 12
    place = lattice_frequencies().index((4, 4))
    assert (
        peak_features(residual_spectrum(pixels))[place]
        > 3
        > abs(peak_features(residual_spectrum(noise(256, 256)))[place])
    )


@pytest.mark.parametrize("pixels", [np.zeros((200, 200), np.uint8), np.zeros((200, 200, 3))])
def test_residual_spectrum_refuses_other_arrays(pixels: np.ndarray) -> None:
    with pytest.raises(ImageRangeError, match="isn't uint8"):
        residual_spectrum(pixels)


# All three


def auc(detector: PixelDetector, examples: list[Example]) -> float:
    scores = [detector.score(example.pixels) for example in examples]
    return float(roc_auc_score([example.generated for example in examples], scores))


@pytest.mark.parametrize(("name", "least"), [("spectral", 0.7), ("dct", 0.9), ("peaks", 0.95)])
def test_up_sampled_crops_of_another_photograph_are_told_from_it(
    name: str, least: float, trained: dict[str, PixelDetector], sets: dict[str, list[Example]]
) -> None:
    assert auc(trained[name], sets["test"]) >= least


@pytest.mark.parametrize(("name", "least"), [("dct", 0.8), ("peaks", 0.8)])
def test_jpeg_on_both_sides_leaves_something(name: str, least: float, sets: dict[str, list[Example]]) -> None:
    both = {split: [replace(e, pixels=jpeg(e.pixels, 90)) for e in examples[:50]] for split, examples in sets.items()}
    assert auc(PIXEL_DETECTORS.get(name).fit(both["train"]), both["test"]) >= least


@pytest.mark.parametrize("name", NAMES)
def test_restored_from_its_state_it_scores_the_same(name: str, trained: dict[str, PixelDetector]) -> None:
    state = trained[name].state()
    restored = type(trained[name]).restore(State(state.arrays, json.loads(json.dumps(state.settings))))
    for seed in range(3):
        pixels = noise(160, 150, seed)
        assert restored.score(pixels) == pytest.approx(trained[name].score(pixels), rel=1e-4, abs=1e-4)
    assert sum(array.nbytes for array in state.arrays.values()) < 8 * 2**20


@pytest.mark.parametrize("name", NAMES)
def test_broken_states_are_refused(name: str, trained: dict[str, PixelDetector]) -> None:
    state = trained[name].state()
    kind = type(trained[name])
    for array in state.arrays:
        without = {key: value for key, value in state.arrays.items() if key != array}
        with pytest.raises(WeightsError, match=array):
            kind.restore(State(without, state.settings))
        for bad in (np.zeros((2, 2)), np.full(state.arrays[array].shape, np.nan), np.array(["x"])):
            with pytest.raises(WeightsError):
                kind.restore(State({**state.arrays, array: bad}, state.settings))


@pytest.mark.parametrize("name", NAMES)
def test_one_class_alone_is_refused(name: str) -> None:
    kind = PIXEL_DETECTORS.get(name)
    real = [Example(noise(130, 130), False)]
    with pytest.raises(OptionError, match="no usable generated images"):
        kind.fit(real)
    with pytest.raises(OptionError, match="no usable generated images"):
        kind.fit([*real, Example(noise(20, 20), True)])
    with pytest.raises(OptionError, match="no usable real images"):
        kind.fit([Example(noise(130, 130), True)])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(1, 1), (63, 500), (200, 200)])
def test_nothing_to_judge_by_is_nan(name: str, shape: tuple[int, int], trained: dict[str, PixelDetector]) -> None:
    assert np.isnan(trained[name].score(np.full((*shape, 3), 200, np.uint8)))


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_of_the_smallest_size_is_scored(name: str, trained: dict[str, PixelDetector]) -> None:
    side = trained[name].minimum_side
    assert np.isfinite(trained[name].score(noise(side, side)))
    assert np.isnan(trained[name].score(noise(side - 1, side)))
