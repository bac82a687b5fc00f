"""Compiles an extractor's network beside the extraction, and lets it run where that pays and changes nothing.

Compiling costs from a second to minutes and gains between nothing and a large part, by compiler and machine. Under
``"auto"`` it is done only where the gain, over the images still to come, is worth that time: both are measured once for
each kind of work and kept.
"""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from ganeval.errors import OptionError, did_you_mean
from ganeval.features.compiling.compiler import COMPILERS, Compiler, Network, Outputs, OutputsOf
from ganeval.features.compiling.record import CompilingRecord, Measured, kind_of_work
from ganeval.features.extractor import ExtractorOutput, FeatureExtractor
from ganeval.features.precision import EXACT, ROUNDED
from ganeval.notices import Notice

NEVER, AUTO, ALWAYS = "never", "auto", "always"

#: How far compiled outputs may be from the others, relative to these, by precision.
_TOLERANCES = {EXACT: 1e-5, ROUNDED: 2e-3, "bfloat16": 2e-2, "float16": 2e-3}
_TIMED_RUNS = 3


def choices() -> list[str]:
    """All that ``compile`` may be: never, auto, always, or one compiler by name."""
    return [NEVER, AUTO, ALWAYS, *COMPILERS.names()]


def check_compile(choice: str) -> None:
    """Raise `OptionError` unless `choice` is one of `choices`."""
    if choice not in choices():
        *most, last = choices()
        raise OptionError(
            f"compile must be {', '.join(most)} or {last}, not {choice!r}", hint=did_you_mean(choice, choices())
        )


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
        One of `choices`: under ``"auto"`` the compiler that promises to save most, if any does; under ``"always"`` that
        one in any case, and the next where it can't; a name that compiler and no other.
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
        names = COMPILERS.names() if choice in (AUTO, ALWAYS) else [] if choice == NEVER else [choice]
        self._compilers = {name: COMPILERS.get(name) for name in names}
        self._turn = threading.Lock()
        self._settled = not names
        # Kept with the extractor, so that the next set finds it: the network by the layout of its batches.
        self._ready: dict[object, Network | None] = vars(plain).setdefault("_compiled_networks", {})
        self._outputs = OutputsOf(plain)
        #: The compiled network and the layout of the batches that it was compiled for.
        self._compiled: tuple[Network, object] | None = None
        self._notices: list[Notice] = []

    @property
    def notices(self) -> list[Notice]:
        """What was noticed; after the last batch also that there was none to compile for, if that was asked for."""
        if self._settled or self._choice == AUTO:
            return list(self._notices)
        return [_not_compiled(f"no batch of {self._batch_size} images was full, and others aren't compiled for")]

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
        found = layout, self._choice, torch.get_num_threads()
        if found not in self._ready:
            candidates = self._candidates(batch)
            if not candidates:
                return
            self._ready[found] = None
            for candidate in candidates:
                network = self._made(candidate, batch)
                if network is not None:
                    self._ready[found] = network
                    break
        ready = self._ready[found]
        self._compiled = None if ready is None else (ready, layout)

    def _candidates(self, batch: torch.Tensor) -> list[_Candidate]:
        """The compilers worth trying, the most promising first."""
        suited, works = {}, {}
        for name, compiler in self._compilers.items():
            try:
                unsuited = compiler.unsuited(self._plain, self._device)
                if unsuited is None:
                    works[name] = kind_of_work(self.info, self._device, tuple(batch.shape), compiler.version)
                    suited[name] = compiler
            # A plug-in may raise whatever it likes.
            except Exception as error:
                unsuited = _in_short(error)
            if unsuited is not None and self._choice == name:
                self._note(f"{name} doesn't compile this network: {unsuited}")
        record = CompilingRecord(self._folder)
        known = {name: record.get(work) for name, work in works.items()}
        measured = [one.plain for one in known.values() if one is not None]
        plain = measured[0] if measured else self._seconds(self._plain_outputs, batch, 1) if suited else 0.0
        batches = (self._remaining or 0) / len(batch)
        candidates = [
            _Candidate(name, compiler, works[name], known[name], _gain(compiler, known[name], plain, batches))
            for name, compiler in suited.items()
        ]
        wanted = [one for one in candidates if self._choice != AUTO or one.gain > 0]
        return sorted(wanted, key=lambda one: -one.gain)

    def _made(self, candidate: _Candidate, batch: torch.Tensor) -> Network | None:
        """The compiled network, None where there is none, it is wrong, or slower without having been asked for."""
        began = time.perf_counter()
        try:
            network = candidate.compiler.compiled(self._plain, batch, self._folder)
            wrong = self._difference(network(batch), self._plain_outputs(batch))
        # Compilers fail in every way there is: none installed, no memory, no disk, an operator that they don't know.
        except Exception as error:
            self._note(f"{candidate.name} could not compile the network: {_in_short(error)}")
            self._forget(candidate, batch)
            return None
        compiling = time.perf_counter() - began
        if wrong is not None:
            self._note(f"the network that {candidate.name} compiled was refused: {wrong}")
            self._forget(candidate, batch)
            return None
        known = candidate.known
        if known is None:
            plain, compiled = self._both(batch, network)
            known = Measured(plain, compiled, compiling)
        known = replace(known, compiling=compiling)
        CompilingRecord(self._folder).put(candidate.work, known)
        return network if self._choice != AUTO or known.compiled < known.plain else None

    def _forget(self, candidate: _Candidate, batch: torch.Tensor) -> None:
        # What was kept may be damaged: the next run makes it anew.
        with contextlib.suppress(Exception):
            candidate.compiler.forget(self._plain, batch, self._folder)

    def _note(self, message: str) -> None:
        self._notices.append(_not_compiled(message))

    def _plain_outputs(self, batch: torch.Tensor) -> Outputs:
        outputs: Outputs = self._outputs(batch)
        return outputs

    def _difference(self, outputs: Outputs, plain: Outputs) -> str | None:
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


@dataclass(frozen=True)
class _Candidate:
    """A compiler, what is known of it for this work, and the seconds that it promises to gain on the images to come."""

    name: str
    compiler: Compiler
    work: str
    known: Measured | None
    gain: float


def _layout(batch: torch.Tensor) -> object:
    """All by which a compiled network depends on its input: another one would make it compile anew."""
    return tuple(batch.shape), batch.stride(), batch.dtype, batch.device, batch.is_inference()


def _gain(compiler: Compiler, known: Measured | None, plain: float, batches: float) -> float:
    """Seconds of the threads' time that compiling saves, less those that it takes; `plain` for a batch as it is."""
    saved, cost = plain * compiler.supposed_saving, compiler.supposed_seconds
    if known is not None:
        saved, cost = known.plain - known.compiled, known.compiling
    return batches * saved - cost


def _in_short(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
