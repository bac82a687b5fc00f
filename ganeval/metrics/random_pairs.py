"""Random pairs of images of one set that share no image, and the mean of something over them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ganeval.errors import MetricError, NotEnoughImagesError
from ganeval.features.features import Features
from ganeval.images.reading import ImageReader
from ganeval.images.source import Label
from ganeval.metrics.image_sets import Pixels, reader_of, stacked
from ganeval.metrics.mean_of_values import with_mean_interval
from ganeval.metrics.score import Score
from ganeval.uncertainty.influence import Influence

#: Pairs whose images are compared in one go.
_BATCH = 8

Pairs = npt.NDArray[np.intp]
Values = npt.NDArray[np.float64]
#: Two batches uint8 [n, 3, H, W] to float64 [n].
Comparison = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def disjoint_pairs(count: int, most: int, *, seed: int, labels: Sequence[Label] | None = None) -> Pairs:
    """Up to `most` random pairs of the numbers 0 … count − 1, no number in two of them: [P, 2].

    What is computed from pairs that share no image is independent from pair to pair. With `labels`, both of a pair
    have the same one, and the labels take turns, so that each has about as many pairs; images without a label are in
    none.
    """
    random = np.random.default_rng(seed)
    if labels is None:
        order = random.permutation(count)[: 2 * min(most, count // 2)]
        return order.reshape(-1, 2)
    by_label: dict[Label, list[int]] = {}
    for row, label in enumerate(labels):
        if label is not None:
            by_label.setdefault(label, []).append(row)
    queues = [random.permutation(rows)[: len(rows) // 2 * 2].reshape(-1, 2) for rows in by_label.values()]
    longest = max((len(queue) for queue in queues), default=0)
    turns = [queue[turn] for turn in range(longest) for queue in queues if turn < len(queue)]
    return np.array(turns[:most], dtype=np.intp).reshape(-1, 2)


@dataclass(frozen=True)
class PairMean:
    """Values of the pairs, and what they imply of the set's `count` images."""

    values: Values
    pairs: Pairs
    count: int

    @property
    def mean(self) -> float:
        """Over the pairs."""
        return float(self.values.mean())

    def influence(self) -> Influence:
        """Of each image: its pair's deviation, scaled so that the variance of the mean over pairs comes out."""
        of_images = np.zeros(self.count)
        deviations = (self.values - self.values.mean()) * (self.count / (len(self.values) * math.sqrt(2)))
        of_images[self.pairs] = deviations[:, None]
        return Influence(None, of_images)


def compare_pairs(reader: ImageReader, pairs: Pairs, comparison: Comparison) -> PairMean:
    """`comparison` of each of `pairs` of rows of `reader`.

    Raises
    ------
    NotEnoughImagesError
        If there is no pair.
    MetricError
        If the images of a pair differ in size.
    """
    if not len(pairs):
        raise NotEnoughImagesError("not one pair of images can be made", hint="Two images (of one class) are needed.")
    values = np.empty(len(pairs))
    done = 0
    for batch in _batches(reader, pairs):
        first, second = (torch.from_numpy(stacked([pair[i] for pair in batch])) for i in (0, 1))
        values[done : done + len(batch)] = comparison(first, second).numpy()
        done += len(batch)
    return PairMean(values, pairs, len(reader))


def mean_over_pairs(
    name: str,
    reader: ImageReader,
    comparison: Comparison,
    *,
    labels: Sequence[Label] | None,
    pairs: int,
    seed: int,
    level: float | None,
    higher_is_better: bool,
    parameters: dict[str, Any],
    highest: float = math.inf,
) -> Score:
    """The score `name`: the mean of `comparison` over random pairs that share no image, with its interval.

    Parameters
    ----------
    labels
        Of the images, where pairs are to be of one class.
    pairs
        Most pairs.
    parameters
        Further ones, for the score.
    highest
        Largest value that there can be; the smallest is 0.
    """
    result = compare_pairs(reader, disjoint_pairs(len(reader), pairs, seed=seed, labels=labels), comparison)
    details: dict[str, Any] = {"pairs": len(result.values)}
    if len(result.values) > 1:
        details["std_over_pairs"] = float(result.values.std(ddof=1))
    score = Score(
        name=name,
        value=result.mean,
        n_real=None,
        n_generated=len(reader),
        higher_is_better=higher_is_better,
        parameters={"pairs": pairs, "within_classes": labels is not None} | parameters,
        details=details,
    )
    return with_mean_interval(
        score,
        result.values,
        level=level,
        what="pairs that share no image",
        influence=None if level is None else result.influence(),
        lowest=0.0,
        highest=highest,
    )


def of_both_sides(
    real: Features | None, generated: Features, of_side: Callable[[ImageReader, Sequence[Label] | None], Score]
) -> Score:
    """The score of the generated images, with the real ones' in its details for comparison where it can be had.

    Parameters
    ----------
    real, generated
        `real` may be None; of classes on one side only nothing is compared.
    of_side
        The score of a side's images, given how to read them and their labels (None: pairs of any classes).
    """
    labels = generated.labels
    score = of_side(reader_of(generated, "generated"), labels)
    if real is None or real.reader is None or (labels is not None and real.labels is None):
        return score
    reader, among = real.reader, None if labels is None else real.labels
    return reals_in_details(score, lambda: of_side(reader, among))


def reals_in_details(score: Score, of_reals: Callable[[], Score]) -> Score:
    """`score` with the same number of the real images in its details, for comparison, where it can be had."""
    try:
        real = of_reals()
    except MetricError:
        return score
    found = {"value": real.value}
    if real.standard_error is not None:
        found["standard_error"] = real.standard_error.total
    return replace(score, details={**score.details, "real": found})


def _batches(reader: ImageReader, pairs: Pairs) -> Iterator[list[tuple[Pixels, Pixels]]]:
    """The pairs' images in order, a few pairs of one size at a time."""
    images = reader.ordered([int(row) for row in pairs.ravel()])
    batch: list[tuple[Pixels, Pixels]] = []
    for first, second in zip(images, images, strict=True):
        if first.shape != second.shape:
            sizes = " and ".join(f"{pixels.shape[1]}x{pixels.shape[0]}" for pixels in (first, second))
            raise MetricError(
                f"pairs of images are compared pixel by pixel, but two have different sizes: {sizes}",
                hint="Resize the images to one size.",
            )
        if batch and (batch[0][0].shape != first.shape or len(batch) == _BATCH):
            yield batch
            batch = []
        batch.append((first, second))
    if batch:
        yield batch
