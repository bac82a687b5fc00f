"""What a detector that judges by pixels is to the rest: a score of an image, trained on two sets, saved as a folder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ganeval.detectors.evidence import Heatmap
from ganeval.errors import OptionError
from ganeval.progress import Progress, SilentProgress
from ganeval.registry import Registry

Pixels = npt.NDArray[np.uint8]
Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Example:
    """One image of a training set.

    Parameters
    ----------
    pixels
        uint8 [height, width, 3], native resolution.
    generated
        Its class.
    group
        What it was made from: images of one group (a photograph and the simulated fakes made of it) never stand on
        both sides of a split.
    """

    pixels: Pixels
    generated: bool
    group: str = ""


@dataclass(frozen=True)
class State:
    """All that a trained detector is: arrays for a safetensors file, settings for JSON; nothing that executes."""

    arrays: Arrays
    settings: dict[str, Any] = field(default_factory=dict)


class PixelDetector(ABC):
    """A detector that gives a raw score from pixels alone.

    A subclass is one file; it is stateless but for what `fit` or `restore` set. Scores needn't be calibrated:
    `ganeval.detectors.calibration` turns them into log-likelihood ratios.
    """

    #: Such as ``"lattice"``.
    name: ClassVar[str]
    title: ClassVar[str]
    #: Authors, year, title; what the method is after.
    paper: ClassVar[str]
    #: Shorter side, in pixels, below which it abstains.
    minimum_side: ClassVar[int]

    @abstractmethod
    def score(self, pixels: Pixels) -> float:
        """Raw score of one image, uint8 [height, width, 3] at native resolution; larger is more like generated.

        Deterministic; of bounded memory and time for any size (tiles, never a resize). NaN where the picture holds
        nothing to judge by (all flat).
        """

    @classmethod
    @abstractmethod
    def fit(cls, examples: Iterable[Example], *, seed: int = 2020, progress: Progress | None = None) -> PixelDetector:
        """Train on labelled images; the iterable is read once. Raises `OptionError` if one class is missing."""

    @abstractmethod
    def state(self) -> State:
        """What `restore` needs."""

    @classmethod
    @abstractmethod
    def restore(cls, state: State) -> PixelDetector:
        """The detector of that state; raises `WeightsError` if arrays are missing or of other shapes."""

    def heatmap(self, pixels: Pixels) -> Heatmap | None:
        """Where in the picture the evidence lies, in units of the raw score; None where the method can't tell."""
        return None

    def weigh_facts(self, pixels: Pixels) -> tuple[tuple[str, str], ...]:
        """Pairs of name and value that the evidence sheet shows, such as the highest peak; none by default."""
        return ()


PIXEL_DETECTORS: Registry[type[PixelDetector]] = Registry(
    kind="detector",
    group="ganeval.detectors",
    builtin={
        "lattice": "ganeval.detectors.spectral.lattice:LatticeDetector",
        "spectral": "ganeval.detectors.spectral.radial_spectrum:RadialSpectrumDetector",
        "dct": "ganeval.detectors.spectral.dct_coefficients:DCTDetector",
        "peaks": "ganeval.detectors.spectral.peaks:PeakDetector",
        "npr": "ganeval.detectors.cnn.npr:NPRDetector",
        "cnn": "ganeval.detectors.cnn.npr:NPRDetector",
        "patch": "ganeval.detectors.cnn.patches:PatchDetector",
        "features": "ganeval.detectors.cnn.frozen_features:FrozenFeatureDetector",
        "wang2020": "ganeval.detectors.cnn.wang2020:Wang2020Detector",
        "npr-published": "ganeval.detectors.cnn.npr_published:NPRPublishedDetector",
    },
    error=OptionError,
)


def silent(progress: Progress | None) -> Progress:
    """`progress`, or one that shows nothing."""
    return progress if progress is not None else SilentProgress()
