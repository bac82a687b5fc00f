"""A simulated camera's JPEG encoder that doesn't round to the nearest, which marks the corners of the blocks.

Encoders in cameras and telephones turn coefficients into whole numbers by operators that may lean to one side. All
blocks are then off in the same direction, brighter or darker towards a corner: a pattern with a period of 8 pixels, the
"JPEG dimples" of Agarwal, Farid 2017, "Photo forensics from JPEG dimples". It is a photograph's own, but to a detector
that has only seen encoders of personal computers it looks like a generator's lattice.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.fft import dctn, idctn

from ganeval.detectors.artefacts.scenes import Pixels, sometimes

#: Qualities on the scale of the Independent JPEG Group, both ends included.
QUALITIES = (75, 98)
#: By how much an encoder's rounding leans at most, in quantisation steps: half a step would be the ceiling. Drawn for
#: each encoder, and below that for each frequency, whose reciprocals are rounded too.
LEANING = (0.08, 0.45)


def leaning_encoder(rng: np.random.Generator, share: float) -> Callable[[Pixels], Pixels]:
    """What saves a picture by an encoder whose rounding leans to one side, for that share of draws, by `sometimes`."""
    return sometimes(_encoded, rng, share)


def _encoded(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    stored = io.BytesIO()
    quality, subsampling = int(rng.integers(QUALITIES[0], QUALITIES[1] + 1)), int(rng.choice([0, 1, 2, 2]))
    Image.fromarray(pixels).save(stored, "JPEG", quality=quality, subsampling=subsampling)
    most = rng.uniform(*LEANING) * rng.choice([-1, 1])
    leaning = most * rng.uniform(0, 1, (8, 8))
    with Image.open(stored) as image:
        steps = np.array(image.quantization[0], np.float64).reshape(8, 8)
        decoded = np.array(image.convert("YCbCr"))
    luma = np.asarray(Image.fromarray(pixels).convert("YCbCr"))[..., 0]
    decoded[..., 0] = leaning_blocks(luma, steps, leaning)
    return np.asarray(Image.fromarray(decoded, "YCbCr").convert("RGB"))


def leaning_blocks(
    luma: npt.NDArray[np.uint8], steps: npt.NDArray[np.float64], leaning: npt.NDArray[np.float64]
) -> npt.NDArray[np.uint8]:
    """Luma after quantisation by blocks of 8 x 8 whose rounding leans.

    Parameters
    ----------
    luma
        uint8 [height, width].
    steps
        Quantisation steps by frequency, float64 [8, 8].
    leaning
        Added before rounding to the nearest, in steps, float64 [8, 8].
    """
    height, width = luma.shape
    whole = np.pad(luma.astype(np.float64) - 128, ((0, -height % 8), (0, -width % 8)), mode="edge")
    blocks = whole.reshape(whole.shape[0] // 8, 8, whole.shape[1] // 8, 8)
    coefficients = dctn(blocks, axes=(1, 3), norm="ortho")
    by_frequency = (slice(None), None, slice(None))
    q, lean = steps[by_frequency], leaning[by_frequency]
    kept = np.floor(coefficients / q + 0.5 + lean) * q
    restored = idctn(kept, axes=(1, 3), norm="ortho").reshape(whole.shape)[:height, :width]
    return np.asarray(np.clip(np.rint(restored + 128), 0, 255), np.uint8)
