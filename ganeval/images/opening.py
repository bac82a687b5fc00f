"""Opens whatever a user names or hands over as a set of images."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ganeval.errors import ImageSourceError, OptionError, did_you_mean, nearest_name
from ganeval.images.names import has_image_suffix
from ganeval.images.registry import SOURCES
from ganeval.images.source import ImageSource, SourceOptions
from ganeval.images.urls import is_url

PathOpener = Callable[[str, SourceOptions], ImageSource]

# A scheme has at least two letters, so that a Windows drive is none.
_SCHEME = re.compile(r"[A-Za-z][\w.-]+:(?![/\\]{2})")
_LABELS = (None, "folders")
_CLIPS = (None, "folders")
_RANGES = (None, (0.0, 1.0), (-1.0, 1.0))


def open_source(spec: Any, options: SourceOptions | None = None) -> ImageSource:
    """Open a set of images.

    Parameters
    ----------
    spec
        As text: a folder, zip, tar (or pattern of tar shards, ``shard-{000..009}.tar``), npz, npy, text file that lists
        images, ``-`` for a list on standard input, the URL of a folder, zip, tars, npz, npy or list (``s3://…``,
        ``https://…``, whatever fsspec knows), or a named set such as ``digits`` or ``fashion-mnist:train``. A
        named set wins over a folder of the same name: write ``./digits`` for the folder. From Python also: an
        `ImageSource`, tensor, NumPy array, list, torch Dataset or DataLoader, iterable of batches, or callable.
    options
        How to open it; None for the defaults.

    Raises
    ------
    ImageSourceError
        If it doesn't exist, can't be read, holds no image, or is nothing that images come in.
    OptionError
        If an option has a value that no source knows.
    """
    options = options or SourceOptions()
    _check_options(options)
    if isinstance(spec, ImageSource):
        return spec
    if isinstance(spec, str):
        return _open_text(spec, options)
    if isinstance(spec, os.PathLike):
        return _open_path(os.fspath(spec), options)
    return _open_object(spec, options)


def _check_options(options: SourceOptions) -> None:
    if options.labels not in _LABELS:
        raise OptionError(f"labels is {options.labels!r}", hint="Use 'folders', or leave it out.")
    if options.clips not in _CLIPS:
        raise OptionError(f"clips is {options.clips!r}", hint="Use 'folders', or leave it out.")
    if options.clips is not None and not options.recursive:
        raise OptionError(
            "clips are to be folders, and folders are not to be searched", hint="Leave out one of clips and recursive."
        )
    if options.value_range not in _RANGES:
        raise OptionError(f"value_range is {options.value_range!r}", hint="Use (0.0, 1.0) or (-1.0, 1.0).")
    if options.count is not None and options.count < 1:
        raise OptionError(f"count is {options.count}", hint="Ask for at least one image.")


def _open_text(spec: str, options: SourceOptions) -> ImageSource:
    name, _, argument = spec.partition(":")
    if name in SOURCES:
        return SOURCES.get(name)(argument, options)
    if spec == "-":
        from ganeval.images.listing import open_list_on_stdin

        return open_list_on_stdin(options)
    if is_url(spec):
        from ganeval.images.remote.opening import open_url

        return open_url(spec, options)
    if _SCHEME.match(spec) and not os.path.exists(spec):
        raise ImageSourceError(f"unknown image set {name!r} in {spec!r}", hint=did_you_mean(name, SOURCES.names()))
    return _open_path(os.path.expanduser(spec), options)


def _open_path(path: str, options: SourceOptions) -> ImageSource:
    if not path:
        raise ImageSourceError("an empty path was given for a set of images", hint="Name a folder, file or set.")
    if os.path.isdir(path):
        return _open_folder(path, options)
    suffix = _suffix(path)
    if not os.path.exists(path) and not ("{" in path and suffix in _TARS):
        raise _missing(path)
    opener = _FILE_OPENERS.get(suffix)
    if opener is None:
        raise _unsupported(path)
    if os.path.exists(path):
        _check_readable(path)
    return opener(path, options)


def _open_object(thing: Any, options: SourceOptions) -> ImageSource:
    from ganeval.images.tensors import OPENERS

    for accepts, opener in OPENERS:
        if accepts(thing):
            return opener(thing, options)
    raise ImageSourceError(
        f"an object of type {type(thing).__name__} can't be opened as a set of images",
        hint="Give a path, named set, tensor, array, list, Dataset, DataLoader, iterable of batches or callable.",
    )


def _open_folder(path: str, options: SourceOptions) -> ImageSource:
    from ganeval.images.folder import FolderSource

    return FolderSource(path, options)


def _open_zip(path: str, options: SourceOptions) -> ImageSource:
    from ganeval.images.archive import ZipSource

    return ZipSource(path, options)


def _open_shards(path: str, options: SourceOptions) -> ImageSource:
    from ganeval.images.shards import ShardSource

    return ShardSource(path, options)


def _open_npz(path: str, options: SourceOptions) -> ImageSource:
    from ganeval.images.arrays import open_npz_file

    return open_npz_file(path, options)


def _open_npy(path: str, options: SourceOptions) -> ImageSource:
    from ganeval.images.arrays import open_npy_file

    return open_npy_file(path, options)


def _open_list(path: str, options: SourceOptions) -> ImageSource:
    from ganeval.images.listing import open_list

    return open_list(path, options)


_TARS = (".tar", ".tar.gz", ".tgz")
_FILE_OPENERS: dict[str, PathOpener] = {
    ".zip": _open_zip,
    **dict.fromkeys(_TARS, _open_shards),
    ".npz": _open_npz,
    ".npy": _open_npy,
    ".txt": _open_list,
    ".lst": _open_list,
}


def _suffix(path: str) -> str:
    lower = path.lower()
    return ".tar.gz" if lower.endswith(".tar.gz") else os.path.splitext(lower)[1]


def _check_readable(path: str) -> None:
    try:
        with open(path, "rb"):
            pass
    except OSError as error:
        raise ImageSourceError(
            f"{path}: can't be read: {(error.strerror or str(error)).lower()}", hint="Check its permissions."
        ) from error


def _missing(path: str) -> ImageSourceError:
    parent = Path(path).parent
    try:
        siblings = {entry.name: str(parent / entry.name) for entry in os.scandir(parent)}
    except OSError:
        siblings = {}
    known = siblings | ({name: name for name in SOURCES.names()} if parent == Path() else {})
    near = nearest_name(Path(path).name, known)
    if near is not None:
        hint = f"Did you mean {known[near]!r}?"
    elif not parent.is_dir():
        hint = f"The folder {str(parent)!r} doesn't exist either."
    else:
        hint = f"Give a folder, a zip, tar, npz, npy or list file, or one of the named sets: {', '.join(SOURCES)}."
    return ImageSourceError(f"{path}: there is no such file or folder", hint=hint)


def _unsupported(path: str) -> ImageSourceError:
    if has_image_suffix(path):
        return ImageSourceError(
            f"{path} is a single image; a set of images is needed",
            hint="Give its folder, or a text file that lists it.",
        )
    return ImageSourceError(
        f"{path}: a file of this type can't be opened as a set of images",
        hint=f"Files that can: {', '.join(_FILE_OPENERS)}.",
    )
