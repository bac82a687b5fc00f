"""What state an image is in: how it was compressed and resized before it came here."""

from __future__ import annotations

from ganeval.detectors.conditions.conditions_of import conditions_of
from ganeval.detectors.conditions.jpeg_history import JpegHistory, jpeg_history
from ganeval.detectors.conditions.resampling import Resampling, resampling

__all__ = ["JpegHistory", "Resampling", "conditions_of", "jpeg_history", "resampling"]
