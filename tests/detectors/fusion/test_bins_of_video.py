"""Frames of measured codecs have a bin of their own, those of lossless ones are pictures, others are none of both."""

from __future__ import annotations

import pytest

from ganeval.detectors.fusion.bins import BINS, bin_of
from ganeval.detectors.verdict import Conditions


@pytest.mark.parametrize(
    ("codec", "kind"),
    [
        ("H264", "video"),
        ("HEVC", "video"),
        ("VP9", "video"),
        ("FFV1", "lossless"),
        ("RAWVIDEO", "lossless"),
        ("MPEG4", "other"),
        ("AV1", "other"),
        ("MJPEG", "other"),
        ("GIF", "other"),
    ],
)
def test_bins(codec: str, kind: str) -> None:
    assert bin_of(Conditions(codec, 640, 360)) == kind
    assert kind in BINS


def test_scaling_leaves_a_frame_a_frame() -> None:
    assert bin_of(Conditions("H264", 640, 360, quality=60, quality_from="pixels", resampled=1.3)) == "video"
