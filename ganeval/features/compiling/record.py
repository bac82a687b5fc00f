"""What compiling cost and gained on this machine, by kind of work, kept as JSON beside the feature store."""

from __future__ import annotations

import contextlib
import json
import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from ganeval.features.features import ExtractorInfo
from ganeval.files import write_atomically

_FILE = "measurements.json"


@dataclass(frozen=True)
class Measured:
    """Seconds a batch takes as it is and compiled, and seconds that compiling took the last time."""

    plain: float
    compiled: float
    compiling: float


class CompilingRecord:
    """The measurements of one cache folder.

    Parameters
    ----------
    folder
        Where they are kept; None keeps none.
    """

    def __init__(self, folder: Path | None) -> None:
        self._path = None if folder is None else folder / _FILE

    def get(self, work: str) -> Measured | None:
        """What is known of that kind of work; what can't be read counts as not known."""
        try:
            measured = Measured(**self._all()[work])
            known = all(math.isfinite(value) and value > 0 for value in asdict(measured).values())
        except (KeyError, TypeError):
            return None
        return measured if known else None

    def put(self, work: str, measured: Measured) -> None:
        """Remember it; without effect where the disk is full or read-only."""
        if self._path is None:
            return
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._path, json.dumps({**self._all(), work: asdict(measured)}, indent=1).encode())

    def _all(self) -> Mapping[str, Any]:
        try:
            found = {} if self._path is None else json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def kind_of_work(info: ExtractorInfo, device: torch.device, shape: Sequence[int], compiler: str) -> str:
    """All on which the measurements depend: compiler with version, processor, extractor, precision, batch, threads."""
    threads = torch.get_num_threads() if device.type == "cpu" else 1
    spatial = "spatial" if info.spatial else "pooled"
    size = "x".join(str(side) for side in shape)
    name = f"{info.name} {info.precision} {spatial}"
    return f"{compiler}, {_processor(device)}, {name}, {size}, {threads} threads"


def _processor(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as stream:
        for line in stream:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
