"""Perturbations of pixel values: blur, noise, sharpening, gamma, contrast."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from ganeval.detectors.perturbations.perturbation import (
    Arguments,
    Perturbation,
    Pixels,
    number_text,
    require,
    rounded,
)

# Rows per piece: the float copies of a 50-megapixel photograph would need a gigabyte.
_ROWS = 1024


def _blurred(pixels: Pixels, sigma: float) -> npt.NDArray[np.float32]:
    values: npt.NDArray[np.float32] = gaussian_filter(pixels, (sigma, sigma, 0), mode="reflect", output=np.float32)
    return values


@dataclass(frozen=True)
class Blur(Perturbation):
    """Gaussian blur.

    Parameters
    ----------
    sigma
        In pixels, 0..50.
    """

    sigma: float = 1.0

    def __post_init__(self) -> None:
        require(0 <= self.sigma <= 50, f"the blur's sigma is {self.sigma}, and must be from 0 to 50")

    @classmethod
    def read(cls, arguments: Arguments) -> Blur:
        """``blur:SIGMA``, 1 by default."""
        sigma = arguments.number("sigma", 0, 50, 1.0)
        return cls(1.0 if sigma is None else sigma)

    @property
    def name(self) -> str:
        """``blur:1``."""
        return f"blur:{number_text(self.sigma)}"

    def __call__(self, pixels: Pixels, seed: int = 0) -> Pixels:
        """The blurred picture; nothing in it is random."""
        return rounded(_blurred(pixels, self.sigma)) if self.sigma > 0 else pixels.copy()


@dataclass(frozen=True)
class Sharpen(Perturbation):
    """Unsharp mask of one pixel: the difference from the blurred picture, added again.

    Parameters
    ----------
    amount
        What the difference is multiplied with, 0..5.
    """

    amount: float = 0.5

    def __post_init__(self) -> None:
        require(0 <= self.amount <= 5, f"the amount of sharpening is {self.amount}, and must be from 0 to 5")

    @classmethod
    def read(cls, arguments: Arguments) -> Sharpen:
        """``sharpen:AMOUNT``, 0.5 by default."""
        amount = arguments.number("amount", 0, 5, 0.5)
        return cls(0.5 if amount is None else amount)

    @property
    def name(self) -> str:
        """``sharpen:0.5``."""
        return f"sharpen:{number_text(self.amount)}"

    def __call__(self, pixels: Pixels, seed: int = 0) -> Pixels:
        """The sharpened picture; nothing in it is random."""
        blurred = _blurred(pixels, 1.0)
        return rounded(pixels + np.float32(self.amount) * (pixels - blurred))


@dataclass(frozen=True)
class Noise(Perturbation):
    """White Gaussian noise, independent in pixels and channels.

    Parameters
    ----------
    sigma
        In grey levels, 0..255.
    """

    sigma: float = 2.0

    def __post_init__(self) -> None:
        require(0 <= self.sigma <= 255, f"the noise's sigma is {self.sigma}, and must be from 0 to 255")

    @classmethod
    def read(cls, arguments: Arguments) -> Noise:
        """``noise:SIGMA``, 2 by default."""
        sigma = arguments.number("sigma", 0, 255, 2.0)
        return cls(2.0 if sigma is None else sigma)

    @property
    def name(self) -> str:
        """``noise:2``."""
        return f"noise:{number_text(self.sigma)}"

    def __call__(self, pixels: Pixels, seed: int = 0) -> Pixels:
        """The picture with noise drawn from the seed."""
        random = np.random.default_rng(seed)
        noisy = np.empty_like(pixels)
        for top in range(0, pixels.shape[0], _ROWS):
            part = pixels[top : top + _ROWS]
            draws = random.standard_normal(part.shape, dtype=np.float32)
            noisy[top : top + _ROWS] = rounded(part + np.float32(self.sigma) * draws)
        return noisy


@dataclass(frozen=True)
class Gamma(Perturbation):
    """The power law ``255 * (v / 255) ** gamma``.

    Parameters
    ----------
    gamma
        0.1..10; above 1 darkens.
    """

    gamma: float = 1.1

    def __post_init__(self) -> None:
        require(0.1 <= self.gamma <= 10, f"gamma is {self.gamma}, and must be from 0.1 to 10")

    @classmethod
    def read(cls, arguments: Arguments) -> Gamma:
        """``gamma:GAMMA``, 1.1 by default."""
        return cls(arguments.number("gamma", 0.1, 10, 1.1) or 1.1)

    @property
    def name(self) -> str:
        """``gamma:1.1``."""
        return f"gamma:{number_text(self.gamma)}"

    def __call__(self, pixels: Pixels, seed: int = 0) -> Pixels:
        """The picture with other tones; nothing in it is random."""
        return rounded(255 * (np.arange(256) / 255) ** self.gamma)[pixels]


@dataclass(frozen=True)
class Contrast(Perturbation):
    """Distances from the middle grey, 127.5, multiplied with a factor.

    Parameters
    ----------
    factor
        0.1..10.
    """

    factor: float = 1.1

    def __post_init__(self) -> None:
        require(0.1 <= self.factor <= 10, f"the contrast is {self.factor}, and must be from 0.1 to 10")

    @classmethod
    def read(cls, arguments: Arguments) -> Contrast:
        """``contrast:FACTOR``, 1.1 by default."""
        return cls(arguments.number("contrast", 0.1, 10, 1.1) or 1.1)

    @property
    def name(self) -> str:
        """``contrast:1.1``."""
        return f"contrast:{number_text(self.factor)}"

    def __call__(self, pixels: Pixels, seed: int = 0) -> Pixels:
        """The picture with other tones; nothing in it is random."""
        return rounded(127.5 + self.factor * (np.arange(256) - 127.5))[pixels]
