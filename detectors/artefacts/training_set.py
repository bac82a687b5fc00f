"""Pairs to train and calibrate on: a cut-out of a photograph, and one with a simulated trace, handled alike."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from ganeval.detectors.artefacts.backgrounds import background
from ganeval.detectors.artefacts.cameras import take_photograph
from ganeval.detectors.artefacts.defocus import defocus
from ganeval.detectors.artefacts.encoders import leaning_encoder
from ganeval.detectors.artefacts.facades import facade
from ganeval.detectors.artefacts.grain import grain
from ganeval.detectors.artefacts.histories import History, HistorySettings, random_history
from ganeval.detectors.artefacts.simulators import simulate
from ganeval.detectors.artefacts.skies import sky
from ganeval.detectors.artefacts.thumbnails import thumbnail
from ganeval.detectors.detector import Example
from ganeval.detectors.specimen import open_specimen

Pixels = npt.NDArray[np.uint8]

#: Sides of the cut-outs, in pixels, as often as they stand here.
SIDES = (128, 160, 192, 256, 256, 320, 384, 512)
#: Share of photographs that are first shrunk, which takes the traces of their own camera and JPEG away, and by what.
SHRUNK = 0.6
SHRINKING = (0.4, 0.9)
#: Share of the photographs shrunk below `CLEAN` that a simulated camera takes again.
RETAKEN = 0.4
CLEAN = 0.7
#: Share of cut-outs on the lattice of the photograph's own JPEG: whoever saves a photograph anew doesn't cut it first.
ALIGNED = 0.6
#: A photograph with a shorter side from here on is likely to be as its camera made it: by half, its cut-out is left so.
NATIVE_SIDE = 1000
NATIVE = 0.5
#: Share of scenes that are set before an even background, as products and portraits are: where little but the codec's
#: blocks is left of a photograph, its lattice looks most like a generator's.
BACKED = 0.15
#: Share of scenes that are out of focus, for the same reason: of a smooth picture strong compression leaves its blocks.
DEFOCUSED = 0.15

#: Share of scenes of which a part is sky or wall, for the same reason.
SKIES = 0.15
#: Share of scenes with lines along rows and columns, whose spectra and means by phase look most like a lattice's.
FACADES = 0.15
#: Share of histories with noise, which is else most often compressed away: NPR's network took noise without compression
#: for a trace.
GRAIN = 0.15
#: Share of photographs that a camera's encoder stored first. Never both of a pair: that a telephone may send on what
#: others made taught that such marks say nothing, and transposed convolutions, whose traces are similar, went unfound.
CAMERA_STORED = 0.08
#: Share of photographs that are cut out of a JPEG scaled by a simple ratio; never both of a pair, as above. 0, as the
#: weights that ship weren't trained with it: of 199 calibration photographs stored at quality 40, their trees give 17 %
#: a log-odds over 1 when they are halved, and none when they are scaled by .49. A share of .1 is still to be tried.
THUMBNAILS = 0.0

# Name the random numbers of `defocus`, `sky`, `leaning_encoder`, `facade`, `grain` and `thumbnail`.
_FOCUS = 0xF0C5
_SKY = 0x5417
_ENCODER = 0xE4C0
_FACADE = 0xFACA
_GRAIN = 0x6EA1
_THUMBNAIL = 0x7B41

#: As the default histories, with fewer resized pictures: a resized trace lies where no detector of this kind looks, and
#: too many of them teach nothing but doubt.
HANDLING = HistorySettings(resize=0.25, noise=0.05, blur=0.05)


@dataclass(frozen=True)
class Pair:
    """A photograph and a simulated fake of it, or of another cut-out of it, after the same history.

    Parameters
    ----------
    photograph, generated
        uint8 [height, width, 3], of equal shape but for what a history of resizing rounds.
    group
        Which photograph: its file's name.
    simulator
        Name of the simulator.
    history
        What both went through.
    """

    photograph: Pixels
    generated: Pixels
    group: str
    simulator: str
    history: History

    def examples(self) -> tuple[Example, Example]:
        """As two examples of one group."""
        return Example(self.photograph, False, self.group), Example(self.generated, True, self.group)


def pair_from(path: str | os.PathLike[str], seed: Sequence[int], settings: HistorySettings = HANDLING) -> Pair:
    """The pair that `seed` draws from one photograph.

    Parameters
    ----------
    path
        An image file of at least 128 x 128 pixels, after shrinking or before.
    seed
        Everything random follows from it.
    settings
        Of the history.
    """
    rng = np.random.default_rng(list(seed))
    pixels = open_specimen(path).pixels
    native = min(pixels.shape[:2]) >= NATIVE_SIDE
    shrunk, factor = _shrunk(pixels, rng, always=native)
    side = int(rng.choice(SIDES))
    halved = thumbnail_from(pixels, seed)
    if halved is not pixels:
        side = min(side, *halved.shape[:2])  # Of both: size tells nothing.
    behind = background(rng, BACKED)
    # From random numbers of their own: pairs in focus or without a sky are what they are with any share of the others.
    lined = facade(np.random.default_rng([*seed, _FACADE]), FACADES)
    focus = defocus(np.random.default_rng([*seed, _FOCUS]), DEFOCUSED)
    above = sky(np.random.default_rng([*seed, _SKY]), SKIES)

    def staged(cut: Pixels) -> Pixels:
        return behind(above(focus(lined(cut))))

    scene = staged(_cut_out(shrunk, side, rng))
    made, simulator = simulate(scene, rng)
    photograph = scene
    # Only the photograph gets the trace of a camera: a generator's picture was never behind a colour filter.
    if native and rng.random() < NATIVE:
        photograph = staged(_cut_out(pixels, side, rng))
    elif factor <= CLEAN and rng.random() < RETAKEN:
        photograph = take_photograph(scene, rng)
    photograph = leaning_encoder(np.random.default_rng([*seed, _ENCODER]), CAMERA_STORED)(photograph)
    if halved is not pixels:
        photograph = staged(_cut_out(halved, side, np.random.default_rng([*seed, _THUMBNAIL, 1])))
    history = history_from(rng, seed, settings)
    return Pair(history.apply(photograph), history.apply(made), Path(path).name, simulator, history)


def history_from(rng: np.random.Generator, seed: Sequence[int], settings: HistorySettings = HANDLING) -> History:
    """A random history, for a share of them with grain.

    Parameters
    ----------
    rng
        The history comes from it.
    seed
        The grain comes from it: histories without are what they are with any share of it.
    settings
        Of the history.
    """
    return grain(np.random.default_rng([*seed, _GRAIN]), GRAIN)(random_history(rng, settings=settings))


def thumbnail_from(pixels: Pixels, seed: Sequence[int]) -> Pixels:
    """For a share of seeds the photograph scaled by a simple ratio after a first compression, else `pixels` itself."""
    return thumbnail(np.random.default_rng([*seed, _THUMBNAIL]), THUMBNAILS)(pixels)


def pairs(
    paths: Sequence[str | os.PathLike[str]],
    count: int,
    seed: int,
    settings: HistorySettings = HANDLING,
    *,
    workers: int = 1,
) -> Iterator[Pair]:
    """`count` pairs, each photograph in turn, made by processes; pair i depends on `seed` and i alone."""
    work = ((paths[index % len(paths)], (seed, index), settings) for index in range(count))
    if workers == 1:
        yield from (pair_from(*one) for one in work)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        ahead = deque(pool.submit(pair_from, *one) for one in islice(work, 8 * workers))
        while ahead:
            yield ahead.popleft().result()
            ahead.extend(pool.submit(pair_from, *one) for one in islice(work, 1))


def _shrunk(pixels: Pixels, rng: np.random.Generator, *, always: bool) -> tuple[Pixels, float]:
    """The photograph made smaller or left alone, and by which factor."""
    smallest = 128 / min(pixels.shape[:2])
    low, high = (min(SHRINKING[0], 512 / min(pixels.shape[:2])), CLEAN) if always else SHRINKING
    factor = float(rng.uniform(low, high))
    if factor < smallest or not (always or rng.random() < SHRUNK):
        return pixels, 1.0
    size = (round(pixels.shape[1] * factor), round(pixels.shape[0] * factor))
    method = Image.Resampling.LANCZOS if rng.random() < 0.5 else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(pixels).resize(size, method)), factor


def _cut_out(pixels: Pixels, side: int, rng: np.random.Generator) -> Pixels:
    """A random cut-out with sides that are multiples of 8, flipped or not."""
    height, width = (min(side, length) // 8 * 8 for length in pixels.shape[:2])
    top = int(rng.integers(pixels.shape[0] - height + 1))
    left = int(rng.integers(pixels.shape[1] - width + 1))
    if rng.random() < ALIGNED:
        top, left = top // 8 * 8, left // 8 * 8
    cut = pixels[top : top + height, left : left + width]
    return np.ascontiguousarray(cut[:, ::-1] if rng.random() < 0.5 else cut)
