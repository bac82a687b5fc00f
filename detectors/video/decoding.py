"""Decodes the frames of a video that lie at wanted times: on from the last one, or from a key frame that is nearer."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ganeval.detectors.video.container import OpenVideo

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

Pixels = npt.NDArray[np.uint8]

#: Frames that are decoded at most on the way from one wanted frame, or from a key frame, to the next wanted one: of a
#: strange file, no more than a moment's work.
_MOST_DECODED = 600
#: Frames that are rather decoded than sought where no key frames are known.
_NEAR = 100
#: Times that are sought, each earlier, until a frame at the wanted time or before comes out.
_ATTEMPTS = 3


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


def spread(video: OpenVideo, count: int) -> Iterator[Frame]:
    """At most `count` frames at the middles of equal parts of the video, in order, each once."""
    before = -math.inf
    if video.duration:
        player = _Player(video)
        for place in range(count):
            frame = player.at(video.start + video.duration * (place + 0.5) / count)
            if frame is not None and frame.seconds > before:
                before = frame.seconds
                yield Frame(frame.seconds - video.start, frame.pixels)
        if before > -math.inf:
            return
        video.rewind()
    yield from _by_number(video, count)


def _by_number(video: OpenVideo, count: int) -> Iterator[Frame]:
    """As `spread`, of a video at its beginning and without times: by the number of its packets, or the first frames."""
    total = max(video.packets, count)
    wanted = {int((place + 0.5) * total / count) for place in range(count)}
    try:
        for number, frame in enumerate(video.frames()):
            if number > max(wanted) or number > _MOST_DECODED * count:
                return
            if number in wanted:
                seconds = number / video.rate if frame.time is None else float(frame.time) - video.start
                yield Frame(seconds, _rgb(frame))
    except video.errors:
        return


class _Player:
    """Decodes forwards, and seeks where that is nearer."""

    def __init__(self, video: OpenVideo) -> None:
        self._video = video
        self._coming = video.frames()
        self._reached: VideoFrame | None = None

    def at(self, seconds: float) -> Frame | None:
        """The first frame from that time on, or the last before it that is near enough to decode; None without any."""
        try:
            if not self._runs_up_to(seconds):
                self._seek(seconds)
            self._decode_up_to(seconds)
            return None if self._reached is None else Frame(float(self._reached.time or 0.0), _rgb(self._reached))
        except self._video.errors:
            self._reached = None
            return None

    def _runs_up_to(self, seconds: float) -> bool:
        """Whether decoding goes on to that time: the frame reached lies before, and no key frame known is nearer."""
        reached, step, index = self._reached, self._video.time_base, self._video.key_frames
        if reached is None or reached.pts is None or step is None or reached.pts * step > seconds:
            return False
        nearest = -1 if index is None else index.search_timestamp(int(seconds / step))
        if index is None or nearest < 0:
            # What is far is sought.
            return (seconds - reached.pts * step) * self._video.rate <= _NEAR
        return bool(index[nearest].timestamp <= reached.pts)

    def _seek(self, seconds: float) -> None:
        """To a frame at that time or before: indices count by times of decoding; without one, seeking is a guess."""
        video, target = self._video, seconds
        self._reached = None
        for _ in range(_ATTEMPTS):
            video.seek(target)
            self._coming = video.frames()
            first = next(self._coming, None)
            if first is None or first.time is None:
                break
            self._reached = first
            if first.time <= seconds:
                return
            if target <= video.start:
                break
            target -= 2 * (first.time - seconds) + 1
        if (seconds - video.start) * video.rate <= _MOST_DECODED:
            video.rewind()
            self._coming, self._reached = video.frames(), None

    def _decode_up_to(self, seconds: float) -> None:
        if self._reached is not None and self._reached.time is not None and self._reached.time >= seconds:
            return
        for number, frame in enumerate(self._coming):
            if frame.time is None or number > _MOST_DECODED:
                return
            self._reached = frame
            if frame.time >= seconds:
                return


def _rgb(frame: VideoFrame) -> Pixels:
    return np.ascontiguousarray(frame.to_ndarray(format="rgb24"))
