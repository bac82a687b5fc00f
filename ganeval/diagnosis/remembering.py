"""Remembers what was computed of objects as long as they live, so that diagnostics of one subject share it."""

from __future__ import annotations

import weakref
from collections.abc import Hashable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Remembered(Generic[T]):
    """The last few results by the objects that they are of, which are told apart by identity and not kept alive.

    Parameters
    ----------
    most
        Results that are kept.
    """

    def __init__(self, most: int = 1) -> None:
        self._most = most
        self._entries: list[tuple[tuple[weakref.ref[Any], ...], Hashable, T]] = []

    def find(self, *objects: object, key: Hashable = None) -> T | None:
        """What was computed of these very objects with `key`, None if it isn't known any more."""
        for references, known, result in self._entries:
            same = len(references) == len(objects) and all(
                reference() is one for reference, one in zip(references, objects, strict=True)
            )
            if same and known == key:
                return result
        return None

    def keep(self, result: T, *objects: object, key: Hashable = None) -> T:
        """Remember `result` until one of the objects is gone, or others have come; gives it back."""
        self._entries.append((tuple(weakref.ref(one, self._forget) for one in objects), key, result))
        del self._entries[: -self._most]
        return result

    def _forget(self, gone: weakref.ref[Any]) -> None:
        self._entries[:] = [entry for entry in self._entries if all(gone is not one for one in entry[0])]
