"""What the options of a configuration mean, read from the docstrings of its dataclass and those above it."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# A table of the code, such as "a name in `package.module.TABLE`".
_TABLE = re.compile(r"\b(a name in|A name in) `([\w.]+)\.([A-Z_]+)`")
_MARKUP = re.compile(r"``([^`]*)``|`([^`]*)`")


@dataclass(frozen=True)
class OptionMeaning:
    """One option of a configuration.

    Parameters
    ----------
    name
        Of the field.
    default
        What it is when nothing is said.
    kind
        Its type, as the code has it.
    meaning
        A sentence or more, empty where the docstring says nothing.
    """

    name: str
    default: Any
    kind: str
    meaning: str


def option_meanings(kind: type[Any]) -> list[OptionMeaning]:
    """The options of a dataclass, in the order of its fields, with the meaning that its numpy-style docstrings give.

    A class's own words count before those of the classes that it derives from.
    """
    words: dict[str, str] = {}
    for parent in reversed(kind.__mro__):
        if dataclasses.is_dataclass(parent) and isinstance(parent, type):
            words |= _parameters(inspect.cleandoc(parent.__dict__.get("__doc__") or ""))
    hints = typing.get_type_hints(kind)
    return [
        OptionMeaning(field.name, _default(field), _type_name(hints[field.name]), words.get(field.name, ""))
        for field in dataclasses.fields(kind)
        if field.init
    ]


def _parameters(text: str) -> dict[str, str]:
    """Names of the section Parameters to their text on one line; several names may share one."""
    match = re.search(r"^Parameters\n-+\n(.*?)(?=^\S[^\n]*\n-{3,}\n|\Z)", text, re.MULTILINE | re.DOTALL)
    found: dict[str, str] = {}
    names: list[str] = []
    for line in match[1].splitlines() if match else ():
        if line and not line[0].isspace():
            names = [name.strip() for name in line.split(",")]
            found |= dict.fromkeys(names, "")
        elif line.strip():
            for name in names:
                found[name] = f"{found[name]} {line.strip()}".strip()
    return {name: _without_markup(words) for name, words in found.items()}


def _without_markup(words: str) -> str:
    return _MARKUP.sub(lambda marked: marked[1] or marked[2], _TABLE.sub(_names_of, words))


def _names_of(marked: re.Match[str]) -> str:
    """The names in a table, in the place of where it is."""
    table = getattr(importlib.import_module(marked[2]), marked[3], None)
    if not isinstance(table, Mapping):
        return marked[0]
    return f"{'one' if marked[1][0] == 'a' else 'One'} of {', '.join(map(str, table))}"


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return None if field.default is dataclasses.MISSING else field.default


def _type_name(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint).replace("typing.", "")
