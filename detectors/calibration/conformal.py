"""Conformal p-values: how unusual a score is among reference pictures of one class."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def p_value(score: float, references: npt.ArrayLike, *, larger_is_stranger: bool) -> float:
    """Share of references at least as strange as `score`, the picture itself counted among them.

    For a picture that is exchangeable with the references, ``P[p <= a] <= a`` for every a, whatever the detector
    (Vovk, Gammerman, Shafer 2005, "Algorithmic learning in a random world", chapter 2; class-conditional, chapter 4).

    Parameters
    ----------
    score
        Of the picture; finite.
    references
        float [n] of one class.
    larger_is_stranger
        True for references of cameras, False for those of generators.

    Returns
    -------
    float
        In (0, 1]; 1 without references.
    """
    known = np.asarray(references, np.float64)
    stranger = known >= score if larger_is_stranger else known <= score
    return float((np.count_nonzero(stranger) + 1) / (len(known) + 1))
