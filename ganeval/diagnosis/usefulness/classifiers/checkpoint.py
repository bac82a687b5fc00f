"""Where the training of a classifier stands, in a file from which it can go on."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from ganeval.errors import OutputError, WeightsError
from ganeval.files import write_atomically


def save_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    """Write `state` (tensors, plain values, and dicts and lists of them) to `path`, as a whole or not at all.

    Raises
    ------
    OutputError
        If the folder can't be written, or the disk is full.
    """
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    try:
        write_atomically(path, buffer.getvalue())
    except OSError as error:
        raise OutputError(
            f"can't write {path}: {(error.strerror or str(error)).lower()}",
            hint="Choose a folder that can be written with --out.",
        ) from error


def load_checkpoint(path: Path) -> dict[str, Any]:
    """What `save_checkpoint` wrote; nothing but tensors and plain values is unpickled.

    Raises
    ------
    WeightsError
        If the file can't be read or is no checkpoint.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"can't read {path}: {(error.strerror or str(error)).lower()}") from error
    try:
        state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:
        # Damaged bytes make torch.load raise errors of many kinds: of pickle, zip, the end of the file, its own.
        raise WeightsError(
            f"{path} is no checkpoint of a classifier", hint="Delete it to train this classifier anew."
        ) from error
    if not isinstance(state, dict) or not isinstance(state.get("identity"), dict):
        raise WeightsError(f"{path} is no checkpoint of a classifier", hint="Delete it to train this classifier anew.")
    return state


def require_same(path: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse to go on with a training of other images or settings.

    Raises
    ------
    WeightsError
        Listing what differs.
    """
    differing = "; ".join(_differences(before, now))
    if differing:
        raise WeightsError(
            f"{path} is of another training: {differing}",
            hint="Resume with the options and images of the first run, or train into another folder with --out.",
        )


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted({*before, *now}):
        if before.get(name) != now.get(name):
            if name == "images":
                yield "the images to train on are others"
            else:
                yield f"{name.replace('_', ' ')} was {before.get(name)!r} and is {now.get(name)!r}"
