"""The named set ``digits``: 1,797 handwritten digits of 8 x 8 pixels that scikit-learn brings along."""

from __future__ import annotations

import numpy as np

from ganeval.errors import ImageSourceError
from ganeval.images.arrays import ArraySource
from ganeval.images.source import ImageSource, SourceOptions


def open_digits(argument: str, options: SourceOptions) -> ImageSource:
    """All 1,797 digits as grey images with labels 0..9; 0..16 in the original become ``round(v * 255 / 16)``.

    Raises
    ------
    ImageSourceError
        If anything follows the name: the set has no parts.
    """
    if argument:
        raise ImageSourceError(f"digits:{argument}: the set digits has no parts", hint="Write digits.")
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    return ArraySource(images[..., None], [int(label) for label in digits.target], name="digits", kind="named set")
