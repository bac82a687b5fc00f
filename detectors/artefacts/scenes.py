"""Changes of scenes that befall a share of the draws."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]


def sometimes(
    change: Callable[[Pixels, np.random.Generator], Pixels], rng: np.random.Generator, share: float
) -> Callable[[Pixels], Pixels]:
    """`change`, for that share of draws; else what leaves a scene alone.

    The same is done to each scene that it is given, whatever its size.

    Parameters
    ----------
    change
        Of a scene, by the random numbers that it is given.
    rng
        Draws whether, and which; also where nothing is done.
    share
        In [0, 1].
    """
    chosen, seed = rng.random() < share, int(rng.integers(2**31))
    return (lambda scene: change(scene, np.random.default_rng(seed))) if chosen else (lambda scene: scene)
