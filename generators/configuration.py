"""Configurations as dataclasses: from mappings, YAML files and ``name=value`` on the command line, checked."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import yaml

from ganeval.errors import OptionError, did_you_mean


@dataclass(frozen=True)
class ModelConfig:
    """What every model's configuration has; a model's own adds its sizes, losses and optimisers to it.

    Parameters
    ----------
    size
        Height and width of the images in pixels.
    channels
        Colour channels: 1 for greyscale, 3 for RGB, or any other number.
    classes
        How many classes the labels have; 0 for models without.

    Raises
    ------
    OptionError
        If a value can't be used.
    """

    size: tuple[int, int] = (32, 32)
    channels: int = 3
    classes: int = 0

    def __post_init__(self) -> None:
        if len(self.size) != 2 or min(self.size) < 1:
            raise OptionError(f"size is {self.size}", hint="It has to be a height and a width of 1 or more pixels.")
        self.require(channels=self.channels >= 1, classes=self.classes >= 0)

    def require(self, **fits: bool) -> None:
        """Raise an `OptionError` that names the first value which doesn't fit."""
        for name, right in fits.items():
            if not right:
                raise OptionError(
                    f"{name} of the model is {getattr(self, name)!r}", hint="See `ganeval generators MODEL`."
                )


Configuration = TypeVar("Configuration")


def configured(kind: type[Configuration], values: Mapping[str, Any], *, what: str = "the model") -> Configuration:
    """A configuration from plain values, or from text as the command line gives it.

    Parameters
    ----------
    kind
        A dataclass.
    values
        Some of its fields: numbers, booleans, text, None, and lists of them; text is read as YAML where the field isn't
        text itself, and ``64x48`` and ``64`` as a pair.
    what
        How messages call the thing.

    Raises
    ------
    OptionError
        If there is no such field (with the nearest name), or a value isn't of its type.
    """
    return kind(**converted(kind, values, what=what))


def converted(kind: type[Any], values: Mapping[str, Any], *, what: str = "the model") -> dict[str, Any]:
    """The values of some of a dataclass's fields in their own types; raises as `configured` does for each by itself."""
    hints = typing.get_type_hints(kind)
    fields = {field.name for field in dataclasses.fields(kind) if field.init}
    for name in values:
        if name not in fields:
            raise OptionError(f"{what} has no option {name!r}", hint=did_you_mean(str(name), fields))
    return {name: _converted(what, name, value, hints[name]) for name, value in values.items()}


def plain(config: Any) -> dict[str, Any]:
    """A configuration's fields as JSON has them: tuples become lists."""
    return {name: _plain(value) for name, value in dataclasses.asdict(config).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    return {name: _plain(part) for name, part in value.items()} if isinstance(value, dict) else value


def _converted(what: str, name: str, value: Any, hint: Any) -> Any:
    try:
        return _as(value, hint)
    except (TypeError, ValueError, yaml.YAMLError) as error:
        raise OptionError(f"{name} of {what} is {value!r}", hint=f"It has to be {_in_words(hint)}.") from error


def _as(value: Any, hint: Any) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _as_one_of(value, arguments)
    if hint is str:
        if not isinstance(value, str):
            raise TypeError
        return value
    if isinstance(value, str):
        value = _parsed(value, pair=origin is tuple)
    if origin is tuple:
        return _as_tuple(value, arguments)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is float and isinstance(value, str):
        # YAML takes 1e-4 for text, for want of a point.
        return float(value)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise TypeError
    return value


def _parsed(text: str, *, pair: bool) -> Any:
    if pair and "x" in text:
        return [int(part) for part in text.split("x")]
    if pair and "," in text:
        return [yaml.safe_load(part) for part in text.split(",")]
    return yaml.safe_load(text)


def _as_one_of(value: Any, hints: tuple[Any, ...]) -> Any:
    if type(None) in hints and (value is None or (isinstance(value, str) and value.lower() in ("none", "null"))):
        return None
    for hint in hints:
        if hint is not type(None):
            try:
                return _as(value, hint)
            except (TypeError, ValueError):
                continue
    raise TypeError


def _as_tuple(value: Any, hints: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(hints) == 2 and hints[1] is not Ellipsis and isinstance(value, int):
        value = [value, value]
    if not isinstance(value, list | tuple):
        raise TypeError
    if len(hints) == 2 and hints[1] is Ellipsis:
        return tuple(_as(part, hints[0]) for part in value)
    if len(value) != len(hints):
        raise ValueError
    return tuple(_as(part, hint) for part, hint in zip(value, hints, strict=True))


_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text", type(None): "none"}


def _in_words(hint: Any) -> str:
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return f"a list, each {_in_words(arguments[0])}"
        return f"{len(arguments)} values, each {_in_words(arguments[0])}"
    if arguments:
        return " or ".join(_in_words(part) for part in arguments)
    return _WORDS.get(hint, str(hint))
