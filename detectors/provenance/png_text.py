"""Generation parameters that the common programs leave in PNG texts and, for JPEG and WebP, in EXIF texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ganeval.detectors.evidence import Evidence, Fact
from ganeval.detectors.provenance import judgements
from ganeval.detectors.provenance.aigc_label import loads_bounded, read_aigc_label
from ganeval.detectors.provenance.examination import Examination, abstain
from ganeval.detectors.provenance.known_generators import name_generator
from ganeval.detectors.provenance.shown_text import shown

DETECTOR = "png-text"
_MAX_FACTS = 40
# EXIF fields that programs put parameters in where the format has no text chunks.
_EXIF_TEXTS = ("UserComment", "ImageDescription", "Make", "Model", "Software", "XPComment", "Artist")
_PREFIX = re.compile(r"(?:workflow|prompt|extra_data|parameters):\s*(?=[\[{])", re.IGNORECASE)


@dataclass(frozen=True)
class Note:
    """A text with its keyword, and as JSON where it is that."""

    keyword: str
    text: str

    @cached_property
    def json(self) -> Any:
        """The value, or None; ComfyUI writes ``workflow:`` in front where EXIF leaves it no keyword."""
        body = self.text.strip()
        prefix = _PREFIX.match(body)
        body = body[prefix.end() :] if prefix else body
        return loads_bounded(body) if body[:1] in ("{", "[") else None


@dataclass(frozen=True)
class Program:
    """How one program's notes are known.

    Parameters
    ----------
    name
        Of the program or family.
    keywords
        In lower case; empty for any.
    recognises
        Whether a note with such a keyword is this program's.
    """

    name: str
    keywords: frozenset[str]
    recognises: Callable[[Note], bool]


_A1111_SIGNS = (
    r"\bSampler: *\w",
    r"\bCFG scale: *\d",
    r"\bSeed: *-?\d",
    r"\bModel hash: *[0-9a-fA-F]{3}",
    r"\bSize: *\d+ ?x ?\d",
)


def _a1111(note: Note) -> bool:
    text = note.text
    signs = sum(re.search(sign, text) is not None for sign in _A1111_SIGNS)
    return signs >= 2 and re.search(r"\bSteps: *\d+", text) is not None


def _comfyui_prompt(note: Note) -> bool:
    nodes = note.json
    return isinstance(nodes, dict) and any(isinstance(node, dict) and "class_type" in node for node in nodes.values())


def _comfyui_workflow(note: Note) -> bool:
    graph = note.json
    return isinstance(graph, dict) and isinstance(graph.get("nodes"), list) and "links" in graph


def _has(*keys: str, at_least: int = 1) -> Callable[[Note], bool]:
    def recognises(note: Note) -> bool:
        value = note.json
        return isinstance(value, dict) and sum(key in value for key in keys) >= at_least

    return recognises


def _is_object(note: Note) -> bool:
    return isinstance(note.json, dict | list)


def _dream(note: Note) -> bool:
    return re.search(r"(^|\s)-(s|S|W|H|C|A) ?\w+", note.text) is not None


def _midjourney(note: Note) -> bool:
    job = re.search(r"Job ID: *[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-", note.text)
    return job is not None or re.search(r"--(ar \d+:\d|(v|niji|stylize|chaos) \d)", note.text) is not None


def _names_novelai(note: Note) -> bool:
    return note.text.startswith("NovelAI")


def _labelled(note: Note) -> bool:
    return read_aigc_label(note.text) is not None


def _named(note: Note) -> bool:
    return name_generator(note.text) is not None


_COMMENTS = frozenset({"parameters", "usercomment", "imagedescription", "comment", "description"})
_ANYWHERE = frozenset({"prompt", "workflow", "make", "model", *_COMMENTS})
_PARAMETERS = (
    "prompt",
    "negative_prompt",
    "seed",
    "steps",
    "num_inference_steps",
    "sampler",
    "scale",
    "guidance_scale",
)

# In this order, the most particular first. Written from what the programs' files look like, see each project's
# documentation of its metadata.
PROGRAMS = (
    Program("SwarmUI", frozenset({"parameters", "usercomment"}), _has("sui_image_params")),
    Program("Fooocus", frozenset({"fooocus_scheme"}), lambda note: bool(note.text)),
    Program("Fooocus", _COMMENTS, _has("base_model", "refiner_model", "fooocus_v2_expansion", at_least=2)),
    Program("ComfyUI", _ANYWHERE, _comfyui_prompt),
    Program("ComfyUI", _ANYWHERE, _comfyui_workflow),
    Program("AUTOMATIC1111-style web UI", _COMMENTS, _a1111),
    Program("InvokeAI", frozenset({"sd-metadata", "invokeai_metadata", "invokeai_graph"}), _is_object),
    Program("InvokeAI", frozenset({"dream"}), _dream),
    Program("NovelAI", frozenset({"software", "source"}), _names_novelai),
    Program("NovelAI", frozenset({"comment", "usercomment"}), _has("sampler", "uc", "n_samples", at_least=2)),
    Program("Draw Things", _COMMENTS, _has("c", "uc", "v2", "sampler", at_least=3)),
    Program("Midjourney", frozenset({"description", "imagedescription", "comment"}), _midjourney),
    Program("AIGC label", frozenset({"aigc", "usercomment", "comment", "imagedescription"}), _labelled),
    Program("a program that isn't known by name", frozenset(), _has(*_PARAMETERS, at_least=4)),
)
# Fields that name the software, as against those that describe the picture: only there does a name count.
_SOFTWARE = frozenset({"software", "source", "creator", "generator", "creation tool", "model", "author"})
# Easy Diffusion, diffusers scripts and others write each parameter as a chunk of its own.
_SINGLE_PARAMETERS = frozenset(
    {"negative_prompt", "negative prompt", "num_inference_steps", "guidance_scale", "cfg_scale", "sampler_name"}
    | {"use_stable_diffusion_model", "stable diffusion model", "steps", "seed", "prompt", "sampler"}
)


def examine(examination: Examination) -> Evidence:
    """Look for generation parameters in the texts of the file; abstains where there are none."""
    notes = _notes(examination)
    programs = [(note, name) for note in notes if (name := _program(note)) is not None]
    generators = [(note, name) for note in notes if (name := _generator(note)) is not None]
    facts = _facts(notes, dict(programs), dict(generators))
    facts += tuple(Fact("broken or cut", shown(problem)) for problem in examination.carried.problems)
    if programs:
        note, name = programs[0]
        sentence = (
            f"the file carries generation parameters as {name} writes them (in {shown(note.keyword, 40)!r}); unsigned"
        )
        return _hint(sentence, judgements.GENERATION_PARAMETERS, facts)
    loose = sorted({note.keyword.lower() for note in notes} & _SINGLE_PARAMETERS)
    if len(loose) >= 3:
        sentence = f"the file carries generation parameters ({', '.join(loose)}); unsigned"
        return _hint(sentence, judgements.GENERATION_PARAMETERS, facts)
    if generators:
        note, name = generators[0]
        sentence = f"the text {shown(note.keyword, 40)!r} names {name}; unsigned"
        return _hint(sentence, judgements.GENERATOR_NAMED, facts)
    if not notes:
        return abstain(DETECTOR, "the file carries no texts; that proves nothing, most sites strip them", facts)
    return abstain(DETECTOR, "none of the file's texts is of a known generator; that proves nothing", facts)


def _hint(sentence: str, ratio: float, facts: tuple[Fact, ...]) -> Evidence:
    return Evidence(DETECTOR, sentence, score=ratio, log_likelihood_ratio=ratio, facts=facts)


def _notes(examination: Examination) -> list[Note]:
    texts = [Note(one.keyword, one.text) for one in examination.carried.texts]
    exif = examination.exif.texts
    return texts + [Note(name, exif[name]) for name in _EXIF_TEXTS if name in exif]


def _program(note: Note) -> str | None:
    keyword = note.keyword.lower()
    fitting: Iterable[Program] = (one for one in PROGRAMS if not one.keywords or keyword in one.keywords)
    return next((one.name for one in fitting if one.recognises(note)), None)


def _generator(note: Note) -> str | None:
    return name_generator(note.text) if note.keyword.lower() in _SOFTWARE and _named(note) else None


def _facts(notes: list[Note], programs: dict[Note, str], generators: dict[Note, str]) -> tuple[Fact, ...]:
    # Those that count come first, so that a flood of others can't push them out.
    order = sorted(notes, key=lambda note: (note not in programs, note not in generators))
    facts = []
    for note in order[:_MAX_FACTS]:
        meaning = f"names {generators[note]}" if note in generators else ""
        meaning = f"as {programs[note]} writes it" if note in programs else meaning
        facts.append(Fact(shown(note.keyword, 80), shown(note.text), meaning))
    if len(order) > _MAX_FACTS:
        facts.append(Fact("further texts", str(len(order) - _MAX_FACTS)))
    return tuple(facts)
