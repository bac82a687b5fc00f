"""Opens training data of any kind as examples that the trainer reads: in memory, or on demand where it doesn't fit."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ganeval.errors import ImageSourceError, OptionError, did_you_mean
from ganeval.generators.data_kinds import KINDS
from ganeval.generators.model import GenerativeModel
from ganeval.generators.training.arrays import open_array
from ganeval.generators.training.data import Examples, ImageArrays
from ganeval.generators.training.images import (
    HalvedPictures,
    Pictures,
    SourcePictures,
    TrainingImages,
    read_all,
)
from ganeval.generators.training.on_demand import ImagesOnDemand
from ganeval.generators.training.pairing import paired_by_name
from ganeval.generators.training.resizing import check_resize
from ganeval.images.opening import open_source
from ganeval.images.source import SourceOptions
from ganeval.progress import Progress

#: Bytes of decoded images up to which all of them are held in memory.
MEMORY_LIMIT = 2 << 30


@dataclass(frozen=True)
class _Wanted:
    """The options of `open_examples`."""

    size: tuple[int, int] | None
    channels: int | None
    other_channels: int | None
    resize: str
    labels: str | None


@dataclass(frozen=True)
class _Found:
    """What was opened, before it is read."""

    domains: Sequence[TrainingImages]
    labels: npt.NDArray[np.int64] | None = None
    class_names: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def open_examples(
    kind: str,
    data: str | None,
    data_a: str | None = None,
    data_b: str | None = None,
    *,
    size: tuple[int, int] | None = None,
    channels: int | None = None,
    resize: str = "none",
    labels: str | None = None,
    progress: Progress | None = None,
    other_channels: int | None = None,
    memory_limit: int = MEMORY_LIMIT,
) -> Examples:
    """Training examples of the kind that a model asks for.

    Parameters
    ----------
    kind
        A key of `ganeval.generators.data_kinds.KINDS`.
    data
        A set of images as `ganeval.images.opening.open_source` takes it. For paired data: one set of images each of
        which holds both of a pair side by side, the first domain's at the left (``--data-ab``).
    data_a, data_b
        The two domains' sets. Paired images are those of one file name; sub-folder and ending may differ, and images of
        arrays and named sets go by their number. Those without a partner are left out, and listed in `remarks`.
    size
        Height and width; None takes those of the first image.
    channels
        1 for luminance, 3 for RGB, or any number that a .npy or .npz file has; None takes what the first image has.
    resize
        A key of `ganeval.generators.training.resizing.RESIZES`.
    labels
        ``"folders"`` takes classes from sub-folders; None takes those that the set itself has (.npz, named sets).
    progress
        Is told of images that are read.
    other_channels
        Of the second domain; None takes `channels`, and what its first image has where that's None too.
    memory_limit
        Bytes of decoded images above which they are decoded on demand, with the same results.

    Raises
    ------
    OptionError
        If a value can't be used, or a set isn't named.
    ImageSourceError
        If a set can't be opened, an image can't be decoded, has another size, a label or a partner is missing.
    """
    opener = _OPENERS.get(kind)
    if opener is None:
        raise OptionError(f"unknown kind of training data {kind!r}", hint=did_you_mean(kind, KINDS))
    check_resize(resize)
    found = opener((data, data_a, data_b), _Wanted(size, channels, other_channels, resize, labels))
    if sum(images.nbytes for images in found.domains) > memory_limit:
        return ImagesOnDemand(kind, found.domains, found.labels, found.class_names, found.remarks)
    arrays = [read_all(images, progress) for images in found.domains]
    others = arrays[1] if len(arrays) > 1 else None
    return ImageArrays(arrays[0], found.labels, others, kind, found.class_names, found.remarks)


def options_from(model: type[GenerativeModel], examples: Examples) -> dict[str, Any]:
    """The options of a model's configuration that follow from the examples.

    Returns
    -------
    dict
        ``size``, ``channels``, ``classes`` (of labelled data), and ``other_channels`` where the configuration has it.
    """
    channels, height, width = examples.shape
    other = examples.other_shape
    options = {"size": (height, width), "channels": channels}
    if examples.kind == "labelled":
        options["classes"] = examples.classes
    if other is not None:
        options["other_channels"] = other[0]
    known = {field.name for field in dataclasses.fields(model.Config)}
    return {name: value for name, value in options.items() if name in known}


Sets = tuple[str | None, str | None, str | None]


def _open_images(sets: Sets, wanted: _Wanted) -> _Found:
    pictures = _pictures(_only_data(sets), wanted.channels, None)
    return _Found([_images(pictures, wanted)])


def _open_labelled(sets: Sets, wanted: _Wanted) -> _Found:
    pictures = _pictures(_only_data(sets), wanted.channels, wanted.labels)
    labels, names = _classes(pictures)
    return _Found([_images(pictures, wanted)], labels, names)


def _open_paired(sets: Sets, wanted: _Wanted) -> _Found:
    data, data_a, data_b = sets
    if data is not None and data_a is None and data_b is None:
        whole = _pictures(data, wanted.channels, None)
        return _Found(_two(HalvedPictures(whole, right=False), HalvedPictures(whole, right=True), wanted))
    first, second, remarks = paired_by_name(*_both(sets, wanted))
    return _Found(_two(first, second, wanted), remarks=remarks)


def _open_unpaired(sets: Sets, wanted: _Wanted) -> _Found:
    return _Found(_two(*_both(sets, wanted), wanted))


_OPENERS: dict[str, Callable[[Sets, _Wanted], _Found]] = {
    "images": _open_images,
    "labelled": _open_labelled,
    "paired": _open_paired,
    "unpaired": _open_unpaired,
}


def _only_data(sets: Sets) -> str:
    data, *others = sets
    if data is None or any(other is not None for other in others):
        raise OptionError(
            "this model learns from one set of images", hint="Give it with --data, without --data-a and --data-b."
        )
    return data


def _both(sets: Sets, wanted: _Wanted) -> tuple[Pictures, Pictures]:
    data, data_a, data_b = sets
    if data is not None or data_a is None or data_b is None:
        raise OptionError(
            "this model learns from two sets of images",
            hint="Give them with --data-a and --data-b; pairs that lie side by side in one image each, with --data-ab.",
        )
    return _pictures(data_a, wanted.channels, None), _pictures(data_b, _channels_b(wanted), None)


def _channels_b(wanted: _Wanted) -> int | None:
    return wanted.channels if wanted.other_channels is None else wanted.other_channels


def _pictures(data: str, channels: int | None, labels: str | None) -> Pictures:
    array = open_array(data, channels)
    return SourcePictures(open_source(data, SourceOptions(labels=labels))) if array is None else array


def _images(pictures: Pictures, wanted: _Wanted) -> TrainingImages:
    channels = pictures.channels() if wanted.channels is None else wanted.channels
    size = wanted.size
    if size is None:
        height, width = pictures.load(0, channels).shape[:2]
        size = (height, width)
    return TrainingImages(pictures, size, channels, wanted.resize)


def _two(first: Pictures, second: Pictures, wanted: _Wanted) -> list[TrainingImages]:
    images = _images(first, wanted)
    # Both have the first one's size: networks see both.
    other = dataclasses.replace(wanted, size=images.size, channels=_channels_b(wanted))
    return [images, _images(second, other)]


def _classes(pictures: Pictures) -> tuple[npt.NDArray[np.int64] | None, tuple[str, ...]]:
    """Classes numbered in the order of their labels, and their names."""
    labels = pictures.labels
    if all(label is None for label in labels):
        return None, ()
    known: list[int | str] = []
    for image_id, label in zip(pictures.ids, labels, strict=True):
        if label is None:
            raise ImageSourceError(
                f"{image_id} has no label, and others of {pictures.name} have one",
                hint="Put it into the folder of its class, or take it out of the set.",
            )
        known.append(label)
    # Numbers by their value, before words.
    distinct = sorted(set(known), key=lambda label: (isinstance(label, str), label))
    numbers = {label: number for number, label in enumerate(distinct)}
    return np.array([numbers[label] for label in known], np.int64), tuple(str(label) for label in distinct)
