"""What precision, recall, density and coverage ask of two sets of features, each distance computed once for all."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch

from ganeval.features.features import Features
from ganeval.metrics.arrays import as_pair
from ganeval.metrics.balls import BallCounts, Balls, count_in_balls
from ganeval.metrics.distances import DEFAULT_BLOCK_BYTES
from ganeval.metrics.neighbours import Neighbours, nearest_neighbours, require_neighbours, squared_knn_radii

PRECISION_RECALL_K = 3
DENSITY_COVERAGE_K = 5


class Question(NamedTuple):
    """How many points of the other side lie in the k-nearest-neighbour balls around the images of `centres`?"""

    centres: Literal["real", "generated"]
    k: int
    closed: bool


class Answer(NamedTuple):
    """The counts, and the k nearest other images of each centre, int64 [centres, k].

    Where a side has no more than k + 1 images, there is no further neighbour to whom a ball could grow: its shell is
    empty then.
    """

    counts: BallCounts
    neighbours: torch.Tensor


#: What is answered on the side where it costs next to nothing, so that asking for all four scores is one pass.
_LIKELY = (
    Question("real", PRECISION_RECALL_K, True),
    Question("generated", PRECISION_RECALL_K, True),
    Question("real", DENSITY_COVERAGE_K, False),
)


class Neighbourhoods:
    """Balls around the images of two sets, remembering what was computed.

    Parameters
    ----------
    real, generated
        [N, D] and [M, D], on one device, finite.
    foreseen
        Questions that may come later; they are answered along with another one if their radii are known by then.
    shells
        Whether to count also what lies between the k-th and the next neighbour, for leaving images out.
    block_bytes
        Bound on temporary arrays.
    """

    def __init__(
        self,
        real: torch.Tensor,
        generated: torch.Tensor,
        *,
        foreseen: Sequence[Question] = (),
        shells: bool = True,
        block_bytes: int = DEFAULT_BLOCK_BYTES,
    ) -> None:
        self.shells = shells
        self._sides = {"real": real, "generated": generated}
        self._foreseen = tuple(foreseen)
        self._block_bytes = block_bytes
        self._neighbours: dict[str, Neighbours] = {}
        self._answers: dict[Question, BallCounts] = {}

    def answer(self, questions: Sequence[Question]) -> list[Answer]:
        """One answer for each question.

        Raises
        ------
        NotEnoughImagesError
            If a side around which balls are asked for has not more than k images.
        """
        for question in questions:
            self.nearest(question.centres, question.k)
        open_questions = [q for q in dict.fromkeys(questions) if q not in self._answers]
        if open_questions:
            likely = [q for q in self._foreseen if self._is_ready(q) and q not in open_questions]
            self._count([*open_questions, *likely])
        return [Answer(self._answers[q], self._neighbours[q.centres].rows[:, : q.k]) for q in questions]

    def nearest(self, side: Literal["real", "generated"], k: int) -> Neighbours:
        """At least the `k` nearest other images of each image of a side, and one more with `shells` if there is one.

        Raises
        ------
        NotEnoughImagesError
            If the side has not more than `k` images.
        """
        require_neighbours(len(self._sides[side]), k)
        self._find_neighbours(side, k)
        return self._neighbours[side]

    def _count(self, questions: Sequence[Question]) -> None:
        counts = count_in_balls(
            self._sides["real"],
            self._sides["generated"],
            [self._balls(question) for question in questions],
            block_bytes=self._block_bytes,
        )
        self._answers.update(zip(questions, counts, strict=True))

    def _balls(self, question: Question) -> Balls:
        neighbours = self._neighbours[question.centres]
        outer = None
        if self.shells:
            outer = squared_knn_radii(neighbours, k=min(question.k + 1, neighbours.squared.shape[1]))
        radii = squared_knn_radii(neighbours, k=question.k)
        return Balls(radii, question.centres == "real", question.closed, squared_outer=outer)

    def _is_ready(self, question: Question) -> bool:
        known = self._neighbours.get(question.centres)
        return (
            question not in self._answers
            and known is not None
            and self._wanted(question.centres, question.k) <= known.rows.shape[1]
            and len(self._sides[question.centres]) > question.k
        )

    def _wanted(self, side: str, k: int) -> int:
        """How many neighbours a question needs of those that there are."""
        return min(k + self.shells, len(self._sides[side]) - 1)

    def _find_neighbours(self, side: str, k: int) -> None:
        known = self._neighbours.get(side)
        if known is None or known.rows.shape[1] < self._wanted(side, k):
            most = max([k, *(question.k for question in self._foreseen if question.centres == side)])
            self._neighbours[side] = nearest_neighbours(
                self._sides[side], count=most + self.shells, block_bytes=self._block_bytes
            )


@dataclass(frozen=True)
class _Recent:
    real: weakref.ref[Features]
    generated: weakref.ref[Features]
    neighbourhoods: Neighbourhoods


_recent: list[_Recent] = []


def neighbourhoods_of(real: Features, generated: Features, *, shells: bool) -> Neighbourhoods:
    """The neighbourhoods of two sets of features, the same object as last time if they are the same sets.

    Only the last pair is remembered, and only as long as both sets live.

    Parameters
    ----------
    real, generated
        The sets.
    shells
        Whether images will be left out, see `Neighbourhoods`.
    """
    for entry in tuple(_recent):
        if entry.real() is real and entry.generated() is generated and entry.neighbourhoods.shells >= shells:
            return entry.neighbourhoods
    made = Neighbourhoods(*as_pair(real.pooled, generated.pooled), foreseen=_LIKELY, shells=shells)
    _recent[:] = [_Recent(weakref.ref(real, _forget), weakref.ref(generated, _forget), made)]
    return made


def _forget(gone: weakref.ref[Features]) -> None:
    _recent[:] = [entry for entry in _recent if gone is not entry.real and gone is not entry.generated]
