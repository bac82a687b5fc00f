"""Scenes whose rows aren't independent features: clips of frames, and images themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from coverage_simulation.distributions import Matrix, Vector
from coverage_simulation.scenes import DISTANCES, Scene, scales_of, shift_of
from ganeval.features.features import Features
from ganeval.metrics.image_sets import as_reader

FRAMES = 6
SIDE = 16


@dataclass(frozen=True)
class Clips:
    """Features of clips of `FRAMES` frames: a subject a clip, around which the frames wander (autoregression).

    Its moments are those of [f(t), f(t+1) − f(t)], on which `temporal_fd` is computed.

    Parameters
    ----------
    centre, scales
        [D], of single frames.
    subject
        Share of the variance of frames that is the clip's.
    memory
        Correlation of the wandering from one frame to the next.
    """

    centre: Vector
    scales: Vector
    subject: float
    memory: float

    @property
    def dimension(self) -> int:
        return 2 * len(self.centre)

    def draw(self, count: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
        clips, dimension = count // FRAMES, len(self.centre)
        noise = rng.standard_normal((clips, FRAMES + 1, dimension))
        wander = np.empty((clips, FRAMES, dimension))
        wander[:, 0] = noise[:, 0]
        for frame in range(1, FRAMES):
            wander[:, frame] = self.memory * wander[:, frame - 1] + np.sqrt(1 - self.memory**2) * noise[:, frame]
        frames = np.sqrt(self.subject) * noise[:, -1:] + np.sqrt(1 - self.subject) * wander
        rows = self.centre + self.scales * frames
        return rows.reshape(clips * FRAMES, dimension).astype(np.float32)

    def mean(self) -> Vector:
        return np.concatenate([self.centre, np.zeros_like(self.centre)])

    def covariance(self) -> Matrix:
        frame = np.diag(self.scales**2)
        moving = (1 - self.subject) * (1 - self.memory) * frame
        return np.block([[frame, -moving], [-moving, 2 * moving]])


@dataclass(frozen=True)
class ClipScene(Scene):
    """Two sides of clips; numbers of images are numbers of frames."""

    def draw(self, n_real: int, n_generated: int, rng: np.random.Generator) -> tuple[Features, Features]:
        sides = []
        for distribution, count in ((self.real, n_real), (self.generated, n_generated)):
            rows = distribution.draw(count, rng)
            clips = tuple(f"clip{row // FRAMES:05d}" for row in range(len(rows)))
            ids = tuple(f"{clip}/{row % FRAMES}" for row, clip in enumerate(clips))
            sides.append(Features(pooled=rows, clips=clips, ids=ids))
        return sides[0], sides[1]


def clips(dimension: int, decay: float, distance: str) -> ClipScene:
    """Two sides of clips, of which the generated ones move less the farther they are."""
    apart, scales = DISTANCES[distance], scales_of(dimension, decay)
    memory = {"same": 0.7, "near": 0.75, "far": 0.95}[distance]
    return ClipScene(
        Clips(np.zeros(dimension), scales, 0.5, 0.7),
        Clips(shift_of(dimension, apart.shift), apart.stretch * scales, 0.5, memory),
    )


@dataclass(frozen=True)
class Textures:
    """Images of random texture with power f^(−slope) and a contrast of their own, uint8 [n, SIDE, SIDE, 3]."""

    slope: float
    contrast: float

    def draw_images(self, count: int, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
        frequency = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None])
        frequency[0, 0] = 1
        amplitude = frequency ** (-self.slope / 2)
        amplitude[0, 0] = 0
        spectrum = np.fft.rfft2(rng.standard_normal((count, SIDE, SIDE))) * amplitude
        texture = np.fft.irfft2(spectrum, s=(SIDE, SIDE))
        texture *= self.contrast * rng.uniform(0.5, 1.5, (count, 1, 1)) / texture.std()
        grey = np.clip(np.rint(127.5 + texture), 0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=3)


@dataclass(frozen=True)
class ImageScene:
    """Two sides of images; their features are of no interest."""

    real: Textures
    generated: Textures

    def draw(self, n_real: int, n_generated: int, rng: np.random.Generator) -> tuple[Features, Features]:
        return self._side("real", self.real, n_real, rng), self._side("generated", self.generated, n_generated, rng)

    def _side(self, name: str, textures: Textures, count: int, rng: np.random.Generator) -> Features:
        images = textures.draw_images(count, rng)
        return Features(pooled=np.zeros((count, 1), np.float32), reader=as_reader(name, images))


def textures(dimension: int, decay: float, distance: str) -> ImageScene:
    """Textures, of which the generated ones are rougher and of more contrast; `dimension` is their side."""
    if dimension != SIDE:
        raise ValueError(f"textures have a side of {SIDE} pixels")
    rougher = {"same": 0.0, "near": 0.02, "far": 0.5}[distance]
    return ImageScene(Textures(2.0, 30.0), Textures(2.0 - rougher, 30.0 * (1 + rougher)))
