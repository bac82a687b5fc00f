"""Feature chunks as bytes: what the store's files hold, and what processes send each other. No pickles."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load, save

from ganeval.features.chunks import FeatureChunk
from ganeval.features.features import Preview
from ganeval.images.source import ImageInfo

_OPTIONAL = ("logits", "spatial")
#: What reading a damaged chunk raises.
UNREADABLE = (OSError, SafetensorError, KeyError, IndexError, TypeError, ValueError)


def chunk_to_bytes(chunk: FeatureChunk) -> bytes:
    """A chunk as a safetensors file, with a checksum over its arrays."""
    arrays: dict[str, np.ndarray[Any, Any]] = {
        "pooled": np.ascontiguousarray(chunk.pooled),
        "digest": np.frombuffer(b"".join(info.digest for info in chunk.images), np.uint8).copy(),
        "geometry": np.array([(info.width, info.height, info.jpeg_quality) for info in chunk.images], np.int64).reshape(
            -1, 3
        ),
    }
    for name in _OPTIONAL:
        array = getattr(chunk, name)
        if array is not None:
            arrays[name] = np.ascontiguousarray(array)
    for number, preview in enumerate(chunk.previews):
        arrays[f"preview-{number}"] = np.ascontiguousarray(preview.pixels)
    about = {
        "start": chunk.start,
        "positions": chunk.positions,
        "ids": chunk.ids,
        "labels": chunk.labels,
        "formats": [info.format for info in chunk.images],
        "modes": [info.mode for info in chunk.images],
        "skipped": chunk.skipped,
        "previews": [preview.id for preview in chunk.previews],
        "checksum": _checksum(arrays),
    }
    return save(arrays, metadata={"chunk": json.dumps(about)})


def _checksum(arrays: Mapping[str, np.ndarray[Any, Any]]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].shape}".encode())
        digest.update(np.ascontiguousarray(arrays[name]).data.cast("B") if arrays[name].size else b"")
    return digest.hexdigest()


def read_chunk(path: Path) -> FeatureChunk:
    """The chunk in a file; raises one of `UNREADABLE` if it is damaged."""
    with safe_open(path, framework="numpy") as file:
        about = json.loads(file.metadata()["chunk"])
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    return _chunk(about, arrays)


def chunk_from_bytes(data: bytes) -> FeatureChunk:
    """The chunk that `chunk_to_bytes` wrote; raises one of `UNREADABLE` if it is damaged."""
    # The file begins with the length of its header, in JSON (https://huggingface.co/docs/safetensors).
    length = int.from_bytes(data[:8], "little")
    about = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["chunk"])
    return _chunk(about, load(data))


def _chunk(about: dict[str, Any], arrays: dict[str, np.ndarray[Any, Any]]) -> FeatureChunk:
    if about["checksum"] != _checksum(arrays):
        raise ValueError("the shard is damaged")
    ids = about["ids"]
    digests = arrays["digest"].tobytes()
    width = len(digests) // len(ids) if ids else 0
    images = tuple(
        ImageInfo(form, mode, int(w), int(h), int(quality), digests[i * width : (i + 1) * width])
        for i, (form, mode, (w, h, quality)) in enumerate(
            zip(about["formats"], about["modes"], arrays["geometry"], strict=True)
        )
    )
    if not len(ids) == len(images) == len(arrays["pooled"]):
        raise ValueError("the shard is damaged")
    return FeatureChunk(
        start=about["start"],
        positions=about["positions"],
        pooled=arrays["pooled"],
        logits=arrays.get("logits"),
        spatial=arrays.get("spatial"),
        ids=tuple(ids),
        labels=tuple(about["labels"]),
        images=images,
        skipped=tuple((image_id, reason) for image_id, reason in about["skipped"]),
        previews=tuple(Preview(i, arrays[f"preview-{number}"]) for number, i in enumerate(about["previews"])),
    )
