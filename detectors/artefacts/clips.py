"""Films a photograph with a moving camera, codes the film as videos are, and gives back one frame; the same of a fake.

A generator of video leaves its lattice in the same place of every frame, whatever moves in it: each frame of the fake's
film is drawn by one and the same simulated generator.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ganeval.detectors.artefacts.cameras import take_photograph
from ganeval.detectors.artefacts.draws import log_uniform
from ganeval.detectors.artefacts.scenes import Pixels
from ganeval.detectors.artefacts.simulators import simulate
from ganeval.detectors.perturbations.video import coded
from ganeval.detectors.specimen import open_specimen

#: Codecs with their shares and the range of the quality (constant rate factor) that they are used with.
CODECS: dict[str, tuple[float, tuple[int, int]]] = {
    "h264": (0.7, (16, 32)),
    "hevc": (0.15, (18, 34)),
    "vp9": (0.15, (20, 48)),
}
#: Frames of a film: the one that is looked at has others before and after it.
FRAMES = 8
#: Sides of frames of which a fake is made, in pixels; what films of whole photographs fit into,
#: before they are scaled.
SIDES = (192, 256, 256, 384, 512)
WHOLE = (1280, 720)
#: How much a photograph is shrunk first, as the sensors of cameras that film have far more pixels than a frame.
SHRINKING = (0.35, 0.9)
#: Share of films of a camera whose colour filter can be seen in them, of those shrunk below `CLEAN`.
SENSED = 0.3
CLEAN = 0.7
#: Share of films from a tripod, and the speed of the others, in pixels a frame.
STILL = 0.35
SPEED = 5
#: Standard deviation of the noise, anew in each frame, in grey levels, evenly over its logarithm.
NOISE = (0.2, 3.0)
#: Share of films that were scaled to another size before they were coded, and by how much.
SCALED = 0.4
SCALES = (0.5, 1.5)
_RESAMPLING = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)


@dataclass(frozen=True)
class FramePair:
    """A frame of a film of a photograph, and the same frame of its simulated fake.

    Parameters
    ----------
    photograph, generated
        uint8 [height, width, 3]; `generated` is None where none was asked for.
    simulator
        Name of the simulator; empty where there is none.
    codec
        Of `CODECS`.
    """

    photograph: Pixels
    generated: Pixels | None
    simulator: str
    codec: str


def frame_pair_from(path: str | os.PathLike[str], seed: Sequence[int], *, whole: bool = False) -> FramePair:
    """The frames that `seed` draws from one photograph.

    Parameters
    ----------
    path
        An image file of at least 128 x 128 pixels.
    seed
        Everything random follows from it.
    whole
        Film the whole photograph, and no fake of it.
    """
    rng = np.random.default_rng(list(seed))
    pixels, factor = _shrunk(open_specimen(path).pixels, rng, whole=whole)
    filmed = _film(pixels, rng, whole=whole)
    sensed, camera, generator = rng.random() < SENSED, *(int(one) for one in rng.integers(2**31, size=2))
    scale, method = _scale(rng)
    codec = str(rng.choice(list(CODECS), p=[share for share, _ in CODECS.values()]))
    crf, which = int(rng.integers(*CODECS[codec][1], endpoint=True)), int(rng.integers(FRAMES))

    def frame(film: Sequence[Pixels]) -> Pixels:
        return coded([_scaled(one, scale, method) for one in film], codec, crf, which)

    taken = filmed
    if sensed and factor <= CLEAN:
        taken = [take_photograph(one, np.random.default_rng(camera)) for one in filmed]
    if whole:
        return FramePair(frame(taken), None, "", codec)
    made = [simulate(one, np.random.default_rng(generator)) for one in filmed]
    return FramePair(frame(taken), frame([one for one, _ in made]), made[0][1], codec)


def _shrunk(pixels: Pixels, rng: np.random.Generator, *, whole: bool) -> tuple[Pixels, float]:
    factor = float(rng.uniform(*SHRINKING))
    if whole:
        # A frame lies or stands.
        longest, shortest = max(pixels.shape[:2]), min(pixels.shape[:2])
        factor = min(factor, WHOLE[0] / longest, WHOLE[1] / shortest)
    factor = max(factor, 128 / min(pixels.shape[:2]))
    if factor >= 1:
        return pixels, 1.0
    size = (round(pixels.shape[1] * factor), round(pixels.shape[0] * factor))
    return np.asarray(Image.fromarray(pixels).resize(size, _RESAMPLING[int(rng.integers(1, 3))])), factor


def _film(pixels: Pixels, rng: np.random.Generator, *, whole: bool) -> list[Pixels]:
    """Cut-outs along a straight way, each with noise of its own."""
    speed = np.zeros(2, int) if rng.random() < STILL else rng.integers(-SPEED, SPEED, 2, endpoint=True)
    room = np.array(pixels.shape[:2]) - np.abs(speed) * (FRAMES - 1)
    if room.min() < 96:
        speed, room = np.zeros(2, int), np.array(pixels.shape[:2])
    side = int(rng.choice(SIDES))
    height, width = (int(one) // 8 * 8 for one in (room if whole else np.minimum(room, side)))
    start = [int(rng.integers(length - span + 1)) for length, span in zip(room, (height, width), strict=True)]
    start = [place - min(0, int(step) * (FRAMES - 1)) for place, step in zip(start, speed, strict=True)]
    noise = log_uniform(rng, *NOISE)
    film = []
    for number in range(FRAMES):
        top, left = (place + int(step) * number for place, step in zip(start, speed, strict=True))
        cut = pixels[top : top + height, left : left + width]
        noisy = cut + noise * rng.standard_normal((height, width, 1), np.float32)
        film.append(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))
    return film


def _scale(rng: np.random.Generator) -> tuple[float, Image.Resampling]:
    scaled, factor, method = rng.random() < SCALED, float(rng.uniform(*SCALES)), _RESAMPLING[int(rng.integers(3))]
    return (factor if scaled else 1.0), method


def _scaled(pixels: Pixels, factor: float, method: Image.Resampling) -> Pixels:
    if factor == 1:
        return pixels
    factor = max(factor, 96 / min(pixels.shape[:2]))
    size = tuple(round(side * factor) // 2 * 2 for side in pixels.shape[1::-1])
    return np.asarray(Image.fromarray(pixels).resize((size[0], size[1]), method))
