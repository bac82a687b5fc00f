"""Names of folders for evidence, from names of pictures that may be anything."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path, PurePath

_LONGEST = 60
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def evidence_folder(root: str | os.PathLike[str], path: str) -> Path:
    """Where the evidence about the picture at `path` goes: a folder directly below `root`.

    Its name holds what of the picture's name is safe everywhere, and eight hex digits of its absolute path: pictures
    of one name in different folders don't meet, and nothing in a name leads out of `root`.
    """
    whole = os.fsencode(os.path.abspath(path))
    digest = hashlib.blake2b(whole, digest_size=4).hexdigest()
    stem = _UNSAFE.sub("_", PurePath(path).stem).strip("._-")[:_LONGEST] or "picture"
    return Path(root) / f"{stem}-{digest}"
