"""Turns text such as ``"jpeg:75,resize:0.5,crop+webp:80"`` into perturbations; others' can be registered."""

from __future__ import annotations

from typing import Protocol

from ganeval.detectors.perturbations.perturbation import Arguments, Chain, Perturbation
from ganeval.errors import OptionError
from ganeval.registry import Registry


class Readable(Protocol):
    """A class of perturbations that reads its arguments from a specification."""

    def read(self, arguments: Arguments) -> Perturbation:
        """The perturbation with these arguments, defaults for those that are missing."""


_HERE = "ganeval.detectors.perturbations"

#: Name to class.
PERTURBATIONS: Registry[Readable] = Registry(
    kind="perturbation",
    group="ganeval.perturbations",
    builtin={
        "jpeg": f"{_HERE}.codecs:Jpeg",
        "webp": f"{_HERE}.codecs:WebP",
        "png": f"{_HERE}.codecs:Png",
        "video": f"{_HERE}.video:Video",
        "resize": f"{_HERE}.geometry:Resize",
        "crop": f"{_HERE}.geometry:Crop",
        "rotate": f"{_HERE}.geometry:Rotate",
        "blur": f"{_HERE}.tones:Blur",
        "noise": f"{_HERE}.tones:Noise",
        "sharpen": f"{_HERE}.tones:Sharpen",
        "gamma": f"{_HERE}.tones:Gamma",
        "contrast": f"{_HERE}.tones:Contrast",
        "screenshot": f"{_HERE}.platforms:Screenshot",
        "social": f"{_HERE}.platforms:Social",
    },
    error=OptionError,
)


def parse_perturbation(text: str) -> Perturbation:
    """One perturbation, or several that follow one another with plus signs between.

    Parameters
    ----------
    text
        ``NAME``, ``NAME:ARGUMENT``, ``NAME:ARGUMENT:ARGUMENT``, such as ``"jpeg:75:444"``; or ``"resize:0.5+jpeg:75"``.
        A name alone takes the default arguments.

    Raises
    ------
    OptionError
        For an unknown name (with the nearest), an argument that can't be, or one too many.
    """
    steps = tuple(_parse_step(part) for part in text.split("+"))
    return steps[0] if len(steps) == 1 else Chain(steps)


def parse_perturbations(text: str) -> tuple[Perturbation, ...]:
    """The perturbations of a list with commas, such as ``"jpeg:75,resize:0.5"``, in its order, without repetitions.

    Raises
    ------
    OptionError
        As `parse_perturbation`, and for an empty list or place.
    """
    found = (parse_perturbation(part) for part in text.split(","))
    return tuple({one.name: one for one in found}.values())


def _parse_step(text: str) -> Perturbation:
    name, *values = (part.strip() for part in text.strip().split(":"))
    if not name:
        raise OptionError(
            "a perturbation is missing", hint=f"Name one or more of {', '.join(PERTURBATIONS)}, such as jpeg:75."
        )
    arguments = Arguments(text.strip(), values)
    found = PERTURBATIONS.get(name.lower()).read(arguments)
    arguments.end()
    return found
