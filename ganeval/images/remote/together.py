"""Who looks at the files of a set that is reached by URL: this process, a few at once, or several, each at its part."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

# Waiting for answers is most of it.
_AT_ONCE = 8


class Looking(Protocol):
    """A way to look at each of several things."""

    def __call__(self, things: Sequence[T], look: Callable[[T], Any]) -> list[Any]:
        """What `look` gives for each, in order; JSON must be able to hold it."""


def in_threads(things: Sequence[T], look: Callable[[T], Any]) -> list[Any]:
    """A few at once; the first error is raised, and ends it."""
    if len(things) < 2:
        return [look(thing) for thing in things]
    with ThreadPoolExecutor(min(_AT_ONCE, len(things)), "ganeval-listing") as pool:
        futures = [pool.submit(look, thing) for thing in things]
        try:
            return [future.result() for future in futures]
        finally:
            for future in futures:
                future.cancel()


_present: ContextVar[Looking] = ContextVar("who lists remote files", default=in_threads)


def looked_at(things: Sequence[T], look: Callable[[T], Any]) -> list[Any]:
    """What `look` gives for each thing, in order: where several processes share the work, each looks at its part."""
    return _present.get()(things, look)


@contextmanager
def listing_by(way: Looking) -> Iterator[None]:
    """Within the block sets are listed in that way; all processes must open the same sets in the same order."""
    token = _present.set(way)
    try:
        yield
    finally:
        _present.reset(token)
