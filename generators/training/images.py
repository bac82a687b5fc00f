"""The images a model is trained on, read from any image source into one array."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from ganeval.errors import ImageSourceError, OptionError
from ganeval.images.source import DecodedImage, ImageSource
from ganeval.progress import Progress, SilentProgress

GREY_MODES = frozenset({"1", "L", "LA", "I", "I;16", "I;16B", "F"})


def read_training_images(
    source: ImageSource, channels: int | None = None, progress: Progress | None = None
) -> npt.NDArray[np.uint8]:
    """All images of a source, uint8 of shape [N, channels, side, side].

    Parameters
    ----------
    source
        Square images of one size.
    channels
        1 for luminance (ITU-R 601), 3 for RGB; None takes 1 where the first image is stored in grey.

    Raises
    ------
    OptionError
        If `channels` is neither.
    ImageSourceError
        If the source is empty, or an image isn't square or not of the first one's size.
    """
    if channels not in (None, 1, 3):
        raise OptionError(f"channels is {channels}", hint="Choose 1 for greyscale or 3 for RGB.")
    read: list[npt.NDArray[np.uint8]] = []
    task = (progress or SilentProgress()).start("reading images", source.count)
    try:
        for item in source:
            decoded = item.load()
            if channels is None:
                channels = 1 if decoded.info.mode in GREY_MODES else 3
            planes = _planes(decoded, channels)
            side = read[0].shape[-1] if read else planes.shape[-1]
            if planes.shape[1:] != (side, side):
                raise ImageSourceError(
                    f"{item.id} is {planes.shape[2]}×{planes.shape[1]} pixels, training needs {side}×{side} throughout",
                    hint="Crop and resize the images to squares of one size first.",
                )
            read.append(planes)
            task.advance(1)
    finally:
        task.finish()
    if not read:
        raise ImageSourceError(f"{source.name} holds no images to train on")
    return np.stack(read)


def _planes(decoded: DecodedImage, channels: int) -> npt.NDArray[np.uint8]:
    planes: npt.NDArray[np.uint8] = decoded.pixels.transpose(2, 0, 1)
    if channels == 1:
        planes = np.asarray(Image.fromarray(decoded.pixels).convert("L"), dtype=np.uint8)[np.newaxis]
    return planes
