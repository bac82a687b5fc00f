"""A report as JSON text of the schema ganeval/report@1."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import cache
from importlib.resources import files
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from ganeval.errors import OutputError
from ganeval.metrics.score import Score
from ganeval.report.diagnosis import Diagnosis, Evidence
from ganeval.report.report import SCHEMA_NAME, Report, Run, Side
from ganeval.report.writing import write_text
from ganeval.version import __version__


def report_to_dict(report: Report) -> dict[str, Any]:
    """The report, without its gallery, as a dictionary of plain JSON values with its keys in a fixed order.

    JSON has no NaN and no infinities. Where a number isn't finite, null stands in its place, and the object that holds
    it (the score, the side, the run) says which it was under ``"not_finite"``: a JSON pointer (RFC 6901) relative to
    that object, to ``"nan"``, ``"inf"`` or ``"-inf"``.

    Raises
    ------
    OutputError
        A parameter, detail or option has a type that JSON can't express; the message names it.
    """
    return {
        "schema": SCHEMA_NAME,
        "ganeval": __version__,
        "scores": {
            plain_text(name): json_section(json_score(score), f"score {name!r}")
            for name, score in report.scores.items()
        },
        "requested": _plain(report.requested, "requested", "", {}),
        "extractor": json_section(asdict(report.extractor), "extractor"),
        "real": None if report.real is None else json_section(json_side(report.real), "real side"),
        "generated": json_section(json_side(report.generated), "generated side"),
        "run": json_section(json_run(report.run), "run"),
        "comparable": plain_text(report.comparable),
        "notices": [json_section(dict(notice.to_dict()), "notice") for notice in report.notices],
        **_extras(report),
    }


def report_to_json(report: Report, path: str | Path | None = None) -> str:
    """The report as JSON text in UTF-8 with a final newline, every number in full precision.

    Parameters
    ----------
    report
        What to write; see :func:`report_to_dict` for numbers that aren't finite.
    path
        Where to write it as well, atomically; None writes nothing.

    Raises
    ------
    OutputError
        It can't be written there, or holds something that JSON can't express.
    """
    return json_text(report_to_dict(report), path)


def json_text(document: Mapping[str, Any], path: str | Path | None = None) -> str:
    """A dictionary of plain JSON values as text, also written (atomically) to `path` if given; raises `OutputError`."""
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    if path is not None:
        write_text(path, text)
    return text


@cache
def _schema_text(file: str) -> str:
    return files("ganeval.report").joinpath(file).read_text(encoding="utf-8")


def read_schema(file: str) -> dict[str, Any]:
    """A JSON Schema of this package, a fresh dictionary with each call."""
    schema: dict[str, Any] = json.loads(_schema_text(file))
    return schema


def report_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of ``ganeval/report@1``, a fresh dictionary with each call."""
    return read_schema("schema.json")


def plain_text(text: str) -> str:
    """`text` as valid Unicode: lone surrogates, as in names of files that aren't UTF-8, become ``\\udcXX``."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _extras(report: Report) -> dict[str, Any]:
    """Sections that only some runs have; where there is none, nor is its key."""
    extras: dict[str, Any] = {}
    if report.stopping is not None:
        extras["stopping"] = json_section({"met": report.stopping.met} | asdict(report.stopping), "stopping")
    if report.drivers is not None:
        listed = asdict(replace(report.drivers, images=(), previews={}))
        del listed["images"], listed["previews"]
        extras["drivers"] = json_section(listed, "drivers")
    if report.diagnosis is not None:
        extras["diagnosis"] = _json_diagnosis(report.diagnosis)
    return extras


def _json_diagnosis(diagnosis: Diagnosis) -> dict[str, Any]:
    """All of it; pictures are named, not shown."""
    return {
        "findings": [json_section(asdict(finding), "finding") for finding in diagnosis.findings],
        "evidence": [json_section(_named(one), f"evidence {one.diagnostic!r}") for one in diagnosis.evidence],
        "significant": list(diagnosis.significant),
        "false_alarms": diagnosis.false_alarms,
    }


def _named(evidence: Evidence) -> dict[str, Any]:
    shown = [
        {
            "title": exhibit.title,
            "sentence": exhibit.sentence,
            "rows": [
                {
                    "name": name,
                    "pictures": [{"id": one.id, "side": one.side, "caption": one.caption} for one in row],
                }
                for name, row in exhibit.rows
            ],
        }
        for exhibit in evidence.exhibits
    ]
    return asdict(replace(evidence, exhibits=())) | {"exhibits": shown}


def json_score(score: Score) -> dict[str, Any]:
    """A score; what a report leaves out where there is none of it is left out."""
    uncertainty: dict[str, Any] = {}
    if score.corrected is not None:
        uncertainty["corrected"] = float(score.corrected)
    if score.no_interval_reason is not None:
        uncertainty["no_interval_reason"] = score.no_interval_reason
    if score.standard_error is not None:
        uncertainty["standard_error"] = asdict(score.standard_error)
    return {
        "value": float(score.value),
        "interval": None if score.interval is None else asdict(score.interval),
        **uncertainty,
        "n_real": score.n_real,
        "n_generated": score.n_generated,
        "higher_is_better": bool(score.higher_is_better),
        "parameters": score.parameters,
        "details": score.details,
    }


def json_side(side: Side) -> dict[str, Any]:
    """One of the sets of images."""
    made = {"provenance": side.provenance} if side.provenance else {}
    return {
        "source": side.source,
        "kind": side.kind,
        "count": side.count,
        "fingerprint": side.fingerprint,
        "sizes": side.sizes,
        "formats": side.formats,
        "modes": side.modes,
        "labels": side.labels,
        "skipped": [{"id": image_id, "reason": reason} for image_id, reason in side.skipped],
        "from_store": side.from_store,
        "stage_seconds": side.stage_seconds,
        **made,
    }


def json_run(run: Run) -> dict[str, Any]:
    """How the report came about."""
    return {
        "command": run.command,
        "seed": run.seed,
        "started": run.started,
        "seconds": run.seconds,
        "device": run.device,
        "batch_size": run.batch_size,
        "versions": run.versions,
        "platform": run.platform,
        "options": run.options,
    }


def json_section(content: Mapping[str, Any], where: str) -> dict[str, Any]:
    """`content` in JSON's own types, with ``"not_finite"``; `where` is for messages. See `report_to_dict`."""
    not_finite: dict[str, str] = {}
    section: dict[str, Any] = _plain(content, where, "", not_finite)
    if not_finite:
        section["not_finite"] = not_finite
    return section


def _plain(value: Any, where: str, pointer: str, not_finite: dict[str, str]) -> Any:
    """`value` in JSON's own types; the pointers of numbers that aren't finite are added to `not_finite`."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if math.isfinite(value):
            return float(value)
        not_finite[pointer] = str(float(value))
        return None
    if isinstance(value, Mapping):
        content = {}
        for key, entry in value.items():
            name = plain_text(str(key))
            step = name.replace("~", "~0").replace("/", "~1")
            content[name] = _plain(entry, where, f"{pointer}/{step}", not_finite)
        return content
    if isinstance(value, (list, tuple)):
        return [_plain(entry, where, f"{pointer}/{i}", not_finite) for i, entry in enumerate(value)]
    if isinstance(value, PathLike):
        return plain_text(str(fspath(value)))
    # NumPy's arrays and scalars and torch's tensors, without importing either.
    if hasattr(value, "tolist") and not isinstance(listed := value.tolist(), type(value)):
        return _plain(listed, where, pointer, not_finite)
    name = pointer.lstrip("/") or "a value"
    raise OutputError(
        f"{name} of the {where} is of type {type(value).__name__}, which JSON can't express",
        hint="Use numbers, text, booleans, None, lists and dictionaries of them.",
    )
