"""Random histories of handling (crop, resize, blur, compression) that both classes of a training set go through."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ganeval.detectors.artefacts.draws import log_uniform
from ganeval.detectors.perturbations import (
    Blur,
    Chain,
    Crop,
    Jpeg,
    Noise,
    Perturbation,
    Resize,
    Screenshot,
    Sharpen,
    Social,
    WebP,
)
from ganeval.detectors.specimen import Pixels
from ganeval.errors import OptionError


@dataclass(frozen=True)
class HistorySettings:
    """How histories are drawn.

    Parameters
    ----------
    untouched
        Probability that nothing happens at all (by chance, nothing happens in some of the others too).
    crop
        Probability of a cut off the lattice of eight, given that something happens; likewise the following ones.
    resize
        Of a resize by a factor from `factors`, uniform in its logarithm.
    factors
        Smallest and largest factor.
    filters
        Pairs of filter and how often it is used, relative to the others.
    blur, sharpen, noise
        Of one of these three, at most one happens.
    blur_sigmas, sharpen_amounts, noise_sigmas
        Ranges of their strengths, uniform.
    compressions
        Probabilities of no, one and two compressions.
    webp
        Share of WebP among compressions, the others are JPEG.
    jpeg_qualities, webp_qualities
        Ranges, both ends included, uniform.
    full_chroma
        Share of JPEGs without chroma subsampling (4:4:4), the others are 4:2:0.
    edited
        Share of pictures compressed twice that are sharpened in between: a camera's file, edited and saved again.
    whole
        Probability that the history is one of a platform, a screenshot or an upload, in place of all the above.
    """

    untouched: float = 1 / 3
    crop: float = 0.5
    resize: float = 0.5
    factors: tuple[float, float] = (0.5, 2.0)
    filters: tuple[tuple[str, float], ...] = (
        ("bicubic", 0.35),
        ("lanczos", 0.25),
        ("bilinear", 0.25),
        ("box", 0.1),
        ("nearest", 0.05),
    )
    blur: float = 0.1
    sharpen: float = 0.1
    noise: float = 0.1
    blur_sigmas: tuple[float, float] = (0.3, 1.5)
    sharpen_amounts: tuple[float, float] = (0.1, 1.0)
    noise_sigmas: tuple[float, float] = (0.5, 4.0)
    compressions: tuple[float, float, float] = (0.2, 0.55, 0.25)
    webp: float = 0.25
    jpeg_qualities: tuple[int, int] = (40, 98)
    webp_qualities: tuple[int, int] = (60, 95)
    full_chroma: float = 0.35
    edited: float = 0.3
    whole: float = 0.1

    def __post_init__(self) -> None:
        shares = (self.untouched, self.crop, self.resize, self.webp, self.full_chroma, self.edited, self.whole)
        touch_ups = (self.blur, self.sharpen, self.noise)
        if not all(0 <= share <= 1 for share in (*shares, *touch_ups, *self.compressions)):
            raise OptionError("a probability of the histories isn't between 0 and 1")
        if sum(touch_ups) > 1 + 1e-9 or abs(sum(self.compressions) - 1) > 1e-9:
            raise OptionError("blur, sharpen and noise may sum up to 1 at most, and the compressions must sum up to 1")


#: What a picture may go through without anybody noticing: a verdict should survive it.
MILD = HistorySettings(
    untouched=0.0,
    crop=0.5,
    resize=0.5,
    factors=(0.95, 1.05),
    filters=(("bicubic", 0.5), ("lanczos", 0.5)),
    blur=0.0,
    sharpen=0.0,
    noise=0.0,
    compressions=(0.0, 1.0, 0.0),
    jpeg_qualities=(88, 96),
    webp_qualities=(88, 95),
    edited=0.0,
    whole=0.0,
)


@dataclass(frozen=True)
class History:
    """One history of handling: the same for every picture that it is applied to, up to the seed of its noise.

    Parameters
    ----------
    steps
        In order; none for an untouched picture.
    seed
        Of what is random within the steps.
    """

    steps: tuple[Perturbation, ...] = ()
    seed: int = 0

    def apply(self, pixels: Pixels) -> Pixels:
        """The picture afterwards, uint8 [height', width', 3]; `pixels` stays as it is."""
        return Chain(self.steps)(pixels, self.seed)

    def describe(self) -> dict[str, Any]:
        """What decides the conditions of the picture, for JSON and for binning.

        Returns
        -------
        ``"name"``: all steps as text, ``"untouched"`` for none.
        ``"codec"``: of the last compression, ``"jpeg"`` or ``"webp"``; ``"png"`` for none.
        ``"quality"``: of the last compression on its own scale, None for PNG.
        ``"subsampling"``: of the last compression if it is JPEG, else None.
        ``"compressions"``: their number.
        ``"first_quality"``: of the last JPEG before the last compression, None where there is none.
        ``"resized"``: product of the factors; 1.0 for none, and for an upload, whose factor depends on the picture.
        ``"filter"``: of the last resize, None for none.
        ``"blur"``, ``"sharpen"``, ``"noise"``: strengths, 0 for none.
        ``"cropped"``: whether the left upper corner moved.
        """
        steps = [_compression_of(step) for step in self.steps]
        codecs = [step for step in steps if isinstance(step, (Jpeg, WebP))]
        last = codecs[-1] if codecs else None
        before = [step.quality for step in codecs[:-1] if isinstance(step, Jpeg)]
        resizes = [step for step in steps if isinstance(step, Resize)]
        return {
            "name": "+".join(step.name for step in self.steps) or "untouched",
            "codec": last.name.partition(":")[0] if last else "png",
            "quality": last.quality if last else None,
            "subsampling": last.subsampling if isinstance(last, Jpeg) else None,
            "compressions": len(codecs),
            "first_quality": before[-1] if before else None,
            "resized": math.prod(step.factor for step in resizes),
            "filter": resizes[-1].filter_name if resizes else None,
            "blur": sum(step.sigma for step in steps if isinstance(step, Blur)),
            "sharpen": sum(step.amount for step in steps if isinstance(step, Sharpen)),
            "noise": math.hypot(*(step.sigma for step in steps if isinstance(step, Noise))),
            "cropped": any(isinstance(step, Crop) for step in self.steps),
        }


def _compression_of(step: Perturbation) -> Perturbation:
    """An upload as the compression that it ends with; other steps as they are."""
    return Jpeg(step.settings()[1]) if isinstance(step, Social) else step


def random_history(rng: np.random.Generator, *, settings: HistorySettings | None = None) -> History:
    """Draw a history: crop, then resize, then blur, sharpening or noise, then none to two compressions, edited between.

    Parameters
    ----------
    rng
        All randomness comes from it; the same state gives the same history.
    settings
        Probabilities and ranges; by default those of `HistorySettings`, such as a third untouched. `MILD` has what a
        verdict should survive.
    """
    chosen = settings if settings is not None else HistorySettings()
    seed = int(rng.integers(2**31))
    if rng.random() < chosen.untouched:
        return History((), seed)
    if rng.random() < chosen.whole:
        return History(_platform(rng), seed)
    steps: list[Perturbation] = []
    if rng.random() < chosen.crop:
        steps.append(Crop(_between(rng, (0.8, 1.0))))
    if rng.random() < chosen.resize:
        steps.append(_resize(rng, chosen))
    steps.extend(_touch_up(rng, chosen))
    count = int(rng.choice(3, p=chosen.compressions))
    for position in range(count):
        # The block lattices of two compressions coincide only if nobody cut in between: both happen.
        if position and rng.random() < 0.5:
            steps.append(Crop(1.0))
        if position and rng.random() < chosen.edited:
            steps.append(Sharpen(_between(rng, chosen.sharpen_amounts)))
        steps.append(_compression(rng, chosen))
    return History(tuple(steps), seed)


def _between(rng: np.random.Generator, limits: tuple[float, float], digits: int = 4) -> float:
    return round(float(rng.uniform(*limits)), digits)


def _platform(rng: np.random.Generator) -> tuple[Perturbation, ...]:
    if rng.random() < 0.5:
        return Screenshot().steps(int(rng.integers(2**31)))
    side, quality = Social().settings(int(rng.integers(2**31)))
    return (Social(side, quality),)


def _resize(rng: np.random.Generator, settings: HistorySettings) -> Resize:
    factor = round(log_uniform(rng, *settings.factors), 4)
    names, shares = zip(*settings.filters, strict=True)
    weights = np.asarray(shares) / sum(shares)
    return Resize(factor, str(rng.choice(names, p=weights)))


def _touch_up(rng: np.random.Generator, settings: HistorySettings) -> list[Perturbation]:
    draw = rng.random()
    if draw < settings.blur:
        return [Blur(_between(rng, settings.blur_sigmas))]
    if draw < settings.blur + settings.sharpen:
        return [Sharpen(_between(rng, settings.sharpen_amounts))]
    if draw < settings.blur + settings.sharpen + settings.noise:
        return [Noise(_between(rng, settings.noise_sigmas))]
    return []


def _compression(rng: np.random.Generator, settings: HistorySettings) -> Perturbation:
    if rng.random() < settings.webp:
        low, high = settings.webp_qualities
        return WebP(int(rng.integers(low, high + 1)))
    low, high = settings.jpeg_qualities
    return Jpeg(int(rng.integers(low, high + 1)), "444" if rng.random() < settings.full_chroma else "420")
