"""Sorts pictures by what was done to them: a picture is only ever compared with references of its own kind."""

from __future__ import annotations

from ganeval.detectors.verdict import Conditions

#: Qualities from which a JPEG counts as lightly, and as moderately compressed.
LIGHT = 90
MODERATE = 70

#: In words, for sentences.
BINS = {
    "lossless": "pictures without traces of compression",
    "light": f"JPEGs of quality {LIGHT} and more",
    "moderate": f"JPEGs of quality {MODERATE} to {LIGHT - 1}",
    "strong": f"JPEGs below quality {MODERATE}",
    "webp": "WebP files",
    "video": "frames of H.264, HEVC or VP9 video",
    "resampled": "pictures with traces of interpolation, by resizing or in a camera",
    "other": "files of other formats",
}


#: Formats that change nothing, or in a way that was measured; the colours of a GIF are another.
_FORMATS = frozenset({"JPEG", "PNG", "WEBP", "BMP", "TIFF", "array"})
#: Codecs of video that were measured, and those that give back the pixels that were put in: as FFmpeg names them, in
#: capitals.
_VIDEO = frozenset({"H264", "HEVC", "VP9"})
_LOSSLESS_VIDEO = frozenset({"FFV1", "RAWVIDEO", "HUFFYUV", "FFVHUFF", "UTVIDEO", "QTRLE"})

#: Factors of enlargement that a period of 4 or 2 pixels is taken for. WebP's blocks of 4 x 4 have that period too, so
#: that in a WebP file it tells nothing of resizing.
_BLOCK_FACTORS = (4 / 3, 2.0, 4.0)
_NEAR = 0.01


def bin_of(conditions: Conditions) -> str:
    """One of `BINS`."""
    if conditions.format in _VIDEO:
        return "video"
    if conditions.format not in _FORMATS | _LOSSLESS_VIDEO:
        return "other"
    if conditions.format == "WEBP" and (conditions.resampled is None or _of_blocks(conditions.resampled)):
        return "webp"
    if conditions.resampled is not None:
        return "resampled"
    if conditions.quality is None:
        return "lossless"
    if conditions.quality >= LIGHT:
        return "light"
    return "moderate" if conditions.quality >= MODERATE else "strong"


def _of_blocks(factor: float) -> bool:
    return any(abs(factor - known) < _NEAR for known in _BLOCK_FACTORS)
