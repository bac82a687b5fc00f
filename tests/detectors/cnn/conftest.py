"""Pictures with a constructed trace: crops of photographs and 1/f fields, and each again with its phases told apart."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from scipy.ndimage import convolve
from sklearn.datasets import load_sample_images

from ganeval.detectors.detector import Example

Pixels = npt.NDArray[np.uint8]

#: Draws the filters of the one simulated generator: what tests have seconds to learn.
GENERATOR = 7


def field(side: int, random: np.random.Generator) -> Pixels:
    """A coloured field with an amplitude of 1/f and a little noise, as a camera's picture has."""
    f = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)[None])
    f[0, 0] = 1.0
    planes = [np.fft.ifft2(np.fft.fft2(random.standard_normal((side, side))) / f).real for _ in range(3)]
    stacked = np.stack([planes[0], planes[0] + 0.2 * planes[1], planes[0] + 0.2 * planes[2]], axis=2)
    stacked = stacked / stacked.std() * 40 + 128 + random.normal(0, 2.0, stacked.shape)
    return np.clip(np.round(stacked), 0, 255).astype(np.uint8)


def with_trace(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """A checkerboard of some grey levels, as transposed convolutions leave it, and a sharpness of each phase's own."""
    x = pixels.astype(np.float64)
    rows, columns = np.indices(x.shape[:2])
    board = np.where((rows + columns) % 2, 1.0, -1.0)[..., None] * random.uniform(4.0, 7.0, 3)
    blurred = convolve(x, np.full((3, 3, 1), 1 / 9), mode="reflect")
    sharpness = random.normal(0, 0.3, (2, 2))[rows % 2, columns % 2][..., None]
    return np.clip(np.round(x + sharpness * (x - blurred) + board), 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def photographs() -> list[Pixels]:
    return [np.asarray(image) for image in load_sample_images().images]


@pytest.fixture(scope="session")
def pictures(photographs: list[Pixels]) -> Callable[[int, int, int], list[Pixels]]:
    """`pictures(count, side, seed)`: crops of the photographs at native resolution, and fields, in turn."""

    def make(count: int, side: int, seed: int) -> list[Pixels]:
        random = np.random.default_rng(seed)
        made = []
        for number in range(count):
            if number % 2:
                made.append(field(side, random))
                continue
            # china.jpg, whose every part has texture; the other one's background is blurred.
            top, left = (int(random.integers(length - side + 1)) for length in photographs[0].shape[:2])
            made.append(np.ascontiguousarray(photographs[0][top : top + side, left : left + side]))
        return made

    return make


@pytest.fixture(scope="session")
def traced() -> Callable[[Pixels], Pixels]:
    """`traced(pixels)`: with the trace of the simulated generator whose pictures `examples` has."""
    return lambda pixels: with_trace(pixels, np.random.default_rng(GENERATOR))


@pytest.fixture(scope="session")
def examples(
    pictures: Callable[[int, int, int], list[Pixels]],
) -> Callable[[int, int, int], list[Example]]:
    """`examples(count, side, seed)`: so many pairs of a picture and the same with a trace, a group each."""

    def make(count: int, side: int, seed: int) -> list[Example]:
        made = []
        for number, pixels in enumerate(pictures(count, side, seed)):
            made += [
                Example(pixels, False, f"picture {seed} {number}"),
                Example(with_trace(pixels, np.random.default_rng(GENERATOR)), True, f"picture {seed} {number}"),
            ]
        return made

    return make
