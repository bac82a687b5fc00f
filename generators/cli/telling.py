"""How a training run is told on the console: a bar with losses on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from ganeval.generators.training.run import RunListener, SilentListener

#: Seconds between two lines where there is no terminal, and between two changes of a bar.
LINE_SECONDS, BAR_SECONDS = 5.0, 0.2


class _Speed(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(_speed(task.finished_speed or task.speed or 0.0), style="progress.data.speed")


def _speed(rate: float) -> str:
    if rate < 1:
        return f"{1 / rate:,.1f} s a step" if rate else ""
    return f"{rate:,.1f} steps/s"


def losses_in_words(losses: Mapping[str, float]) -> str:
    """Such as ``"discriminator 1.386, generator 0.693"``: a phase's only term goes by the phase's name."""
    phases = [name.partition("/")[0] for name in losses]
    shown = (
        (phase if phases.count(phase) == 1 else name, value)
        for (name, value), phase in zip(losses.items(), phases, strict=True)
    )
    return ", ".join(f"{name} {value:.4g}" for name, value in shown)


class _Bar:
    def __init__(self, bars: Progress, done: int, total: int) -> None:
        self._bars, self._done = bars, done
        self._task = bars.add_task("training", total=total, completed=done)
        self._told = 0.0

    def step(self, step: int, losses: Mapping[str, float]) -> None:
        now = time.monotonic()
        if now - self._told >= BAR_SECONDS or step == self._bars.tasks[0].total:
            self._told = now
            self._bars.update(self._task, completed=step, description=losses_in_words(losses))

    def say(self, text: str) -> None:
        self._bars.console.print(text, markup=False, highlight=False, soft_wrap=True)


class _Lines:
    def __init__(self, done: int, total: int) -> None:
        self._done, self._total = done, total
        self._began = self._told = time.monotonic()

    def step(self, step: int, losses: Mapping[str, float]) -> None:
        now = time.monotonic()
        if now - self._told < LINE_SECONDS and step != self._total:
            return
        self._told = now
        rate = (step - self._done) / max(now - self._began, 1e-9)
        left = f"{(self._total - step) / rate:,.0f} s left"
        self.say(f"step {step:,}/{self._total:,}: {losses_in_words(losses)}, {_speed(rate)}, {left}")

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)


@contextmanager
def told(done: int, total: int, *, quiet: bool) -> Iterator[RunListener]:
    """The listener that suits where stderr goes, for a run of `total` steps of which `done` are done."""
    if quiet:
        yield SilentListener()
    elif sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        columns = (BarColumn(), MofNCompleteColumn(), _Speed(), TimeRemainingColumn())
        description = TextColumn("{task.description}", markup=False)
        with Progress(*columns, description, console=Console(stderr=True), transient=False) as bars:
            yield _Bar(bars, done, total)
    else:
        yield _Lines(done, total)
