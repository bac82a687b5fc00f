"""A video file opened by PyAV (FFmpeg): its stream, its tags, and how long it is."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from ganeval.errors import ImageSourceError, PluginError
from ganeval.images.undecodable import limit_in_pixels

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.codeccontext import VideoCodecContext
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

#: Kinds of containers that are opened: of others, some are lists that name further files.
_CONTAINERS = "mov,mp4,matroska,webm,avi,mpegts,mpeg,flv,ogg,asf,mxf,nut,ivf,gif,apng,h264,hevc,obu,yuv4mpegpipe"
#: Packets that are read at most to find the first frame, and how long a video without a stated duration is.
_MOST_PACKETS = 2_000_000
#: A first frame before that many seconds counts as one at the beginning.
_AT_ONCE = 1.0


class OpenVideo:
    """The best video stream of a file; a context manager, which closes it.

    Parameters
    ----------
    path
        Of a file that PyAV (FFmpeg) reads; protocols other than plain files are refused.

    Attributes
    ----------
    codec, width, height
        Of the stream; the codec's name in capitals.
    start, duration
        Time of the first frame and from there to the end, in seconds; the start is 0 and the duration None where
        neither the file nor its packets tell times.
    packets
        Their number, counted where the file doesn't state its duration; else 0.
    rate
        Frames a second, as stated or guessed.
    tags
        Of the container and of the stream.
    format
        Of the container: ``"MP4"``, ``"MOV"``, or FFmpeg's name in capitals.
    errors
        What reading a broken file may raise.

    Raises
    ------
    ImageSourceError
        If it is no regular file, no video, has no video stream that can be decoded, or frames over the limit of pixels.
    PluginError
        If PyAV isn't installed.
    """

    def __init__(self, path: str) -> None:
        try:
            import av
        except ImportError as error:
            raise PluginError("videos need PyAV, which isn't installed", hint="pip install 'ganeval[video]'") from error
        self.path = path
        self.errors: tuple[type[Exception], ...] = (av.FFmpegError, ValueError, EOFError, OSError)
        self.packets = 0
        self.start = 0.0
        self.duration: float | None = None
        _require_file(path)
        self._open()
        try:
            self._measure()
            self.tags = (*self._container.metadata.items(), *self._stream.metadata.items())
            self.format = _container_format(self._container.format.name, self._container.metadata)
        except BaseException:
            self._container.close()
            raise

    def __enter__(self) -> OpenVideo:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def rewind(self) -> None:
        """To the beginning, also of what can't be sought in."""
        self._container.close()
        self._open()

    def seek(self, seconds: float) -> None:
        """To where the container thinks that decoding must begin to reach that time; often earlier, at times later."""
        if self.time_base:
            self._container.seek(int(max(seconds, self.start) / self.time_base), stream=self._stream)

    def frames(self) -> Iterator[VideoFrame]:
        """All frames from here on, decoded one after the other."""
        return self._container.decode(self._stream)

    @property
    def rate(self) -> float:
        return float(self._stream.average_rate or self._stream.guessed_rate or 25)

    @property
    def time_base(self) -> float | None:
        """Seconds in one step of the stream's clock."""
        return None if self._stream.time_base is None else float(self._stream.time_base)

    @property
    def key_frames(self) -> Any:
        """PyAV's index of them (from version 17 on), or None."""
        return getattr(self._stream, "index_entries", None)

    def _open(self) -> None:
        import av

        path = self.path
        try:
            # A plain file and nothing else: a playlist could name addresses in a network.
            self._container: InputContainer = av.open(
                f"file:{path}",
                "r",
                options={"protocol_whitelist": "file", "format_whitelist": _CONTAINERS},
                metadata_errors="replace",
            )
        except self.errors as error:
            raise _unreadable(path, error) from error
        try:
            self._choose_stream()
        except BaseException:
            self._container.close()
            raise

    def _choose_stream(self) -> None:
        videos = self._container.streams.video
        if not videos:
            raise ImageSourceError(
                f"{self.path} has no video in it", hint="A file that was cut short looks like this too."
            )
        self._stream = cast("VideoStream", self._container.streams.best("video") or videos[0])
        context = cast("VideoCodecContext | None", self._stream.codec_context)  # None for a codec that isn't known.
        if context is None:
            raise ImageSourceError(
                f"{self.path}: there is no decoder for its video's codec", hint="Convert it to H.264."
            )
        self.codec, self.width, self.height = context.name.upper(), int(context.width), int(context.height)
        limit = limit_in_pixels()
        if limit is not None and self.width * self.height > limit:
            raise ImageSourceError(
                f"{self.path}: frames of {self.width} x {self.height} are larger than {limit} pixels"
            )
        if limit is not None:
            context.options = {"max_pixels": str(limit)}  # A stream may change its size on the way.

    def _measure(self) -> None:
        """Start and duration: from what the file states, else from the times of all its packets."""
        stated = self._stated_end()
        first = last = None
        try:
            for number, packet in enumerate(self._container.demux(self._stream)):
                # An AVI has times of decoding only, and packets without content where it begins late.
                steps = packet.dts if packet.pts is None else packet.pts
                if packet.size and steps is not None and packet.time_base is not None:
                    time = float(steps * packet.time_base)
                    first = time if first is None else first
                    last = max(first if last is None else last, time)
                self.packets += packet.size > 0
                if (stated is not None and first is not None) or number > _MOST_PACKETS:
                    break
        except self.errors:
            pass
        self.rewind()
        self.start = first or 0.0
        if stated is not None:
            self.packets = 0 if first is not None else self.packets
            self.duration = stated - self.start if stated > self.start else None
        elif first is not None and last is not None:
            self.duration = last - first + 1 / self.rate

    def _stated_end(self) -> float | None:
        """The time at which the video ends, if the file says so."""
        begin = float((self._stream.start_time or 0) * (self._stream.time_base or 0))
        if self._stream.duration and self.time_base:
            return begin + self._stream.duration * self.time_base
        # The container's own counts from 0 in some formats and from the first frame in others.
        return float(self._container.duration) / 1e6 if self._container.duration and begin < _AT_ONCE else None


def _require_file(path: str) -> None:
    """A pipe may never end, and a device never does."""
    try:
        regular = stat.S_ISREG(os.stat(path).st_mode)
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte.
        raise _unreadable(path, error) from error
    if not regular:
        raise ImageSourceError(
            f"{path} is a folder, a pipe or a device, not a file", hint="Save the video to a file first."
        )


def _container_format(name: str, tags: Mapping[str, str]) -> str:
    if "mp4" in name.split(","):
        return "MOV" if tags.get("major_brand", "").startswith("qt") else "MP4"
    return name.upper()


def _unreadable(path: str, error: Exception) -> ImageSourceError:
    reason = getattr(error, "strerror", None) or str(error)
    return ImageSourceError(
        f"{path} can't be read as a video: {reason.lower()}", hint="Is it a whole video file that FFmpeg can decode?"
    )
