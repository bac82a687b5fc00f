"""Ctrl-C and SIGTERM as requests: the step under way is finished, its result saved."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType
from typing import Any

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
