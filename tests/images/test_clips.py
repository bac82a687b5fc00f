"""Videos: folders of frames in natural order, and arrays of five dimensions."""

from __future__ import annotations

import itertools
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ganeval.errors import ImageRangeError, ImageSourceError, OptionError
from ganeval.features.engine import extract
from ganeval.features.unseen import NoFeatures
from ganeval.images.names import frames_in_order, natural_key
from ganeval.images.opening import open_source
from ganeval.images.source import SourceOptions
from ganeval.scoring.access import with_access

CLIPS = SourceOptions(clips="folders")
NAMES = ("run/9.png", "run/10.png", "run/100.png", "run2/cam/f1.png", "run2/cam/F2.png", "run10/1.png")


@pytest.fixture
def videos(tmp_path: Path, encoded, rng: np.random.Generator) -> Path:
    for name in NAMES:
        path = tmp_path / "videos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)))
    return tmp_path / "videos"


IN_ORDER = ["run/9.png", "run/10.png", "run/100.png", "run2/cam/F2.png", "run2/cam/f1.png", "run10/1.png"]


def test_folders_are_clips_in_natural_order(videos: Path) -> None:
    source = open_source(str(videos), CLIPS)
    assert source.in_clips
    assert [item.id for item in source] == IN_ORDER
    plain = open_source(str(videos))
    assert not plain.in_clips
    assert [item.id for item in plain] == sorted(NAMES)
    assert source.fingerprint() != plain.fingerprint()


def test_zips_too(videos: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "videos.zip", "w") as archive:
        for name in NAMES:
            archive.write(videos / name, name)
    source = open_source(str(tmp_path / "videos.zip"), CLIPS)
    assert source.in_clips
    assert [item.id for item in source] == IN_ORDER


def test_features_know_their_clips(videos: Path) -> None:
    source = open_source(str(videos), CLIPS)
    extractor = NoFeatures()
    features = with_access(extract(source, extractor).features, source, extractor)
    assert features.clips == ("run", "run", "run", "run2/cam", "run2/cam", "run10")
    assert features.pooled.shape == (6, 1)
    assert features.extractor is not None
    assert features.extractor.name == "none"
    assert features.reader is not None
    np.testing.assert_array_equal(next(iter(features.reader)), next(iter(source)).load().pixels)
    assert features.embed is not None
    assert features.embed(torch.zeros(2, 3, 8, 8)).shape == (2, 1)


def test_a_loose_image_belongs_to_no_clip(videos: Path, encoded) -> None:
    (videos / "poster.png").write_bytes(encoded(np.zeros((8, 8, 3), np.uint8)))
    with pytest.raises(ImageSourceError, match=r"1 image lies in none, the first is poster\.png"):
        open_source(str(videos), CLIPS)


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (SourceOptions(clips="files"), "clips is 'files'"),
        (SourceOptions(clips="folders", recursive=False), "not to be searched"),
    ],
)
def test_options_that_can_not_be(videos: Path, options: SourceOptions, part: str) -> None:
    with pytest.raises(OptionError, match=part):
        open_source(str(videos), options)


@given(st.lists(st.from_regex(r"[a-z0-9]{1,3}/[a-z0-9]{1,6}", fullmatch=True), max_size=12, unique=True), st.randoms())
def test_frames_of_a_clip_stay_together_whatever_the_order(paths: list[str], random) -> None:
    ordered = frames_in_order("set", paths)
    assert sorted(ordered) == sorted(paths)
    random.shuffle(paths)
    assert frames_in_order("set", paths) == ordered
    clips = [path.split("/")[0] for path in ordered]
    assert sum(a != b for a, b in itertools.pairwise(clips)) == max(len(set(clips)) - 1, 0)


def test_clips_of_one_number_are_two() -> None:
    paths = ["1/2.png", "01/1.png", "1/1.png", "01/2.png"]
    assert frames_in_order("set", paths) == ["01/1.png", "01/2.png", "1/1.png", "1/2.png"]


@given(st.integers(0, 10**30), st.integers(0, 10**30), st.integers(0, 5))
def test_numbers_sort_by_value(a: int, b: int, zeros: int) -> None:
    first, second = natural_key(f"f{'0' * zeros}{a}.png"), natural_key(f"f{b}.png")
    assert (first < second) == (a < b)
    assert (first == second) == (a == b)


@pytest.mark.parametrize("layout", ["first", "last", "grey"])
def test_arrays_of_five_dimensions(layout: str, rng: np.random.Generator) -> None:
    videos = rng.integers(0, 256, (2, 11, 8, 9, 1 if layout == "grey" else 3), dtype=np.uint8)
    given_as = np.moveaxis(videos, 4, 2) if layout == "first" else videos
    source = open_source(torch.from_numpy(given_as.copy()) if layout == "first" else given_as)
    assert source.in_clips
    assert source.count == 22
    items = list(source)
    name = "tensor" if layout == "first" else "array"
    assert [item.id for item in items[:2]] == [f"{name}[0]/00", f"{name}[0]/01"]
    assert items[-1].id == f"{name}[1]/10"
    for i in (0, 11, 21):
        np.testing.assert_array_equal(items[i].load().pixels, np.broadcast_to(videos[i // 11, i % 11], (8, 9, 3)))
    one_frame = open_source(given_as[:, :1])
    assert one_frame.in_clips
    assert [item.id for item in one_frame] == ["array[0]/0", "array[1]/0"]


def test_npz_of_videos_with_a_label_each(tmp_path: Path, rng: np.random.Generator) -> None:
    videos = rng.integers(0, 256, (3, 2, 8, 8, 3), dtype=np.uint8)
    np.savez(tmp_path / "videos.npz", videos=videos, labels=np.array([4, 5, 6]))
    source = open_source(str(tmp_path / "videos.npz"))
    assert [item.label for item in source] == [4, 4, 5, 5, 6, 6]
    assert [item.id.rpartition("/")[0] for item in source][::2] == [f"videos.npz[{i}]" for i in range(3)]
    pair = open_source((videos, [1, 2, 3]))
    assert [item.label for item in pair] == [1, 1, 2, 2, 3, 3]


def test_float_videos_are_of_one_range(rng: np.random.Generator) -> None:
    videos = rng.uniform(-1, 1, (2, 3, 8, 8, 3)).astype(np.float32)
    source = open_source(videos)
    expected = np.rint((videos[1, 2].astype(np.float64) + 1) / 2 * 255).astype(np.uint8)
    np.testing.assert_array_equal([*source][-1].load().pixels, expected)


@pytest.mark.parametrize(
    ("shape", "part"),
    [((0, 2, 8, 8, 3), "holds no images"), ((2, 0, 8, 8, 3), "holds no images"), ((2, 4, 8, 8, 5), "no axis")],
)
def test_shapes_that_are_no_videos(shape: tuple[int, ...], part: str) -> None:
    with pytest.raises(ImageRangeError, match=part):
        open_source(np.zeros(shape, np.uint8))


def test_labels_that_are_not_one_a_video() -> None:
    videos: npt.NDArray[np.uint8] = np.zeros((2, 3, 8, 8, 3), np.uint8)
    with pytest.raises(ImageSourceError, match=r"batch of 2 images came with 6 labels|2 videos but 6 labels"):
        open_source((videos, [0] * 6))
