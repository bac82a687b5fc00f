"""A video: frames spread evenly over it are examined one by one, and what is said of them over time is put together."""

from __future__ import annotations

import math
import os
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
import numpy.typing as npt

from ganeval.detectors.evidence import Evidence
from ganeval.detectors.fusion.rules import decisive_of
from ganeval.detectors.provenance.clips import examine_clip_provenance
from ganeval.detectors.specimen import Specimen
from ganeval.detectors.verdict import Label, Verdict
from ganeval.errors import ImageSourceError, PluginError
from ganeval.images.digest import pixel_digest
from ganeval.images.source import ImageInfo
from ganeval.images.undecodable import limit_in_pixels
from ganeval.progress import Progress, SilentProgress
from ganeval.wording import counted

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.codeccontext import VideoCodecContext
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

Pixels = npt.NDArray[np.uint8]

#: Frames that are decoded at most on the way from one wanted frame, or from a key frame, to the next wanted one: of a
#: strange file, no more than a moment's work.
_MOST_DECODED = 600
#: Frames that are rather decoded than sought where no key frames are known.
_NEAR = 100
#: Times that are sought, each earlier, until a frame at the wanted time or before comes out.
_ATTEMPTS = 3
#: Kinds of containers that are opened: of others, some are lists that name further files.
_CONTAINERS = "mov,mp4,matroska,webm,avi,mpegts,mpeg,flv,ogg,asf,mxf,nut,ivf,gif,apng,h264,hevc,obu,yuv4mpegpipe"
#: Packets that are read at most to find out how long a video without a stated duration is.
_MOST_PACKETS = 2_000_000

LIMITS = (
    "frames of one clip come from one source and one compression and are not independent: many of them say little more "
    "than one; pixel detectors were measured on films of stills coded by x264, x265 and libvpx, not on what telephones "
    "and platforms make of them"
)


class ExaminesSpecimens(Protocol):
    """What gives verdicts, such as `ganeval.detectors.detecting.Examiner`."""

    online: bool
    trust_anchors: str | os.PathLike[str] | None

    def examine(self, specimen: Specimen, provenance: Sequence[Evidence] | None = None) -> Verdict:
        """The verdict on a specimen, given what is known of its file's origin."""
        ...


@dataclass(frozen=True)
class Frame:
    """One frame of a video.

    Parameters
    ----------
    seconds
        From the beginning.
    pixels
        uint8 [height, width, 3], RGB, at native resolution.
    """

    seconds: float
    pixels: Pixels


@dataclass(frozen=True)
class Moment:
    """What is said of one frame; `thumbnail` is uint8 [height, width, 3]."""

    seconds: float
    verdict: Verdict
    thumbnail: Pixels


@dataclass(frozen=True)
class ClipVerdict:
    """What is said of a video.

    Parameters
    ----------
    path
        As given.
    provenance
        What its file says of its origin: manifests, tags, XMP. Every frame's verdict rests on it too.
    label
        Of the whole, see `summary`.
    probability, low, high
        Medians over the frames that have one (the reason tells if some don't): as if all frames together were one
        piece of evidence, for they share their source and their compression. Multiplying them would claim a certainty
        that isn't there.
    reason
        One sentence.
    moments
        In order of time.
    stretches
        Times, first and last, of runs of two or more frames in a row called generated or probably generated.
    codec, width, height, duration
        Of the video stream; the duration is in seconds, None where unknown.
    limits
        What this can't know.
    """

    path: str
    label: Label
    probability: float | None
    low: float | None
    high: float | None
    reason: str
    moments: tuple[Moment, ...]
    stretches: tuple[tuple[float, float], ...]
    codec: str
    width: int
    height: int
    duration: float | None
    level: float
    limits: str = LIMITS
    provenance: tuple[Evidence, ...] = ()


def examine_clip(
    path: str, examiner: ExaminesSpecimens, *, frames: int = 16, progress: Progress | None = None
) -> ClipVerdict:
    """Examine frames of a video.

    Parameters
    ----------
    path
        Of a file that PyAV (FFmpeg) reads; protocols other than plain files are refused.
    examiner
        Gives the verdict on each frame. A frame's format is the codec's name, such as ``"H264"``.
    frames
        How many, spread evenly over the duration; fewer where the video has fewer.

    Raises
    ------
    ImageSourceError
        If it is no video, or none of its frames can be decoded.
    PluginError
        If PyAV isn't installed.
    """
    from ganeval.detectors.reporting.pictures import thumbnail

    with _Clip(path) as clip:
        task = (progress or SilentProgress()).start("examining", total=frames, unit="frames")
        moments = []
        provenance = examine_clip_provenance(
            path, clip.container, clip.tags, online=examiner.online, trust_anchors=examiner.trust_anchors
        )
        for frame in clip.spread(frames):
            info = ImageInfo(
                format=clip.codec,
                mode="RGB",
                width=frame.pixels.shape[1],
                height=frame.pixels.shape[0],
                digest=pixel_digest(frame.pixels),
            )
            name = f"{path} at {frame.seconds:.2f} s"
            verdict = examiner.examine(Specimen(name, frame.pixels, info), provenance)
            moments.append(Moment(frame.seconds, verdict, thumbnail(frame.pixels)))
            task.advance(1)
        task.finish()
        if not moments:
            raise ImageSourceError(f"{path}: no frame of the video can be decoded", hint="Is it a whole video file?")
        label, reason = summary([one.verdict for one in moments], provenance)
        if len(moments) < frames:
            reason += f"; of {frames} frames asked for, {len(moments)} could be had, up to {moments[-1].seconds:.1f} s"
        said = [one.verdict for one in moments if one.verdict.probability is not None]
        if 0 < len(said) < len(moments):
            reason += (
                f"; the probability rests on {counted(len(said), 'frame')}, about the others no detector could speak"
            )
        return ClipVerdict(
            path=path,
            label=label,
            probability=_median([one.probability for one in said]),
            low=_median([one.low for one in said]),
            high=_median([one.high for one in said]),
            reason=reason,
            moments=tuple(moments),
            stretches=stretches(moments),
            codec=clip.codec,
            width=clip.width,
            height=clip.height,
            duration=clip.duration,
            level=moments[0].verdict.level,
            provenance=provenance,
        )


def summary(verdicts: Sequence[Verdict], provenance: Sequence[Evidence] = ()) -> tuple[Label, str]:
    """The label of a whole clip from those of its frames, and why.

    What a valid signature says decides. Else ``generated`` or ``probably generated`` if more than half of the frames
    are called that or stronger; ``probably camera`` if more than half are and none is called generated or probably
    generated; else ``inconclusive``. A vote, not a product of probabilities: errors that the frames share don't average
    out.
    """
    if decisive_of(provenance) is not None:
        return verdicts[0].label, verdicts[0].reason  # As of every frame.
    counts = Counter(one.label for one in verdicts)
    total = len(verdicts)
    found = counts["generated"] + counts["probably generated"]
    shares = ", ".join(f"{count} of {total} frames {label}" for label, count in counts.most_common())
    if 2 * counts["generated"] > total:
        return "generated", f"most frames are called generated: {shares}"
    if 2 * found > total:
        return "probably generated", f"most frames are called generated or probably generated: {shares}"
    if 2 * counts["probably camera"] > total and found == 0:
        return "probably camera", f"most frames look like a camera's and none like a generator's: {shares}"
    if found:
        return "inconclusive", f"some frames are called generated, but not more than half: {shares}"
    return "inconclusive", f"too few frames allow a statement: {shares}"


def stretches(moments: Sequence[Moment]) -> tuple[tuple[float, float], ...]:
    """First and last time of each run of two or more frames called generated or probably generated."""
    found: list[tuple[float, float]] = []
    run: list[float] = []
    for one in [*moments, None]:
        if one is not None and one.verdict.label in ("generated", "probably generated"):
            run.append(one.seconds)
            continue
        if len(run) > 1:
            found.append((run[0], run[-1]))
        run = []
    return tuple(found)


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


class _Clip:
    """An open video, whose frames at wanted times are decoded."""

    def __init__(self, path: str) -> None:
        try:
            import av
        except ImportError as error:
            raise PluginError("videos need PyAV, which isn't installed", hint="pip install 'ganeval[video]'") from error
        self.path = path
        self._errors: tuple[type[Exception], ...] = (av.FFmpegError, ValueError, EOFError, OSError)
        self._packets = 0
        self._open()
        self.duration = self._duration()
        self.tags = (*self._container.metadata.items(), *self._stream.metadata.items())
        self.container = _container_format(self._container.format.name, self._container.metadata)

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
        except self._errors as error:
            raise _unreadable(path, error) from error
        if not self._container.streams.video:
            self._container.close()
            raise ImageSourceError(f"{path} has no video in it")
        best = self._container.streams.best("video")
        self._stream = cast("VideoStream", best or self._container.streams.video[0])
        context = cast("VideoCodecContext | None", self._stream.codec_context)  # None for a codec that isn't known.
        if context is None:
            self._container.close()
            raise ImageSourceError(f"{path}: there is no decoder for its video's codec", hint="Convert it to H.264.")
        self.codec, self.width, self.height = context.name.upper(), int(context.width), int(context.height)
        limit = limit_in_pixels()
        if limit is not None and self.width * self.height > limit:
            self._container.close()
            raise ImageSourceError(f"{path}: frames of {self.width} x {self.height} are larger than {limit} pixels")
        self._decoded: Iterator[VideoFrame] = self._container.decode(self._stream)
        self._reached: VideoFrame | None = None

    def _rewind(self) -> None:
        """To the beginning, also of what can't be sought in."""
        self._container.close()
        self._open()

    def __enter__(self) -> _Clip:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def _duration(self) -> float | None:
        if self._stream.duration and self._stream.time_base:
            return float(self._stream.duration * self._stream.time_base)
        if self._container.duration:
            # Of Matroska this is the time of the end, also where the first frame isn't at 0.
            end = float(self._container.duration) / 1e6
            return end - self._start if end > self._start > 0 else end
        last = None
        try:
            for packet in self._container.demux(self._stream):
                if packet.pts is not None and packet.time_base is not None:
                    last = max(last or 0.0, float(packet.pts * packet.time_base))
                self._packets += packet.size > 0
                if self._packets > _MOST_PACKETS:
                    break
        except self._errors:
            pass
        self._rewind()
        return last

    def spread(self, count: int) -> Iterator[Frame]:
        """At most `count` frames at the middles of equal parts of the video, in order, each once."""
        start = self._start
        before, none = -math.inf, True
        for place in range(count if self.duration else 0):
            frame = self._at(start + (self.duration or 0.0) * (place + 0.5) / count)
            if frame is not None and frame.seconds > before:
                before, none = frame.seconds, False
                yield Frame(frame.seconds - start, frame.pixels)
        if none:
            yield from self._by_number(count)

    def _by_number(self, count: int) -> Iterator[Frame]:
        """As `spread`, of a video without times: by the number of its packets, or else the first frames."""
        self._rewind()
        total = max(self._packets, count)
        wanted = {int((place + 0.5) * total / count) for place in range(count)}
        rate = self._rate
        try:
            for number, frame in enumerate(self._decoded):
                if number > max(wanted) or number > _MOST_DECODED * count:
                    return
                if number in wanted:
                    yield Frame(number / rate if frame.time is None else float(frame.time), _rgb(frame))
        except self._errors:
            return

    def _at(self, seconds: float) -> Frame | None:
        """The first frame from that time on, or the last before it that is near enough to decode; None without any."""
        try:
            if not self._runs_up_to(seconds):
                self._seek(seconds)
            self._decode_up_to(seconds)
            return None if self._reached is None else Frame(float(self._reached.time or 0.0), _rgb(self._reached))
        except self._errors:
            self._reached = None
            return None

    def _seek(self, seconds: float) -> None:
        """To a frame at that time or before: indices count by times of decoding; without one, seeking is a guess."""
        self._reached, target = None, seconds
        for _ in range(_ATTEMPTS):
            if self._stream.time_base:
                self._container.seek(int(max(target, self._start) / self._stream.time_base), stream=self._stream)
            self._decoded = self._container.decode(self._stream)
            first = next(self._decoded, None)
            if first is None or first.time is None:
                break
            self._reached = first
            if first.time <= seconds:
                return
            if target <= self._start:
                break
            target -= 2 * (first.time - seconds) + 1
        if (seconds - self._start) * self._rate <= _MOST_DECODED:
            self._rewind()

    def _decode_up_to(self, seconds: float) -> None:
        if self._reached is not None and self._reached.time is not None and self._reached.time >= seconds:
            return
        for number, frame in enumerate(self._decoded):
            if frame.time is None or number > _MOST_DECODED:
                return
            self._reached = frame
            if frame.time >= seconds:
                return

    @property
    def _start(self) -> float:
        return float((self._stream.start_time or 0) * (self._stream.time_base or 0))

    @property
    def _rate(self) -> float:
        return float(self._stream.average_rate or self._stream.guessed_rate or 25)

    def _runs_up_to(self, seconds: float) -> bool:
        """Whether decoding goes on to that time: the frame reached lies before, and no key frame known is nearer."""
        reached, step = self._reached, self._stream.time_base
        if reached is None or reached.pts is None or step is None or float(reached.pts * step) > seconds:
            return False
        # Of PyAV from 17 on; without it, and where no key frame is known, what is far is sought.
        index = getattr(self._stream, "index_entries", None)
        nearest = -1 if index is None else index.search_timestamp(int(seconds / step))
        if index is None or nearest < 0:
            return (seconds - float(reached.pts * step)) * self._rate <= _NEAR
        return bool(index[nearest].timestamp <= reached.pts)


def _container_format(name: str, tags: Mapping[str, str]) -> str:
    """``"MP4"`` and its kin, ``"MOV"``, or FFmpeg's name in capitals."""
    if "mp4" in name.split(","):
        return "MOV" if tags.get("major_brand", "").startswith("qt") else "MP4"
    return name.upper()


def _rgb(frame: VideoFrame) -> Pixels:
    return np.ascontiguousarray(frame.to_ndarray(format="rgb24"))


def _unreadable(path: str, error: Exception) -> ImageSourceError:
    reason = getattr(error, "strerror", None) or str(error)
    return ImageSourceError(
        f"{path} can't be read as a video: {reason.lower()}", hint="Is it a whole video file that FFmpeg can decode?"
    )
