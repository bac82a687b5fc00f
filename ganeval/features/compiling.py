"""Compiles an extractor's network beside the extraction, and lets it run where that pays and changes nothing.

Compiling (PyTorch's inductor; with CUDA graphs on a GPU) costs from seconds to minutes and gains between nothing and a
large part, by machine. Under ``"auto"`` it is done only where the gain, over the images still to come, is worth that
time: both are measured once for each kind of work and kept.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ganeval.errors import OptionError, did_you_mean
from ganeval.features.compiling_record import CompilingRecord, Measured, kind_of_work
from ganeval.features.extractor import ExtractorOutput, FeatureExtractor
from ganeval.features.precision import EXACT, ROUNDED
from ganeval.notices import Notice

NEVER, AUTO, ALWAYS = CHOICES = ("never", "auto", "always")

#: How far compiled outputs may be from the others, relative to these, by precision.
_TOLERANCES = {EXACT: 1e-5, ROUNDED: 2e-3, "bfloat16": 2e-2, "float16": 2e-3}
#: What compiling is supposed to cost (seconds) and to save (a part of the network's time) as long as nobody knows.
SUPPOSED_SECONDS, SUPPOSED_SAVING = 60.0, 0.2
_TIMED_RUNS = 3

#: Inductor's options by kind of device. Frozen weights are laid out for the CPU once, as the plain network does it.
#: One compiling thread: the other cores go on extracting.
_INDUCTOR: dict[str, dict[str, str | int | bool | Callable[..., Any]]] = {
    "cpu": {"freezing": True, "compile_threads": 1},
    "cuda": {"triton.cudagraphs": True},
}

Network = Callable[[torch.Tensor], tuple[torch.Tensor | None, ...]]

# The folder of artefacts is a setting of the whole process.
_FOLDER_LOCK = threading.Lock()


def check_compile(choice: str) -> None:
    """Raise `OptionError` unless `choice` is one of `CHOICES`."""
    if choice not in CHOICES:
        raise OptionError(f"compile must be never, auto or always, not {choice!r}", hint=did_you_mean(choice, CHOICES))


def can_compile(extractor: FeatureExtractor) -> bool:
    """Whether the extractor, on its device already, says which network is behind it."""
    return isinstance(getattr(extractor, "network", None), nn.Module)


def no_network(extractor: FeatureExtractor) -> Notice:
    """What to say where `can_compile` says no."""
    return _not_compiled(f"the extractor {extractor.info.name!r} has no network that could be compiled")


def _not_compiled(message: str) -> Notice:
    return Notice("not-compiled", message, "It ran as it is; the scores are not affected.", severity="info")


class CompilingExtractor(FeatureExtractor):
    """An extractor that runs as it is until its compiled network is ready, and with that from then on.

    The first full batch, in whichever thread it is, is the one on which is decided, compiled and checked; other threads
    go on meanwhile. Batches of another shape run as they always did. Compiled outputs that differ by more than 1e-5
    (float32; by more than rounding in other precisions) are refused, so that what is stored doesn't depend on this, and
    neither do the store's keys.

    Parameters
    ----------
    plain
        The extractor, on its device, with a `network`.
    choice
        ``"auto"`` or ``"always"``.
    device
        Where the extractor is.
    batch_size
        Of full batches.
    remaining
        How many images are still to come, None if nobody knows.
    folder
        Where artefacts and measurements are kept; None keeps none.
    """

    def __init__(
        self,
        plain: FeatureExtractor,
        choice: str,
        *,
        device: torch.device,
        batch_size: int,
        remaining: int | None,
        folder: Path | None,
    ) -> None:
        self.info, self.thread_safe, self.cpu_batch_size = plain.info, plain.thread_safe, plain.cpu_batch_size
        self._plain, self._choice, self._device = plain, choice, device
        self._batch_size, self._remaining, self._folder = batch_size, remaining, folder
        self._turn = threading.Lock()
        self._settled = choice == NEVER
        # Kept with the extractor, so that the next set finds it: the network by the layout of its batches.
        self._ready: dict[object, Network | None] = vars(plain).setdefault("_compiled_networks", {})
        #: The compiled network and the layout of the batches that it was compiled for.
        self._compiled: tuple[Network, object] | None = None
        #: What was noticed.
        self.notices: list[Notice] = []

    @property
    def compiled(self) -> bool:
        """Whether batches now go through the compiled network."""
        return self._compiled is not None

    def prepare(self, images: torch.Tensor) -> torch.Tensor:
        """As the plain extractor does."""
        return self._plain.prepare(images)

    def forward(self, prepared: torch.Tensor) -> ExtractorOutput:
        """Features of prepared images, as the plain extractor gives them."""
        full = len(prepared) == self._batch_size
        if full and not self._settled and self._turn.acquire(blocking=False):
            try:
                if not self._settled:
                    self._settle(prepared)
                    self._settled = True
            finally:
                self._turn.release()
        compiled = self._compiled
        if compiled is None or _layout(prepared) != compiled[1]:
            return self._plain.forward(prepared)
        pooled, logits, spatial = compiled[0](prepared)
        assert pooled is not None
        return ExtractorOutput(pooled, logits, spatial)

    def _settle(self, batch: torch.Tensor) -> None:
        """Decide, and compile, check and measure where that may pay."""
        layout = _layout(batch)
        if layout in self._ready:
            ready = self._ready[layout]
            self._compiled = None if ready is None else (ready, layout)
            return
        record = CompilingRecord(self._folder)
        work = kind_of_work(self.info, self._device, tuple(batch.shape))
        known = record.get(work)
        if self._choice == AUTO:
            plain = self._seconds(self._plain_outputs, batch, 1) if known is None else known.plain
            if not _may_pay(plain / len(batch), len(batch), known, self._remaining):
                return
        self._ready[layout] = None
        began = time.perf_counter()
        try:
            network = self._made(batch)
            wrong = self._difference(network(batch), self._plain_outputs(batch))
        # Compilers fail in every way there is: none installed, no memory, no disk, an operator that they don't know.
        except Exception as error:
            self._note(f"the network could not be compiled: {_in_short(error)}")
            return
        compiling = time.perf_counter() - began
        if wrong is not None:
            self._note(f"the compiled network was refused: {wrong}")
            return
        if known is None:
            plain, compiled = self._both(batch, network)
            known = Measured(plain, compiled, compiling)
        known = replace(known, compiling=compiling)
        record.put(work, known)
        if self._choice == ALWAYS or known.compiled < known.plain:
            self._ready[layout] = network
            self._compiled = network, layout

    def _note(self, message: str) -> None:
        self.notices.append(_not_compiled(message))

    def _plain_outputs(self, batch: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        output = self._plain.forward(batch)
        return output.pooled, output.logits, output.spatial

    def _made(self, batch: torch.Tensor) -> Network:
        """The compiled network, which has run on `batch` once or twice."""
        options = _INDUCTOR.get(self._device.type, {})
        with _artefacts_in(self._folder):
            compiled: Network = torch.compile(_Outputs(self._plain), fullgraph=True, dynamic=False, options=options)
            compiled(batch)
            if self._device.type != "cuda":
                return compiled
            replayed = _replayed(compiled)
            # CUDA graphs are recorded in the second run.
            replayed(batch)
            return replayed

    def _difference(
        self, outputs: tuple[torch.Tensor | None, ...], plain: tuple[torch.Tensor | None, ...]
    ) -> str | None:
        """What is wrong with `outputs`, None if nothing is."""
        tolerance = _TOLERANCES.get(self.info.precision, _TOLERANCES[EXACT])
        for one, other in zip(outputs, plain, strict=True):
            if one is None or other is None:
                continue
            scale = float(other.double().norm())
            relative = float((one.double() - other.double()).norm()) / scale if scale else float(one.double().norm())
            # Written so that NaN fails too.
            if not relative <= tolerance:
                return f"its outputs differ by {relative:.1e}, more than {tolerance:.0e}"
        return None

    def _both(self, batch: torch.Tensor, network: Network) -> tuple[float, float]:
        """Seconds a batch as it is and compiled, in turns, as what else the machine does changes."""
        times = [
            (self._seconds(self._plain_outputs, batch, 1), self._seconds(network, batch, 1)) for _ in range(_TIMED_RUNS)
        ]
        plain, compiled = (min(column) for column in zip(*times, strict=True))
        return plain, compiled

    def _seconds(self, run: Network, batch: torch.Tensor, runs: int) -> float:
        began = time.perf_counter()
        for _ in range(runs):
            run(batch)
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return (time.perf_counter() - began) / runs


class _Outputs(nn.Module):
    """An extractor's `forward` in the form that compilers take: a module, and tensors out of it."""

    def __init__(self, extractor: FeatureExtractor) -> None:
        super().__init__()
        # So that the weights are known as such.
        self.network = extractor.network  # type: ignore[attr-defined]
        self._extractor = extractor

    def forward(self, prepared: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        output = self._extractor.forward(prepared)
        return output.pooled, output.logits, output.spatial


def _replayed(compiled: Network) -> Network:
    """`compiled` with outputs of its own: the next replay of a CUDA graph overwrites those of the last."""

    def run(batch: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        return tuple(None if output is None else output.clone() for output in compiled(batch))

    return run


def _layout(batch: torch.Tensor) -> object:
    """All by which a compiled network depends on its input: another one would make it compile anew."""
    return tuple(batch.shape), batch.stride(), batch.dtype, batch.device, batch.is_inference()


def _may_pay(plain: float, batch: int, known: Measured | None, remaining: int | None) -> bool:
    """Whether compiling saves more of the threads' time than it takes; `plain` seconds an image as it is."""
    saved, cost = plain * SUPPOSED_SAVING, SUPPOSED_SECONDS
    if known is not None:
        saved, cost = (known.plain - known.compiled) / batch, known.compiling
    return remaining is not None and remaining * saved > cost


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


def _in_short(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
