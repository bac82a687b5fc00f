"""Digests: of an image's pixels, to find copies, and of whole sets, to know when stored features are stale."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL

# Raised whenever decode.py or pixels.py come to give other pixels for the same file.
_DECODING_POLICY = "1"


def pixel_digest(pixels: npt.NDArray[np.uint8]) -> bytes:
    """16-byte BLAKE2b of the shape and the pixels of a uint8 array [height, width, 3]."""
    digest = hashlib.blake2b(np.asarray(pixels.shape, dtype="<i8").tobytes(), digest_size=16)
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.digest()


def file_state(path: str | Path) -> str:
    """Size, modification and change time (ns) and inode of a file, as text; ``"absent"`` if it can't be looked at.

    The change time is there because a file rewritten in place, with its old size and its modification time put back,
    still has a new one.
    """
    try:
        state = os.stat(path)
    except OSError:
        return "absent"
    return f"{state.st_size} {state.st_mtime_ns} {state.st_ctime_ns} {state.st_ino}"


def set_fingerprint(kind: str, parts: Iterable[str | bytes]) -> str:
    """Hex digest of everything that decides which images a set holds, in order.

    The decoding policy and Pillow's version are part of it, as another decoder may give other pixels.
    """
    digest = hashlib.blake2b(digest_size=32)
    for part in itertools.chain((kind, _DECODING_POLICY, PIL.__version__), parts):
        encoded = part.encode("utf-8", "surrogateescape") if isinstance(part, str) else part
        digest.update(len(encoded).to_bytes(8, "little"))
        digest.update(encoded)
    return digest.hexdigest()
