"""Where a training run stands, in a file from which it can go on."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch

from ganeval.errors import OutputError, WeightsError
from ganeval.files import write_atomically


def write_result(path: Path, data: bytes) -> None:
    """Write `data` to `path`, replacing an older file as a whole or not at all.

    Raises
    ------
    OutputError
        If the folder doesn't exist or can't be written, or the disk is full.
    """
    try:
        write_atomically(path, data)
    except OSError as error:
        raise OutputError(
            f"can't write {path}: {error.strerror}", hint="Choose a path in a folder that can be written."
        ) from error


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write `state` (tensors, numbers, text, and dicts and lists of them) to `path`.

    Raises
    ------
    OutputError
        As `write_result`.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_result(path, buffer.getvalue())


def load_checkpoint(path: Path) -> dict[str, Any]:
    """What `save_checkpoint` wrote. Nothing but tensors and plain values is unpickled.

    Raises
    ------
    WeightsError
        If the file is missing or is no checkpoint.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(
            f"can't read the checkpoint {path}: {error.strerror}", hint="Leave out --resume to start anew."
        ) from error
    hint = f"Delete {path.parent} to go on from the one before it, or train into another folder."
    try:
        state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:
        # Damaged bytes make torch.load raise errors of many kinds: of pickle, zip, the end of the file, its own.
        raise WeightsError(f"{path} is no checkpoint of a training run", hint=hint) from error
    if not isinstance(state, dict):
        raise WeightsError(f"{path} is no checkpoint of a training run", hint=hint)
    return state
