"""Writing files so that a crash, an interrupt or a full disk never leaves a half-written one behind."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` to `path` as `written_atomically` does, which see; raises OSError."""
    with written_atomically(path) as stream:
        stream.write(data)


@contextmanager
def written_atomically(path: Path) -> Iterator[BinaryIO]:
    """A stream whose content becomes `path` when the block ends without an error; the old file stays until then.

    It goes through a temporary file in the same folder. An existing file keeps its permissions, a new one gets those of
    the umask.

    Raises
    ------
    OSError
        As the operating system gives it (no such folder, no space, no permission); nothing is left behind.
    """
    temporary = path.parent / f".ganeval-{secrets.token_hex(8)}.tmp"
    # os.open rather than tempfile: what is written is for others to read, so its mode follows the umask, not 0600.
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with os.fdopen(descriptor, "w+b") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        if path.exists():
            os.chmod(temporary, stat.S_IMODE(path.stat().st_mode))
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
