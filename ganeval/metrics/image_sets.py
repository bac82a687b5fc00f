"""What counts as a set of images on the way into a metric that looks at pixels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ganeval.errors import MetricError
from ganeval.features.features import Features
from ganeval.images.reading import ImageReader
from ganeval.images.source import ImageInfo

#: What the metrics on images take: an array or tensor of images as `ganeval.open_source` takes them, a list of single
#: images, or a reader of a set.
Images: TypeAlias = Any

Pixels = npt.NDArray[np.uint8]


def as_reader(name: str, images: Images) -> ImageReader:
    """`images` as a reader, checked as at the door of `ganeval.score`.

    Parameters
    ----------
    name
        What the argument is called, for messages.
    images
        [N, H, W, 3], [N, 3, H, W] or grey, uint8 0..255 or floats in [0, 1] or [-1, 1], a list of single ones, or an
        `ImageReader`.

    Raises
    ------
    MetricError
        If it is none of these.
    ImageSourceError
        For values or shapes that can't be those of images.
    """
    if isinstance(images, ImageReader):
        return images
    if isinstance(images, str | bytes) or not (isinstance(images, Sequence) or hasattr(images, "ndim")):
        raise MetricError(
            f"{name} must be an array, a tensor or a list of images, not {type(images).__name__}",
            hint="To score a folder or file: ganeval.score, or ganeval.open_source.",
        )
    from ganeval.images.opening import open_source

    source = open_source(images)
    if source.count is None or not source.repeatable:
        raise MetricError(f"{name} must be a set of images of known length that can be read again")
    return ImageReader(source, source.count)


def reader_of(features: Features, side: str) -> ImageReader:
    """The images behind `features`; raises `MetricError` where they can't be read again."""
    if features.reader is None:
        raise MetricError(
            f"the {side} images themselves are needed, and they can be read only once",
            hint="Give them as files or arrays.",
        )
    return features.reader


def smallest_side(images: Iterable[ImageInfo]) -> int | None:
    """The shortest side in pixels of a set of images, None of an empty one."""
    return min((min(info.width, info.height) for info in images), default=None)


def stacked(images: Sequence[Pixels]) -> npt.NDArray[np.uint8]:
    """Images of one size, each [H, W, 3], as one batch [n, 3, H, W]."""
    return np.ascontiguousarray(np.stack(images).transpose(0, 3, 1, 2))
