"""Fingerprints as a folder: arrays in a safetensors file, names and settings as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

from ganeval.detectors.fingerprints.collected import Collected
from ganeval.errors import OutputError, WeightsError
from ganeval.files import write_atomically

SCHEMA = "ganeval/fingerprints@1"
ARRAYS, SETTINGS = "fingerprints.safetensors", "fingerprints.json"
FOLDER_HINT = "Make it with `ganeval detect fingerprint fit`."
_TYPES: dict[str, type | tuple[type, ...]] = {"size": int, "search": bool, "level": (int, float), "seed": int}


def write_folder(
    folder: Path, settings: Mapping[str, Any], generators: Mapping[str, Collected], photographs: Collected
) -> None:
    """Write both files; raises `OutputError`."""
    arrays: dict[str, npt.NDArray[Any]] = {}
    counts = []
    # Arrays go by number: a generator's name may be any text.
    for place, one in enumerate([photographs, *generators.values()]):
        # float32 holds a sum of thousands of values of order 1 to seven digits.
        arrays[f"{place}.total"] = one.total.astype(np.float32)
        arrays[f"{place}.kept"] = one.kept
        counts.append({"count": one.count, "skipped": one.skipped})
    document = {"schema": SCHEMA, "generators": list(generators), "settings": dict(settings), "counts": counts}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / ARRAYS, save(arrays))
        write_atomically(folder / SETTINGS, (json.dumps(document, indent=1) + "\n").encode())
    except OSError as error:
        raise OutputError(f"{folder}: fingerprints can't be written: {error.strerror or error}") from error


def read_folder(folder: Path) -> tuple[dict[str, Any], dict[str, Collected], Collected]:
    """Settings, generators and photographs; raises `WeightsError`."""
    try:
        document = json.loads((folder / SETTINGS).read_bytes())
        arrays = load((folder / ARRAYS).read_bytes())
    except (OSError, ValueError, SafetensorError, RecursionError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise WeightsError(f"{folder}: no fingerprints can be read: {reason}", hint=FOLDER_HINT) from error
    try:
        settings, names, counts = _checked(document)
        found = [_collected(arrays, place, settings["size"], **count) for place, count in enumerate(counts)]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise WeightsError(f"{folder}: not a folder of fingerprints: {error}", hint=FOLDER_HINT) from error
    return settings, dict(zip(names, found[1:], strict=True)), found[0]


def _checked(document: dict[str, Any]) -> tuple[dict[str, Any], list[str], list[dict[str, int]]]:
    if document["schema"] != SCHEMA:
        raise ValueError(f"its schema is {document['schema']!r}, and {SCHEMA!r} was expected")
    settings, names, counts = document["settings"], document["generators"], document["counts"]
    wrong = [name for name, kind in _TYPES.items() if not isinstance(settings[name], kind)]
    if wrong or set(settings) != set(_TYPES):
        raise ValueError(f"its settings are {settings}")
    if not (names and len(set(names)) == len(names) == len(counts) - 1):
        raise ValueError("its names and counts don't go together")
    return settings, names, counts


def _collected(arrays: Mapping[str, Any], place: int, size: int, *, count: int, skipped: int) -> Collected:
    total, kept = arrays[f"{place}.total"], arrays[f"{place}.kept"]
    shape = (size, size, 3)
    if total.shape != shape or kept.shape[1:] != shape or kept.dtype != np.float16 or len(kept) > count:
        raise ValueError(f"its arrays have shapes {total.shape} and {kept.shape}")
    if not (np.isfinite(total).all() and np.isfinite(kept).all()):
        raise ValueError("its arrays have values that aren't finite")
    return Collected(int(count), int(skipped), total.astype(np.float64), kept)
