"""Which file names are those of images, which are to be passed over, and what class a folder stands for."""

from __future__ import annotations

from pathlib import PurePosixPath

from ganeval.images.source import Label

#: Suffixes, in lower case, of the image files that folders and archives are searched for.
IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif"})

_CLUTTER = frozenset({"__MACOSX", "Thumbs", "Thumbs.db"})


def has_image_suffix(name: str) -> bool:
    """Whether a file of that name is taken for an image; upper and lower case are the same."""
    return PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES


def is_clutter(part: str) -> bool:
    """Whether one part of a path is hidden (begins with a dot) or left there by an operating system."""
    return part.startswith(".") or part in _CLUTTER


def is_image_path(path: str) -> bool:
    """Whether a relative POSIX path is that of an image no part of which is hidden or clutter."""
    return has_image_suffix(path) and not any(is_clutter(part) for part in path.split("/"))


def without_dot(path: str) -> str:
    """A path in an archive without the ``./`` that some packers begin each with."""
    return path.removeprefix("./")


def folder_label(path: str) -> Label:
    """The class of an image: the first folder of its relative POSIX path, None if it lies in no folder."""
    first, slash, _ = path.partition("/")
    return first if slash else None


def printable(path: str) -> str:
    """The path as text that can always be written: bytes that are no UTF-8 appear as backslash escapes."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
