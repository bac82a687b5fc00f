"""EXIF, XMP and IPTC: digital source types, generators' names and AI labels; unsigned, so a hint at most."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ganeval.detectors.evidence import Evidence, Fact
from ganeval.detectors.provenance import judgements
from ganeval.detectors.provenance.aigc_label import read_aigc_label
from ganeval.detectors.provenance.examination import Examination, abstain
from ganeval.detectors.provenance.known_generators import denies, name_generator
from ganeval.detectors.provenance.shown_text import shown
from ganeval.detectors.provenance.source_types import Making, read_source_type
from ganeval.wording import counted

DETECTOR = "metadata"
_MAX_FACTS = 80

# Fields that name the software or whom to credit; what describes the picture may name a generator for other reasons.
_NAMING = frozenset(
    {"Software", "CreatorTool", "softwareAgent", "Credit", "OriginatingProgram", "AISystemUsed", "Make", "Model"}
)
# IPTC Photo Metadata 2025.1: fields that only stand on generated pictures.
_AI_FIELDS = frozenset({"AISystemUsed", "AISystemVersionUsed", "AIPromptInformation", "AIPromptWriterName"})
_WEIGHTS = {
    Making.GENERATED: judgements.UNSIGNED_GENERATED,
    Making.PARTLY_GENERATED: judgements.UNSIGNED_COMPOSITE,
    Making.SYNTHETIC: judgements.UNSIGNED_SYNTHETIC,
    Making.CAPTURED: judgements.UNSIGNED_CAPTURE,
}


@dataclass(frozen=True)
class _Field:
    block: str
    name: str
    local: str
    value: str


@dataclass(frozen=True)
class _Finding:
    ratio: float
    sentence: str


def examine(examination: Examination) -> Evidence:
    """Read EXIF, XMP and IPTC; abstains where nothing in them says how the picture was made."""
    fields = list(_fields(examination))
    findings = [(field, finding) for field in fields for finding in _judge(field)]
    facts = _facts(examination, fields, dict(findings))
    if findings:
        # Two statements in the same file aren't two witnesses: the strongest counts, one for "generated" first.
        _, best = max(findings, key=lambda pair: pair[1].ratio)
        return Evidence(DETECTOR, best.sentence, score=best.ratio, log_likelihood_ratio=best.ratio, facts=facts)
    if not fields and examination.xmp[1]:
        return abstain(
            DETECTOR, "the file carries what looks like XMP data and can't be read, and no EXIF or IPTC data", facts
        )
    if not fields:
        return abstain(
            DETECTOR, "the file carries no EXIF, XMP or IPTC data; that proves nothing, most sites strip it", facts
        )
    blocks = " and ".join(dict.fromkeys(field.block for field in fields))
    return abstain(DETECTOR, f"nothing in the {blocks} data says that a generator made the picture", facts)


def _fields(examination: Examination) -> Iterator[_Field]:
    for name, text in examination.exif.texts.items():
        yield _Field("EXIF", name, name, text)
    for name, number in examination.exif.numbers.items():
        yield _Field("EXIF", name, name, f"{number:.6g}")
    for one in examination.xmp[0]:
        yield _Field("XMP", one.shown_name, one.name, one.value)
    for name, text in examination.iptc.items():
        yield _Field("IPTC", name, name, text)


def _judge(field: _Field) -> Iterator[_Finding]:
    where = f"{field.block} {shown(field.name, 60)}"
    if field.local.lower() in ("digitalsourcetype", "digitalsourcefiletype"):  # IPTC's name of it up to 2009.
        source = read_source_type(field.value)
        if source.making in _WEIGHTS:
            yield _Finding(
                _WEIGHTS[source.making],
                f"{where} says {source.word!r}: {source.making.value}; unsigned, so anybody's word",
            )
    if field.local in _AI_FIELDS and not denies(field.value):
        yield _Finding(
            judgements.UNSIGNED_GENERATED, f"{where} is filled in, which is for generated pictures; unsigned"
        )
    if field.local == "AIGC" and (label := read_aigc_label(field.value)):
        yield _Finding(judgements.UNSIGNED_GENERATED, f"{where}: {label} (GB 45438); unsigned")
    if field.local in _NAMING and (generator := name_generator(field.value)):
        yield _Finding(judgements.GENERATOR_NAMED, f"{where} names {generator}; unsigned")


def _facts(examination: Examination, fields: list[_Field], findings: dict[_Field, _Finding]) -> tuple[Fact, ...]:
    order = sorted(fields, key=lambda field: field not in findings)
    facts = []
    for field in order[:_MAX_FACTS]:
        meaning = findings[field].sentence if field in findings else ""
        facts.append(Fact(f"{field.block} {shown(field.name, 60)}", shown(field.value), meaning))
    if len(order) > _MAX_FACTS:
        facts.append(Fact("further fields", str(len(order) - _MAX_FACTS)))
    exif = examination.exif
    if exif.maker_note:
        facts.append(Fact("EXIF maker's note", counted(exif.maker_note, "byte")))
    if exif.thumbnail:
        facts.append(Fact("EXIF thumbnail", counted(exif.thumbnail, "byte")))
    if exif.has_gps:
        facts.append(Fact("EXIF place", "present"))
    facts += [Fact("XMP not read", problem) for problem in examination.xmp[1]]
    # A picture can carry thousands of broken tags.
    facts += [Fact("EXIF broken", shown(problem)) for problem in dict.fromkeys(exif.problems[:10])]
    return tuple(facts)
