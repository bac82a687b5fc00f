"""Which photographs the shipped detectors are trained, calibrated and measured on: a list with checksums and roles."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ganeval.errors import CorruptImageError, ImageSourceError
from ganeval.images.decode import decode_file

_SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
#: Smaller pictures leave nothing to cut out.
_SMALLEST = 200
ROLES = ("train", "calibrate", "test")


@dataclass(frozen=True)
class Photograph:
    """One photograph.

    Parameters
    ----------
    path
        Where it is here.
    source
        Name of its folder: a data set, or what is likely to be few cameras.
    sha256
        Of the file, in hex.
    role
        One of `ROLES`; a photograph has one, and what is made of it has the same.
    """

    path: Path
    source: str
    sha256: str
    role: str


def find_photographs(folders: Sequence[Path], sources_in: Sequence[Path]) -> list[Photograph]:
    """All photographs below the folders, each with its role.

    Parameters
    ----------
    folders
        Each is a data set of many unrelated photographs: 65 % of them train, 20 % calibrate, 15 % test, by checksum.
    sources_in
        Each holds folders that are few cameras' pictures each: a folder goes to one role as a whole, by its name.

    Raises
    ------
    ImageSourceError
        If there is none.
    """
    found: dict[str, Photograph] = {}
    for folder in folders:
        for path in _images(folder):
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            share = int(digest[:8], 16) / 16**8
            role = "train" if share < 0.65 else "calibrate" if share < 0.85 else "test"
            found.setdefault(digest, Photograph(path, folder.name, digest, role))
    for parent in sources_in:
        for folder in sorted(one for one in parent.iterdir() if one.is_dir()):
            share = int(hashlib.sha256(folder.name.encode()).hexdigest()[:8], 16) / 16**8
            role = "train" if share < 0.45 else "calibrate" if share < 0.7 else "test"
            for path in _images(folder):
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                found.setdefault(digest, Photograph(path, folder.name, digest, role))
    if not found:
        raise ImageSourceError(f"no photographs below {', '.join(map(str, (*folders, *sources_in)))}")
    return sorted(found.values(), key=lambda one: one.sha256)


def _images(folder: Path) -> list[Path]:
    usable = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in _SUFFIXES:
            continue
        try:
            if min(decode_file(path).pixels.shape[:2]) >= _SMALLEST:
                usable.append(path)
        except CorruptImageError:
            continue
    return usable


def as_table(photographs: Sequence[Photograph]) -> str:
    """Tab-separated: sha256, source, file name, role; without the places where they are."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(["sha256", "source", "file", "role"])
    for one in photographs:
        writer.writerow([one.sha256, one.source, one.path.name, one.role])
    return text.getvalue()
