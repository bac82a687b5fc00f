"""PyTorch's own compiler; with CUDA graphs on a GPU."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from ganeval.features.compiling.compiler import Compiler, Network, OutputsOf
from ganeval.features.extractor import FeatureExtractor

#: Options by kind of device. Frozen weights are laid out for the CPU once, as the plain network does it.
#: One compiling thread: the other cores go on extracting.
_OPTIONS: dict[str, dict[str, str | int | bool | Callable[..., Any]]] = {
    "cpu": {"freezing": True, "compile_threads": 1},
    "cuda": {"triton.cudagraphs": True},
}

# The folder of artefacts is a setting of the whole process.
_FOLDER_LOCK = threading.Lock()


class Inductor(Compiler):
    """`torch.compile`."""

    @property
    def version(self) -> str:
        return f"torch {torch.__version__}"

    def unsuited(self, extractor: FeatureExtractor, device: torch.device) -> str | None:
        return None

    def compiled(self, extractor: FeatureExtractor, batch: torch.Tensor, folder: Path | None) -> Network:
        options = _OPTIONS.get(batch.device.type, {})
        with _artefacts_in(folder):
            network: Network = torch.compile(OutputsOf(extractor), fullgraph=True, dynamic=False, options=options)
            network(batch)
            if batch.device.type != "cuda":
                return network
            replayed = _replayed(network)
            # CUDA graphs are recorded in the second run.
            replayed(batch)
            return replayed


def _replayed(compiled: Network) -> Network:
    """`compiled` with outputs of its own: the next replay of a CUDA graph overwrites those of the last."""

    def run(batch: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        return tuple(None if output is None else output.clone() for output in compiled(batch))

    return run


@contextlib.contextmanager
def _artefacts_in(folder: Path | None) -> Iterator[None]:
    """Within, inductor and Triton keep what they make in `folder`; for None in one that is deleted afterwards."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(_FOLDER_LOCK)
        if folder is None:
            kept = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        else:
            kept = folder / "artefacts"
        wanted = {"TORCHINDUCTOR_CACHE_DIR": str(kept), "TRITON_CACHE_DIR": str(kept / "triton")}
        before = {name: os.environ.get(name) for name in wanted}
        os.environ.update(wanted)
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value


COMPILER = Inductor()
