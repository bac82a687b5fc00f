"""Which image of one set belongs to which of the other: those of one name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ganeval.errors import MetricError
from ganeval.images.names import has_image_suffix

#: Names that a message or a report gives at most.
SHOWN = 10

_INDEXED = re.compile(r"\[\d+\](/\d+)?$")


@dataclass(frozen=True)
class Matching:
    """Pairs of images, and what has no partner.

    Parameters
    ----------
    real, generated
        Rows of both images of each pair, in the order of the generated side.
    names
        What each pair is called.
    unmatched_real, unmatched_generated
        Ids of images without a partner, in the order of their sides.
    """

    real: tuple[int, ...]
    generated: tuple[int, ...]
    names: tuple[str, ...]
    unmatched_real: tuple[str, ...]
    unmatched_generated: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)


def match_names(
    real: Sequence[str], generated: Sequence[str], *, sides: tuple[str, str] = ("real", "generated")
) -> Matching:
    """Pair the images of two sets by their ids.

    First those whose whole paths agree but for the ending (``cat/01.png`` and ``cat/01.jpg``), then, of the rest, those
    whose file names do (``b/02.png`` and ``02.webp``). Images of arrays are paired by their place in it, whatever the
    arrays are called.

    Parameters
    ----------
    real, generated
        Ids in row order: relative POSIX paths, or ``array[3]``.
    sides
        What messages call the two, where they aren't real and generated images.

    Raises
    ------
    MetricError
        If no image has a partner, or a name stands for several images of one side, which are named.
    """
    open_real, open_generated = dict(enumerate(real)), dict(enumerate(generated))
    found: dict[int, tuple[int, str]] = {}
    for key in (_path, _stem):
        keyed_real, keyed_generated = _by_key(open_real, key), _by_key(open_generated, key)
        for name, rows in keyed_generated.items():
            partners = keyed_real.get(name)
            if partners is None:
                continue
            _refuse_several(name, sides[1], [generated[row] for row in rows])
            _refuse_several(name, sides[0], [real[row] for row in partners])
            found[rows[0]] = (partners[0], name)
            del open_generated[rows[0]], open_real[partners[0]]
    if not found:
        raise MetricError(
            f"no {sides[1]} image has the name of a {sides[0]} one: the {sides[1]} ones begin with "
            f"{_listed(generated[:3])}, the {sides[0]} ones with {_listed(real[:3])}",
            hint="Give both images of a pair the same file name; sub-folder and ending may differ.",
        )
    rows = sorted(found)
    return Matching(
        real=tuple(found[row][0] for row in rows),
        generated=tuple(rows),
        names=tuple(found[row][1] for row in rows),
        unmatched_real=tuple(open_real.values()),
        unmatched_generated=tuple(open_generated.values()),
    )


def _by_key(ids: dict[int, str], key: Callable[[str], str]) -> dict[str, list[int]]:
    rows: dict[str, list[int]] = {}
    for row, image_id in ids.items():
        rows.setdefault(key(image_id), []).append(row)
    return rows


def _path(image_id: str) -> str:
    """The id without the ending of an image file; of an image in an array, its place alone."""
    indexed = _INDEXED.search(image_id)
    if indexed is not None:
        return indexed[0]
    return image_id.rpartition(".")[0] if has_image_suffix(image_id) else image_id


def _stem(image_id: str) -> str:
    path = _path(image_id)
    return path if path.startswith("[") else path.rpartition("/")[2]


def _refuse_several(name: str, side: str, ids: Sequence[str]) -> None:
    if len(ids) > 1:
        raise MetricError(
            f"{len(ids)} {side} images are called {name!r}, so that pairs can't be told: {_listed(ids)}",
            hint="Give each image a name of its own, or put both sides into the same sub-folders.",
        )


def _listed(names: Iterable[str]) -> str:
    some = list(names)
    more = f" and {len(some) - SHOWN} more" if len(some) > SHOWN else ""
    return ", ".join(some[:SHOWN]) + more
