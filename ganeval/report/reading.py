"""Reads a report back from its JSON, so that it can be shown again or compared with another."""

from __future__ import annotations

from pathlib import Path

from ganeval.features.features import ExtractorInfo
from ganeval.metrics.score import Interval, Score
from ganeval.notices import Notice
from ganeval.report.diagnosis_reading import read_diagnosis
from ganeval.report.drivers import ClassRecord, Drivers, ImageRecord
from ganeval.report.report import SCHEMA_NAME, Report, Run, Side
from ganeval.report.section import Section, open_document
from ganeval.report.stopping import LookTaken, Stopping, TargetOutcome
from ganeval.uncertainty.influence import StandardError

_NONE = type(None)


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
        diagnosis=read_diagnosis(root.section("diagnosis")) if "diagnosis" in root else None,
    )


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
        count=section.get("count", int, _NONE),
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
