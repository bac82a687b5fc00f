"""Examines frames of a video one by one, and puts together what is said of them over time."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Protocol

from ganeval.detectors.evidence import Evidence
from ganeval.detectors.provenance.clips import examine_clip_provenance
from ganeval.detectors.specimen import Specimen
from ganeval.detectors.verdict import Verdict
from ganeval.detectors.video.container import OpenVideo
from ganeval.detectors.video.decoding import spread
from ganeval.detectors.video.verdict import ClipVerdict, Moment, median, stretches, summary
from ganeval.errors import ImageSourceError
from ganeval.images.digest import pixel_digest
from ganeval.images.source import ImageInfo
from ganeval.progress import Progress, SilentProgress
from ganeval.wording import counted


class ExaminesSpecimens(Protocol):
    """What gives verdicts, such as `ganeval.detectors.detecting.Examiner`."""

    online: bool
    trust_anchors: str | os.PathLike[str] | None

    def examine(self, specimen: Specimen, provenance: Sequence[Evidence] | None = None) -> Verdict:
        """The verdict on a specimen, given what is known of its file's origin."""
        ...


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

    with OpenVideo(path) as clip:
        task = (progress or SilentProgress()).start("examining", total=frames, unit="frames")
        moments = []
        provenance = examine_clip_provenance(
            path, clip.format, clip.tags, online=examiner.online, trust_anchors=examiner.trust_anchors
        )
        for frame in spread(clip, frames):
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
            probability=median([one.probability for one in said]),
            low=median([one.low for one in said]),
            high=median([one.high for one in said]),
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
