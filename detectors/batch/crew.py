"""Worker processes that do one task at a time each; one that crashes or takes too long costs its task and no more."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, Generic, TypeVar

from ganeval.errors import CorruptImageError, GanevalError

T = TypeVar("T")
R = TypeVar("R")

#: Seconds that one task may take.
LIMIT_SECONDS = 30.0
#: Seconds within which a worker has to be ready: libraries and weights are loaded then.
READY_SECONDS = 300.0
# A worker that dies this often before it is ready will never be.
_FAILED_STARTS = 3
_CLOSING_SECONDS = 1.0
# What numerical libraries read their number of threads from, when they are loaded.
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Done(Generic[T, R]):
    """What became of one task.

    Parameters
    ----------
    position
        Of the task, 0 for the first.
    task
        As it was given.
    result
        What the work returned; None if it failed.
    error
        Why it failed, as a sentence without a full stop; empty if it didn't.
    """

    position: int
    task: T
    result: R | None = None
    error: str = ""


def reason_of(error: Exception) -> str:
    """One line that says why a task failed."""
    if isinstance(error, CorruptImageError) and len(error.failures) == 1:
        return error.failures[0][1]
    if isinstance(error, GanevalError):
        return error.message.splitlines()[0]
    if isinstance(error, MemoryError):
        return "there isn't enough memory for it"
    return f"internal error: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}"


@dataclass
class _Worker(Generic[T]):
    process: SpawnProcess
    pipe: Connection
    ready: bool = False
    position: int = -1
    tasks: deque[T] = field(default_factory=deque)
    deadline: float = 0.0

    @property
    def busy(self) -> bool:
        return bool(self.tasks)


class Crew(Generic[T, R]):
    """Processes that each make their tool once and then work off tasks with it.

    Parameters
    ----------
    make
        Called once in each process; what it returns is called with every task. Picklable.
    jobs
        Number of processes.
    limit
        Seconds a task may take; the process is killed then, and another takes its place.
    """

    def __init__(
        self,
        make: Callable[[], Callable[[T], R]],
        jobs: int,
        *,
        limit: float = LIMIT_SECONDS,
        ready: float | None = None,
    ) -> None:
        self._make, self._jobs, self._limit = make, max(1, jobs), limit
        self._ready = READY_SECONDS if ready is None else ready
        # A fork would inherit the locks of torch's threads, held by threads that the child doesn't have.
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[_Worker[T]] = []
        self._failed_starts = 0

    def __enter__(self) -> Crew[T, R]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all processes, whatever they are at."""
        for worker in self._workers:
            with contextlib.suppress(OSError, ValueError):
                worker.pipe.send(None)
        until = time.monotonic() + _CLOSING_SECONDS
        for worker in self._workers:
            if not worker.busy:
                worker.process.join(max(0.0, until - time.monotonic()))
            self._end(worker)
        self._workers = []

    def work(self, tasks: Iterable[T]) -> Iterator[Done[T, R]]:
        """Do the tasks; results come in the order in which they are finished.

        Tasks are taken from the iterable when a worker is free, so that any number of them takes no memory.

        Raises
        ------
        GanevalError
            What `make` raised in a worker.
        """
        waiting = enumerate(tasks)
        ended = False
        while True:
            while not ended and self._has_room():
                try:
                    position, task = next(waiting)
                except StopIteration:
                    ended = True
                    break
                yield from self._give(self._free(), position, task)
            if ended and not any(worker.busy for worker in self._workers):
                return
            yield from self._collect()

    def _has_room(self) -> bool:
        return len(self._workers) < self._jobs or not all(worker.busy for worker in self._workers)

    def _free(self) -> _Worker[T]:
        for worker in self._workers:
            if not worker.busy:
                return worker
        worker = self._started()
        self._workers.append(worker)
        return worker

    def _started(self) -> _Worker[T]:
        here, there = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(there, self._make, self._jobs), daemon=True)
        with _interrupts_held():
            process.start()
        there.close()
        return _Worker(process, here, deadline=time.monotonic() + self._ready)

    def _give(self, worker: _Worker[T], position: int, task: T) -> Iterator[Done[T, R]]:
        worker.position = position
        worker.tasks.append(task)
        if worker.ready:
            worker.deadline = time.monotonic() + self._limit
        try:
            worker.pipe.send(task)
        except (BrokenPipeError, ConnectionError):
            yield from self._lost(worker)

    def _collect(self) -> Iterator[Done[T, R]]:
        busy = [worker for worker in self._workers if worker.busy]
        nearest = min(worker.deadline for worker in busy)
        spoken = wait([worker.pipe for worker in busy], max(0.0, nearest - time.monotonic()))
        for worker in busy:
            if worker.pipe in spoken:
                yield from self._hear(worker)
            elif time.monotonic() >= worker.deadline:
                yield from self._late(worker)

    def _hear(self, worker: _Worker[T]) -> Iterator[Done[T, R]]:
        try:
            kind, content = worker.pipe.recv()
        except Exception:  # The pipe of a dead process; or half a message.
            yield from self._lost(worker)
            return
        if kind == "ready":
            worker.ready, self._failed_starts = True, 0
            worker.deadline = time.monotonic() + self._limit
        elif kind == "unusable":
            raise content
        else:
            task = worker.tasks.popleft()
            result, error = (content, "") if kind == "result" else (None, content)
            yield Done(worker.position, task, result, error)

    def _late(self, worker: _Worker[T]) -> Iterator[Done[T, R]]:
        if not worker.ready:
            raise GanevalError(f"a worker process wasn't ready after {self._ready:.0f} s", hint="Try with --jobs 1.")
        yield from self._gone(worker, f"it took longer than {self._limit:g} s")

    def _lost(self, worker: _Worker[T]) -> Iterator[Done[T, R]]:
        worker.process.join(_CLOSING_SECONDS)
        code = worker.process.exitcode
        if not worker.ready:
            self._failed_starts += 1
            if self._failed_starts >= _FAILED_STARTS:
                raise GanevalError(
                    f"worker processes end before they are ready ({_ending(code)})", hint="Try with --jobs 1."
                )
            # The task had no part in it: another worker gets it.
            position, task = worker.position, worker.tasks.popleft()
            self._discard(worker)
            fresh = self._started()
            self._workers.append(fresh)
            yield from self._give(fresh, position, task)
            return
        yield from self._gone(worker, f"the worker process ended ({_ending(code)})")

    def _gone(self, worker: _Worker[T], why: str) -> Iterator[Done[T, R]]:
        task = worker.tasks.popleft()
        self._discard(worker)
        yield Done(worker.position, task, None, why)

    def _discard(self, worker: _Worker[T]) -> None:
        self._workers.remove(worker)
        self._end(worker)

    def _end(self, worker: _Worker[T]) -> None:
        if worker.process.is_alive():
            worker.process.kill()
        worker.process.join()
        worker.pipe.close()


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Start a process that ignores Ctrl-C from its first instruction: what to do about it is its parent's to say."""
    try:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    except ValueError:  # Not in the main thread.
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _ending(code: int | None) -> str:
    if code is None:
        return "no status"
    if code < 0:
        try:
            return signal.Signals(-code).name
        except ValueError:
            return f"signal {-code}"
    return f"status {code}"


def _serve(pipe: Connection, make: Callable[[], Callable[[Any], Any]], jobs: int) -> None:
    """The life of a worker."""
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    threads = max(1, (os.cpu_count() or 1) // jobs)
    for name in _THREADS:
        os.environ.setdefault(name, str(threads))
    try:
        tool = make()
    except Exception as error:
        unusable = error if isinstance(error, GanevalError) else GanevalError(reason_of(error))
        pipe.send(("unusable", GanevalError(unusable.message, hint=unusable.hint)))
        return
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
    pipe.send(("ready", None))
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionError):
        while (task := pipe.recv()) is not None:
            try:
                answer = ("result", tool(task))
            except Exception as error:
                answer = ("error", reason_of(error))
            pipe.send(answer)
