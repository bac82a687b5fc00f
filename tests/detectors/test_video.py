"""Videos made in the test: frames at the right times, a vote over them, and what their files say of their origin."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganeval.detectors import Examiner
from ganeval.detectors.artefacts.simulators import simulate
from ganeval.detectors.bundled import DEFAULT
from ganeval.detectors.video import Moment, container, decoding, examine_clip, stretches, summary
from ganeval.errors import ImageSourceError

av = pytest.importorskip("av")

#: In seconds, of eight equal parts of four.
MIDDLES = [0.25 + 0.5 * place for place in range(8)]


def frames_of(rednesses: list[float], size: tuple[int, int] = (64, 48)) -> list[np.ndarray]:
    red = np.zeros((size[1], size[0], 3), np.uint8)
    red[..., 0] = 1
    return [red * np.uint8(round(255 * redness)) for redness in rednesses]


def rising(count: int) -> list[np.ndarray]:
    """Frames whose redness is time: 0 at the beginning, 1 at the end."""
    return frames_of([number / count for number in range(count)])


def sample_photograph() -> np.ndarray:
    from sklearn.datasets import load_sample_image

    return np.ascontiguousarray(load_sample_image("china.jpg")[80:400, 120:504])


def test_frames_are_spread_evenly_and_seen_as_they_are(stand_in: Any, write_film: Any, tmp_path: Path) -> None:
    # Redness is time: 40 frames, 0.1 s each.
    path = write_film(tmp_path / "c.mkv", rising(40))
    clip = examine_clip(str(path), stand_in.Examiner(), frames=8)
    times = [one.seconds for one in clip.moments]
    assert times == pytest.approx(MIDDLES, abs=0.06)
    for one in clip.moments:
        assert one.verdict.probability == pytest.approx(one.seconds / 4, abs=0.01)
    assert (clip.codec, clip.width, clip.height) == ("FFV1", 64, 48)
    assert clip.duration == pytest.approx(4, abs=0.11)


def test_a_video_with_one_key_frame_is_decoded_once_and_no_further(
    stand_in: Any, write_film: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_film(tmp_path / "c.mp4", rising(40), "libx264")
    # From the key frame to the second half it is more: those frames are reached from the ones before.
    monkeypatch.setattr(decoding, "_MOST_DECODED", 8)
    clip = examine_clip(str(path), stand_in.Examiner(), frames=8)
    times = [one.seconds for one in clip.moments]
    assert times == pytest.approx(MIDDLES, abs=0.06)
    for one in clip.moments:
        assert one.verdict.probability == pytest.approx(one.seconds / 4, abs=0.02)


def test_key_frames_on_the_way_are_sought(
    stand_in: Any, write_film: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Every twelfth frame is a key frame, and wanted ones are 40 apart.
    path = write_film(tmp_path / "c.mkv", rising(120))
    monkeypatch.setattr(decoding, "_MOST_DECODED", 14)
    clip = examine_clip(str(path), stand_in.Examiner(), frames=3)
    assert [one.seconds for one in clip.moments] == pytest.approx([2, 6, 10], abs=0.06)


def test_one_key_frame_in_a_long_video_still_gives_every_frame_that_can_be_reached(
    stand_in: Any, write_film: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_film(tmp_path / "c.mp4", rising(40), "libx264")
    monkeypatch.setattr(decoding, "_MOST_DECODED", 4)
    clip = examine_clip(str(path), stand_in.Examiner(), frames=4)
    # Ten frames lie between the wanted ones, and the way goes on from where it ended.
    assert len(clip.moments) == 4
    assert np.all(np.diff([one.seconds for one in clip.moments]) > 0.3)


def test_without_an_index_it_is_sought(
    stand_in: Any, write_film: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_film(tmp_path / "c.mp4", rising(40), "libx264")
    # As of PyAV before version 17.
    monkeypatch.setattr(container.OpenVideo, "key_frames", None)
    clip = examine_clip(str(path), stand_in.Examiner(), frames=8)
    assert [one.seconds for one in clip.moments] == pytest.approx(MIDDLES, abs=0.06)


@pytest.mark.parametrize("name", ["c.ts", "c.h264"])
def test_what_has_no_index_is_spread_as_evenly(name: str, stand_in: Any, write_film: Any, tmp_path: Path) -> None:
    path = write_film(tmp_path / name, rising(40), "libx264")
    clip = examine_clip(str(path), stand_in.Examiner(), frames=8)
    # A bare stream has a rate of its own making, and no times: its frames are told by what they show.
    shown = [one.verdict.probability for one in clip.moments]
    assert shown == pytest.approx([time / 4 for time in MIDDLES], abs=0.04)


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize(
    ("name", "codec"), [("mkv", "libx264"), ("webm", "libvpx-vp9"), ("ts", "libx264"), ("flv", "libx264")]
)
def test_a_film_that_begins_late_is_spread_from_its_beginning(
    name: str, codec: str, live: bool, stand_in: Any, tmp_path: Path
) -> None:
    path = tmp_path / f"c.{name}"
    _write_late(path, rising(40), codec, live=live)
    clip = examine_clip(str(path), stand_in.Examiner(), frames=8)
    assert [one.seconds for one in clip.moments] == pytest.approx(MIDDLES, abs=0.11)
    for one in clip.moments:
        assert one.verdict.probability == pytest.approx(one.seconds / 4, abs=0.05)
    assert clip.duration == pytest.approx(4, abs=0.11)


def _write_late(path: Path, frames: list[np.ndarray], codec: str, *, live: bool) -> None:
    """Ten frames a second from the hundredth second on; `live`: into a pipe, so that no duration is written."""
    formats = {".mkv": "matroska", ".webm": "webm", ".ts": "mpegts", ".flv": "flv"}

    class Pipe(io.BytesIO):
        seek = None  # type: ignore[assignment]

    file = Pipe() if live else io.BytesIO()
    options = {"live": "1"} if live and path.suffix in (".mkv", ".webm") else {}
    with av.open(file, "w", format=formats[path.suffix], options=options) as film:
        stream = film.add_stream(codec, rate=10, options={"crf": "5"})
        stream.pix_fmt, stream.width, stream.height = "yuv420p", frames[0].shape[1], frames[0].shape[0]
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = 1000 + number, Fraction(1, 10)
            film.mux(stream.encode(frame))
        film.mux(stream.encode())
    path.write_bytes(file.getvalue())


def test_a_frame_that_grows_beyond_the_limit_is_left_out(
    write_film: Any, stand_in: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = write_film(tmp_path / "small.h264", frames_of([0.2] * 20), "libx264")
    large = write_film(tmp_path / "large.h264", frames_of([0.9] * 20, (640, 480)), "libx264")
    path = tmp_path / "c.h264"
    path.write_bytes(small.read_bytes() + large.read_bytes())
    shapes = {one.verdict.probability > 0.5 for one in examine_clip(str(path), stand_in.Examiner(), frames=8).moments}
    assert shapes == {False, True}
    monkeypatch.setattr("PIL.Image.MAX_IMAGE_PIXELS", 100_000)
    clip = examine_clip(str(path), stand_in.Examiner(), frames=8)
    assert max(one.verdict.probability for one in clip.moments) < 0.5
    assert "could be had" in clip.reason
    monkeypatch.setattr("PIL.Image.MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(ImageSourceError, match="64 x 48 are larger than 1000 pixels"):
        examine_clip(str(path), stand_in.Examiner())


def test_what_is_no_regular_file_is_refused_at_once(stand_in: Any, ganeval: Any, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.mp4"
    os.mkfifo(pipe)
    for path in (str(pipe), str(tmp_path), "/dev/zero"):
        with pytest.raises(ImageSourceError, match="is a folder, a pipe or a device"):
            examine_clip(path, stand_in.Examiner())
    for path in (str(tmp_path / "none.mp4"), "a\0b.mp4"):
        with pytest.raises(ImageSourceError, match="can't be read"):
            examine_clip(path, stand_in.Examiner())
    done = ganeval("detect", pipe, "-q")
    assert (done.code, "a pipe or a device" in done.err) == (2, True)


def test_a_file_that_fails_on_the_way_in_is_closed(
    write_film: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_film(tmp_path / "c.mkv", frames_of([0.5] * 5))
    opened = []
    real = av.open
    monkeypatch.setattr(av, "open", lambda *a, **k: opened.append(real(*a, **k)) or opened[-1])

    def broken(_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(container.OpenVideo, "_measure", broken)
    with pytest.raises(MemoryError):
        container.OpenVideo(str(path))
    with pytest.raises((ValueError, AssertionError)):
        next(opened[0].decode(video=0))


def test_it_is_told_how_many_frames_the_probability_rests_on(stand_in: Any, write_film: Any, tmp_path: Path) -> None:
    class Sometimes(stand_in.Examiner):
        def examine(self, specimen: Any, provenance: Any = None) -> Any:
            verdict = super().examine(specimen, provenance)
            return verdict if verdict.probability > 0.5 else replace(verdict, label="inconclusive", probability=None)

    path = write_film(tmp_path / "c.mkv", frames_of([0.9] * 10 + [0.1] * 30))
    clip = examine_clip(str(path), Sometimes(), frames=8)
    assert clip.probability == pytest.approx(0.9, abs=0.01)
    assert "the probability rests on 2 frames" in clip.reason


def test_a_vote_and_medians_not_a_product(stand_in: Any, write_film: Any, tmp_path: Path) -> None:
    path = write_film(tmp_path / "c.mkv", frames_of([0.95] * 30 + [0.1] * 10))
    clip = examine_clip(str(path), stand_in.Examiner(), frames=8)
    assert clip.label == "generated"
    assert clip.probability == pytest.approx(0.95, abs=0.01)
    assert clip.low == pytest.approx(0.85, abs=0.01)
    assert len(clip.stretches) == 1
    assert clip.stretches[0] == pytest.approx((0.25, 2.75), abs=0.06)
    assert "6 of 8 frames generated" in clip.reason


def test_a_codec_that_was_never_measured_is_inconclusive_and_says_so(write_film: Any, tmp_path: Path) -> None:
    path = write_film(tmp_path / "c.mp4", frames_of([0.95] * 20, (192, 160)), "mpeg4")
    clip = examine_clip(str(path), Examiner(), frames=2)
    assert clip.label == "inconclusive"
    assert clip.probability is None
    assert all("never measured on MPEG4 files" in one.verdict.reason for one in clip.moments)
    assert not any(one.in_domain for one in clip.moments[0].verdict.evidence if one.detector in DEFAULT)


def test_a_simulated_generators_film_is_told_from_the_photographs(write_film: Any, tmp_path: Path) -> None:
    """The whole way, with the shipped detectors: a film of a photograph, and one of a fake with a strong trace."""
    photograph = sample_photograph()
    rng = np.random.default_rng(3)
    fake, _ = simulate(photograph, rng, "transposed")
    labels = {}
    for name, still in (("photograph", photograph), ("fake", fake)):
        frames = [np.clip(still + rng.normal(0, 0.7, still.shape), 0, 255).astype(np.uint8) for _ in range(12)]
        clip = examine_clip(str(write_film(tmp_path / f"{name}.mp4", frames, "libx264")), Examiner(), frames=3)
        labels[name] = clip.label
        assert clip.codec == "H264"
        assert clip.probability is not None
        assert 0 < clip.low <= clip.probability <= clip.high <= 1
        assert all("frames of H.264" in one.verdict.reason for one in clip.moments)
    assert labels["photograph"] == "inconclusive"
    assert labels["fake"] in ("generated", "probably generated")


@pytest.mark.parametrize("content", [b"", b"no video"])
def test_what_is_no_video_is_an_error(stand_in: Any, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "c.mp4"
    path.write_bytes(content)
    with pytest.raises(ImageSourceError):
        examine_clip(str(path), stand_in.Examiner())


def test_a_codec_without_a_decoder_is_an_error(write_film: Any, stand_in: Any, tmp_path: Path) -> None:
    path = write_film(tmp_path / "c.mp4", frames_of([0.5] * 5), "libx264")
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzzz"))
    with pytest.raises(ImageSourceError):
        examine_clip(str(path), stand_in.Examiner())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("c.mp4", "ffconcat version 1.0\nfile other.ts\nduration 0.4\n"),
        ("c.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nother.ts\n#EXT-X-ENDLIST\n"),
    ],
)
def test_a_list_that_names_another_file_is_refused(
    name: str, content: str, write_film: Any, stand_in: Any, tmp_path: Path
) -> None:
    write_film(tmp_path / "other.ts", frames_of([0.5] * 5), "libx264")
    path = tmp_path / name
    path.write_text(content)
    with av.open(str(path)) as opened:  # FFmpeg itself follows it.
        assert next(opened.decode(video=0)).width == 64
    with pytest.raises(ImageSourceError):
        examine_clip(str(path), stand_in.Examiner())


def test_fewer_frames_than_asked_for_are_told(write_film: Any, stand_in: Any, tmp_path: Path) -> None:
    path = write_film(tmp_path / "c.mkv", frames_of([0.1] * 5))
    clip = examine_clip(str(path), stand_in.Examiner(), frames=16)
    assert len(clip.moments) <= 5
    assert f"of 16 frames asked for, {len(clip.moments)} could be had" in clip.reason


def test_a_video_cut_short_gives_what_is_there_or_an_error(stand_in: Any, write_film: Any, tmp_path: Path) -> None:
    path = write_film(tmp_path / "c.mkv", frames_of([0.5] * 40))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    try:
        clip = examine_clip(str(path), stand_in.Examiner(), frames=8)
    except ImageSourceError:
        return
    assert 1 <= len(clip.moments) <= 8


def test_command(ganeval, red: Any, write_film: Any, tmp_path: Path) -> None:
    path = write_film(tmp_path / "c.mkv", frames_of([0.95] * 20))
    done = ganeval("detect", path, "--frames", 4, "--json", "-", "--html", tmp_path / "c.html", "-q")
    assert done.code == 0, done.err
    assert done.json["schema"] == "ganeval/clip-verdict@1"
    assert done.json["verdict"] == "generated"
    assert len(done.json["frames"]) == 4
    assert "limits: Frames of one clip" in done.err
    page = (tmp_path / "c.html").read_text()
    assert page.count("data:image/") == 4
    assert ganeval("detect", path, "--fail-on", "generated", "-q").code == 1


def verdicts(stand_in: Any, *rednesses: float) -> list[Any]:
    examiner = stand_in.Examiner()
    return [examiner.detect(np.full((8, 8, 3), round(255 * one), np.uint8)) for one in rednesses]


@pytest.mark.parametrize(
    ("rednesses", "label"),
    [
        ((0.95, 0.95, 0.1), "generated"),
        ((0.95, 0.7, 0.1), "probably generated"),
        ((0.1, 0.1, 0.4), "probably camera"),
        ((0.1, 0.1, 0.95), "inconclusive"),
        ((0.95, 0.1), "inconclusive"),
        ((0.4, 0.4), "inconclusive"),
    ],
)
def test_summary(stand_in: Any, rednesses: tuple[float, ...], label: str) -> None:
    assert summary(verdicts(stand_in, *rednesses))[0] == label


def test_stretches_are_runs_of_two_or_more(stand_in: Any) -> None:
    said = verdicts(stand_in, 0.95, 0.1, 0.7, 0.95, 0.7, 0.4, 0.95, 0.95)
    moments = [Moment(float(place), one, np.zeros((1, 1, 3), np.uint8)) for place, one in enumerate(said)]
    assert stretches(moments) == ((2.0, 4.0), (6.0, 7.0))
