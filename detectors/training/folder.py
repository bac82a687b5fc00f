"""A trained detector as a folder: settings, weights, scores of the images held back, and a card for people."""

from __future__ import annotations

import io
import json
import os
import secrets
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError

from ganeval.detectors.calibration.reference import ReferenceScores
from ganeval.detectors.detector import PIXEL_DETECTORS, PixelDetector, State
from ganeval.errors import OutputError, WeightsError
from ganeval.files import write_atomically

SCHEMA = "ganeval/detector@1"
SETTINGS_FILE = "detector.json"
WEIGHTS_FILE = "weights.safetensors"
REFERENCE_FILE = "reference.npz"
CARD_FILE = "card.md"
_FILES = frozenset({SETTINGS_FILE, WEIGHTS_FILE, REFERENCE_FILE, CARD_FILE})
_HINT = "Give a folder made by: ganeval detect train REAL GENERATED --detector NAME --out FOLDER"


def save_detector(
    folder: str | os.PathLike[str],
    name: str,
    detector: PixelDetector,
    reference: ReferenceScores,
    made: dict[str, Any],
    card: str,
) -> None:
    """Write the folder whole or not at all; one that held a detector before is replaced.

    Parameters
    ----------
    folder
        Where to.
    name
        Of the detector in `PIXEL_DETECTORS`.
    detector
        Its state is written.
    reference
        Its scores of images that it wasn't trained on: calibration is made from them when it is used.
    made
        JSON-ready: how it was trained and how good it is.
    card
        Markdown for people.

    Raises
    ------
    OutputError
        If the folder holds something else, or can't be written.
    """
    from safetensors.numpy import save

    target = Path(os.path.realpath(folder))
    require_free(target)
    state = detector.state()
    document = {"schema": SCHEMA, "detector": name, "settings": state.settings, **made}
    temporary = target.parent / f".ganeval-{secrets.token_hex(8)}"
    old = target.parent / f".ganeval-{secrets.token_hex(8)}.old"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir()
        write_atomically(
            temporary / WEIGHTS_FILE,
            save({key: np.ascontiguousarray(values) for key, values in state.arrays.items()}),
        )
        arrays = io.BytesIO()
        np.savez_compressed(arrays, **reference.arrays())  # type: ignore[arg-type]
        write_atomically(temporary / REFERENCE_FILE, arrays.getvalue())
        write_atomically(temporary / CARD_FILE, card.encode("utf-8"))
        text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        write_atomically(temporary / SETTINGS_FILE, text.encode("utf-8"))
        if target.exists():
            os.replace(target, old)
        os.replace(temporary, target)
    except OSError as error:
        raise OutputError(f"{folder}: the detector can't be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def require_free(folder: str | os.PathLike[str]) -> None:
    """Refuse a folder with anything in it but a detector's files; raises `OutputError`."""
    target = Path(folder)
    if not os.path.lexists(target):
        return
    if not target.is_dir():
        raise OutputError(f"{folder} is a file", hint="Name a folder that doesn't exist yet.")
    strange = sorted(set(os.listdir(target)) - _FILES)
    if strange:
        raise OutputError(
            f"{folder} holds other files, such as {strange[0]!r}", hint="Name a folder that doesn't exist yet."
        )


def read_settings(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """The document of a detector's folder; raises `WeightsError` if there is none."""
    path = Path(folder) / SETTINGS_FILE
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise WeightsError(f"{folder} isn't the folder of a detector: {path.name}: {reason}", hint=_HINT) from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise WeightsError(f"{folder}: {path.name} isn't of the schema {SCHEMA!r}", hint=_HINT)
    if not isinstance(document.get("detector"), str) or not isinstance(document.get("settings"), dict):
        raise WeightsError(f"{folder}: {path.name} lacks the detector's name or settings", hint=_HINT)
    return document


def load_detector(folder: str | os.PathLike[str]) -> tuple[PixelDetector, dict[str, Any]]:
    """The detector in a folder of `save_detector`, and its document.

    Raises
    ------
    WeightsError
        If the folder isn't one, or its weights are missing, broken or of another detector.
    """
    from safetensors.numpy import load

    document = read_settings(folder)
    try:
        arrays = load((Path(folder) / WEIGHTS_FILE).read_bytes())
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{folder}: {WEIGHTS_FILE} can't be read: {error}", hint=_HINT) from error
    kind = PIXEL_DETECTORS.get(document["detector"])
    try:
        return kind.restore(State(arrays, document["settings"])), document
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{folder}: not the weights of {document['detector']!r}: {error}", hint=_HINT) from error


def load_reference(folder: str | os.PathLike[str]) -> ReferenceScores:
    """The scores of images held back, of a folder of `save_detector`; raises `WeightsError`."""
    path = Path(folder) / REFERENCE_FILE
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return ReferenceScores.from_arrays(dict(arrays))
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise WeightsError(f"{folder}: {path.name} can't be read: {error}", hint=_HINT) from error
