"""How many modes (classes, combinations) a number of images is expected to show."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def expected_modes(shares: npt.NDArray[np.float64], images: int) -> float:
    """Expected number of modes that appear at least once among independent images: Σ 1 - (1 - p)^n.

    Parameters
    ----------
    shares
        Probability of each mode, float64 [K], summing to 1.
    images
        n.

    Returns
    -------
    float
        In [0, K]; for K equally likely modes it is K (1 - (1 - 1/K)^n).
    """
    with np.errstate(divide="ignore"):
        # By logarithms: 1 - p is exactly 1 in floating point for very rare modes otherwise.
        absent = np.exp(images * np.log1p(-np.minimum(shares, 1.0))) if images else np.ones(len(shares))
    return float((1.0 - absent).sum())


def expected_modes_of_sample(counts: npt.NDArray[np.int64], images: int) -> float:
    """Expected number of modes among further images like those that were counted.

    Up to as many images as were counted it is exact, without bias (rarefaction, Hurlbert 1971): the mean over random
    choices of `images` of them. Beyond, the counted shares stand for the true ones, and modes that no counted image
    shows are left out, so that it is rather too low.

    Parameters
    ----------
    counts
        Images of each mode, int64 [K].
    images
        Of the further sample.
    """
    from scipy.stats import hypergeom

    total = int(counts.sum())
    if images > total:
        return expected_modes(counts / total, images)
    return float((1.0 - hypergeom.pmf(0, total, counts, images)).sum())
