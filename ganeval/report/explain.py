"""What each score is, in one line for a person, by the name that the score begins with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Explanation:
    """A score's name in full, and in one sentence what it measures."""

    title: str
    sentence: str


_FRECHET = (
    "Distance between two Gaussians fitted to the features of both sides (Heusel et al. 2017); 0 if their means and "
    "covariances agree."
)
_KERNEL = (
    "Squared maximum mean discrepancy of the features with a cubic kernel (Bińkowski et al. 2018); close to 0, on "
    "either side of it, if both sides follow one distribution."
)

_EXPLANATIONS: Mapping[str, Explanation] = {
    "inception_score": Explanation(
        "Inception Score",
        "How surely the network names a class for each image and how evenly it uses the classes (Salimans et al. "
        "2016); from 1 up to the number of classes. Looks at the generated side only.",
    ),
    "fid": Explanation("Fréchet Inception distance", _FRECHET),
    "fd": Explanation("Fréchet distance", _FRECHET),
    "kid": Explanation("Kernel Inception distance", _KERNEL),
    "kd": Explanation("Kernel distance", _KERNEL),
    "precision": Explanation(
        "Precision",
        "Share of generated images that lie where real ones do: how believable they are (Kynkäänniemi et al. 2019); "
        "0 to 1.",
    ),
    "recall": Explanation(
        "Recall",
        "Share of real images that lie where generated ones do: how much of the variety is there (Kynkäänniemi et "
        "al. 2019); 0 to 1.",
    ),
    "density": Explanation(
        "Density",
        "How many real neighbourhoods each generated image falls into, so that one outlier counts for little (Naeem "
        "et al. 2020); from 0, around 1 for equal distributions.",
    ),
    "coverage": Explanation(
        "Coverage",
        "Share of real images that have a generated one in their neighbourhood (Naeem et al. 2020); 0 to 1.",
    ),
}


def explanation(name: str) -> Explanation | None:
    """The explanation of the score of that full name, such as ``"fd_efficientnet-lite0"``; None for others' scores."""
    for base in sorted(_EXPLANATIONS, key=len, reverse=True):
        if name == base or name.startswith(f"{base}_"):
            return _EXPLANATIONS[base]
    return None
