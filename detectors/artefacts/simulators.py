"""Simulated traces of generators: photographs sent through random up-sampling layers that nearly leave them alone.

A generator's last layers write pixels of different phase (row and column modulo 2, 4 or 8) with different filters. Each
simulator here does just that to a photograph, with random filters near the identity or, in `fitted_decoder`, with a
decoder whose last layer is fitted to the photograph, so that a pair of pictures differs in nothing but the trace
(Zhang, Karaman, Chang 2019, "Detecting and simulating artifacts in GAN fake images", do it with a trained autoencoder;
blurry simulations teach that blur is generated, so that these are sharp).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from ganeval.detectors.artefacts.draws import log_uniform
from ganeval.detectors.artefacts.fitted_decoder import fitted_decoder
from ganeval.detectors.artefacts.layers import Rng, normal, padded

Pixels = npt.NDArray[np.uint8]
#: Least and greatest root mean square, in grey levels, of what a simulator changes: drawn between on a log scale.
TRACE_RMS = (0.8, 10.0)

Simulator = Callable[[torch.Tensor, Rng], torch.Tensor]


def phase_filters(x: torch.Tensor, rng: Rng) -> torch.Tensor:
    """Each phase of a lattice of period 2, 4 or 8 gets its own filter near the identity.

    Parameters
    ----------
    x
        float32 [1, 3, height, width], 0..1; sides are multiples of 8.
    rng
        Draws the filters.
    """
    period = int(rng.choice([2, 2, 4, 8]))
    side = int(rng.choice([3, 5]))
    strength = log_uniform(rng, 0.01, 0.12)
    shared = rng.random() < 0.5  # One filter for all channels, or one each.
    kernels = strength * normal(rng, period**2, 1 if shared else 3, side, side)
    if rng.random() < 0.5:
        kernels -= kernels.mean(dim=(2, 3), keepdim=True)  # No change of brightness by phase: a trace in detail only.
    kernels = kernels.expand(-1, 3, -1, -1).clone()
    kernels[:, :, side // 2, side // 2] += 1
    outputs = []
    # One filter a phase, as a strided convolution whose phase shift is in the padding; the results are interleaved.
    margin = side // 2
    surrounded = padded(x, margin)
    height, width = x.shape[-2:]
    for channel in range(3):
        phases = []
        for index in range(period**2):
            i, j = divmod(index, period)
            patch = surrounded[:, channel : channel + 1, i : i + height - period + side, j : j + width - period + side]
            phases.append(F.conv2d(patch, kernels[index : index + 1, channel : channel + 1], stride=period))
        outputs.append(F.pixel_shuffle(torch.cat(phases, dim=1), period))
    return torch.cat(outputs, dim=1)


def transposed_convolution(x: torch.Tensor, rng: Rng) -> torch.Tensor:
    """Space to depth and back by transposed convolutions of stride 2 and 3 to 5 taps near the inverse."""
    levels = int(rng.choice([1, 1, 2, 3]))
    strength = log_uniform(rng, 0.01, 0.1)
    return _levels(x, levels, lambda deep: _transposed(deep, rng, strength))


def _transposed(deep: torch.Tensor, rng: Rng, strength: float) -> torch.Tensor:
    """From 4c channels to c at twice the resolution, near depth to space."""
    channels = deep.shape[1] // 4
    taps = int(rng.choice([3, 4, 4, 5]))
    padding = 1 if taps < 5 else 2
    kernels = strength * normal(rng, deep.shape[1], channels, taps, taps) / np.sqrt(4 if channels > 3 else 1)
    if channels > 3:  # Deeper levels mix neighbouring channels only a little, or the picture would be gone.
        kernels *= 0.5
    for channel in range(channels):
        for phase in range(4):
            i, j = divmod(phase, 2)
            kernels[4 * channel + phase, channel, padding + i, padding + j] += 1
    return F.conv_transpose2d(deep, kernels, stride=2, padding=padding, output_padding=1 if taps % 2 else 0)


def pixel_shuffle(x: torch.Tensor, rng: Rng) -> torch.Tensor:
    """Space to depth, a random mixing of the channels near the identity with a bent activation and noise, and back."""
    levels = int(rng.choice([1, 2, 3]))
    strength = log_uniform(rng, 0.01, 0.08)
    noise = float(rng.choice([0, 0.002, 0.006, 0.012]))
    bend = float(rng.choice([0, 0, 0.1]))

    def up(deep: torch.Tensor) -> torch.Tensor:
        count = deep.shape[1]
        side = int(rng.choice([1, 3]))
        kernel = strength * normal(rng, count, count, side, side) / np.sqrt(max(1, count / 12))
        kernel[torch.arange(count), torch.arange(count), side // 2, side // 2] += 1
        mixed = F.conv2d(padded(deep, side // 2), kernel)
        if bend:
            offset = deep.mean(dim=(2, 3), keepdim=True) + 0.1 * normal(rng, 1, count, 1, 1)
            mixed = mixed - bend * strength * 10 * F.relu(mixed - offset)
        levels_of_noise = noise * torch.exp(0.7 * normal(rng, 1, count, 1, 1))
        return F.pixel_shuffle(mixed + levels_of_noise * normal(rng, *mixed.shape), 2)

    return _levels(x, levels, up)


def block_decoder(x: torch.Tensor, rng: Rng) -> torch.Tensor:
    """Blocks of 2 to 8 pixels lose their least coefficients and come back by slightly wrong vectors, as from a code.

    The blocks' channels are put through a random rotation of their fine detail, shrunk and given noise there, so that
    detail is re-invented rather than blurred.
    """
    period = int(rng.choice([2, 4, 8]))
    deep = F.pixel_unshuffle(x, period)
    count = deep.shape[1]
    flat = deep.flatten(2)[0]
    mean = flat.mean(dim=1, keepdim=True)
    values, vectors = torch.linalg.eigh(torch.cov(flat) + 1e-6 * torch.eye(count))
    kept = int(count * rng.uniform(0.5, 0.9))
    codes = vectors.T @ (flat - mean)
    fine = torch.arange(count) < count - kept
    scale = values.clamp_min(0).sqrt()[:, None]
    invented = scale * normal(rng, count, flat.shape[1])
    share = float(rng.uniform(0.3, 1.0))
    codes = torch.where(fine[:, None], (1 - share) * codes + share * invented * float(rng.uniform(0.5, 1.2)), codes)
    # Coefficients are decoded by slightly wrong vectors: what the decoder learnt isn't what the encoder did.
    wrong = vectors + log_uniform(rng, 0.002, 0.03) * normal(rng, count, count)
    back = (wrong @ codes + mean).reshape(deep.shape)
    return F.pixel_shuffle(back, period)


def smooth_upsampling(x: torch.Tensor, rng: Rng) -> torch.Tensor:
    """The coarse half of the picture by filtered up-sampling (zeros between, then a filter), the detail left on top.

    What StyleGAN2's and bilinear up-sampling leave: a weak imbalance of phases in the middle frequencies.
    """
    taps = torch.tensor([1.0, 3, 3, 1]) if rng.random() < 0.5 else torch.tensor([1.0, 2, 1])
    taps = taps / taps.sum() * (1 + 0.1 * float(rng.standard_normal()))
    kernel = torch.outer(taps, taps)[None, None].repeat(3, 1, 1, 1) * 4
    coarse = F.avg_pool2d(x, 2)
    size = len(taps)
    up = F.conv_transpose2d(coarse, kernel, stride=2, padding=(size - 1) // 2, groups=3)
    up = (
        F.pad(up, (0, x.shape[-1] - up.shape[-1], 0, x.shape[-2] - up.shape[-2]), mode="replicate")
        if up.shape != x.shape
        else up
    )
    plain = F.interpolate(coarse, scale_factor=2, mode="bilinear")
    detail = x - plain
    gain = float(rng.uniform(0.6, 1.1))
    strength = log_uniform(rng, 0.02, 0.1)
    return up + gain * phase_gain(detail, rng, strength)


def phase_gain(detail: torch.Tensor, rng: Rng, strength: float) -> torch.Tensor:
    """`detail` times a factor that depends on the phase of a lattice of period 2."""
    gains = 1 + 3 * strength * normal(rng, 1, 3, 2, 2)
    return detail * gains.repeat(1, 1, detail.shape[2] // 2, detail.shape[3] // 2)


def nearest_neighbour(x: torch.Tensor, rng: Rng) -> torch.Tensor:
    """What repeating pixels leaves and smooth interpolation doesn't, filtered and mixed over colours, on top.

    As in decoders that repeat features and convolve them: the trace follows the picture's slopes, at 1 to 3 levels.
    """
    trace = torch.zeros_like(x)
    for level in range(1, int(rng.choice([1, 2, 3])) + 1):
        factor = 2**level
        coarse = F.avg_pool2d(x, factor)
        repeated = F.interpolate(coarse, scale_factor=factor, mode="nearest")
        smooth = F.interpolate(coarse, scale_factor=factor, mode="bilinear")
        kernel = normal(rng, 3, 3, 3, 3) * 0.3
        kernel[torch.arange(3), torch.arange(3), 1, 1] += float(rng.choice([-1.0, 1.0]))
        trace = trace + float(rng.uniform(0.3, 1.0)) * F.conv2d(padded(repeated - smooth, 1), kernel)
    return x + 0.2 * trace


def checkerboard(x: torch.Tensor, rng: Rng) -> torch.Tensor:
    """A periodic pattern whose strength follows the picture: uneven overlap of kernels (Odena, Dumoulin, Olah 2016).

    Its strength follows brightness or local detail, or is the same everywhere; its colour is random.
    """
    period = int(rng.choice([2, 2, 2, 4, 8]))
    pattern = normal(rng, 1, 1, period, period)
    if period == 2 and rng.random() < 0.5:  # The pure diagonal one, the most common of all.
        pattern = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])[None, None]
    pattern = pattern - pattern.mean()
    colour = normal(rng, 1, 3, 1, 1)
    grey = x.mean(dim=1, keepdim=True)
    detail = (grey - F.avg_pool2d(padded(grey, 2), 5, stride=1)).abs()
    strength = [torch.ones_like(grey), grey, 1 - grey, 5 * detail, torch.sin(grey * float(rng.uniform(3, 12)))]
    rows, columns = x.shape[2] // period, x.shape[3] // period
    drawn = strength[int(rng.integers(len(strength)))]
    noisy = drawn * (1 + float(rng.choice([0, 0.5, 1])) * normal(rng, *grey.shape))
    return x + 0.02 * noisy * colour * pattern.repeat(1, 1, rows, columns)


def _levels(x: torch.Tensor, levels: int, up: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
    """Down by space to depth `levels` times, then up again by `up`, coarse to fine."""
    deep = x
    for _ in range(levels):
        deep = F.pixel_unshuffle(deep, 2)
    for _ in range(levels):
        deep = up(deep)
    return deep


SIMULATORS: dict[str, Simulator] = {
    "phase-filters": phase_filters,
    "transposed": transposed_convolution,
    "pixel-shuffle": pixel_shuffle,
    "block-decoder": block_decoder,
    "smooth": smooth_upsampling,
    "nearest": nearest_neighbour,
    "checkerboard": checkerboard,
    "fitted-decoder": fitted_decoder,
}
#: How often each is drawn, relative to the others (1 where it isn't named). Fitted decoders teach most of generators
#: that were never seen (``docs/detectors.md`` has the comparison), the others what transposed convolutions leave.
OFTEN = {"fitted-decoder": 10}


def _drawn_name(rng: Rng) -> str:
    often = np.array([OFTEN.get(name, 1) for name in SIMULATORS])
    return str(rng.choice(list(SIMULATORS), p=often / often.sum()))


def simulate(pixels: Pixels, rng: Rng, name: str | None = None) -> tuple[Pixels, str]:
    """A generated-looking version of a photograph, and the name of what made it.

    Parameters
    ----------
    pixels
        uint8 [height, width, 3], at least 16 x 16; cut to multiples of 8.
    rng
        Draws the simulator and all of its parameters.
    name
        Of `SIMULATORS`; drawn where None.

    Returns
    -------
    tuple
        uint8 [height, width, 3] with sides cut to multiples of 8, and the simulator's name.
    """
    chosen = name if name is not None else _drawn_name(rng)
    rows, columns = (side // 8 * 8 for side in pixels.shape[:2])
    x = torch.from_numpy(pixels[:rows, :columns].copy()).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        y = SIMULATORS[chosen](x, rng)
        if rng.random() < 0.25:  # Generators write with more than one such layer.
            y = SIMULATORS[str(rng.choice(["phase-filters", "transposed", "pixel-shuffle"]))](y, rng)
        trace = y - x
        wanted = log_uniform(rng, *TRACE_RMS) / 255
        y = x + trace * (wanted / trace.square().mean().sqrt().clamp_min(1e-4)).clamp_max(4)
    made = (y[0].permute(1, 2, 0) * 255).round().clamp(0, 255).byte().numpy()
    return np.ascontiguousarray(made), chosen
