"""Objects that several metrics use together, such as a network: made once, and gone with the last who uses them."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable
from typing import Any, TypeVar
from weakref import WeakValueDictionary

T = TypeVar("T")

_shared: WeakValueDictionary[Hashable, Any] = WeakValueDictionary()


def shared(key: Hashable, make: Callable[[], T]) -> T:
    """The object made for `key` if it still lives, else a new one; `make` gives what can be referred to weakly."""
    found: T | None = _shared.get(key)
    if found is None:
        found = _shared[key] = make()
    return found


def key_of(thing: Any) -> Hashable:
    """What tells `thing` from others: a text's or path's own, else the object itself, to be held as long as the key."""
    return os.fspath(thing) if isinstance(thing, str | os.PathLike) else id(thing)
