"""Takes apart what Datasets and loaders give: images, pairs of images and labels, mappings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from ganeval.errors import ImageSourceError
from ganeval.images.arrays import labels_from_array
from ganeval.images.source import Label
from ganeval.wording import counted

_IMAGE_KEYS = ("image", "images", "pixel_values", "img")
_LABEL_KEYS = ("label", "labels", "y")


def is_array(thing: object) -> bool:
    """Whether it is a tensor or a NumPy array."""
    return isinstance(thing, torch.Tensor | np.ndarray)


def as_array(values: torch.Tensor | npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The values as a NumPy array on the CPU; bfloat16, which NumPy doesn't know, as float32."""
    if isinstance(values, np.ndarray):
        return values
    tensor = values.detach().cpu()
    return tensor.float().numpy() if tensor.dtype is torch.bfloat16 else tensor.numpy()


def unpack(element: Any) -> tuple[Any, list[Label] | None]:
    """Images and labels of one element of a Dataset, loader or iterable.

    Returns
    -------
    images
        A batch of four dimensions, one image, or a list of images.
    labels
        One an image, None if there are none, or none that are integers or words.

    Raises
    ------
    ImageSourceError
        If there is nothing in the element that could be an image.
    """
    images, labels = _parts(element)
    if isinstance(images, tuple):
        images = list(images)
    if not (isinstance(images, Image.Image | list) or is_array(images)):
        raise ImageSourceError(
            f"an element of type {type(element).__name__} is no image, batch of images, or pair of images and labels",
            hint="Give tensors, arrays or Pillow images, alone or as (images, labels).",
        )
    several = isinstance(images, list) or (is_array(images) and images.ndim in (4, 5))
    return images, _labels(labels, len(images) if several else None)


def _parts(element: Any) -> tuple[Any, Any]:
    if isinstance(element, Mapping):
        image_key = next((key for key in _IMAGE_KEYS if key in element), None)
        label_key = next((key for key in _LABEL_KEYS if key in element), None)
        return element.get(image_key), element.get(label_key)
    if isinstance(element, tuple | list) and element and _pairs_with_labels(element):
        return element[0], element[1] if len(element) > 1 else None
    return element, None


def _pairs_with_labels(element: tuple[Any, ...] | list[Any]) -> bool:
    """Whether it is (images, labels, ...) and not a list of images: the second part looks like no image."""
    first_is_batch = isinstance(element[0], list | tuple) or (is_array(element[0]) and element[0].ndim in (4, 5))
    if len(element) == 1:
        return first_is_batch
    second_is_image = isinstance(element[1], Image.Image) or (is_array(element[1]) and element[1].ndim >= 2)
    return first_is_batch or not second_is_image


def _labels(labels: Any, count: int | None) -> list[Label] | None:
    if labels is None:
        return None
    if isinstance(labels, list | tuple) and all(isinstance(label, int | str) for label in labels):
        found: list[Label] | None = list(labels)
    elif isinstance(labels, str):
        found = [labels]
    elif is_array(labels) or isinstance(labels, int | np.integer):
        found = labels_from_array(np.atleast_1d(as_array(labels) if is_array(labels) else np.asarray(labels)))
    else:
        found = None
    if found is not None and len(found) != (1 if count is None else count):
        if count is None:
            return None
        raise ImageSourceError(f"a batch of {counted(count, 'image')} came with {counted(found, 'label')}")
    return found
