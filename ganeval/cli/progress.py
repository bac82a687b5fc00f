"""Progress of long work: bars on a terminal, a line every few seconds elsewhere, nothing with --quiet."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress
from rich.text import Text

from ganeval.progress import Progress, ProgressTask, SilentProgress

#: Seconds between two lines where there is no terminal.
LINE_SECONDS = 5.0


def _speed(rate: float, unit: str) -> str:
    """``12.3 images/s``, or where one takes long, ``20 s each``; the unit may be left out."""
    if rate < 1:
        return f"{1 / rate:,.0f} s each" if rate else ""
    return f"{rate:,.1f} {unit}/s" if unit else f"{rate:,.1f}/s"


class _RateColumn(ProgressColumn):
    """Items a second, in the task's own unit."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(_speed(speed or 0.0, task.fields["unit"]), style="progress.data.speed")


class _BarTask:
    def __init__(self, bars: RichProgress, label: str, total: int | None, unit: str, done: int) -> None:
        self._bars = bars
        self._id = bars.add_task(label, total=total, completed=done, unit=unit)

    def advance(self, count: int) -> None:
        self._bars.advance(self._id, count)

    def finish(self) -> None:
        self._bars.stop_task(self._id)


class _Bars:
    """Bars on a terminal."""

    def __init__(self, bars: RichProgress) -> None:
        self._bars = bars

    def start(self, label: str, total: int | None, unit: str = "images", done: int = 0) -> ProgressTask:
        return _BarTask(self._bars, label, total, unit, done)


class _LineTask:
    def __init__(self, label: str, total: int | None, unit: str, done: int) -> None:
        self._label, self._total, self._unit = label, total, unit
        self._done = self._before = self._told = done
        self._began = self._said = time.monotonic()

    def advance(self, count: int) -> None:
        self._done += count
        if time.monotonic() - self._said >= LINE_SECONDS:
            self._said = time.monotonic()
            self._say()

    def _say(self) -> None:
        self._told = self._done
        rate = (self._done - self._before) / max(1e-9, time.monotonic() - self._began)
        of = "" if self._total is None else f"/{self._total:,}"
        last = self._done if self._total is None else self._total
        parts = [f"{self._label}: {self._done:,}{of} {self._unit.removesuffix('s') if last == 1 else self._unit}"]
        if rate:
            parts.append(_speed(rate, ""))
            if self._total is not None:
                parts.append(f"{(self._total - self._done) / rate:,.0f} s left")
        print(", ".join(parts), file=sys.stderr, flush=True)

    def finish(self) -> None:
        # A last step that took long was told when it was done.
        if time.monotonic() - self._began >= LINE_SECONDS and self._told != self._done:
            self._say()


class _Lines:
    """A line every few seconds, for logs."""

    def start(self, label: str, total: int | None, unit: str = "images", done: int = 0) -> ProgressTask:
        return _LineTask(label, total, unit, done)


@contextmanager
def make_progress(*, quiet: bool) -> Iterator[Progress]:
    """The listener that suits where stderr goes."""
    if quiet:
        yield SilentProgress()
    elif sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        # No markup: a name such as [v2]/samples is to be shown as it is.
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), _RateColumn())
        console = Console(stderr=True)
        with RichProgress(*columns, TimeRemainingColumn(), console=console, transient=True) as bars:
            yield _Bars(bars)
    else:
        yield _Lines()
