"""How near does the corrected Fréchet distance come with few images to what the plain one needs tens of thousands for?

Real features: Fashion-MNIST's 60,000 training images against samples of the bundled DCGAN, or against a blurred copy of
other Fashion-MNIST images, through efficientnet-lite0 (D = 1280). The truth is the corrected distance of all there is.
Features go to ganeval's store, so that a second run takes minutes.

    python benchmarks/fd_few_images.py
    python benchmarks/fd_few_images.py --against blurred --sizes 500 2000 --replicates 12
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import numpy.typing as npt
import torch

from ganeval.features.engine import extract
from ganeval.features.resolving import resolve_extractor
from ganeval.features.store import FeatureStore
from ganeval.images.arrays import ArraySource
from ganeval.images.opening import open_source
from ganeval.images.source import ImageSource, SourceOptions
from ganeval.metrics import frechet_distance

Rows = npt.NDArray[np.float32]


def main() -> None:
    """Extract (or read from the store), measure, print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--extractor", default="efficientnet-lite0")
    parser.add_argument("--against", choices=("dcgan", "blurred"), default="dcgan")
    parser.add_argument("--count", type=int, default=30_000, help="generated images")
    parser.add_argument("--sizes", type=int, nargs="+", default=[500, 1000, 2000, 5000])
    parser.add_argument("--replicates", type=int, default=10, help="at most; disjoint subsets while they last")
    parser.add_argument("--dims", type=int, help="project the features at random to so many dimensions first")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()

    network, _ = resolve_extractor(chosen.extractor)
    real_source, generated_source = sources(chosen.against, chosen.count)
    real, generated = (
        extract(source, network, store=FeatureStore()).features.pooled for source in (real_source, generated_source)
    )
    random = np.random.default_rng(chosen.seed)
    real, generated = real[random.permutation(len(real))], generated[random.permutation(len(generated))]
    if chosen.dims is not None:
        mixing = (random.standard_normal((real.shape[1], chosen.dims)) / chosen.dims**0.5).astype(np.float32)
        real, generated = real @ mixing, generated @ mixing

    truth = frechet_distance(real, generated)
    assert truth.corrected is not None
    assert truth.standard_error is not None
    print(f"{chosen.extractor}, D={real.shape[1]}, {real_source.name} against {generated_source.name}\n")
    print("| N a side | plug-in | corrected | mean standard error | truth in the 95 % interval | seconds |")
    print("|---|---|---|---|---|---|")
    for size in chosen.sizes:
        print(row(real, generated, size, chosen.replicates, truth.corrected), flush=True)
    error = truth.standard_error.total
    print(f"| {len(real):,} / {len(generated):,} | {truth.value:.2f} | {truth.corrected:.2f} | {error:.2f} | | |")


def sources(against: str, count: int) -> tuple[ImageSource, ImageSource]:
    """The real and the generated images."""
    train = open_source("fashion-mnist:train")
    if against == "dcgan":
        return train, open_source("generator:dcgan", SourceOptions(count=count))
    from ganeval.images.fashion_mnist import _READERS

    images, _ = _READERS["train"]()
    half = len(images) // 2
    blurred = torch.nn.functional.avg_pool2d(
        torch.from_numpy(images[half : half + count].astype(np.float32))[:, None],
        3,
        stride=1,
        padding=1,
        count_include_pad=False,
    )
    pixels = blurred[:, 0].round().to(torch.uint8).numpy()[..., None]
    return (
        ArraySource(images[:half, ..., None], None, name="fashion-mnist:train, first half", kind="array"),
        ArraySource(pixels, None, name="fashion-mnist:train, second half, blurred", kind="array"),
    )


def row(real: Rows, generated: Rows, size: int, replicates: int, truth: float) -> str:
    """One line of the table."""
    replicates = min(replicates, len(real) // size, len(generated) // size)
    values, corrected, errors, covered = [], [], [], []
    began = time.perf_counter()
    for number in range(replicates):
        part = slice(number * size, (number + 1) * size)
        score = frechet_distance(real[part], generated[part])
        values.append(score.value)
        if score.corrected is not None and score.interval is not None and score.standard_error is not None:
            corrected.append(score.corrected)
            errors.append(score.standard_error.total)
            covered.append(score.interval.low <= truth <= score.interval.high)
    seconds = (time.perf_counter() - began) / max(replicates, 1)
    plug_in = f"{np.mean(values):.1f} ± {np.std(values):.1f}"
    if not corrected:
        return f"| {size:,} | {plug_in} | – | – | – | {seconds:.1f} |"
    return (
        f"| {size:,} | {plug_in} | {np.mean(corrected):.1f} ± {np.std(corrected):.1f} | {np.mean(errors):.1f} | "
        f"{sum(covered)} of {len(covered)} | {seconds:.1f} |"
    )


if __name__ == "__main__":
    main()
