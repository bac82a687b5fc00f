"""Labelled images for a detector, split so that no source stands on both sides."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from ganeval.detectors.detector import Example
from ganeval.errors import CorruptImageError, NotEnoughImagesError, OptionError
from ganeval.images.names import folder_label
from ganeval.images.source import DecodedImage, ImageItem, ImageSource

_FEWEST = 8


@dataclass(frozen=True)
class Chosen:
    """One image of a set.

    Parameters
    ----------
    group
        What it was made from.
    cluster
        What comes and goes together: the sub-folder of its set where there are several, else the group.
    """

    item: ImageItem
    generated: bool
    group: str
    cluster: str


@dataclass
class Split:
    """Examples to train on and to hold back; images are decoded when they are asked for.

    Parameters
    ----------
    fitting, held_back
        Items.
    skipped
        Pairs of id and reason of images that can't be decoded, filled as they are met.
    """

    fitting: Sequence[Chosen]
    held_back: Sequence[Chosen]
    skipped: list[tuple[str, str]]

    def images(self, *, held_back: bool) -> Iterator[tuple[Chosen, DecodedImage]]:
        """The images of one part, decoded one by one."""
        for one in self.held_back if held_back else self.fitting:
            try:
                image = one.item.load()
            except CorruptImageError as error:
                if error.failures[0] not in self.skipped:
                    self.skipped.append(error.failures[0])
                continue
            yield one, image

    def examples(self) -> Iterator[Example]:
        """Those to train on, decoded one by one."""
        for one, image in self.images(held_back=False):
            yield Example(image.pixels, one.generated, one.group)


def group_of(image_id: str, pattern: re.Pattern[str] | None) -> str:
    """What an image was made from.

    By default its file's name without folders and suffix, so that pairs of one name stay together; with `pattern` the
    part of the id that its first group (or the whole pattern) matches.
    """
    if pattern is not None:
        match = pattern.search(image_id)
        if match is not None:
            return match[1] if match.re.groups else match[0]
    return PurePosixPath(image_id).stem


def split_by_source(
    real: ImageSource,
    generated: ImageSource,
    *,
    held_back: float = 0.25,
    group: str | None = None,
    seed: int = 2020,
) -> Split:
    """The images of both sides in two parts; images of one group always in the same.

    Which part a group is in follows from its name and the seed alone: adding images moves none of the others.

    Raises
    ------
    NotEnoughImagesError
        If a part has fewer than eight images of a class.
    OptionError
        If `group` is no regular expression, or `held_back` not between 0 and 1.
    """
    if not 0.05 <= held_back <= 0.9:
        raise OptionError(f"the part held back is {held_back:g}", hint="Choose one from 0.05 to 0.9.")
    try:
        pattern = None if group is None else re.compile(group)
    except re.error as error:
        raise OptionError(f"--group {group!r} is no regular expression: {error}") from error
    parts: tuple[list[Chosen], list[Chosen]] = ([], [])
    for source, is_generated in ((real, False), (generated, True)):
        items = list(source)
        folders = {folder_label(item.id) for item in items}
        for item in items:
            name = group_of(item.id, pattern)
            cluster = str(folder_label(item.id)) if len(folders) > 1 else name
            parts[_share(name, seed) < held_back].append(Chosen(item, is_generated, name, cluster))
    for words, part in zip(("to train on", "held back"), parts, strict=True):
        for is_generated, side in ((False, "real"), (True, "generated")):
            count = sum(one.generated is is_generated for one in part)
            if count < _FEWEST:
                raise NotEnoughImagesError(
                    f"{count} {side} images {words}, and {_FEWEST} are needed at the least",
                    hint="Give more images; hundreds a side are usual. Images of one name are kept together.",
                )
    return Split(_mixed(parts[0], seed), _mixed(parts[1], seed), [])


def _share(group: str, seed: int) -> float:
    digest = hashlib.blake2b(f"{seed}:{group}".encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def _mixed(part: list[Chosen], seed: int) -> list[Chosen]:
    """In an order in which classes alternate by chance, for detectors that learn as they read."""
    return sorted(part, key=lambda one: (_share(f"{one.item.id}:{one.generated}", seed + 1), one.item.id))
