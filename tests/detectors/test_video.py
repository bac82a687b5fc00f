"""Videos made in the test: frames at the right times, a vote over them, and what their files say of their origin."""

from __future__ import annotations

from dataclasses import replace
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
