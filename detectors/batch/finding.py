"""From what a user names (files, folders, a list on standard input) to the files to examine."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from ganeval.errors import ImageSourceError, nearest_name
from ganeval.images.names import has_image_suffix, is_clutter
from ganeval.wording import counted

#: Suffixes, in lower case, of what `ganeval detect` takes for a video.
VIDEO_SUFFIXES = frozenset(
    {
        *(".mp4", ".m4v", ".mov", ".qt", ".3gp", ".3g2", ".f4v", ".mkv", ".webm", ".avi", ".wmv", ".asf", ".flv"),
        *(".mpg", ".mpeg", ".mpe", ".m2v", ".vob", ".ts", ".mts", ".m2ts", ".ogv", ".mxf", ".nut", ".ivf", ".obu"),
        *(".h264", ".264", ".h265", ".265", ".hevc", ".y4m"),
    }
)


@dataclass
class Found:
    """Files to examine.

    Parameters
    ----------
    paths
        Images: files that were named, whatever they are called, and those of folders that have an image's suffix.
        In the order named, folders sorted; each once.
    clips
        Videos that were named.
    others
        How many files of the folders are neither, by suffix.
    folder
        Whether a folder or list was among what was named.
    """

    paths: list[str] = field(default_factory=list)
    clips: list[str] = field(default_factory=list)
    others: dict[str, int] = field(default_factory=dict)
    folder: bool = False

    @property
    def remark(self) -> str:
        """What was passed over, as a sentence; empty if nothing was."""
        total = sum(self.others.values())
        if not total:
            return ""
        most = sorted(self.others.items(), key=lambda pair: (-pair[1], pair[0]))[:5]
        kinds = ", ".join(f"{count:,} {suffix}" for suffix, count in most)
        return f"{counted(total, 'file')} without an image's suffix passed over ({kinds})"


def find_files(named: Sequence[str], *, recursive: bool = True) -> Found:
    """The files that `named` stands for.

    Parameters
    ----------
    named
        Paths of files and folders; ``-`` reads paths from standard input, one a line.
    recursive
        Whether folders are searched with their sub-folders.

    Raises
    ------
    ImageSourceError
        If a path doesn't exist, a folder can't be read, or there is nothing to examine.
    """
    found = Found()
    seen: set[str] = set()
    for name in named:
        for path in _listed() if name == "-" else [name]:
            found.folder = found.folder or name == "-"
            _add(os.path.expanduser(path), found, seen, recursive=recursive)
    if not found.paths and not found.clips:
        remark = found.remark
        raise ImageSourceError(
            "there is no image to examine" + (f": {remark}" if remark else ""),
            hint="Images end in png, jpg, jpeg, webp, bmp, tif, tiff or gif. A file that is named itself is examined "
            "whatever its suffix.",
        )
    return found


def is_clip(path: str) -> bool:
    """Whether a path is that of a video, by its suffix."""
    return PurePosixPath(path).suffix.lower() in VIDEO_SUFFIXES


def _listed() -> Iterator[str]:
    for line in sys.stdin:
        path = line.rstrip("\r\n")
        if path:
            yield path


def _add(path: str, found: Found, seen: set[str], *, recursive: bool) -> None:
    if os.path.isdir(path):
        found.folder = True
        for one in _in_folder(path, found, recursive=recursive):
            _add_file(one, found.paths, seen)
        return
    if not os.path.lexists(path):
        folder, name = os.path.split(path)
        try:
            near = nearest_name(name, os.listdir(folder or ".")[:1000])
        except OSError:
            near = None
        raise ImageSourceError(
            f"{path!r} doesn't exist", hint="Check the path." if near is None else f"Did you mean {near!r}?"
        )
    _add_file(path, found.clips if is_clip(path) else found.paths, seen)


def _add_file(path: str, to: list[str], seen: set[str]) -> None:
    key = os.path.abspath(path)
    if key not in seen:
        seen.add(key)
        to.append(path)


def _in_folder(root: str, found: Found, *, recursive: bool) -> Iterator[str]:
    failed: list[OSError] = []
    for folder, folders, names in os.walk(root, onerror=failed.append):
        folders[:] = sorted(name for name in folders if not is_clutter(name)) if recursive else []
        for name in sorted(names):
            if is_clutter(name):
                continue
            if has_image_suffix(name):
                yield os.path.join(folder, name)
            else:
                suffix = PurePosixPath(name).suffix.lower() or "without suffix"
                found.others[suffix] = found.others.get(suffix, 0) + 1
        if failed and folder == root:
            break
    if failed and failed[0].filename == root:
        raise ImageSourceError(
            f"{root}: the folder can't be read: {(failed[0].strerror or str(failed[0])).lower()}",
            hint="Check its permissions.",
        )
