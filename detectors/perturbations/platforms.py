"""Perturbations that stand for a whole way of handling: a screenshot, an upload to a social platform."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ganeval.detectors.perturbations.codecs import Jpeg, WebP
from ganeval.detectors.perturbations.geometry import Crop, Resize, resized
from ganeval.detectors.perturbations.perturbation import (
    Arguments,
    Chain,
    FileKind,
    Perturbation,
    Pixels,
    number_text,
    require,
)
from ganeval.detectors.perturbations.tones import Gamma, Sharpen

# Displays scale pictures to what fits; 1 or 2 exactly is the exception.
_SCREEN_FACTORS = (0.55, 1.45)
_SOCIAL_SIDES = (1280, 2048)
_SOCIAL_QUALITIES = (70, 85)


@dataclass(frozen=True)
class Screenshot(Perturbation):
    """Shown scaled on a screen, photographed by the system, posted.

    Bilinear scaling by a factor that isn't whole, a cut off the lattice of eight as windows have borders, slight
    sharpening and another gamma, kept as PNG, then re-encoded by the platform: JPEG 75 to 92 or WebP 70 to 90.

    Parameters
    ----------
    factor
        Of the scaling, 0.1..4; None draws it from the seed, from 0.55 to 1.45.
    """

    factor: float | None = None

    def __post_init__(self) -> None:
        require(
            self.factor is None or 0.1 <= self.factor <= 4,
            f"the screenshot's factor is {self.factor}, and must be from 0.1 to 4",
        )

    @classmethod
    def read(cls, arguments: Arguments) -> Screenshot:
        """``screenshot:FACTOR``; without the factor, the seed draws one."""
        return cls(arguments.number("factor", 0.1, 4, None))

    @property
    def name(self) -> str:
        """``screenshot``."""
        return "screenshot" if self.factor is None else f"screenshot:{number_text(self.factor)}"

    def steps(self, seed: int = 0) -> tuple[Perturbation, ...]:
        """What it does under that seed, in order."""
        random = np.random.default_rng(seed)
        drawn = round(float(random.uniform(*_SCREEN_FACTORS)), 4)
        drawn = drawn if abs(drawn - 1) > 0.01 else 0.97
        factor = drawn if self.factor is None else self.factor
        gamma = round(float(random.uniform(0.92, 1.08)), 4)
        amount = round(float(random.uniform(0, 0.5)), 4)
        jpeg = Jpeg(int(random.integers(75, 93)))
        webp = WebP(int(random.integers(70, 91)))
        platform: Perturbation = jpeg if random.random() < 0.7 else webp
        return Resize(factor, "bilinear"), Crop(1.0), Sharpen(amount), Gamma(gamma), platform

    def comes_as(self, seed: int = 0) -> FileKind:
        """The platform's file."""
        return Chain(self.steps(seed)).comes_as(seed)

    def __call__(self, pixels: Pixels, seed: int = 0) -> Pixels:
        """The picture as posted."""
        return Chain(self.steps(seed))(pixels, seed)


@dataclass(frozen=True)
class Social(Perturbation):
    """Shrunk to a platform's longest side, and compressed as JPEG 4:2:0.

    Parameters
    ----------
    side
        Longest side in pixels; smaller pictures keep their size. None draws it from the seed, 1280 to 2048.
    quality
        Of the JPEG; None draws it from the seed, 70 to 85.
    """

    side: int | None = None
    quality: int | None = None

    def __post_init__(self) -> None:
        require(self.side is None or 1 <= self.side <= 16384, f"the side is {self.side}, and must be from 1 to 16384")
        require(
            self.quality is None or 1 <= self.quality <= 100,
            f"the JPEG quality is {self.quality}, and must be from 1 to 100",
        )

    @classmethod
    def read(cls, arguments: Arguments) -> Social:
        """``social:SIDE:QUALITY``; what isn't given, the seed draws."""
        side = arguments.integer("side", 1, 16384, None)
        return cls(side, arguments.integer("quality", 1, 100, None))

    @property
    def name(self) -> str:
        """``social``."""
        return ":".join(["social", *(str(value) for value in (self.side, self.quality) if value is not None)])

    def settings(self, seed: int = 0) -> tuple[int, int]:
        """Longest side and quality under that seed."""
        random = np.random.default_rng(seed)
        side = int(random.integers(_SOCIAL_SIDES[0], _SOCIAL_SIDES[1] + 1))
        quality = int(random.integers(_SOCIAL_QUALITIES[0], _SOCIAL_QUALITIES[1] + 1))
        return self.side or side, self.quality or quality

    def comes_as(self, seed: int = 0) -> FileKind:
        """The platform's JPEG."""
        return FileKind("JPEG", self.settings(seed)[1])

    def __call__(self, pixels: Pixels, seed: int = 0) -> Pixels:
        """The picture as delivered by the platform."""
        side, quality = self.settings(seed)
        height, width = pixels.shape[:2]
        scale = min(1.0, side / max(height, width))
        if scale < 1:
            pixels = resized(pixels, max(1, round(height * scale)), max(1, round(width * scale)), "lanczos")
        return Jpeg(quality)(pixels)
