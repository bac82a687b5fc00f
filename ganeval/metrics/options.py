"""Checks of metrics' parameters, and the way from a command line's text to their values."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

from ganeval.errors import OptionError

T = TypeVar("T")

_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})


def require_count(name: str, value: Any, *, minimum: int = 1) -> int:
    """`value` as an int of at least `minimum`; raises `OptionError` naming the parameter and the value."""
    number = _as_int(value)
    if number is None or number < minimum:
        raise OptionError(f"{name} must be a whole number of at least {minimum}, not {value!r}")
    return number


def require_number(name: str, value: Any, *, positive: bool = False) -> float:
    """`value` as a finite float, above zero if `positive`; raises `OptionError` naming the parameter and the value."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise OptionError(f"{name} must be a finite number, not {value!r}")
    if positive and value <= 0:
        raise OptionError(f"{name} must be above 0, not {value!r}")
    return float(value)


def parse_boolean(text: str) -> bool:
    """True for true, yes, on, 1; False for false, no, off, 0; raises ValueError otherwise."""
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError(f"{text!r} is neither true nor false")


def parse_optional(parse: Callable[[str], T]) -> Callable[[str], T | None]:
    """A parser that reads ``none`` or ``auto`` as None and leaves everything else to `parse`."""

    def parse_or_none(text: str) -> T | None:
        return None if text.strip().lower() in {"none", "auto"} else parse(text)

    return parse_or_none


def split_option(text: str, kind: str, example: str) -> tuple[str, str, str]:
    """Name, parameter and value of ``"name.parameter=value"``.

    Parameters
    ----------
    kind, example
        For the `OptionError` that text of another form raises: what has the parameter, and how it is done.
    """
    target, equals, value = text.partition("=")
    name, dot, parameter = target.strip().rpartition(".")
    if not (equals and dot and name and parameter):
        raise OptionError(
            f"the option {text!r} isn't of the form {kind}.parameter=value", hint=f"For example: --option {example}"
        )
    return name, parameter, value


def _as_int(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    try:
        return int(value.__index__())
    except AttributeError:
        return None
