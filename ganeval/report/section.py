"""An object of a JSON document, read key by key with messages that say where it stands."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganeval.errors import ReportError

_NUMBER = (int, float)
_NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def open_document(path_or_text: str | Path, schema: str) -> Section:
    """The outermost object of a JSON document that names its `schema`; raises `ReportError`."""
    text, where = _text(path_or_text)
    document = _parsed(text, where)
    if not isinstance(document, dict) or "schema" not in document:
        raise ReportError(f"{where} isn't a ganeval report: it has no 'schema'", hint="Give a file made with --json.")
    if document["schema"] != schema:
        raise ReportError(
            f"{where} has the schema {document['schema']!r}, and this version of ganeval reads {schema!r} here",
            hint="Read it with the command and the version of ganeval that wrote it, or score again.",
        )
    return Section(document, where)


def _text(path_or_text: str | Path) -> tuple[str, str]:
    if isinstance(path_or_text, str) and path_or_text.lstrip().startswith("{"):
        return path_or_text, "the text"
    name = repr(str(path_or_text)[:200])
    try:
        return Path(path_or_text).read_text(encoding="utf-8-sig"), name
    except FileNotFoundError as error:
        raise ReportError(f"there is no report {name}") from error
    except UnicodeDecodeError as error:
        raise ReportError(f"the report {name} isn't UTF-8 text", hint="Give a file made with --json.") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ReportError(f"the report {name} can't be read: {reason}") from error


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ReportError(
            f"{where} isn't valid JSON: {error}", hint="The file may be cut short; write the report anew."
        ) from error


class Section:
    """An object of the document that knows where it stands, for messages, and which of its numbers weren't finite."""

    def __init__(self, content: Any, where: str) -> None:
        if not isinstance(content, dict):
            raise ReportError(f"{where} must be an object, not {type(content).__name__}")
        self.where = where
        marks = content.get("not_finite", {})
        self.content = _restored(content, marks, where) if marks else content

    def get(self, key: str, *types: type) -> Any:
        if key not in self.content:
            raise ReportError(f"{self.where}: {key!r} is missing")
        value = self.content[key]
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise ReportError(f"{self.where}: {key!r} has a value of the wrong type, {value!r:.80}")
        return value

    def __contains__(self, key: str) -> bool:
        return self.content.get(key) is not None

    def number(self, key: str) -> float:
        value = self.get(key, *_NUMBER)
        try:
            return float(value)
        except OverflowError as error:
            raise ReportError(f"{self.where}: {key!r} is too large for a number") from error

    def section(self, key: str) -> Section:
        return Section(self.get(key, dict), f"{self.where}: {key}")

    def mapping(self, key: str) -> dict[str, Any]:
        return dict(self.get(key, dict))


def _restored(content: dict[str, Any], marks: Any, where: str) -> dict[str, Any]:
    copy: dict[str, Any] = json.loads(json.dumps(content))
    if not isinstance(marks, Mapping):
        raise ReportError(f"{where}: 'not_finite' must be an object")
    for pointer, word in marks.items():
        *path, last = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]] or [""]
        place: Any = copy
        try:
            for step in path:
                place = place[int(step)] if isinstance(place, list) else place[step]
            place[int(last) if isinstance(place, list) else last] = _NOT_FINITE[word]
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise ReportError(f"{where}: 'not_finite' has an entry that fits nothing, {pointer!r}: {word!r}") from error
    return copy
