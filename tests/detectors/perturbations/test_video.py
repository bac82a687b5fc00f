"""Video compression as a perturbation: worse by its rate factor, told to the examiner, with clear errors."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_sample_image

from ganeval.detectors.evaluating.judging import Case, Judging
from ganeval.detectors.perturbations import FileKind, Video, parse_perturbation
from ganeval.detectors.perturbations.video import ENCODERS, coded
from ganeval.errors import ImageRangeError, OptionError
from ganeval.images.source import ImageInfo

pytest.importorskip("av")

PHOTOGRAPH = np.ascontiguousarray(load_sample_image("flower.jpg")[:161, :225])


def error(pixels: np.ndarray) -> float:
    height, width = pixels.shape[:2]
    return float(np.abs(pixels.astype(float) - PHOTOGRAPH[:height, :width]).mean())


@pytest.mark.parametrize("codec", ENCODERS)
def test_the_larger_the_rate_factor_the_worse(codec: str) -> None:
    made = [Video(crf, codec)(PHOTOGRAPH, 5) for crf in (10, 28, 45)]
    assert {one.shape for one in made} == {(160, 224, 3)}  # Pairs of rows and columns.
    errors = [error(one) for one in made]
    assert 0.3 < errors[0] < errors[1] < errors[2] < 30


def test_the_same_seed_gives_the_same_and_another_another_noise() -> None:
    film = Video(18)
    assert np.array_equal(film(PHOTOGRAPH, 1), film(PHOTOGRAPH, 1))
    assert not np.array_equal(film(PHOTOGRAPH, 1), film(PHOTOGRAPH, 2))


@pytest.mark.parametrize("codec", ENCODERS)
@pytest.mark.parametrize("size", [(112, 192), (342, 520)])
def test_a_film_is_coded_the_same_every_time(codec: str, size: tuple[int, int]) -> None:
    """With its defaults x264 gave up to four streams for films of these sizes, one of them in 5 of 14 times."""
    still = np.ascontiguousarray(load_sample_image("flower.jpg")[: size[0], : size[1]])
    rng = np.random.default_rng(0)
    frames = [np.clip(still + rng.normal(0, 1, still.shape), 0, 255).astype(np.uint8) for _ in range(8)]
    assert len({coded(frames, codec, 27, 4).tobytes() for _ in range(8)}) == 1


def test_the_wanted_frame_comes_back() -> None:
    frames = [np.full((64, 96, 3), 20 * (number + 1), np.uint8) for number in range(8)]
    for codec in ENCODERS:
        found = [coded(frames, codec, 5, which).mean() for which in (0, 3, 7)]
        assert found == pytest.approx([20, 80, 160], abs=4)


def test_names_are_read_back() -> None:
    for text in ("video:23", "video:30:hevc", "video:40:vp9", "resize:0.5+video:28"):
        assert parse_perturbation(text).name == text
    assert parse_perturbation("video") == Video(23, "h264")
    assert parse_perturbation("resize:0.5+video:28:vp9").comes_as() == FileKind("VP9")
    assert parse_perturbation("video:28+jpeg:75").comes_as() == FileKind("JPEG", 75)


@pytest.mark.parametrize("text", ["video:64", "video:52", "video:-1", "video:23:av2", "video:2.5", "video:23:h264:1"])
def test_what_cannot_be(text: str) -> None:
    with pytest.raises(OptionError, match="video"):
        parse_perturbation(text)


@pytest.mark.parametrize(
    ("shape", "codec"), [((1, 1, 3), "h264"), ((15, 400, 3), "h264"), ((64, 20_000, 3), "vp9"), ((400, 63, 3), "hevc")]
)
def test_pictures_that_are_no_frames(shape: tuple[int, int, int], codec: str) -> None:
    with pytest.raises(ImageRangeError, match=f"can't be a frame of {codec} video"):
        Video(23, codec)(np.zeros(shape, np.uint8))


def test_an_examiner_is_told_the_codec() -> None:
    seen = []

    class Examiner:
        def examine(self, specimen):
            seen.append((specimen.info.format, specimen.pixels.shape))
            raise InterruptedError

    info = ImageInfo(format="JPEG", mode="RGB", width=225, height=161, digest=b"")
    judge = Judging(Examiner, match=Video(20, "hevc"))()
    with pytest.raises(InterruptedError):
        judge(Case("real", False, "a", PHOTOGRAPH, info))
    assert seen == [("HEVC", (160, 224, 3))]
