"""Labelled images for training and testing: equally many of each class on both sides, and no test image among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ganeval.errors import MetricError, NotEnoughImagesError
from ganeval.features.features import Features
from ganeval.images.source import Label
from ganeval.wording import counted

Ints = npt.NDArray[np.int64]

#: Fewest images of a class on each side: a single one shows nothing of how images of a class vary.
FEWEST_OF_A_CLASS = 2
_NAMED = 5
_LABELS_HINT = "Add --labels folders where each class has a folder, or give an .npz with labels as arr_1."


@dataclass(frozen=True)
class Classes:
    """The classes of three sets, and of each image the place of its class among them.

    Parameters
    ----------
    names
        Labels as text; numbers by their value, before words.
    generated, real, test
        int64, one entry an image.
    """

    names: tuple[str, ...]
    generated: Ints
    real: Ints
    test: Ints


def common_classes(
    generated: Sequence[Label] | None, real: Sequence[Label] | None, test: Sequence[Label] | None
) -> Classes:
    """Number the labels of three sets alike; the label 3 of one set and ``"3"`` of another are the same.

    Raises
    ------
    MetricError
        If labels are missing, the sets to train on don't have the same classes, or the test set has others (it may
        lack some); the message names them.
    NotEnoughImagesError
        If a set to train on has a single image of a class, or there are fewer than two classes.
    """
    given = {"generated": generated, "real": real, "test": test}
    texts = {side: _texts(side, labels) for side, labels in given.items()}
    known = {side: set(labels) for side, labels in texts.items()}
    _refuse_others("generated", known["generated"] - known["real"], "the real images to train on have none of it")
    _refuse_others("real", known["real"] - known["generated"], "nothing of it is generated")
    _refuse_others("test", known["test"] - known["real"], "there is nothing to train on")
    names = tuple(sorted(known["real"], key=_by_value))
    if len(names) < 2:
        raise NotEnoughImagesError(
            f"all images are of one class, {names[0]!r}", hint="Usefulness for classification needs two or more."
        )
    number = {name: place for place, name in enumerate(names)}
    numbers = {side: np.asarray([number[text] for text in labels], dtype=np.int64) for side, labels in texts.items()}
    for side in ("generated", "real"):
        counts = np.bincount(numbers[side], minlength=len(names))
        few = [names[place] for place in np.flatnonzero(counts < FEWEST_OF_A_CLASS)]
        if few:
            raise NotEnoughImagesError(
                f"there is a single {side} image of {_listed(few)}",
                hint=f"Give {FEWEST_OF_A_CLASS} or more of each class, or leave the class out of all sets.",
            )
    return Classes(names, numbers["generated"], numbers["real"], numbers["test"])


def _texts(side: str, labels: Sequence[Label] | None) -> list[str]:
    if not labels:
        raise MetricError(f"the {side} images have no class labels", hint=_LABELS_HINT)
    missing = [place for place, label in enumerate(labels) if label is None]
    if missing:
        raise MetricError(
            f"{counted(missing, 'image')} of the {counted(labels, f'{side} image')} "
            f"{'has' if len(missing) == 1 else 'have'} no class label, the first at place {missing[0]}",
            hint=_LABELS_HINT,
        )
    return [str(label) for label in labels]


def _refuse_others(side: str, others: set[str], lack: str) -> None:
    if others:
        raise MetricError(
            f"the label sets differ: {side} images have the {_listed(sorted(others, key=_by_value))}, and {lack}",
            hint="Give all sets the same classes under the same names.",
        )


def _by_value(name: str) -> tuple[bool, float, str]:
    is_number = name.removeprefix("-").isdecimal()
    return (not is_number, float(name) if is_number else 0.0, name)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    shown = ", ".join(repr(name) for name in names[:_NAMED])
    return f"{'class' if len(names) == 1 else 'classes'} {shown}{more}"


@dataclass(frozen=True)
class Matched:
    """Equally many images of each class of both sides.

    Parameters
    ----------
    generated, real
        int64 [n], rows of each side; at each place both are of the same class.
    targets
        int64 [n], that class.
    """

    generated: Ints
    real: Ints
    targets: Ints

    def parts(self, count: int) -> list[Matched]:
        """`count` disjoint parts, each with the same number of images of each class; what is left over is in none.

        Classes of fewer than `count` images are in none. The images of each class come in random order, so that the
        parts are random ones.
        """
        chosen: list[list[Ints]] = [[] for _ in range(count)]
        for number in np.unique(self.targets):
            places = np.flatnonzero(self.targets == number)
            size = len(places) // count
            for part in range(count):
                chosen[part].append(places[part * size : (part + 1) * size])
        return [self._at(np.concatenate(places)) for places in chosen]

    def _at(self, places: Ints) -> Matched:
        return Matched(self.generated[places], self.real[places], self.targets[places])


def matched(generated: Ints, real: Ints, *, seed: int, most: int | None = None) -> Matched:
    """A random choice of as many images of each class as both sides have.

    Parameters
    ----------
    generated, real
        int64, the class of each image.
    seed
        Of the choice.
    most
        Bound on the number of images a side; every class is cut in the same proportion, to no less than
        `FEWEST_OF_A_CLASS`.
    """
    random = np.random.default_rng([seed, 2])
    classes = max(int(generated.max()), int(real.max())) + 1
    counts = np.minimum(np.bincount(generated, minlength=classes), np.bincount(real, minlength=classes))
    if most is not None and counts.sum() > most:
        counts = np.minimum(counts, np.maximum(FEWEST_OF_A_CLASS, counts * most // counts.sum()))
    sides: list[list[Ints]] = [[], []]
    for number, count in enumerate(counts):
        for rows, targets in zip(sides, (generated, real), strict=True):
            rows.append(random.permutation(np.flatnonzero(targets == number))[:count])
    first, second = (np.concatenate(rows).astype(np.int64) for rows in sides)
    return Matched(first, second, np.repeat(np.arange(classes, dtype=np.int64), counts))


def split_off(targets: Ints, names: Sequence[str], *, share: float, most: int, seed: int) -> tuple[Ints, Ints]:
    """Rows to train on and rows to test on, in ascending order, divided at random in each class.

    Parameters
    ----------
    targets
        int64 [N].
    names
        Of the classes, for messages.
    share
        Of each class that goes to the test, though one image at least.
    most
        Bound on the number of test images.
    seed
        Of the division.

    Raises
    ------
    NotEnoughImagesError
        If a class has too few images for both.
    """
    random = np.random.default_rng([seed, 3])
    share = min(share, most / len(targets))
    train, test = [], []
    for number, name in enumerate(names):
        own = random.permutation(np.flatnonzero(targets == number))
        if len(own) < FEWEST_OF_A_CLASS + 1:
            raise NotEnoughImagesError(
                f"there {'is' if len(own) == 1 else 'are'} {counted(own, 'real image')} of class {name!r}, too few to "
                "train on some and test on others",
                hint=f"Give {FEWEST_OF_A_CLASS + 1} or more of each class, or a test set with --held-out.",
            )
        held = min(len(own) - FEWEST_OF_A_CLASS, max(1, round(share * len(own))))
        test.append(own[:held])
        train.append(own[held:])
    return np.sort(np.concatenate(train)), np.sort(np.concatenate(test))


@dataclass(frozen=True)
class Overlap:
    """Test images that are also there to train on.

    Parameters
    ----------
    rows
        int64, rows of the test set.
    sentence
        Which they are, by name; empty where there are none.
    """

    rows: Ints
    sentence: str = ""


def overlap(test: Features, train: Mapping[str, Features]) -> Overlap:
    """Test images of which an exact copy is in one of the sets to train on.

    Copies are found by the digests of their pixels, or where those aren't known, by their features.

    Parameters
    ----------
    test
        Real images.
    train
        Name of a set to the set.
    """
    by_pixels = all(_has_digests(one) for one in (test, *train.values()))
    seen: dict[bytes, tuple[str, str]] = {}
    for side, one in train.items():
        for row, key in enumerate(_keys(one, by_pixels)):
            seen.setdefault(key, (side, _name(one, row)))
    found = [(row, *seen[key]) for row, key in enumerate(_keys(test, by_pixels)) if key in seen]
    rows = np.asarray([row for row, _, _ in found], dtype=np.int64)
    if not found:
        return Overlap(rows)
    shown = "; ".join(f"{_name(test, row)} is {name} of the {side} images" for row, side, name in found[:_NAMED])
    return Overlap(
        rows,
        f"{len(found):,} of {counted(len(test), 'test image')} "
        f"{'is' if len(found) == 1 else 'are'} also among the images to train on ({shown}"
        f"{'; …' if len(found) > _NAMED else ''})",
    )


def _has_digests(features: Features) -> bool:
    return len(features.images) == len(features) and all(info.digest for info in features.images)


def _keys(features: Features, by_pixels: bool) -> list[bytes]:
    if by_pixels:
        return [info.digest for info in features.images]
    return [bytes(np.ascontiguousarray(row).data) for row in features.pooled]


def _name(features: Features, row: int) -> str:
    return features.ids[row] if row < len(features.ids) else str(row)


def labels_of(features: Features, rows: Any = None) -> list[Label] | None:
    """The labels of `rows`, of all images by default; None where there are none."""
    if features.labels is None:
        return None
    return [features.labels[int(row)] for row in (range(len(features)) if rows is None else rows)]
