"""Fingerprints: constructed generators are told apart, unknown ones and photographs are none of these."""

import io
import json
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load, save
from scipy.signal import convolve2d
from sklearn.datasets import load_sample_images

from ganeval.detectors.fingerprints import NONE_OF_THESE, Fingerprints
from ganeval.detectors.fingerprints.collected import KEPT, collect
from ganeval.detectors.fingerprints.matching import Matches, Null, Targets, foreign_null, needed_for, pictures_needed
from ganeval.detectors.fingerprints.residual import denoising_residual, picture_residual, whitened, zero_mean
from ganeval.errors import ImageRangeError, OptionError, OutputError, WeightsError

SIZE = 32
Generator = Callable[[np.ndarray], np.ndarray]


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=quality)
    return np.array(Image.open(stream))


def generator(seed: int, strength: float = 0.03) -> Generator:
    """Two transposed convolutions, 4 taps and stride 2, with kernels of its own, on a picture shrunk to a quarter."""
    rng = np.random.default_rng([77, seed])
    line = np.array([0.25, 0.75, 0.75, 0.25])
    # From each channel to each: like a network's last layers, near enough to the identity to leave a picture.
    plain = np.outer(line, line)[..., None, None] * np.eye(3)
    kernels = [plain + rng.normal(0, strength, (4, 4, 3, 3)) for _ in range(2)]

    def generate(pixels: np.ndarray) -> np.ndarray:
        height, width, _ = pixels.shape
        picture = pixels.reshape(height // 4, 4, width // 4, 4, 3).mean((1, 3))
        for kernel in kernels:
            height, width = 2 * picture.shape[0], 2 * picture.shape[1]
            spread = np.zeros((height + 2, width + 2, 3))
            for i, j in np.ndindex(4, 4):
                spread[i : i + height : 2, j : j + width : 2] += picture @ kernel[i, j]
            picture = spread[1:-1, 1:-1]
        return np.clip(picture.round(), 0, 255).astype(np.uint8)

    return generate


def photograph(pixels: np.ndarray) -> np.ndarray:
    return pixels


def crops(count: int, seed: int, side: int = 96, quality: int | None = None, make: Generator = photograph) -> list:
    """What `make` makes of random crops of two photographs."""
    rng = np.random.default_rng(seed)
    photos = load_sample_images().images
    found = []
    for index in range(count):
        photo = photos[index % 2]
        top, left = (rng.integers(0, length - side) for length in photo.shape[:2])
        made = make(photo[top : top + side, left : left + side])
        found.append(made if quality is None else jpeg(made, quality))
    return found


def fitted(quality: int | None = None, **options: object) -> Fingerprints:
    names = {f"gan-{index}": crops(30, index, quality=quality, make=generator(index)) for index in range(3)}
    options = {"photographs": crops(30, 50, quality=quality), "size": SIZE, **options}
    return Fingerprints.fit(names, **options)


@pytest.fixture(scope="module")
def three() -> Fingerprints:
    return fitted()


def answers(fingerprints: Fingerprints, pictures: list[np.ndarray]) -> Counter:
    return Counter(fingerprints.attribute(pixels).generator for pixels in pictures)


# The residual


def test_residual_is_that_of_the_adaptive_wiener_filter() -> None:
    tile = noise(9, 8)
    expected = np.empty(tile.shape)
    for c in range(3):
        x = np.pad(tile[..., c].astype(float), 2, mode="edge")
        box = np.full((3, 3), 1 / 9)
        mean = convolve2d(x, box, mode="same")
        # The mean of squared deviations from each place's own local mean, repeated beyond the border.
        inner = mean[2:-2, 2:-2]
        squared = np.pad((x[2:-2, 2:-2] - inner) ** 2, 1, mode="edge")
        variance = convolve2d(squared, box, mode="valid")
        denoised = inner + np.maximum(variance - 9, 0) / np.maximum(variance, 9) * (x[2:-2, 2:-2] - inner)
        expected[..., c] = x[2:-2, 2:-2] - denoised
    np.testing.assert_allclose(denoising_residual(tile), expected, atol=1e-3)


def test_edges_are_damped_and_noise_is_kept() -> None:
    edge = np.zeros((16, 16, 3), np.uint8)
    edge[:, 8:] = 200
    assert np.abs(denoising_residual(edge)).max() < 0.25
    weak = (100 + noise(16, 16) % 3).astype(np.uint8)
    assert denoising_residual(weak).std() > 0.6


def test_rows_and_columns_are_centred() -> None:
    plane = zero_mean(np.random.default_rng(0).normal(size=(16, 24, 3)).astype(np.float32))
    np.testing.assert_allclose(plane.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(plane.mean(1), 0, atol=1e-6)


def test_whitening_flattens_colour_and_keeps_a_peak() -> None:
    rng = np.random.default_rng(1)
    plane = rng.normal(size=(64, 64, 3))
    coloured = sum(np.roll(plane, shift, axis=1) for shift in range(6))
    coloured += 20 * np.cos(2 * np.pi * 16 / 64 * np.add.outer(np.arange(64), np.arange(64)))[..., None]
    power = np.abs(np.fft.fft2(whitened(zero_mean(coloured.astype(np.float32))), axes=(0, 1))) ** 2
    assert power[16, 16].min() > 30 * np.median(power)
    low, high = np.median(power[1:20, 1:6]), np.median(power[1:20, 27:32])
    assert 0.5 < low / high < 2


def test_tiles_of_a_large_picture_are_averaged_in_phase() -> None:
    pattern = np.random.default_rng(2).normal(0, 2, (SIZE, SIZE, 3))
    rng = np.random.default_rng(3)
    small, large = (
        np.clip(128 + np.tile(pattern, (n, n, 1)) + rng.normal(0, 6, (n * SIZE, n * SIZE, 3)), 0, 255).astype(np.uint8)
        for n in (1, 5)
    )
    found = [float(np.vdot(picture_residual(x, SIZE), zero_mean(pattern))) for x in (small, large)]
    assert found[1] > 1.5 * found[0] > 0
    assert np.mean(picture_residual(large, SIZE) ** 2) == pytest.approx(1, rel=1e-4)


def test_zero_mean_takes_the_grid_of_jpeg_out() -> None:
    # Photographs at a low quality have a common residual before the rows and columns are centred, and hardly any after.
    rng = np.random.default_rng(4)
    pictures = [jpeg((90 + 60 * rng.random((64, 64, 1)).repeat(3, 2)).astype(np.uint8), 30) for _ in range(30)]
    raw = np.mean([denoising_residual(x) for x in pictures], axis=0).reshape(8, 8, 8, 8, 3).mean((0, 2))
    assert np.abs(zero_mean(raw)).max() < 0.8 * np.abs(raw).max()


@pytest.mark.parametrize("shape", [(1, 1), (SIZE - 1, 400), (200, 200)])
def test_small_and_flat_pictures_have_no_residual(shape: tuple[int, int]) -> None:
    assert picture_residual(np.full((*shape, 3), 7, np.uint8), SIZE) is None


# Matching


@pytest.mark.parametrize("search", [False, True])
def test_correlation_is_the_cosine_and_the_search_its_maximum_over_shifts(search: bool) -> None:
    rng = np.random.default_rng(5)
    planes = [rng.normal(size=(8, 8, 3)) for _ in range(2)]
    residual = np.roll(planes[1], (3, 5), axis=(0, 1)) + rng.normal(size=(8, 8, 3))
    expected = []
    for plane in planes:
        shifts = np.ndindex(8, 8) if search else [(0, 0)]
        cosines = [
            (np.roll(plane, shift, axis=(0, 1)) * residual).sum() / np.sqrt((plane**2).sum() * (residual**2).sum())
            for shift in shifts
        ]
        expected.append(max(cosines))
    np.testing.assert_allclose(Targets(planes, search).correlations(residual), expected)


def test_foreign_null_by_hand() -> None:
    values = np.array([[0.9, 0.1], [0.2, 0.8], [0.0, 0.3], [0.4, 0.5]])
    null = foreign_null(Matches(values, np.array([0, 1, -1, -1])))
    # Foreign to the first: rows 1 to 3; to the second: rows 0, 2 and 3.
    np.testing.assert_allclose(null.means, [0.2, 0.3])
    np.testing.assert_allclose(null.deviations, [np.std([0.2, 0.0, 0.4]), np.std([0.1, 0.3, 0.5])])
    first, second = null.deviations
    np.testing.assert_allclose(null.highest, sorted([-0.2 / second, 0, 0, 0.2 / first]), atol=1e-9)


def test_p_value_counts_the_picture_itself_and_agrees_with_the_threshold() -> None:
    null = Null(np.zeros(1), np.ones(1), np.arange(1.0, 40.0), "")
    assert null.p_value(39.5) == pytest.approx(1 / 40)
    assert null.p_value(39.0) == pytest.approx(2 / 40)
    assert null.p_value(0.0) == 1
    for score in (36.9, 37.9, 38.0, 38.1, 39.2):
        assert (null.p_value(score) <= 0.05) == (score > null.threshold(0.05))
    assert needed_for(0.05) == 19
    assert Null(np.zeros(1), np.ones(1), np.arange(18.0), "").threshold(0.05) == np.inf
    assert np.isfinite(Null(np.zeros(1), np.ones(1), np.arange(19.0), "").threshold(0.05))


def test_pictures_needed_is_where_the_mean_correlation_gets_there() -> None:
    rng = np.random.default_rng(6)
    mark = rng.normal(size=20_000)

    def picture() -> np.ndarray:
        return np.sqrt(0.02) * mark + np.sqrt(0.98) * rng.normal(size=20_000)

    needed = pictures_needed(0.02, 0.08)
    assert needed == 24
    mean = np.mean([picture() for _ in range(needed)], axis=0)
    assert np.mean([np.corrcoef(mean, picture())[0, 1] for _ in range(20)]) == pytest.approx(0.08, abs=0.006)
    assert pictures_needed(0.02, 0.2) is None
    assert pictures_needed(0.0, 0.1) is None
    assert pictures_needed(0.5, -0.1) == 2


# Collecting


def test_sum_and_reservoir() -> None:
    pictures = crops(KEPT + 12, 1)
    one = collect(pictures, SIZE, np.random.default_rng(0), None, "")
    residuals = [picture_residual(x, SIZE) for x in pictures]
    np.testing.assert_allclose(one.total, np.sum(residuals, axis=0), atol=1e-3)
    assert (one.count, one.skipped, one.kept.shape) == (KEPT + 12, 0, (KEPT, SIZE, SIZE, 3))
    pairs = [np.mean(a * b) for i, a in enumerate(residuals) for b in residuals[:i]]
    assert one.coherence == pytest.approx(np.mean(pairs), abs=1e-5)
    flat = collect([np.zeros((64, 64, 3), np.uint8)], SIZE, np.random.default_rng(0), None, "")
    assert (flat.count, flat.skipped) == (0, 1)


@pytest.mark.parametrize(("first", "second", "kept"), [(5, 6, 11), (60, 60, KEPT), (60, 3, KEPT), (3, 60, KEPT)])
def test_joined_keeps_some_of_both(first: int, second: int, kept: int) -> None:
    rng = np.random.default_rng(0)
    a, b = (collect(crops(n, n, 48), SIZE, rng, None, "") for n in (first, second))
    both = a.joined(b, rng)
    assert both.count == first + second
    assert len(both.kept) == kept
    np.testing.assert_allclose(both.total, a.total + b.total)
    of_first = sum(any((one == other).all() for other in a.kept) for one in both.kept)
    assert 0 < of_first < kept


# Attribution


def test_pictures_are_attributed_to_their_generators(three: Fingerprints) -> None:
    for index in range(3):
        found = answers(three, crops(30, 200 + index, make=generator(index)))
        assert found[f"gan-{index}"] >= 12
        assert found[f"gan-{index}"] + found[NONE_OF_THESE] == 30
    assert all(found.share >= 0.4 for found in three.recognised.values())


def test_photographs_and_an_unknown_generator_are_none_of_these(three: Fingerprints) -> None:
    assert answers(three, crops(60, 300))[NONE_OF_THESE] >= 54
    unknown = [answers(three, crops(20, 310 + index, make=generator(index)))[NONE_OF_THESE] for index in (3, 4, 5)]
    assert sum(unknown) >= 54


def test_jpeg_on_both_sides() -> None:
    fingerprints = fitted(quality=85)
    wrong = 0
    for index in range(3):
        found = answers(fingerprints, crops(20, 400 + index, quality=85, make=generator(index)))
        assert found[f"gan-{index}"] >= 7
        wrong += 20 - found[f"gan-{index}"] - found[NONE_OF_THESE]
    assert wrong <= 5
    assert answers(fingerprints, crops(40, 410, quality=85))[NONE_OF_THESE] >= 35


def test_other_sizes_are_attributed_too(three: Fingerprints) -> None:
    wide = [x[:64] for x in crops(10, 500, side=160, make=generator(1))]
    assert answers(three, wide)["gan-1"] >= 7


def test_the_answer_says_what_it_rests_on(three: Fingerprints) -> None:
    answer = three.attribute(crops(1, 600, make=generator(2))[0])
    assert answer.generator == answer.best == "gan-2"
    assert answer.p_value <= answer.level < answer.typicality
    assert answer.score > answer.threshold
    assert set(answer.correlations) == set(three.names)
    assert answer.correlation == answer.correlations["gan-2"] == max(answer.correlations.values())
    residual, mark = picture_residual(crops(1, 600, make=generator(2))[0], SIZE), three.fingerprint("gan-2")
    assert answer.correlation == pytest.approx(np.corrcoef(residual.ravel(), mark.ravel())[0, 1], abs=1e-4)
    assert "gan-2" in answer.sentence
    assert "none of the known generators" in three.attribute(crops(1, 601)[0]).sentence
    json.dumps(answer.as_dict())


def test_search_finds_cropped_pictures() -> None:
    searching = fitted(search=True)
    right = wrong = 0
    for index in range(3):
        found = answers(searching, [x[5:69, 3:67] for x in crops(20, 700 + index, make=generator(index))])
        right += found[f"gan-{index}"]
        wrong += 20 - found[f"gan-{index}"] - found[NONE_OF_THESE]
    assert right >= 18
    assert wrong <= 3
    assert answers(searching, [x[5:69, 3:67] for x in crops(30, 710)])[NONE_OF_THESE] >= 26


def test_more_pictures_join_without_the_first_ones(three: Fingerprints) -> None:
    more = crops(8, 800, make=generator(0))
    new = crops(30, 801, make=generator(3))
    added = three.add({"gan-0": more, "gan-3": new})
    assert added.generators["gan-0"].count == 38
    np.testing.assert_allclose(
        added.generators["gan-0"].total,
        three.generators["gan-0"].total + sum(picture_residual(x, SIZE) for x in more),
        atol=1e-3,
    )
    assert answers(added, crops(20, 802, make=generator(3)))["gan-3"] >= 5
    merged = three.merge(Fingerprints.fit({"gan-3": new}, size=SIZE))
    assert merged.names == ("gan-0", "gan-1", "gan-2", "gan-3")
    with pytest.raises(OptionError, match="32 and of 64"):
        three.merge(Fingerprints.fit({"x": crops(6, 1)}, size=64))


def test_one_generator_alone_is_held_against_its_shifted_pictures() -> None:
    alone = Fingerprints.fit({"only": crops(30, 0, make=generator(0))}, size=SIZE)
    assert "shifted" in alone.null.source
    assert any("No photographs" in notice for notice in alone.notices)
    assert answers(alone, crops(40, 900))[NONE_OF_THESE] >= 36
    with pytest.raises(OptionError, match="foreign pictures"):
        Fingerprints.fit({"only": crops(30, 0)}, size=SIZE, search=True)


def test_too_few_pictures() -> None:
    with pytest.raises(OptionError, match="3 usable pictures of 'few'"):
        Fingerprints.fit({"few": crops(3, 0)}, size=SIZE)
    with pytest.raises(OptionError, match="and 2 smaller than 32 pixels or flat"):
        Fingerprints.fit({"few": [*crops(1, 0), noise(8, 8), noise(31, 99)]}, size=SIZE)


def test_a_weak_trace_is_said_to_need_more_pictures() -> None:
    mark = np.tile(np.random.default_rng(0).normal(0, 0.2, (SIZE, SIZE, 3)), (3, 3, 1))
    pictures = crops(8, 0, make=lambda x: np.clip(x + mark, 0, 255).round().astype(np.uint8))
    weak = Fingerprints.fit({"weak": pictures}, photographs=crops(30, 1), size=SIZE)
    assert weak.recognised["weak"].share < 0.5
    assert any(notice.startswith("Of 8 held-out pictures of weak") for notice in weak.notices)


@pytest.mark.parametrize("options", [{"size": 20}, {"size": 8}, {"size": 1024}, {"level": 0.9}, {"level": 0.0}])
def test_options_outside_their_range(options: dict[str, float]) -> None:
    with pytest.raises(OptionError, match=str(next(iter(options.values())))):
        Fingerprints.fit({"x": []}, **options)


def test_no_generators_and_a_reserved_name() -> None:
    with pytest.raises(OptionError, match="no generators"):
        Fingerprints.fit({})
    with pytest.raises(OptionError, match="can't be called"):
        Fingerprints.fit({NONE_OF_THESE: []})


@pytest.mark.parametrize("shape", [(1, 1), (31, 90), (90, 90)])
def test_pictures_that_cannot_be_attributed(shape: tuple[int, int], three: Fingerprints) -> None:
    with pytest.raises(ImageRangeError, match=f"{shape[1]} x {shape[0]}"):
        three.attribute(np.zeros((*shape, 3), np.uint8))
    with pytest.raises(OptionError, match="gan-0"):
        three.fingerprint("gan0")


def test_same_seed_same_fingerprints() -> None:
    pictures = {"a": crops(60, 1, 48), "b": crops(60, 2, 48)}
    first, second = (Fingerprints.fit(pictures, size=SIZE, seed=4) for _ in range(2))
    np.testing.assert_array_equal(first.null.highest, second.null.highest)
    assert not np.array_equal(first.null.highest, Fingerprints.fit(pictures, size=SIZE, seed=5).null.highest)


# Files


def test_saved_and_loaded_it_answers_the_same(tmp_path, three: Fingerprints) -> None:
    three.save(tmp_path / "new" / "folder")
    assert {path.name for path in (tmp_path / "new" / "folder").iterdir()} == {
        "fingerprints.json",
        "fingerprints.safetensors",
    }
    loaded = Fingerprints.load(tmp_path / "new" / "folder")
    assert loaded.names == three.names
    assert loaded.notices == three.notices
    for pixels in [*crops(4, 1000, make=generator(1)), *crops(4, 1001)]:
        ours, theirs = three.attribute(pixels), loaded.attribute(pixels)
        assert ours.generator == theirs.generator
        assert ours.p_value == theirs.p_value
        assert ours.score == pytest.approx(theirs.score, abs=1e-4)


def test_broken_folders_are_refused(tmp_path, three: Fingerprints) -> None:
    with pytest.raises(WeightsError, match="no fingerprints can be read"):
        Fingerprints.load(tmp_path / "absent")
    three.save(tmp_path)
    settings, arrays = tmp_path / "fingerprints.json", tmp_path / "fingerprints.safetensors"
    good, blob = settings.read_text(), arrays.read_bytes()
    document = json.loads(good)
    wrong = [
        "",
        "[]",
        "{}",
        json.dumps({**document, "schema": "other@1"}),
        json.dumps({**document, "generators": ["one"]}),
        json.dumps({**document, "settings": {**document["settings"], "size": "32"}}),
        json.dumps({**document, "settings": {**document["settings"], "size": 64}}),
        json.dumps({**document, "counts": [{"count": 1, "skipped": 0}] * 4}),
    ]
    for text in wrong:
        settings.write_text(text)
        with pytest.raises(WeightsError):
            Fingerprints.load(tmp_path)
    settings.write_text(good)
    missing, broken = load(blob), load(blob)
    del missing["1.total"]
    broken["1.total"] = np.full_like(broken["1.total"], np.nan)
    for data in (b"", blob[:100], save(missing), save(broken)):
        arrays.write_bytes(data)
        with pytest.raises(WeightsError):
            Fingerprints.load(tmp_path)


def test_a_folder_that_cannot_be_written(tmp_path, three: Fingerprints) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="can't be written"):
        three.save(tmp_path / "file")
