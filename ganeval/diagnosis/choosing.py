"""Which diagnostics are to be examined, with which parameters, from what a user named."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ganeval.diagnosis.diagnostic import DIAGNOSTICS, Diagnostic, Subject
from ganeval.errors import OptionError
from ganeval.features.features import Features
from ganeval.metrics.options import split_option

Names = str | Sequence[str] | None


def choose_diagnostics(only: Names = None, also: Names = None) -> list[Diagnostic]:
    """The diagnostics of the default, or those of `only`; and those of `also` beside them, in the table's order.

    Parameters
    ----------
    only, also
        Names, as a sequence or comma-separated.

    Raises
    ------
    OptionError
        For an unknown name, with the nearest, and where nothing is named.
    """
    asked = None if only is None else _split(only)
    if asked is not None and not asked:
        raise OptionError("no diagnostic was named", hint="Leave --only out for those of the default.")
    more = _split(also) if also is not None else []
    for name in [*(asked or ()), *more]:
        DIAGNOSTICS.get(name)
    chosen = []
    for name in DIAGNOSTICS.names():
        if name in more or (name in asked if asked is not None else DIAGNOSTICS.get(name).default):
            chosen.append(DIAGNOSTICS.get(name))
    return chosen


def parse_diagnostic_options(options: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Diagnostic to parameter to value, from text such as ``"bins.count=50"``.

    Raises
    ------
    OptionError
        For text of another form, an unknown diagnostic or parameter, or a value that can't be read.
    """
    chosen: dict[str, dict[str, Any]] = {}
    for text in options:
        name, parameter_name, value = split_option(text, "diagnostic", "bins.count=50")
        parameter = DIAGNOSTICS.get(name).parameter(parameter_name)
        chosen.setdefault(name, {})[parameter.name] = parameter.read(value, text)
    return chosen


def check_options(chosen: Sequence[Diagnostic], options: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise `OptionError` for an option of a diagnostic that isn't examined, or one that it doesn't have."""
    known = {one.name: one for one in chosen}
    for name, parameters in options.items():
        if name not in known:
            raise OptionError(
                f"an option was given for the diagnostic {name!r}, which is not examined",
                hint=f"Add it with --also {name}, or remove the option.",
            )
        for parameter in parameters:
            known[name].parameter(parameter)


def missing(diagnostic: Diagnostic, subject: Subject) -> str | None:
    """What the diagnostic needs and `subject` lacks, with what to do, in words; None if nothing is missing."""
    for need in diagnostic.needs:
        has, reason = _NEEDS[need]
        if not has(subject):
            return reason
    fewest = min(len(side) for side in (subject.generated, subject.real))
    if fewest < diagnostic.minimum:
        return f"it needs {diagnostic.minimum:,} images on a side, and there are {fewest:,}"
    return None


def _labelled(features: Features) -> bool:
    return features.labels is not None and all(label is not None for label in features.labels)


#: Each of `ganeval.diagnosis.diagnostic.NEEDS` to whether it is there, and what to say where it isn't.
_NEEDS: Mapping[str, tuple[Callable[[Subject], bool], str]] = {
    "real labels": (
        lambda subject: _labelled(subject.real),
        "the real images have no class labels (--labels folders takes sub-folders' names, an .npz has them as arr_1)",
    ),
    "labels": (
        lambda subject: _labelled(subject.real) and _labelled(subject.generated),
        "not both sides have class labels (--labels folders takes sub-folders' names, an .npz has them as arr_1)",
    ),
    "held-out": (
        lambda subject: subject.held_out is not None,
        "it needs real images on which the generator wasn't trained (--held-out)",
    ),
    "images": (
        lambda subject: subject.generated.reader is not None and subject.real.reader is not None,
        "the images can't be read again",
    ),
    "generator": (
        lambda subject: subject.generated.sampler is not None,
        "the samples don't come from a generator (generator:NAME or generator:RUN)",
    ),
}


def _split(names: str | Sequence[str]) -> list[str]:
    texts = [names] if isinstance(names, str) else names
    return [part.strip() for text in texts for part in text.split(",") if part.strip()]
