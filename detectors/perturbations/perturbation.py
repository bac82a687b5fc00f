"""What a perturbation is to the rest, how perturbations are chained, and how one reads the arguments of its name."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ganeval.errors import OptionError, did_you_mean

Pixels = npt.NDArray[np.uint8]
Choice = TypeVar("Choice")


@dataclass(frozen=True)
class FileKind:
    """The kind of file that a changed picture comes in, which is told to what examines it.

    Parameters
    ----------
    format
        Pillow's name, such as ``"WEBP"``; of a frame the video's codec, in capitals; ``"array"`` for no file.
    jpeg_quality
        Of a JPEG's quantisation tables, on the scale of the Independent JPEG Group; 0 for all others.
    """

    format: str = "array"
    jpeg_quality: int = 0


class Perturbation(ABC):
    """A change of a picture that depends on nothing but the picture and a seed."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Its specification, such as ``"jpeg:75"``; `parse_perturbation` makes the same perturbation of it."""

    def comes_as(self, seed: int = 0) -> FileKind:
        """The file that it leaves under that seed: of what changes pixels only, no file."""
        return FileKind()

    @abstractmethod
    def __call__(self, pixels: Pixels, seed: int = 0) -> Pixels:
        """The changed picture, a new array.

        Parameters
        ----------
        pixels
            uint8 [height, width, 3], RGB.
        seed
            Of what is random in it, 0 or more; the same seed gives the same picture.

        Returns
        -------
        uint8 [height', width', 3].
        """

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Chain(Perturbation):
    """One perturbation after another; each draws from a random stream of its own.

    Parameters
    ----------
    steps
        In the order in which they are applied; none leaves the picture as it is.
    """

    steps: tuple[Perturbation, ...]

    @property
    def name(self) -> str:
        """The names of the steps with plus signs between, ``"png"`` for none."""
        return "+".join(step.name for step in self.steps) or "png"

    def comes_as(self, seed: int = 0) -> FileKind:
        """That of the last step."""
        return self.steps[-1].comes_as(self._seed(seed, len(self.steps) - 1)) if self.steps else FileKind()

    def __call__(self, pixels: Pixels, seed: int = 0) -> Pixels:
        """The picture after all steps."""
        changed: Pixels = pixels.copy()
        for position, step in enumerate(self.steps):
            changed = step(changed, self._seed(seed, position))
        return changed

    @staticmethod
    def _seed(seed: int, position: int) -> int:
        return seed * 1009 + position


def number_text(value: float) -> str:
    """A number as it stands in a specification: ``0.5``, ``75``, never ``1e-05``."""
    return f"{value:.6f}".rstrip("0").rstrip(".")


class Arguments:
    """The arguments of one specification, ``name:first:second``, read one after another.

    Parameters
    ----------
    specification
        As the user wrote it, for messages.
    values
        What stands between the colons after the name.
    """

    def __init__(self, specification: str, values: Sequence[str]) -> None:
        self._specification = specification
        self._values = list(values)

    def number(self, what: str, low: float, high: float, default: float | None) -> float | None:
        """The next argument as a number from `low` to `high`, `default` where there is none.

        Raises
        ------
        OptionError
            If it is no number or out of range; the message says what was expected.
        """
        if not self._values:
            return default
        text = self._values.pop(0)
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise OptionError(
                f"{self._specification!r}: the {what} is {text!r}, "
                f"and must be a number from {number_text(low)} to {number_text(high)}"
            )
        return value

    def integer(self, what: str, low: int, high: int, default: int | None) -> int | None:
        """The next argument as a whole number from `low` to `high`, `default` where there is none."""
        shown = self._values[0] if self._values else ""
        value = self.number(what, low, high, default)
        if value is not None and value != int(value):
            raise OptionError(
                f"{self._specification!r}: the {what} is {shown!r}, and must be a whole number from {low} to {high}"
            )
        return None if value is None else int(value)

    def choice(self, what: str, choices: Mapping[str, Choice], default: str) -> Choice:
        """The next argument as a key of `choices`, its value; that of `default` where there is none."""
        text = self._values.pop(0).strip().lower() if self._values else default
        if text not in choices:
            raise OptionError(f"{self._specification!r}: there is no {what} {text!r}", hint=did_you_mean(text, choices))
        return choices[text]

    def end(self) -> None:
        """Raise `OptionError` if an argument is left over."""
        if self._values:
            raise OptionError(
                f"{self._specification!r}: {self._values[0]!r} is one argument too many",
                hint="Leave it out; several perturbations are separated by commas.",
            )


def require(condition: bool, message: str) -> None:
    """Raise `OptionError` with `message` unless `condition` holds."""
    if not condition:
        raise OptionError(message)


def rounded(values: npt.NDArray[np.floating]) -> Pixels:
    """Rounded to the nearest of 0..255."""
    whole: Pixels = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return whole
