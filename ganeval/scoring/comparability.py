"""In plain words, what the numbers of a run may be compared with."""

from __future__ import annotations

from ganeval.features.features import ExtractorInfo, Features
from ganeval.features.precision import EXACT
from ganeval.features.unseen import NAME as NO_FEATURES
from ganeval.metrics.naming import INCEPTION

_CONVENTIONS = {
    "tf1": (
        "The original Inception-v3 weights with the TensorFlow-compatible resize: comparable with published FID, KID "
        "and IS (and torch-fidelity's) that rest on the same real images and the same number of samples"
    ),
    "clean": (
        "The original Inception-v3 weights with clean-fid's antialiased resize: comparable with numbers that are "
        "declared as clean-fid's on the same real images and number of samples, not with other FIDs"
    ),
}


def _number(count: int | None) -> str:
    return "an unknown number of" if count is None else f"{count:,}"


def comparable_with(extractor: ExtractorInfo, real: Features | None, generated: Features) -> str:
    """One or two sentences for the report."""
    if extractor.name == NO_FEATURES:
        return (
            "No network took part: these numbers are functions of the pixels alone, comparable with others' that are "
            "computed with the same parameters on the same images."
        )
    counts = f"{len(generated):,} generated" + ("" if real is None else f" against {_number(real.set_size)} real")
    exact = extractor.precision == EXACT
    if (
        extractor.name == INCEPTION
        and extractor.published_weights
        and extractor.preprocessing in _CONVENTIONS
        and exact
    ):
        return (
            f"{_CONVENTIONS[extractor.preprocessing]}; here the images are {counts}. Papers mostly use 50,000 samples."
        )
    why = (
        "The weights are not the published ones"
        if extractor.name == INCEPTION
        else f"The features are {extractor.name}'s, not Inception-v3's"
    )
    if not exact:
        why = f"The network computed in {extractor.precision}"
    same = f"extractor, preprocessing ({extractor.preprocessing})" + ("" if exact else f", {extractor.precision}")
    return (
        f"{why}: these numbers can't be compared with published FIDs, only with each other and with other runs on the "
        f"same {same}, real images and number of samples ({counts})."
    )
