"""Noise in a share of all histories: a network that saw little of it takes it for a trace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ganeval.detectors.artefacts.draws import log_uniform
from ganeval.detectors.artefacts.histories import History
from ganeval.detectors.perturbations import Jpeg, Noise, Social, WebP

#: Range of its standard deviation in grey levels, evenly over its logarithm.
SIGMAS = (0.5, 12.0)


def grain(rng: np.random.Generator, share: float) -> Callable[[History], History]:
    """Draw whether a history has noise, besides what noise it has, and how much.

    Parameters
    ----------
    rng
        All randomness comes from it.
    share
        Probability of noise, 0..1.

    Returns
    -------
    Of a history, the same with white Gaussian noise before its first compression, or at its end where there is none: an
    untouched picture may have it too. By chance, the history as it is.
    """
    if rng.random() >= share:
        return lambda history: history
    noise = Noise(round(log_uniform(rng, *SIGMAS), 4))

    def grainy(history: History) -> History:
        steps = history.steps
        compressed = (i for i, step in enumerate(steps) if isinstance(step, (Jpeg, WebP, Social)))
        first = next(compressed, len(steps))
        return replace(history, steps=(*steps[:first], noise, *steps[first:]))

    return grainy
