"""The probability of augmentations that follows how much the discriminator overfits."""

from __future__ import annotations

#: Minibatches of the discriminator between two changes (Karras et al. 2020, ADA, section 3.1).
EVERY = 4


def adapted(
    probability: float, mean_sign: float, images: float, *, target: float = 0.6, images_to_one: int = 500_000
) -> float:
    """The next probability p of ADA (Karras et al. 2020, section 3.1).

    r_t = E[sign(D(real))] is 0 without and 1 with full overfitting; p goes up while r_t is above the target and down
    while it is below, so fast that it takes `images_to_one` images from 0 to 1.

    Parameters
    ----------
    probability
        p, in [0, 1].
    mean_sign
        r_t, of the real images judged since the last change.
    images
        How many those were.
    target
        Of r_t.
    images_to_one
        1 or more.

    Returns
    -------
    float
        In [0, 1].
    """
    direction = (mean_sign > target) - (mean_sign < target)
    return min(max(probability + direction * images / images_to_one, 0.0), 1.0)
