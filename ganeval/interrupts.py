"""Ctrl-C and SIGTERM: as requests, where a step is to be finished first, or as exceptions that let files be closed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, NoReturn

from typing_extensions import Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Within the block, the first SIGINT or SIGTERM is only noted; the second acts as it always does.

    Outside the main thread, where handlers can't be set, it notes nothing.
    """

    def __init__(self) -> None:
        #: Number of the signal that came, 0 while there was none.
        self.came = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        try:
            for number in _SIGNALS:
                self._before[number] = signal.signal(number, self._note)
        except ValueError:
            self._before = {}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.came = number
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}


class Terminated(KeyboardInterrupt):
    """SIGTERM came: what a scheduler or ``timeout`` sends before it kills. Whatever Ctrl-C would save is saved."""


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    raise Terminated


@contextmanager
def termination_raises() -> Iterator[None]:
    """Within the block SIGTERM raises `Terminated`, where it would have ended the process at once.

    Without effect outside the main thread, where somebody else handles the signal, and in a job of several processes:
    one that waits for the others wouldn't hear of the exception, and torchrun's signal has to end it.
    """
    mine = os.environ.get("WORLD_SIZE", "1") == "1" and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    try:
        if mine:
            signal.signal(signal.SIGTERM, _terminate)
    except ValueError:
        mine = False
    try:
        yield
    finally:
        if mine:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
