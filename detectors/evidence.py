"""What one detector says of one image."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

#: Log-likelihood ratios nearer to zero than this tell nothing either way (e^0.5 is 1.6 to one).
TELLING = 0.5


@dataclass(frozen=True)
class Fact:
    """One thing that was read or measured.

    Parameters
    ----------
    name
        Such as ``"claim generator"``.
    value
        As text, as it stands in the file or as it is printed.
    meaning
        What it speaks for, as a sentence; empty where it is only information.
    """

    name: str
    value: str
    meaning: str = ""


@dataclass(frozen=True)
class Heatmap:
    """Where in the picture the evidence lies.

    Parameters
    ----------
    values
        float32 [rows, columns]: log-likelihood ratio (generated against camera) of each tile; NaN where a tile
        can't be judged, such as a flat one.
    top, left, step, size
        Tile (i, j) covers pixels ``top + i*step .. + size`` by ``left + j*step .. + size``.
    """

    values: npt.NDArray[np.float32]
    top: int
    left: int
    step: int
    size: int


@dataclass(frozen=True)
class Evidence:
    """What one detector says of one image.

    Parameters
    ----------
    detector
        Its name.
    sentence
        What it saw or why it abstains: plain words, lower case, without a full stop.
    score
        Raw, larger for "more like a generated image"; None where it abstains.
    log_likelihood_ratio
        Calibrated: natural logarithm of p(score | generated) / p(score | camera); None where it abstains.
    in_domain
        Whether the image is such as the detector was measured on (size, format, compression).
    weight
        What the ratio is multiplied with in the sum; set by the fusion.
    decides
        Whether it settles the verdict by itself: a valid, trusted signature that says how the image was made.
    facts
        What was read or measured, for the expert.
    """

    detector: str
    sentence: str
    score: float | None = None
    log_likelihood_ratio: float | None = None
    in_domain: bool = True
    weight: float = 0.0
    decides: bool = False
    facts: tuple[Fact, ...] = field(default=())

    @property
    def abstains(self) -> bool:
        """Whether it says nothing for or against."""
        return self.log_likelihood_ratio is None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "detector": self.detector,
            "sentence": self.sentence,
            "score": self.score,
            "log_likelihood_ratio": self.log_likelihood_ratio,
            "in_domain": self.in_domain,
            "weight": self.weight,
            "decides": self.decides,
            "facts": [{"name": f.name, "value": f.value, "meaning": f.meaning} for f in self.facts],
        }
