"""Reads a report back from its JSON, so that it can be shown again or compared with another."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganeval.errors import ReportError
from ganeval.features.features import ExtractorInfo
from ganeval.metrics.score import Interval, Score
from ganeval.notices import Notice
from ganeval.report.drivers import ClassRecord, Drivers, ImageRecord
from ganeval.report.report import SCHEMA_NAME, Report, Run, Side
from ganeval.report.stopping import LookTaken, Stopping, TargetOutcome
from ganeval.uncertainty.influence import StandardError

_NUMBER = (int, float)
_NONE = type(None)
_NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def report_from_json(path_or_text: str | Path) -> Report:
    """The report that :func:`ganeval.report.serialise.report_to_json` wrote; its gallery is empty.

    Parameters
    ----------
    path_or_text
        A path, or the JSON text itself (text that begins with ``{``). Keys that this version doesn't know are ignored.

    Raises
    ------
    ReportError
        No such file, no JSON, another schema, or a key that is missing or of the wrong type; the message names it.
    """
    root = open_document(path_or_text, SCHEMA_NAME)
    where = root.where
    scores = root.mapping("scores")
    return Report(
        scores={name: read_score(name, Section(scores[name], f"{where}: score {name!r}")) for name in scores},
        extractor=read_extractor(root.section("extractor")),
        generated=read_side(root.section("generated")),
        real=None if root.get("real", dict, _NONE) is None else read_side(root.section("real")),
        run=read_run(root.section("run")),
        comparable=root.get("comparable", str),
        notices=tuple(read_notice(Section(entry, f"{where}: notice")) for entry in root.get("notices", list)),
        requested=root.mapping("requested"),
        stopping=_stopping(root.section("stopping")) if "stopping" in root else None,
        drivers=_drivers(root.section("drivers")) if "drivers" in root else None,
    )


def open_document(path_or_text: str | Path, schema: str) -> Section:
    """The outermost object of a JSON document that names its `schema`; raises as `report_from_json` does."""
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


def read_score(name: str, section: Section) -> Score:
    """A score of that name."""
    interval = None if section.get("interval", dict, _NONE) is None else read_interval(section.section("interval"))
    return Score(
        name=name,
        value=section.number("value"),
        n_real=section.get("n_real", int, _NONE),
        n_generated=section.get("n_generated", int, _NONE),
        higher_is_better=section.get("higher_is_better", bool),
        interval=interval,
        parameters=section.mapping("parameters"),
        details=section.mapping("details"),
        corrected=section.number("corrected") if "corrected" in section else None,
        no_interval_reason=section.get("no_interval_reason", str) if "no_interval_reason" in section else None,
        standard_error=_standard_error(section.section("standard_error")) if "standard_error" in section else None,
    )


def _standard_error(section: Section) -> StandardError:
    return StandardError(section.number("real"), section.number("generated"), section.number("other"))


def read_interval(section: Section) -> Interval:
    """A confidence interval."""
    return Interval(
        low=section.number("low"),
        high=section.number("high"),
        level=section.number("level"),
        method=section.get("method", str),
    )


def read_extractor(section: Section) -> ExtractorInfo:
    """Which network made the features."""
    return ExtractorInfo(
        name=section.get("name", str),
        weights_sha256=section.get("weights_sha256", str, _NONE),
        preprocessing=section.get("preprocessing", str),
        precision=section.get("precision", str),
        published_weights=section.get("published_weights", bool),
        feature_dim=section.get("feature_dim", int, _NONE),
        class_count=section.get("class_count", int, _NONE),
        # Reports written before there were spatial features don't say.
        spatial="spatial" in section and section.get("spatial", bool),
    )


def read_side(section: Section) -> Side:
    """One of the sets of images."""
    skipped = [Section(entry, f"{section.where}: skipped") for entry in section.get("skipped", list)]
    return Side(
        source=section.get("source", str),
        kind=section.get("kind", str),
        count=section.get("count", int),
        fingerprint=section.get("fingerprint", str, _NONE),
        sizes=section.mapping("sizes"),
        formats=section.mapping("formats"),
        modes=section.mapping("modes"),
        labels=section.mapping("labels"),
        skipped=tuple((entry.get("id", str), entry.get("reason", str)) for entry in skipped),
        from_store=section.get("from_store", int),
        stage_seconds=section.mapping("stage_seconds"),
        # Only sources that know what made their images say so.
        provenance=section.mapping("provenance") if "provenance" in section else {},
    )


def read_run(section: Section) -> Run:
    """How the report came about."""
    return Run(
        command=section.get("command", str),
        seed=section.get("seed", int),
        started=section.get("started", str),
        seconds=section.number("seconds"),
        device=section.get("device", str),
        batch_size=section.get("batch_size", int, _NONE),
        versions=section.mapping("versions"),
        platform=section.get("platform", str),
        options=section.mapping("options"),
    )


def read_notice(section: Section) -> Notice:
    """One remark."""
    return Notice(
        code=section.get("code", str),
        message=section.get("message", str),
        effect=section.get("effect", str),
        severity=section.get("severity", str),
    )


def _stopping(section: Section) -> Stopping:
    targets = [Section(entry, f"{section.where}: target") for entry in section.get("targets", list)]
    looks = [Section(entry, f"{section.where}: look") for entry in section.get("looks", list)]
    return Stopping(
        targets=tuple(
            TargetOutcome(
                one.get("score", str),
                one.get("asked", str),
                one.number("half_width"),
                one.number("reached") if "reached" in one else None,
                one.get("met", bool),
            )
            for one in targets
        ),
        looks=tuple(
            LookTaken(one.get("n_real", int, _NONE), one.get("n_generated", int), one.mapping("half_widths"))
            for one in looks
        ),
        planned=tuple(section.get("planned", list)),
        level=section.number("level"),
        critical=section.number("critical"),
    )


def _drivers(section: Section) -> Drivers:
    classes = [Section(entry, f"{section.where}: class") for entry in section.get("classes", list)]
    return Drivers(
        score=section.get("score", str, _NONE),
        classes_by=section.get("classes_by", str, _NONE),
        worst=_images(section, "worst"),
        best=_images(section, "best"),
        uncovered=_images(section, "uncovered"),
        uncovered_count=section.get("uncovered_count", int, _NONE),
        classes=tuple(
            ClassRecord(
                one.get("side", str),
                one.get("name", str),
                one.get("count", int),
                one.number("contribution") if "contribution" in one else None,
                one.number("outside") if "outside" in one else None,
            )
            for one in classes
        ),
        unknown=tuple(section.get("unknown", list)),
    )


def _images(section: Section, key: str) -> tuple[ImageRecord, ...]:
    images = [Section(entry, f"{section.where}: {key}") for entry in section.get(key, list)]
    return tuple(
        ImageRecord(
            side=one.get("side", str),
            row=one.get("row", int),
            id=one.get("id", str),
            label=one.get("label", str, _NONE),
            predicted=one.get("predicted", str, _NONE),
            influence=one.mapping("influence"),
            realism=one.number("realism") if "realism" in one else None,
            inside=one.get("inside", bool, _NONE),
            distance=one.number("distance") if "distance" in one else None,
        )
        for one in images
    )
