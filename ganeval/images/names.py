"""Which file names are those of images, which are to be passed over, and what class or clip a folder stands for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from ganeval.errors import ImageSourceError
from ganeval.images.source import Label
from ganeval.wording import counted

#: Suffixes, in lower case, of the image files that folders and archives are searched for.
IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif"})

_DIGITS = re.compile(r"(\d+)", re.ASCII)
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


def natural_key(path: str) -> tuple[tuple[tuple[int, int, str], ...], ...]:
    """Sorts relative POSIX paths as a person would: folder by folder, runs of digits by their value."""
    return tuple(tuple(_natural(piece) for piece in _DIGITS.split(part) if piece) for part in path.split("/"))


def frames_in_order(name: str, paths: Iterable[str]) -> list[str]:
    """Relative POSIX paths of frames, clip after clip, each clip being a folder and its frames in natural order.

    Raises
    ------
    ImageSourceError
        If an image lies in no folder: it is a frame of no clip. `name` is how the set is called.
    """

    def place(path: str) -> tuple[object, ...]:
        clip = path.rpartition("/")[0]
        # Two clips may be 01 and 1: the names themselves keep their frames apart.
        return natural_key(clip), clip, natural_key(path), path

    frames = sorted(paths, key=place)
    loose = [path for path in frames if "/" not in path]
    if loose:
        raise ImageSourceError(
            f"{name}: each clip is to be a folder of frames, but {counted(loose, 'image lies', 'images lie')} in none, "
            f"the first is {printable(loose[0])}",
            hint="Move the frames of each clip into a folder of its own, or leave out --clips folders.",
        )
    return frames


def printable(path: str) -> str:
    """The path as text that can always be written: bytes that are no UTF-8 appear as backslash escapes."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _natural(piece: str) -> tuple[int, int, str]:
    if piece[0] not in "0123456789":
        return (1, 0, piece)
    # By length and then digit by digit is by value, however long the number is.
    value = piece.lstrip("0")
    return (0, len(value), value)
