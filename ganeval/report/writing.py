"""Writes a file whole or not at all, with an error that says what stood in the way."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from ganeval.errors import OutputError
from ganeval.files import write_atomically


def write_text(path: str | Path, text: str) -> Path:
    """Write `text` as UTF-8 to `path`, see `write_bytes`; raises `OutputError`."""
    return write_bytes(path, text.encode("utf-8"))


def write_bytes(path: str | Path, data: bytes) -> Path:
    """Write `data` to `path`, so that a reader finds the old file or the new one and never a part of it.

    The data goes to a temporary file in the same folder, is flushed to the disk, and takes the place of `path` in one
    step. An existing file keeps its permissions; a symbolic link keeps pointing where it did; a device or pipe is
    written to directly.

    Raises
    ------
    OutputError
        The folder is missing or not writable, `path` is a folder, the disk is full, or any other failure of the
        operating system. No temporary file stays behind, and an existing file at `path` is as it was.
    """
    shown = str(path)
    if "\0" in shown:
        raise OutputError(f"{shown!r} can't be the name of a file: it contains a NUL character")
    target = Path(os.path.realpath(path))
    try:
        # By its own name: where the link /dev/stdout stands for a pipe, it leads to no path that could be opened.
        if is_device(path):
            with open(path, "wb") as stream:
                stream.write(data)
        else:
            _check_target(target, shown)
            write_atomically(target, data)
    except OSError as error:
        raise _explained(error, target, shown) from error
    return target


def is_device(path: str | Path) -> bool:
    """Whether something other than a file or folder is there: a device, a pipe, a socket."""
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


def _check_target(target: Path, shown: str) -> None:
    if target.is_dir():
        raise OutputError(f"{shown!r} is a folder, not a file", hint="Give the path of a file in it.")
    if target.parent.exists() and not target.parent.is_dir():
        raise OutputError(f"{shown!r} can't be written: {str(target.parent)!r} is a file, not a folder")
    if not target.parent.is_dir():
        raise OutputError(
            f"{shown!r} can't be written: the folder {str(target.parent)!r} doesn't exist",
            hint="Create the folder first, or give a path in a folder that exists.",
        )


def _explained(error: OSError, target: Path, shown: str) -> OutputError:
    folder = str(target.parent)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(
            f"{shown!r} can't be written: the disk is full", hint=f"Free some space in {folder!r} or give another path."
        )
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        return OutputError(
            f"{shown!r} can't be written: no permission to write in {folder!r}",
            hint="Give a path in a folder that you may write to.",
        )
    return OutputError(f"{shown!r} can't be written: {error.strerror or error}", hint="Give another path.")
