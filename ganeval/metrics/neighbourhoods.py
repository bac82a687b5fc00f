"""What precision, recall, density and coverage ask of two sets of features, each distance computed once for all."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch

from ganeval.features.features import Features
from ganeval.metrics.arrays import as_pair
from ganeval.metrics.neighbours import (
    DEFAULT_BLOCK_BYTES,
    SPARE_NEIGHBOURS,
    BallCounts,
    Balls,
    Neighbours,
    count_in_balls,
    nearest_neighbours,
    squared_knn_radii,
)

PRECISION_RECALL_K = 3
DENSITY_COVERAGE_K = 5


class Question(NamedTuple):
    """How many points of the other side lie in the k-nearest-neighbour balls around the images of `centres`?"""

    centres: Literal["real", "generated"]
    k: int
    closed: bool


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
    block_bytes
        Bound on temporary arrays.
    """

    def __init__(
        self,
        real: torch.Tensor,
        generated: torch.Tensor,
        *,
        foreseen: Sequence[Question] = (),
        block_bytes: int = DEFAULT_BLOCK_BYTES,
    ) -> None:
        self._sides = {"real": real, "generated": generated}
        self._foreseen = tuple(foreseen)
        self._block_bytes = block_bytes
        self._neighbours: dict[str, Neighbours] = {}
        self._radii: dict[tuple[str, int], torch.Tensor] = {}
        self._answers: dict[Question, BallCounts] = {}

    def answer(self, questions: Sequence[Question]) -> list[BallCounts]:
        """Counts per real image (``per_row``) and per generated image (``per_column``), for each question.

        Raises
        ------
        NotEnoughImagesError
            If a side around which balls are asked for has not more than k images.
        """
        for question in questions:
            self._squared_radii(question.centres, question.k)
        open_questions = [q for q in dict.fromkeys(questions) if q not in self._answers]
        if open_questions:
            likely = [q for q in self._foreseen if self._is_ready(q) and q not in open_questions]
            self._count([*open_questions, *likely])
        return [self._answers[question] for question in questions]

    def _count(self, questions: Sequence[Question]) -> None:
        balls = [Balls(self._squared_radii(q.centres, q.k), q.centres == "real", q.closed) for q in questions]
        counts = count_in_balls(self._sides["real"], self._sides["generated"], balls, block_bytes=self._block_bytes)
        self._answers.update(zip(questions, counts, strict=True))

    def _is_ready(self, question: Question) -> bool:
        return (
            question not in self._answers
            and question.centres in self._neighbours
            and len(self._sides[question.centres]) > question.k
        )

    def _squared_radii(self, side: str, k: int) -> torch.Tensor:
        if (side, k) not in self._radii:
            vectors = self._sides[side]
            known = self._neighbours_of(side, k) if len(vectors) > k else None
            self._radii[side, k] = squared_knn_radii(vectors, k=k, neighbours=known, block_bytes=self._block_bytes)
        return self._radii[side, k]

    def _neighbours_of(self, side: str, k: int) -> Neighbours:
        vectors = self._sides[side]
        known = self._neighbours.get(side)
        if known is None or known.rows.shape[1] < min(k + SPARE_NEIGHBOURS, len(vectors) - 1):
            most = max([k, *(question.k for question in self._foreseen if question.centres == side)])
            known = nearest_neighbours(vectors, count=most + SPARE_NEIGHBOURS, block_bytes=self._block_bytes)
            self._neighbours[side] = known
        return known


@dataclass(frozen=True)
class _Recent:
    real: weakref.ref[Features]
    generated: weakref.ref[Features]
    neighbourhoods: Neighbourhoods


_recent: list[_Recent] = []


def neighbourhoods_of(real: Features, generated: Features) -> Neighbourhoods:
    """The neighbourhoods of two sets of features, the same object as last time if they are the same sets.

    Only the last pair is remembered, and only as long as both sets live.
    """
    for entry in tuple(_recent):
        if entry.real() is real and entry.generated() is generated:
            return entry.neighbourhoods
    made = Neighbourhoods(*as_pair(real.pooled, generated.pooled), foreseen=_LIKELY)
    _recent[:] = [_Recent(weakref.ref(real, _forget), weakref.ref(generated, _forget), made)]
    return made


def _forget(gone: weakref.ref[Features]) -> None:
    _recent[:] = [entry for entry in _recent if gone is not entry.real and gone is not entry.generated]
