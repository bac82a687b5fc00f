"""The conditions of an image, on which it depends which detectors may speak."""

from __future__ import annotations

from ganeval.detectors.conditions.jpeg_history import jpeg_history
from ganeval.detectors.conditions.resampling import resampling
from ganeval.detectors.specimen import Specimen
from ganeval.detectors.verdict import Conditions


def conditions_of(specimen: Specimen) -> Conditions:
    """Format and size, quality of the last JPEG compression, and the factor of a resize, as far as they can be told.

    The quality is that of the file's quantisation tables; where there are none, such as in a PNG that was a JPEG, the
    one that `jpeg_history` tells from pixels.
    """
    quality: int | None = specimen.info.jpeg_quality or None
    quality_from = "tables" if quality else "none"
    if quality is None:
        history = jpeg_history(specimen.pixels)
        if history is not None:
            quality, quality_from = history.quality, "pixels"
    found = resampling(specimen.pixels)
    return Conditions(
        format=specimen.info.format,
        width=specimen.width,
        height=specimen.height,
        quality=quality,
        quality_from=quality_from,
        resampled=found.factor if found is not None else None,
    )
