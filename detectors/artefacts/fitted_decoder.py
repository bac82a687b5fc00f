"""Simulated traces of a whole decoder: random up-sampling layers with a last one that is fitted to the photograph.

Of the layers of a generator's decoder only what they can't undo is left in its pictures. So here all but the last are
drawn at random, and the last is fitted by least squares, as training would have done: what it gets wrong are the
lattices that such layers leave, in a form that follows the picture. What any filter does that is the same everywhere
(blur, a colour cast) is taken out, since it would teach that blur is generated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from ganeval.detectors.artefacts.layers import Rng, normal, padded

#: Ways to twice the resolution, as often as they stand here.
_WAYS = ("nearest", "nearest", "transposed", "shuffle", "bilinear")
_ACTIVATIONS = (F.leaky_relu, F.silu, F.relu)
#: Channels at the lowest and at the highest resolution, at most and at least.
_MOST, _LEAST, _LAST = 128, 24, 36
#: Pixels that the last layer is fitted to, and by how much of the features' power the fit is drawn towards nothing.
_PIXELS = 6000
_RIDGE = 1e-4
#: Side of the filters whose work is no trace, and of the mean that is none.
_FILTER, _COARSE = 5, 9


def fitted_decoder(x: Tensor, rng: Rng) -> Tensor:
    """The photograph as a decoder with one to three stages of up-sampling would write it.

    Parameters
    ----------
    x
        float32 [1, 3, height, width], 0..1; sides are multiples of 8, and at least 16.
    rng
        Draws the layers.
    """
    decoder = _Decoder.drawn(rng)
    features = decoder(x, rng)
    side = int(rng.choice([1, 3, 3]))
    pixels = rng.permutation(x.shape[2] * x.shape[3])[:_PIXELS]
    written = _best_convolution(features, x, side, pixels)
    trace = written - x
    trace = trace - _best_convolution(x, trace, _FILTER, pixels)
    return x + trace - F.avg_pool2d(padded(trace, _COARSE // 2), _COARSE, stride=1)


@dataclass(frozen=True)
class _Decoder:
    """What its stages have in common."""

    levels: int
    way: str
    activation: int
    noise: float

    @classmethod
    def drawn(cls, rng: Rng) -> _Decoder:
        levels = int(rng.choice([1, 1, 1, 2, 2, 3]))
        way, activation = str(rng.choice(_WAYS)), int(rng.integers(len(_ACTIVATIONS)))
        return cls(levels, way, activation, float(rng.choice([0, 0, 0.02, 0.1])))

    def __call__(self, x: Tensor, rng: Rng) -> Tensor:
        """Features of the picture at its own resolution, [1, channels, height, width]."""
        deep = F.pixel_unshuffle(x, 2**self.levels)
        channels = int(min(max(_LEAST, deep.shape[1] * rng.uniform(1, 3)), _MOST))
        mean = deep.mean(dim=(2, 3), keepdim=True)
        y = _normalised(_convolved(deep - mean, _kernel(rng, deep.shape[1], channels, int(rng.choice([1, 3])))))
        for level in range(self.levels):
            last = level == self.levels - 1
            y = self._stage(y, min(channels, _LAST) if last else max(32, channels // 2), rng)
            channels = y.shape[1]
        return y

    def _stage(self, y: Tensor, channels: int, rng: Rng) -> Tensor:
        y = self._twice(y, channels, rng)
        activation = _ACTIVATIONS[self.activation]
        if self.noise:
            y = y + self.noise * normal(rng, 1, 1, *y.shape[2:]) * normal(rng, 1, channels, 1, 1)
        if rng.random() < 0.7:  # A residual block.
            y = _normalised(y)
            y = y + 0.7 * _convolved(activation(y), _kernel(rng, channels, channels, 3))
        y = _normalised(y)
        return activation(y) if rng.random() < 0.5 else y

    def _twice(self, y: Tensor, channels: int, rng: Rng) -> Tensor:
        before = y.shape[1]
        if self.way == "transposed":
            taps = int(rng.choice([3, 4, 4]))
            kernel = normal(rng, before, channels, taps, taps) / math.sqrt(before * taps**2 / 4)
            return F.conv_transpose2d(y, kernel, stride=2, padding=1, output_padding=taps % 2)
        if self.way == "shuffle":
            return F.pixel_shuffle(_convolved(y, _kernel(rng, before, 4 * channels, 3)), 2)
        return _convolved(F.interpolate(y, scale_factor=2, mode=self.way), _kernel(rng, before, channels, 3))


def _best_convolution(features: Tensor, wanted: Tensor, side: int, pixels: npt.NDArray[np.int64]) -> Tensor:
    """`features` through the convolution of `side` x `side` that comes nearest to `wanted` at those pixels."""
    surrounded = padded(features, side // 2)
    width = wanted.shape[-1]
    rows, columns = (torch.from_numpy(one) for one in np.divmod(pixels, width))
    taps = [surrounded[0][:, rows + i, columns + j] for i in range(side) for j in range(side)]
    seen = torch.cat([torch.stack(taps, dim=1).flatten(0, 1), torch.ones(1, len(pixels))])
    gram = seen @ seen.T
    gram += torch.eye(len(gram)) * (_RIDGE * gram.diagonal().mean())
    weights = torch.linalg.solve(gram, seen @ wanted[0][:, rows, columns].T)
    kernel = weights[:-1].T.reshape(len(wanted[0]), features.shape[1], side, side)
    return F.conv2d(surrounded, kernel, weights[-1])


def _kernel(rng: Rng, before: int, after: int, side: int) -> Tensor:
    return normal(rng, after, before, side, side) / math.sqrt(before * side**2)


def _convolved(y: Tensor, kernel: Tensor) -> Tensor:
    return F.conv2d(padded(y, kernel.shape[-1] // 2), kernel)


def _normalised(y: Tensor) -> Tensor:
    """Each channel with mean 0 and deviation 1."""
    centred = y - y.mean(dim=(2, 3), keepdim=True)
    deviation = centred.square().mean(dim=(2, 3), keepdim=True).sqrt()
    return centred / (deviation + 1e-3)
