"""Results are remembered by the identity of what they are of, a few at most, and let nothing live on."""

from __future__ import annotations

import gc
import weakref

from ganeval.diagnosis.remembering import Remembered


class Thing:
    """Equal to all others of its kind, so that only identity tells them apart."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Thing)

    __hash__ = None  # type: ignore[assignment]


def test_it_is_found_by_identity_and_key() -> None:
    memory: Remembered[str] = Remembered(2)
    one, other = Thing(), Thing()
    assert memory.keep("both", one, other, key=3) == "both"
    assert memory.find(one, other, key=3) == "both"
    assert memory.find(one, other, key=4) is None
    assert memory.find(other, one, key=3) is None
    assert memory.find(one, key=3) is None


def test_the_last_ones_stay() -> None:
    memory: Remembered[int] = Remembered(2)
    things = [Thing() for _ in range(3)]
    for number, thing in enumerate(things):
        memory.keep(number, thing)
    assert [memory.find(thing) for thing in things] == [None, 1, 2]


def test_nothing_lives_on() -> None:
    memory: Remembered[Thing] = Remembered()
    thing, result = Thing(), Thing()
    gone = weakref.ref(result)
    memory.keep(result, thing)
    del result
    assert memory.find(thing) is not None
    del thing
    gc.collect()
    assert gone() is None
