"""Pairs for training: the same from the seed whoever makes them, alike in all but the trace; cameras' lattices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from ganeval.detectors.artefacts import training_set
from ganeval.detectors.artefacts.cameras import DEMOSAICING, _masks, take_photograph
from ganeval.detectors.artefacts.histories import HistorySettings
from ganeval.detectors.artefacts.training_set import pair_from, pairs
from ganeval.detectors.bundling.photographs import as_table, find_photographs
from ganeval.errors import ImageSourceError

UNTOUCHED = HistorySettings(untouched=1.0)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("photographs")
    paths = []
    for number, image in enumerate(load_sample_images().images):
        paths.append(folder / f"{number}.jpg")
        Image.fromarray(image).save(paths[-1], quality=95)
    return paths


def test_a_pair_depends_on_its_seed_and_number_alone(photographs: list[Path]) -> None:
    alone = list(pairs(photographs, 4, seed=1))
    by_processes = list(pairs(photographs, 4, seed=1, workers=2))
    for one, other in zip(alone, by_processes, strict=True):
        np.testing.assert_array_equal(one.photograph, other.photograph)
        np.testing.assert_array_equal(one.generated, other.generated)
        assert (one.group, one.simulator) == (other.group, other.simulator)
    assert not np.array_equal(alone[0].photograph, next(iter(pairs(photographs, 1, seed=2))).photograph)


def test_both_sides_show_the_same_and_have_one_group(photographs: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_set, "THUMBNAILS", 0)
    for seed in range(8):
        pair = pair_from(photographs[seed % 2], (seed,), UNTOUCHED)
        assert pair.photograph.shape == pair.generated.shape
        real, generated = pair.examples()
        assert (real.generated, generated.generated) == (False, True)
        assert real.group == generated.group == photographs[seed % 2].name
        flat = [side.astype(float).mean(axis=2).ravel() for side in (pair.photograph, pair.generated)]
        assert np.corrcoef(flat[0], flat[1])[0, 1] > 0.9
        assert not np.array_equal(pair.photograph, pair.generated)


def test_thumbnails_are_the_photographs_only_and_of_the_fakes_size(
    photographs: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_set, "THUMBNAILS", 0.1)
    plain = [pair_from(photographs[seed % 2], (seed,), UNTOUCHED) for seed in range(60)]
    monkeypatch.setattr(training_set, "THUMBNAILS", 0)
    without = [pair_from(photographs[seed % 2], (seed,), UNTOUCHED) for seed in range(60)]
    changed = [not np.array_equal(a.photograph, b.photograph) for a, b in zip(plain, without, strict=True)]
    assert 1 <= sum(changed) <= 15
    # The others are what they would be without.
    for one, other, is_changed in zip(plain, without, changed, strict=True):
        assert is_changed or np.array_equal(one.generated, other.generated)
    monkeypatch.setattr(training_set, "THUMBNAILS", 1)
    monkeypatch.setattr(training_set, "SKIES", 0)  # They widen what is small.
    monkeypatch.setattr(training_set, "thumbnail", lambda *_: lambda pixels: np.full_like(pixels[:160, :200], 90))
    for seed in range(8):
        pair = pair_from(photographs[seed % 2], (seed,), UNTOUCHED)
        assert pair.photograph.shape == pair.generated.shape
        assert max(pair.photograph.shape[:2]) <= 200
        assert pair.generated.std() > 10


@pytest.mark.parametrize("name", list(DEMOSAICING))
@pytest.mark.parametrize("pattern", ["RGGB", "BGGR", "GRBG", "GBRG"])
def test_demosaicing_keeps_what_was_measured_and_flat_colours(name: str, pattern: str) -> None:
    masks = _masks((32, 32), pattern)
    np.testing.assert_array_equal(masks.sum(axis=0), 1)
    assert masks[1].mean() == 0.5
    colour = np.array([0.2, 0.5, 0.7], np.float32)[:, None, None]
    flat = DEMOSAICING[name]((colour * masks).sum(axis=0), masks)
    # Colour differences are constant, so that every method must find them; borders are mirrored.
    np.testing.assert_allclose(flat[:, 3:-3, 3:-3], np.broadcast_to(colour, (3, 26, 26)), atol=1e-5)
    grey = np.random.default_rng(0).random((32, 32)).astype(np.float32)
    found = DEMOSAICING[name](grey, masks)
    np.testing.assert_allclose(found[1][masks[1] > 0], grey[masks[1] > 0], atol=1e-6)


def test_a_camera_leaves_a_lattice_of_period_2(photographs: list[Path]) -> None:
    scene = np.asarray(Image.open(photographs[0]).resize((320, 208), Image.Resampling.LANCZOS))

    def diagonal(picture: np.ndarray) -> float:
        """Height of the frequency (1/2, 1/2) in the residual of green over its neighbours in frequency."""
        green = picture[..., 1].astype(float)
        residual = green[1:-1, 1:-1] - (green[:-2, 1:-1] + green[2:, 1:-1] + green[1:-1, :-2] + green[1:-1, 2:]) / 4
        rough = np.abs(residual)
        spectrum = np.abs(np.fft.fft2(rough - rough.mean()))
        i, j = (side // 2 for side in spectrum.shape)
        return float(spectrum[i, j] / np.median(spectrum[i - 6 : i + 7, j - 6 : j + 7]))

    taken = [diagonal(take_photograph(scene, np.random.default_rng(seed))) for seed in range(10)]
    assert np.median(taken) > 2 * diagonal(scene)


def test_photographs_get_one_role_each_and_packages_one_as_a_whole(photographs: list[Path], tmp_path: Path) -> None:
    folder = photographs[0].parent
    for package in ("a", "b"):
        (tmp_path / "packages" / package).mkdir(parents=True)
        for number in range(3):
            Image.fromarray(
                np.random.default_rng(number + 10 * (package == "b")).integers(0, 255, (210, 210, 3), np.uint8)
            ).save(tmp_path / "packages" / package / f"{number}.png")
    (tmp_path / "packages" / "a" / "tiny.png").write_bytes(b"no image")
    found = find_photographs([folder], [tmp_path / "packages"])
    assert len(found) == 2 + 6
    for package in ("a", "b"):
        assert len({one.role for one in found if one.source == package}) == 1
    table = as_table(found).splitlines()
    assert len(table) == 9
    assert str(tmp_path) not in "".join(table)
    (tmp_path / "none").mkdir()
    with pytest.raises(ImageSourceError, match="no photographs"):
        find_photographs([tmp_path / "none"], [])


@pytest.mark.parametrize("name", ["DEFOCUSED", "SKIES", "FACADES", "GRAIN"])
def test_pairs_that_a_change_spares_are_the_same_with_any_share_of_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 0 < getattr(training_set, name) < 0.5
    path = tmp_path / "photograph.png"
    Image.fromarray(np.random.default_rng(9).integers(0, 255, (200, 240, 3), dtype=np.uint8)).save(path)
    same = []
    for number in range(6):
        made = []
        for share in (0.0, 0.5):
            monkeypatch.setattr(training_set, name, share)
            made.append(pair_from(path, (11, number)))
        same.append(np.array_equal(made[0].photograph, made[1].photograph))
        assert same[-1] == np.array_equal(made[0].generated, made[1].generated)
    assert any(same)
    assert not all(same)
