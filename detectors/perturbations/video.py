"""Perturbation by video compression: a still picture filmed for a moment, coded, and one frame of it decoded again."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

import numpy as np

from ganeval.detectors.perturbations.perturbation import Arguments, FileKind, Perturbation, Pixels, require
from ganeval.errors import ImageRangeError, PluginError

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer
    from av.video.stream import VideoStream


@dataclass(frozen=True)
class Encoder:
    """What codes a film in one format.

    Parameters
    ----------
    library
        FFmpeg's name of the encoder.
    options
        Beside the quality.
    largest_crf
        The worst constant rate factor; 0 is the best.
    smallest
        Shortest side that it codes: x265 writes beyond its memory for sides under 64.
    """

    library: str
    options: Mapping[str, str]
    largest_crf: int
    smallest: int = 16


#: By name of the codec, as FFmpeg has it in lower case.
ENCODERS: Mapping[str, Encoder] = MappingProxyType(
    {
        # With its tree of macroblocks x264 gives one of several streams for the same short film.
        "h264": Encoder("libx264", {"preset": "medium", "x264-params": "mbtree=0"}, 51),
        "hevc": Encoder("libx265", {"preset": "fast", "x265-params": "log-level=none:pools=none"}, 51, 64),
        "vp9": Encoder("libvpx-vp9", {"b:v": "0", "deadline": "realtime", "cpu-used": "6"}, 63),
    }
)
#: Frames of a still that are filmed, frames a second, and the noise between them, a standard deviation in grey levels.
FRAMES = 8
RATE = 25
NOISE = 0.7
# A 16K frame, the most that any of them takes.
_LARGEST = 16_384


def coded(frames: Sequence[Pixels], codec: str, crf: int, which: int) -> Pixels:
    """One frame of a film after compression.

    Parameters
    ----------
    frames
        uint8 [height, width, 3], all of one shape; odd sides lose a row or a column, as 4:2:0 has pairs.
    codec
        Of `ENCODERS`.
    crf
        Constant rate factor: the quality that the encoder keeps, 0 the best.
    which
        Number of the frame to be had.

    Raises
    ------
    ImageRangeError
        For frames that are too small or too large for a video.
    PluginError
        If PyAV, or the encoder in it, is missing.
    """
    try:
        import av
    except ImportError as error:
        raise PluginError("videos need PyAV, which isn't installed", hint="pip install 'ganeval[video]'") from error
    encoder = ENCODERS[codec]
    height, width = (side // 2 * 2 for side in frames[0].shape[:2])
    if min(height, width) < encoder.smallest or max(height, width) > _LARGEST:
        raise ImageRangeError(
            f"a picture of {frames[0].shape[1]} x {frames[0].shape[0]} pixels can't be a frame of {codec} video: "
            f"its sides must be from {encoder.smallest} to {_LARGEST}"
        )
    file = io.BytesIO()
    # Matroska takes all of them.
    container: OutputContainer = av.open(file, "w", format="matroska")
    with container:
        try:
            options = {**encoder.options, "crf": str(crf)}
            stream = cast("VideoStream", container.add_stream(encoder.library, rate=RATE, options=options))
        except (av.FFmpegError, ValueError) as error:
            raise PluginError(f"this PyAV has no encoder {encoder.library}", hint="pip install -U av") from error
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.thread_count = 1
        for pixels in frames:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels[:height, :width]), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    file.seek(0)
    read: InputContainer = av.open(file, "r")
    with read:
        for number, frame in enumerate(read.decode(video=0)):
            if number == which:
                return np.ascontiguousarray(frame.to_ndarray(format="rgb24"))
    raise ImageRangeError(f"the film has no frame {which}")


@dataclass(frozen=True)
class Video(Perturbation):
    """Filmed and coded: eight frames of the still picture with a sensor's noise, of which the fifth is decoded.

    Parameters
    ----------
    crf
        Constant rate factor, 0 (best) to the encoder's largest; 23 is x264's default.
    codec
        Of `ENCODERS`.
    """

    crf: int = 23
    codec: str = "h264"

    def __post_init__(self) -> None:
        require(self.codec in ENCODERS, f"the codec is {self.codec!r}, and must be one of {', '.join(ENCODERS)}")
        largest = ENCODERS[self.codec].largest_crf
        require(0 <= self.crf <= largest, f"the video's rate factor is {self.crf}, and must be from 0 to {largest}")

    @classmethod
    def read(cls, arguments: Arguments) -> Video:
        """``video:CRF:CODEC``, 23 and h264 by default."""
        crf = arguments.integer("rate factor", 0, max(one.largest_crf for one in ENCODERS.values()), 23)
        codec = arguments.choice("codec", {name: name for name in ENCODERS}, "h264")
        return cls(23 if crf is None else crf, codec)

    @property
    def name(self) -> str:
        """``video:23``, with the codec where it isn't H.264."""
        return f"video:{self.crf}" + ("" if self.codec == "h264" else f":{self.codec}")

    def comes_as(self, seed: int = 0) -> FileKind:
        """A frame of a video."""
        return FileKind(self.codec.upper())

    def __call__(self, pixels: Pixels, seed: int = 0) -> Pixels:
        """The decoded frame, with sides cut to even numbers; the noise is random."""
        random = np.random.default_rng(seed)
        frames = [
            np.clip(np.rint(pixels + NOISE * random.standard_normal(pixels.shape, np.float32)), 0, 255).astype(np.uint8)
            for _ in range(FRAMES)
        ]
        return coded(frames, self.codec, self.crf, FRAMES // 2)
