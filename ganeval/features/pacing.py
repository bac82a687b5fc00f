"""How many threads decode at a time: found out while it goes, from what they wait for."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

#: So many threads a core at most, where they mostly wait for a disk or a network.
MOST_A_CORE = 4
# Seconds to look at before any conclusion: the first images come with imports and cold caches.
_ENOUGH = 0.5
_SCHEDULING = "/proc/thread-self/schedstat"


class Places:
    """A number of places for threads that work at a time; more come while waiting for data leaves cores idle.

    Parameters
    ----------
    at_first
        Places to begin with.
    at_most
        Places in the end; as many as `at_first` for a number that stays.
    """

    def __init__(self, at_first: int, at_most: int) -> None:
        self._count, self._at_first, self._at_most = at_first, at_first, max(at_first, at_most)
        self._taken = 0
        self._busy = self._idle = 0.0
        self._condition = threading.Condition()

    @property
    def count(self) -> int:
        """How many there are now."""
        return self._count

    @property
    def at_most(self) -> int:
        """How many there can ever be."""
        return self._at_most

    @contextmanager
    def one(self) -> Iterator[None]:
        """A place for the block, as soon as one is free."""
        with self._condition:
            self._condition.wait_for(lambda: self._taken < self._count)
            self._taken += 1
        try:
            yield
        finally:
            with self._condition:
                self._taken -= 1
                self._condition.notify()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Count the block's time, which reads and decodes or computes, as busy or idle."""
        began, before = time.perf_counter(), _busy_seconds()
        try:
            yield
        finally:
            busy = _busy_seconds() - before
            self.record(busy, max(0.0, time.perf_counter() - began - busy))

    def record(self, busy: float, idle: float) -> None:
        """Count seconds in which a thread computed or wanted to, and in which it waited for data.

        A thread that idles for a part p of its time keeps 1 - p of a core busy, so that it takes 1 / (1 - p) threads a
        core.
        """
        with self._condition:
            self._busy += busy
            self._idle += idle
            if self._busy + self._idle < _ENOUGH:
                return
            wanted = self._at_first * (self._busy + self._idle) / max(self._busy, 1e-9)
            grown = min(self._at_most, int(wanted + 0.5))
            if grown > self._count:
                self._condition.notify(grown - self._count)
                self._count = grown


def _busy_seconds() -> float:
    """Of this thread: computing, and where the system tells, ready to compute while others had the core."""
    try:
        with open(_SCHEDULING) as stream:
            running, waiting = stream.read().split()[:2]
    except (OSError, ValueError):
        return time.thread_time()
    return (int(running) + int(waiting)) * 1e-9
