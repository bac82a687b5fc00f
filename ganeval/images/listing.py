"""A text file, or standard input, that lists image files, one a line."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from ganeval.errors import ImageSourceError
from ganeval.images.decode import decode_file
from ganeval.images.digest import file_state, set_fingerprint
from ganeval.images.names import folder_label, printable
from ganeval.images.source import ImageItem, ImageSource, Label, SourceOptions


class ListedSource(ImageSource):
    """Image files named one by one, in the order of the list.

    Parameters
    ----------
    name
        How the set is called.
    entries
        Paths, as the list has them: they become the ids.
    folder
        What relative paths are relative to.
    options
        With ``labels="folders"`` the class is the first folder of the path relative to `folder`, or the name of the
        folder that the image lies in if that is elsewhere.

    Raises
    ------
    ImageSourceError
        If files are missing (the first ten are named).
    """

    kind = "list"

    def __init__(
        self, name: str, entries: Sequence[str], folder: str | Path, options: SourceOptions | None = None
    ) -> None:
        self.name = name
        self._entries = list(entries)
        self._paths = [os.path.join(folder, os.path.expanduser(entry)) for entry in entries]
        missing = [e for e, path in zip(self._entries, self._paths, strict=True) if not os.path.isfile(path)]
        if missing:
            shown = "\n".join(f"  {printable(entry)}" for entry in missing[:10])
            raise ImageSourceError(
                f"{name}: {len(missing):,} of {len(entries):,} listed files don't exist (or are no files):\n{shown}",
                hint=f"Relative paths are taken relative to {os.path.abspath(folder)}.",
            )
        with_labels = options is not None and options.labels == "folders"
        self._labels = [_label(path, folder) if with_labels else None for path in self._paths]

    def __iter__(self) -> Iterator[ImageItem]:
        for entry, path, label in zip(self._entries, self._paths, self._labels, strict=True):
            name = printable(entry)
            yield ImageItem(name, partial(decode_file, path, name), label)

    @property
    def count(self) -> int:
        return len(self._paths)

    def fingerprint(self) -> str:
        return set_fingerprint(
            self.kind,
            (
                f"{entry}\0{label}\0{file_state(path)}"
                for entry, path, label in zip(self._entries, self._paths, self._labels, strict=True)
            ),
        )


def open_list(path: str | Path, options: SourceOptions | None = None) -> ListedSource:
    """The images that a text file lists, UTF-8, one path a line; blank lines and those that begin with # are ignored.

    Relative paths are relative to the folder that the list lies in.
    """
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ImageSourceError(f"{path}: can't be read: {(error.strerror or str(error)).lower()}") from error
    except UnicodeDecodeError as error:
        raise ImageSourceError(f"{path}: not a text file in UTF-8: {error.reason}") from error
    return ListedSource(str(path), entries_of(text, str(path)), Path(path).parent, options)


def open_list_on_stdin(options: SourceOptions | None = None) -> ListedSource:
    """The images that standard input lists; relative paths are relative to the working folder."""
    try:
        text = sys.stdin.read()
    except UnicodeDecodeError as error:
        raise ImageSourceError(f"-: standard input is not text in UTF-8: {error.reason}") from error
    return ListedSource("-", entries_of(text, "-"), Path.cwd(), options)


def entries_of(text: str, name: str) -> list[str]:
    """What a list called `name` lists; raises `ImageSourceError` if that is nothing."""
    lines = (line.strip() for line in text.splitlines())
    entries = [line for line in lines if line and not line.startswith("#")]
    if not entries:
        raise ImageSourceError(f"{name}: the list names no image", hint="Write one path a line.")
    return entries


def _label(path: str, folder: str | Path) -> Label:
    relative = Path(os.path.relpath(path, folder)).as_posix()
    if relative.startswith("../"):
        return Path(path).resolve().parent.name
    return folder_label(relative)
