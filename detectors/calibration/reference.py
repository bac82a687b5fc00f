"""Scores of reference pictures that no detector was trained on: what every calibration and fusion is fitted from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ganeval.detectors.detector import Arrays
from ganeval.errors import WeightsError


@dataclass(frozen=True)
class ReferenceScores:
    """What each detector said of each reference picture.

    Parameters
    ----------
    detectors
        Names, in the order of the columns.
    scores
        float32 [n, detectors]: raw; NaN where a detector abstained.
    generated
        bool [n].
    clusters
        str [n]: source of a photograph, family of the generator or simulator of a generated picture.
    groups
        str [n]: the photograph that it was made from.
    bins
        str [n]: conditions, by `ganeval.detectors.fusion.bins.bin_of`.
    """

    detectors: tuple[str, ...]
    scores: npt.NDArray[np.float32]
    generated: npt.NDArray[np.bool_]
    clusters: npt.NDArray[np.str_]
    groups: npt.NDArray[np.str_]
    bins: npt.NDArray[np.str_]

    def __post_init__(self) -> None:
        n = len(self.scores)
        if self.scores.shape != (n, len(self.detectors)):
            raise WeightsError(f"reference scores of shape {self.scores.shape} for {len(self.detectors)} detectors")
        for name in ("generated", "clusters", "groups", "bins"):
            if len(getattr(self, name)) != n:
                raise WeightsError(f"{n} reference scores, but {len(getattr(self, name))} {name}")

    def column(self, detector: str) -> npt.NDArray[np.float32]:
        """float32 [n]: the scores of one detector; raises `WeightsError` if it has none here."""
        if detector not in self.detectors:
            raise WeightsError(f"there are no reference scores of the detector {detector!r}")
        return self.scores[:, self.detectors.index(detector)]

    def only(self, detectors: Sequence[str]) -> ReferenceScores:
        """The same pictures with these detectors' columns."""
        columns = np.stack([self.column(name) for name in detectors], axis=1)
        return ReferenceScores(tuple(detectors), columns, self.generated, self.clusters, self.groups, self.bins)

    def where(self, chosen: npt.NDArray[np.bool_]) -> ReferenceScores:
        """Some of the pictures: those where bool [n] is true."""
        texts = (getattr(self, field)[chosen] for field in ("clusters", "groups", "bins"))
        return ReferenceScores(self.detectors, self.scores[chosen], self.generated[chosen], *texts)

    def renamed(self, name: str) -> ReferenceScores:
        """Those of a single detector under another name."""
        return ReferenceScores((name,), self.scores, self.generated, self.clusters, self.groups, self.bins)

    def beside(self, other: ReferenceScores) -> ReferenceScores:
        """The columns of both for the same pictures; `other` replaces columns that both have.

        Raises
        ------
        WeightsError
            If the pictures aren't the same.
        """
        for field in ("generated", "clusters", "groups", "bins"):
            if not np.array_equal(getattr(self, field), getattr(other, field)):
                raise WeightsError(f"the reference scores to be joined are of other pictures: their {field} differ")
        kept = [name for name in self.detectors if name not in other.detectors]
        scores = np.concatenate([self.only(kept).scores, other.scores], axis=1) if kept else other.scores
        return ReferenceScores((*kept, *other.detectors), scores, self.generated, self.clusters, self.groups, self.bins)

    @classmethod
    def joined(cls, tables: Sequence[ReferenceScores]) -> ReferenceScores:
        """The pictures of all tables; a detector that wasn't asked about a picture counts as abstaining there."""
        names = tuple(dict.fromkeys(name for table in tables for name in table.detectors))
        parts = []
        for table in tables:
            scores = np.full((len(table.scores), len(names)), np.nan, np.float32)
            for name in table.detectors:
                scores[:, names.index(name)] = table.column(name)
            parts.append(scores)
        rest = (
            np.concatenate([getattr(table, field) for table in tables])
            for field in ("generated", "clusters", "groups", "bins")
        )
        return cls(names, np.concatenate(parts), *rest)

    def arrays(self) -> Arrays:
        """For an npz file, without pickles."""
        return {
            "detectors": np.array(self.detectors),
            "scores": self.scores.astype(np.float32),
            "generated": self.generated,
            "clusters": np.asarray(self.clusters, np.str_),
            "groups": np.asarray(self.groups, np.str_),
            "bins": np.asarray(self.bins, np.str_),
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> ReferenceScores:
        """The inverse of `arrays`; raises `WeightsError` where something is missing."""
        try:
            return cls(
                tuple(str(name) for name in arrays["detectors"]),
                *(arrays[name] for name in ("scores", "generated", "clusters", "groups", "bins")),
            )
        except KeyError as error:
            raise WeightsError(f"the reference scores lack {error}") from error
