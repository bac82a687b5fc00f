"""Improved precision and recall: how much of each side lies within the other's estimated manifold."""

from __future__ import annotations

from typing import NamedTuple

from ganeval.errors import MetricError
from ganeval.features.features import Features
from ganeval.metrics.arrays import Array, as_pair
from ganeval.metrics.neighbourhoods import PRECISION_RECALL_K, Neighbourhoods, Question, neighbourhoods_of
from ganeval.metrics.neighbours import DEFAULT_BLOCK_BYTES
from ganeval.metrics.options import require_count
from ganeval.metrics.registry import Metric, Parameter
from ganeval.metrics.score import Score


class PrecisionRecall(NamedTuple):
    """Two scores, each a fraction of images in 0..1."""

    precision: Score
    recall: Score


def precision_recall(
    real: Array, generated: Array, *, k: int = PRECISION_RECALL_K, block_bytes: int = DEFAULT_BLOCK_BYTES
) -> PrecisionRecall:
    """Improved precision and recall (Kynkäänniemi et al. 2019, equations 1 and 2).

    A side's manifold is the union of closed balls around its images, each reaching to the image's k-th nearest other
    image of that side. Precision is the fraction of generated images within the real manifold, recall the fraction of
    real images within the generated one. A point at exactly the radius is inside.

    Parameters
    ----------
    real, generated
        [N, D] and [M, D].
    k
        Which nearest neighbour gives the radius.
    block_bytes
        Bound on temporary arrays; no matrix of all distances is built.

    Returns
    -------
    PrecisionRecall
        Scores ``"precision"`` and ``"recall"``, higher is better.

    Raises
    ------
    MetricError
        If an argument isn't a finite matrix, or the two have different numbers of columns.
    NotEnoughImagesError
        If a side has not more than `k` images.
    OptionError
        If `k` isn't a positive whole number.
    """
    return _from_neighbourhoods(Neighbourhoods(*as_pair(real, generated), block_bytes=block_bytes), k)


def _from_neighbourhoods(neighbourhoods: Neighbourhoods, k: int) -> PrecisionRecall:
    k = require_count("k", k)
    around_real, around_generated = neighbourhoods.answer([Question("real", k, True), Question("generated", k, True)])
    n_real, n_generated = len(around_real.per_row), len(around_real.per_column)

    def score(name: str, inside: int, of: int) -> Score:
        return Score(
            name=name,
            value=inside / of,
            n_real=n_real,
            n_generated=n_generated,
            higher_is_better=True,
            parameters={"k": k},
            details={"inside": inside},
        )

    return PrecisionRecall(
        precision=score("precision", int((around_real.per_column > 0).sum()), n_generated),
        recall=score("recall", int((around_generated.per_row > 0).sum()), n_real),
    )


def _compute(real: Features | None, generated: Features, *, seed: int, level: float | None, k: int) -> PrecisionRecall:
    if real is None:
        raise MetricError("precision and recall need real images", hint="Pass them with --real (real=).")
    return _from_neighbourhoods(neighbourhoods_of(real, generated), k)


METRIC = Metric(
    name="precision_recall",
    scores=("precision", "recall"),
    title="Precision and recall",
    paper="Kynkäänniemi et al. 2019, Improved Precision and Recall Metric for Assessing Generative Models",
    formula="fraction of one side within the k-nearest-neighbour balls (closed) of the other",
    higher_is_better=(True, True),
    compute=_compute,
    minimum=PRECISION_RECALL_K + 1,
    minimum_for=lambda chosen: require_count("k", chosen["k"]) + 1,
    aliases=("prc", "pr"),
    parameters=(Parameter("k", PRECISION_RECALL_K, int, "which nearest neighbour gives the balls' radius"),),
)
