"""Named, deterministic changes of a picture, such as ``jpeg:75``: what happens to pictures on their way."""

from __future__ import annotations

from ganeval.detectors.perturbations.codecs import Jpeg, Png, WebP
from ganeval.detectors.perturbations.geometry import Crop, Resize, Rotate
from ganeval.detectors.perturbations.perturbation import Chain, FileKind, Perturbation
from ganeval.detectors.perturbations.platforms import Screenshot, Social
from ganeval.detectors.perturbations.specification import PERTURBATIONS, parse_perturbation, parse_perturbations
from ganeval.detectors.perturbations.tones import Blur, Contrast, Gamma, Noise, Sharpen
from ganeval.detectors.perturbations.video import Video

__all__ = [
    "PERTURBATIONS",
    "Blur",
    "Chain",
    "Contrast",
    "Crop",
    "FileKind",
    "Gamma",
    "Jpeg",
    "Noise",
    "Perturbation",
    "Png",
    "Resize",
    "Rotate",
    "Screenshot",
    "Sharpen",
    "Social",
    "Video",
    "WebP",
    "parse_perturbation",
    "parse_perturbations",
]
