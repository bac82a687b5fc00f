"""What upsampling does to the power over frequencies, and what the spectral loss of Durall et al. (2020) does about it.

``upsampling``: white noise is doubled in size once by inserted zeros, nearest neighbours, bilinear interpolation and
the binomial filter of StyleGAN2; how much of its power lies outside the band that the small image could hold? ``gap``:
a DCGAN whose generator upsamples in one of these ways learns Fashion-MNIST with several weights of the spectral loss;
how much power has it at high frequencies along training, as a logarithm over that of real images, and what does it cost
in Fréchet distance?

    python benchmarks/claims.py upsampling
    python benchmarks/claims.py gap --modes bilinear --weights 0 30 --steps 1200 --looks 3 --out gap.json
"""

from __future__ import annotations

import argparse
import inspect
import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from claim_tables import markdown
from torch import Tensor, nn
from torch.nn.functional import interpolate

from ganeval.features.engine import extract
from ganeval.features.resolving import resolve_extractor
from ganeval.generators.configuration import configured
from ganeval.generators.losses.spectral import azimuthal_integral, mean_spectrum
from ganeval.generators.models.dcgan import DCGAN
from ganeval.generators.networks.initial import initialise_normal
from ganeval.generators.networks.resampling import upfirdn, upsample
from ganeval.generators.sampling.blocks import levels, to_bytes
from ganeval.generators.streams import random_stream
from ganeval.generators.training.data import ImageArrays
from ganeval.generators.training.finishing import finished_model
from ganeval.generators.training.settings import TrainingSettings
from ganeval.generators.training.trainer import Trainer
from ganeval.images.arrays import ArraySource
from ganeval.images.fashion_mnist import _READERS
from ganeval.metrics import frechet_distance

#: What a claim gives: rows of a table, JSON-ready.
Table = list[dict[str, Any]]
_BLOCK = 250


@dataclass(frozen=True)
class Benchmark:
    """How large the experiments are.

    Parameters
    ----------
    size
        Of the noise before it is doubled.
    images
        Noise images of each way of upsampling.
    modes
        Ways in which generators upsample.
    weights
        Of the spectral loss.
    steps, width, batch_size
        Of each training.
    looks
        How often samples are measured along it, evenly.
    samples
        Generated images of each model, and real ones against which they stand.
    extractor
        Of the Fréchet distance; ``"none"`` leaves it out.
    seed
        Of everything.
    """

    size: int = 28
    images: int = 2000
    modes: tuple[str, ...] = ("transposed", "bilinear")
    weights: tuple[float, ...] = (0.0, 10.0, 100.0)
    steps: int = 3000
    looks: int = 3
    width: int = 24
    batch_size: int = 64
    samples: int = 5000
    extractor: str = "efficientnet-lite0"
    seed: int = 0


def zeros_between(images: Tensor) -> Tensor:
    """[N, C, 2H, 2W] with three zeros beside each value."""
    return upfirdn(images, [1.0], up=2)


def nearest(images: Tensor) -> Tensor:
    """[N, C, 2H, 2W], each value four times."""
    return interpolate(images, scale_factor=2, mode="nearest")


def bilinear(images: Tensor) -> Tensor:
    """[N, C, 2H, 2W] by linear interpolation, edges continued."""
    return interpolate(images, scale_factor=2, mode="bilinear", align_corners=False)


UPSAMPLINGS: dict[str, Callable[[Tensor], Tensor]] = {
    "zero insertion": zeros_between,
    "nearest": nearest,
    "bilinear": bilinear,
    "binomial [1, 3, 3, 1]": upsample,
}


def outside_baseband(images: Tensor) -> float:
    """Share of the power of images [N, C, H, W] at frequencies above a quarter cycle per pixel, along either axis."""
    spectrum = torch.fft.fft2(images)
    power = (spectrum.real.square() + spectrum.imag.square()).mean(dim=(0, 1))
    # Frequencies at the edge itself are half inside.
    inside = [0.5 + 0.5 * torch.sign(0.25 - torch.fft.fftfreq(side).abs()) for side in power.shape]
    return 1 - float((power * inside[0][:, None] * inside[1][None, :]).sum() / power.sum())


def share_in_theory(response: Callable[[float], float], points: int = 20_000) -> float:
    """The same of an endless image, from the squared response of a filter along an axis at a frequency in cycles."""
    steps = [(number + 0.5) / (2 * points) for number in range(points)]
    powers = [response(frequency) for frequency in steps]
    inside = sum(power for frequency, power in zip(steps, powers, strict=True) if frequency < 0.25)
    return 1 - (inside / sum(powers)) ** 2


#: Squared frequency responses along an axis, but for a factor: 1, cos²(πf), and cos⁶(πf) of [1, 3, 3, 1].
RESPONSES: dict[str, Callable[[float], float]] = {
    "zero insertion": lambda frequency: 1.0,
    "nearest": lambda frequency: math.cos(math.pi * frequency) ** 2,
    "bilinear": lambda frequency: math.cos(math.pi * frequency) ** 6,
    "binomial [1, 3, 3, 1]": lambda frequency: math.cos(math.pi * frequency) ** 6,
}


def upsampling(benchmark: Benchmark) -> Table:
    """Share of white noise's power outside the baseband after one doubling."""
    noise = torch.randn(benchmark.images, 1, benchmark.size, benchmark.size, generator=random_stream(benchmark.seed))
    return [
        {"upsampling": name, "measured": outside_baseband(double(noise)), "in theory": share_in_theory(RESPONSES[name])}
        for name, double in UPSAMPLINGS.items()
    ]


class UpsamplingDCGAN(DCGAN):
    """A DCGAN whose generator upsamples, then convolves, in place of transposed convolutions."""

    mode = "bilinear"

    def build(self, name: str) -> nn.Module:
        """The DCGAN's network, with the layers replaced."""
        network = super().build(name)
        if name == "generator":
            for path, module in list(network.named_modules()):
                if isinstance(module, nn.ConvTranspose2d):
                    owner, _, place = path.rpartition(".")
                    network.get_submodule(owner)[int(place)] = self._replaced(module)  # type: ignore[index]
            initialise_normal(network)
        return network

    def _replaced(self, layer: nn.ConvTranspose2d) -> nn.Module:
        align = False if self.mode == "bilinear" else None
        return nn.Sequential(
            nn.Upsample(scale_factor=2, mode=self.mode, align_corners=align),
            nn.Conv2d(layer.in_channels, layer.out_channels, 3, padding=1, bias=layer.bias is not None),
        )


class NearestDCGAN(UpsamplingDCGAN):
    """With nearest neighbours."""

    mode = "nearest"


GENERATORS: dict[str, type[DCGAN]] = {"transposed": DCGAN, "bilinear": UpsamplingDCGAN, "nearest": NearestDCGAN}


def gap(benchmark: Benchmark) -> Table:
    """Mean log10 of generated over real power on the highest quarter of frequencies; Fréchet distance.

    The loss itself sees rings below half a cycle per pixel, so the corners beyond, which it doesn't see, stand apart.
    """
    train, _ = _READERS["train"]()
    held_out, _ = _READERS["test"]()
    real = torch.from_numpy(held_out[: benchmark.samples])[:, None]
    rows = []
    for mode in benchmark.modes:
        for weight in benchmark.weights:
            for step, made in samples_along(benchmark, mode, weight, ImageArrays(train[:, None])):
                rows.append(
                    {
                        "upsampling": mode,
                        "weight": weight,
                        "step": step,
                        "high-frequency gap": high_frequency_gap(made, real),
                        "of mean logarithms": gap_of_logarithms(made, real),
                        "gap in the corners": corner_gap(made, real),
                        **distances(benchmark, made, real),
                    }
                )
                print(rows[-1], flush=True)
    return rows


def samples_along(benchmark: Benchmark, mode: str, weight: float, data: ImageArrays) -> Iterator[tuple[int, Tensor]]:
    """Steps and uint8 [samples, 1, H, W] of a model in training with that weight of the spectral loss."""
    kind = GENERATORS[mode]
    options = {
        "size": data.shape[1:],
        "channels": data.shape[0],
        "width": benchmark.width,
        "spectral_weight": weight,
    }
    model = kind.initialised(configured(kind.Config, options), benchmark.seed)
    # Short averages: what is measured is the network of the moment.
    settings = TrainingSettings(batch_size=benchmark.batch_size, seed=benchmark.seed, average_decay=0.9)
    trainer = Trainer(model, data, settings)
    for look in range(benchmark.looks):
        while trainer.steps < round(benchmark.steps * (look + 1) / benchmark.looks):
            trainer.step()
        yield trainer.steps, _samples(benchmark, trainer)


def _samples(benchmark: Benchmark, trainer: Trainer) -> Tensor:
    finished = finished_model(trainer)
    assert isinstance(finished, DCGAN)
    blocks = []
    for start in range(0, benchmark.samples, _BLOCK):
        count = min(_BLOCK, benchmark.samples - start)
        blocks.append(to_bytes(levels(finished, finished.draw(count, random_stream(benchmark.seed, start)))))
    return torch.cat(blocks)


def high_frequency_gap(generated: Tensor, real: Tensor) -> float:
    """Mean over the highest quarter of rings of log10 of the ratio of mean spectra; 0 is none. uint8 [N, C, H, W]."""
    spectra = [mean_spectrum(images.float() / 127.5 - 1) for images in (generated, real)]
    kept = spectra[0].shape[0] * 3 // 4
    return float((spectra[0][kept:] / spectra[1][kept:]).log10().mean())


def gap_of_logarithms(generated: Tensor, real: Tensor) -> float:
    """As `high_frequency_gap`, of the means of the logarithms, which is what the loss sees; an image in which a
    frequency has no power counts as 10⁻⁸."""
    logarithms = [
        (azimuthal_integral(images.float() / 127.5 - 1) + 1e-8).log10().mean(dim=0) for images in (generated, real)
    ]
    kept = len(logarithms[0]) * 3 // 4
    return float((logarithms[0][kept:] - logarithms[1][kept:]).mean())


def corner_gap(generated: Tensor, real: Tensor) -> float:
    """As `high_frequency_gap`, of all frequencies of half a cycle per pixel and more, which the loss doesn't see."""
    height, width = real.shape[2:]
    radii = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.fftfreq(width)[None, :])
    beyond = radii >= 0.5

    def power(images: Tensor) -> Tensor:
        spectrum = torch.fft.fft2(images.float() / 255)
        squares = spectrum.real.square() + spectrum.imag.square()
        return (squares / squares[..., :1, :1].clamp_min(1e-12))[..., beyond].mean()

    return float((power(generated) / power(real)).log10())


def distances(benchmark: Benchmark, generated: Tensor, real: Tensor) -> dict[str, float]:
    """The Fréchet distance, corrected for the number of images, where an extractor is named."""
    if benchmark.extractor == "none":
        return {}
    network, _ = resolve_extractor(benchmark.extractor)
    features = [
        extract(ArraySource(images.expand(-1, 3, -1, -1).permute(0, 2, 3, 1).numpy()), network).features.pooled
        for images in (real, generated)
    ]
    distance = frechet_distance(features[0], features[1])
    return {f"fd_{benchmark.extractor}": distance.value if distance.corrected is None else distance.corrected}


CLAIMS: dict[str, Callable[[Benchmark], Table]] = {"upsampling": upsampling, "gap": gap}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the experiments, print their tables, write them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("claims", nargs="+", choices=list(CLAIMS))
    defaults = Benchmark()
    parser.add_argument("--size", type=int, default=defaults.size, help="of the noise")
    parser.add_argument("--images", type=int, default=defaults.images, help="of noise")
    parser.add_argument("--modes", nargs="+", choices=list(GENERATORS), default=defaults.modes)
    parser.add_argument("--weights", nargs="+", type=float, default=defaults.weights, help="of the spectral loss")
    parser.add_argument("--steps", type=int, default=defaults.steps)
    parser.add_argument("--looks", type=int, default=defaults.looks, help="measurements along each training")
    parser.add_argument("--width", type=int, default=defaults.width)
    parser.add_argument("--batch-size", type=int, default=defaults.batch_size)
    parser.add_argument("--samples", type=int, default=defaults.samples)
    parser.add_argument("--extractor", default=defaults.extractor, help="none leaves the Fréchet distance out")
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument("--out", type=Path, help="JSON file")
    chosen = vars(parser.parse_args(arguments))
    names, out = chosen.pop("claims"), chosen.pop("out")
    benchmark = Benchmark(**chosen)
    found: dict[str, Any] = {"settings": asdict(benchmark)}
    for name in names:
        began = time.perf_counter()
        found[name] = CLAIMS[name](benchmark)
        print(f"\n## {name} ({time.perf_counter() - began:.0f} s)\n\n{inspect.getdoc(CLAIMS[name])}\n")
        print(markdown(found[name]))
        if out is not None:
            out.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
