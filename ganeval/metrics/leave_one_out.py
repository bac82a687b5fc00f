"""What precision, recall, density and coverage would be without each single image: their exact jackknife.

Without one of its centres a side loses that image's ball, and the balls of those images that had it among their k
nearest grow to their (k+1)-th neighbour. Everything follows from the counts of one pass over the distances: what each
ball holds, and what lies in the shell between a ball's radius and its next one. From the values with one image left out
come the images' influences (Efron & Stein 1981, The Jackknife Estimate of Variance).

Left as they are, the influences count the chance of a single point's place twice, once with the point and once with the
centre whose ball happens to hold it. Given the centres, the points are independent, so that the expectation of this
share is known: it is the number of changes, each squared, and the influences are shrunk by it, all by one factor. What
remains is an upper bound of the variance in expectation, as the jackknife is.
"""

from __future__ import annotations

import math

import torch

from ganeval.metrics.neighbourhoods import Answer
from ganeval.uncertainty.influence import Influence, Values, variance_of_mean


def influence_on_covered_points(answer: Answer) -> tuple[Values, Values]:
    """Influence of each centre and each point on the fraction of points that lie in at least one ball.

    Returns
    -------
    tuple
        float64 [centres] and [points], each of mean zero.
    """
    counts, neighbours = answer
    n_points = len(counts.per_point)
    changes = torch.zeros(len(counts.per_centre), dtype=torch.int64, device=neighbours.device)
    centre, point = counts.shells
    times = counts.per_point[point]
    gone = neighbours[centre]
    # A point in no ball comes into one when a neighbour of a ball in whose shell it lies is left out.
    outside = times == 0
    gained = torch.unique(gone[outside] * n_points + point[outside, None]) // n_points
    changes.index_add_(0, gained, torch.ones_like(gained))
    # A point in one ball drops out with that ball, unless that makes a ball grow in whose shell it lies.
    caught = torch.zeros(n_points, dtype=torch.bool, device=neighbours.device)
    caught[point[(times == 1) & (gone == counts.centre_sums[point][:, None]).any(dim=1)]] = True
    lost = counts.centre_sums[(counts.per_point == 1) & ~caught]
    changes.index_add_(0, lost, torch.full_like(lost, -1))
    centres = _jackknife(_float(changes) / n_points)
    covered = _float(counts.per_point > 0)
    return _shrunk(centres, (len(gained) + len(lost)) / n_points**2), covered - covered.mean()


def influence_on_density(answer: Answer) -> tuple[Values, Values]:
    """Influence of each centre and each point on the number of pairs of a ball and a point in it, per k points."""
    counts, neighbours = answer
    k = neighbours.shape[1]
    pairs = k * len(counts.per_point)
    gained = _sum_over_neighbours(counts.per_shell, neighbours)
    centres = _jackknife(_float(gained - counts.per_centre) / pairs)
    noise = float((gained + counts.per_centre).sum()) / pairs**2
    per_point = _float(counts.per_point) / k
    return _shrunk(centres, noise), per_point - per_point.mean()


def influence_on_reached_centres(answer: Answer) -> tuple[Values, Values]:
    """Influence of each centre and each point on the fraction of balls that hold at least one point."""
    counts, neighbours = answer
    n_centres = len(counts.per_centre)
    reached = (counts.per_centre > 0).long()
    gained = _sum_over_neighbours(((reached == 0) & (counts.per_shell > 0)).long(), neighbours)
    centres = _jackknife(_float(reached.sum() - reached + gained) / (n_centres - 1))
    alone = counts.point_sums[counts.per_centre == 1]
    lost = torch.zeros(len(counts.per_point), dtype=torch.int64, device=alone.device)
    lost.index_add_(0, alone, torch.ones_like(alone))
    points = _jackknife(-_float(lost) / n_centres)
    return centres, _shrunk(points, len(alone) / n_centres**2)


def influence_on_fraction(centres: Values, points: Values, own: Values, fraction: float) -> Influence:
    """Influences on a fraction, with the variance that it has even where all images happen to agree.

    Parameters
    ----------
    centres, points
        Influences, of the real and of the generated images.
    own
        The one of both over whose images the fraction goes.
    fraction
        Its value.

    Returns
    -------
    Influence
        The further variance is what two more images inside and two outside would add to the binomial variance (Agresti
        & Coull 1998): all of 100 images inside doesn't mean that nothing varies.
    """
    count = len(own)
    adjusted = (fraction * count + 2) / (count + 4)
    further = adjusted * (1 - adjusted) / (count + 4) - variance_of_mean(own) if count > 1 else 0.0
    return Influence(centres, points, other_variance=max(further, 0.0))


def _jackknife(without: Values) -> Values:
    """Influences, of mean zero, from the values (or their changes) with each image left out."""
    influence: Values = (len(without) - 1) * (without.mean() - without)
    return influence


def _shrunk(influence: Values, noise: float) -> Values:
    """The influences with the sum of the squares of their changes lessened by `noise`, to a tenth at most."""
    total = float((influence**2).sum()) / max(len(influence) - 1, 1) ** 2
    return influence * math.sqrt(max(1 - noise / total, 0.1)) if total > 0 else influence


def _sum_over_neighbours(values: torch.Tensor, neighbours: torch.Tensor) -> torch.Tensor:
    """For each image the sum of int64 `values` over those that have it among their nearest neighbours."""
    total = torch.zeros_like(values)
    return total.index_add_(0, neighbours.flatten(), values.repeat_interleave(neighbours.shape[1]))


def _float(values: torch.Tensor) -> Values:
    result: Values = values.cpu().numpy().astype("float64")
    return result
