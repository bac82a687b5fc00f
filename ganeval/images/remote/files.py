"""Files that are reached by URL, and read part by part."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

from ganeval.errors import ImageSourceError
from ganeval.images.places import StoredFile
from ganeval.images.remote.connection import asked, file_system
from ganeval.images.remote.together import looked_at
from ganeval.images.urls import without_secrets

# What is read ahead while an archive is listed: headers of members larger than this are read one by one.
_AHEAD = 1 << 20
# What file systems say of a file that changes with its content.
_TELLING = (
    *("ETag", "etag", "e_tag", "Content-MD5", "content_md5", "Digest", "md5", "md5Hash", "crc32c", "checksum"),
    *("generation", "version_id", "VersionId", "mtime", "modified", "LastModified", "last_modified", "Last-Modified"),
    *("updated", "created", "ino"),
)


def state_of(info: Mapping[str, Any]) -> str:
    """Size, checksums and times that a file system gives of a file, as text; ``""`` where it gives but the size."""
    told = [f"{name} {info[name]}" for name in _TELLING if info.get(name)]
    return f"{info.get('size')} {' '.join(told)}" if told else ""


class RemoteFile:
    """A file behind a URL, of which it is asked once what it is.

    Parameters
    ----------
    files
        The fsspec file system.
    path
        In it.
    url
        As its user named it.
    """

    def __init__(self, files: Any, path: str, url: str) -> None:
        self._files, self._path, self._shown = files, path, without_secrets(url)
        self._info: Mapping[str, Any] | None = None

    def __str__(self) -> str:
        return self._shown

    @property
    def name(self) -> str:
        return self._shown.partition("?…")[0].rstrip("/").rpartition("/")[2]

    @property
    def info(self) -> Mapping[str, Any]:
        """What the file system knows of it; raises as `asked`."""
        if self._info is None:
            self._info = asked(str(self), lambda: dict(self._files.info(self._path)))
        return self._info

    def exists(self) -> bool:
        try:
            return self.info.get("type") == "file"
        except FileNotFoundError:
            return False

    @property
    def size(self) -> int:
        """In bytes."""
        size = self.info.get("size")
        if size is None:
            raise ImageSourceError(
                f"{self}: the server doesn't say how large it is, and so it can't be read part by part",
                hint="Fetch it, and give the local file.",
            )
        return int(size)

    def open(self) -> IO[bytes]:
        return io.BufferedReader(_Parts(self), _AHEAD)

    def read(self, start: int, size: int) -> bytes:
        data = bytes(asked(str(self), lambda: self._files.cat_file(self._path, start=start, end=start + size)))
        if len(data) > size:
            raise ImageSourceError(
                f"{self}: the server sends whole files only, and no parts of them (range requests)",
                hint="Fetch it, and give the local file.",
            )
        return data

    def read_all(self) -> bytes:
        """All of its bytes."""
        return bytes(asked(str(self), lambda: self._files.cat_file(self._path)))

    def state(self) -> str:
        return state_of(self.info)


class _Parts(io.RawIOBase):
    """A remote file as something to read from and seek in."""

    def __init__(self, file: RemoteFile) -> None:
        self._file, self._size, self._at = file, file.size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence] + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        wanted = min(len(buffer), self._size - self._at)
        if wanted <= 0:
            return 0
        data = self._file.read(self._at, wanted)
        if len(data) < wanted:
            raise ImageSourceError(f"{self._file}: ends early, after {self._at + len(data):,} of {self._size:,} bytes")
        buffer[:wanted] = data
        self._at += wanted
        return wanted


class Web:
    """The place of files that are named by URL."""

    def title(self, path: str) -> str:
        return without_secrets(path)

    def file(self, path: str) -> RemoteFile:
        return RemoteFile(*file_system(path), path)

    def each(self, files: Sequence[StoredFile], look: Callable[[StoredFile], Any]) -> list[Any]:
        return looked_at(files, look)
