"""Files that hold images, wherever they lie: what sources of archives ask of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

from ganeval.images.digest import file_state


class StoredFile(Protocol):
    """One file; `str` gives its path for messages. Any thread may call its methods."""

    @property
    def name(self) -> str:
        """The last part of its path."""

    def exists(self) -> bool:
        """Whether there is such a file."""

    def open(self) -> IO[bytes]:
        """To be read, and sought in; whoever asks closes it."""

    def read(self, start: int, size: int) -> bytes:
        """That part of its bytes, less where it ends; raises OSError for a file on disk."""

    def state(self) -> str:
        """Text that changes when the file does, ``""`` if that can't be told."""


class Place(Protocol):
    """Where files are: the disk, or something that is reached by URL."""

    def title(self, path: str) -> str:
        """How a file or set is called in reports."""

    def file(self, path: str) -> StoredFile:
        """The file of that path, whether there is one or not."""

    def each(self, files: Sequence[StoredFile], look: Callable[[StoredFile], Any]) -> list[Any]:
        """What `look` says of each file, which JSON can hold; where looking is slow it's done side by side."""


class LocalFile:
    """A file on disk."""

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)

    def __str__(self) -> str:
        return str(self._path)

    @property
    def name(self) -> str:
        return self._path.name

    def exists(self) -> bool:
        return self._path.is_file()

    def open(self) -> IO[bytes]:
        return open(self._path, "rb")

    def read(self, start: int, size: int) -> bytes:
        # Opened anew each time: there may be more shards than a process may hold open, and no thread waits for another.
        with open(self._path, "rb") as stream:
            stream.seek(start)
            return stream.read(size)

    def state(self) -> str:
        return file_state(self._path)


class Disk:
    """Files that are opened by their path."""

    def title(self, path: str) -> str:
        return path

    def file(self, path: str) -> LocalFile:
        return LocalFile(os.fspath(path))

    def each(self, files: Sequence[StoredFile], look: Callable[[StoredFile], Any]) -> list[Any]:
        return [look(file) for file in files]


#: The place of plain paths.
DISK: Place = Disk()
