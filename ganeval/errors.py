"""The one family of exceptions that ganeval raises for a problem that its user can mend."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


class GanevalError(Exception):
    """Base of all errors that carry a message for the user.

    Parameters
    ----------
    message
        What was wrong, naming the file, option or value.
    hint
        What to do about it, as a sentence; None where the message says it all.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\n{self.hint}"


class ImageSourceError(GanevalError):
    """A set of images can't be opened: missing path, empty folder, broken archive, unsafe array."""


class ImageRangeError(ImageSourceError):
    """Pixel values, channels or shapes that can't be those of an image."""


class CorruptImageError(ImageSourceError):
    """One or more single images can't be decoded.

    Parameters
    ----------
    failures
        Pairs of image id and reason, in source order.
    complete
        False if the search for further corrupt images was cut short.
    """

    def __init__(self, failures: Sequence[tuple[str, str]], *, complete: bool = True) -> None:
        shown = "\n".join(f"  {image_id}: {reason}" for image_id, reason in failures[:10])
        count = f"{len(failures)}" if complete else f"at least {len(failures)}"
        noun = "image" if len(failures) == 1 and complete else "images"
        super().__init__(
            f"{count} corrupt {noun}:\n{shown}",
            hint="Repair or remove them, or pass --on-error skip (on_error='skip') to leave them out and count them.",
        )
        self.failures = list(failures)
        self.complete = complete


class ExtractorError(GanevalError):
    """A feature extractor is unknown, not available here, or not usable as asked."""


class WeightsError(ExtractorError):
    """A weights file is missing, can't be downloaded, fails its checksum, or is of another network."""


class MetricError(GanevalError):
    """A metric is unknown, misconfigured, or can't be computed from what it was given."""


class NotEnoughImagesError(MetricError):
    """A metric needs more images than there are."""


class OptionError(GanevalError):
    """An option has a value that can't be used."""


class OutputError(GanevalError):
    """A result can't be written where the user asked for it."""


class ReportError(GanevalError):
    """A file or text isn't a report that this version can read."""


class StatisticsError(GanevalError):
    """A file isn't one of statistics that can be read, or its statistics don't fit what they are to be used with."""


class CompareError(GanevalError):
    """Numbers that can't be held against each other: other extractors, real images, parameters; or too few sets."""


class PluginError(GanevalError):
    """A plug-in (entry point or ``module:Class``) can't be imported or used."""


def nearest_name(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The one of the `known` names that `name` is likely a misspelling of; None if none is like it."""
    near = difflib.get_close_matches(name, sorted(set(known)), n=1, cutoff=cutoff)
    return near[0] if near else None


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """A sentence that suggests the nearest of the `known` names, else lists them; None if there are none."""
    names = sorted(set(known))
    near = nearest_name(name.lower(), names, cutoff=0.5)
    if near is not None:
        return f"Did you mean {near!r}? Known: {', '.join(names)}."
    return f"Known: {', '.join(names)}." if names else None
