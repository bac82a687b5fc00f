"""Does a long training with evaluations in it leak memory? Resident memory over 200 evaluations, and its trend.

``python benchmarks/loop_memory.py [--evaluations 200] [--images 256]``

Each evaluation makes images with a module, scores them with a suite and with the classes of a `MetricCollection`, and
forgets them. After the first tenth, in which allocators and caches fill, memory should stay where it is: the script
ends with 1 if its last quarter lies more than 5 MiB above the quarter after that.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch
from torch import nn
from torchmetrics import MetricCollection

from ganeval.metrics import PRDC, FrechetDistance, InceptionScore, KernelDistance, MetricSuite

LIMIT_MIB = 5.0


class Features(nn.Module):
    """A random convolution with pooled features and logits: quick, and with as many dimensions as matter here."""

    def __init__(self) -> None:
        super().__init__()
        random = torch.Generator().manual_seed(0)
        self.register_buffer("filters", torch.randn(96, 3, 5, 5, generator=random) / 10)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        maps = nn.functional.conv2d(images.float() / 255, self.filters, stride=4).relu()
        pooled = maps.mean(dim=(2, 3))
        return pooled, pooled[:, :10] * 20


def resident_mib() -> float:
    """Memory of this process that is in RAM."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def measure(evaluations: int, images: int) -> list[float]:
    """Resident memory in MiB after each evaluation."""
    network = Features()
    real = torch.randint(0, 256, (500, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    generator = nn.Sequential(nn.Linear(32, 3 * 32 * 32), nn.Tanh(), nn.Unflatten(1, (3, 32, 32))).train()
    settings = {"extractor": network, "real": real, "value_range": (-1, 1), "cache": False}
    suite = MetricSuite(["fid", "kid", "prdc", "is"], device="cpu", options={"kid": {"subsets": 10}}, **settings)
    with tempfile.TemporaryDirectory() as folder:
        collection = MetricCollection(
            {
                "fid": FrechetDistance(**settings),
                "is": InceptionScore(**settings),
                "kid": KernelDistance(subsets=10, subset_size=50, capacity=100, **settings),
                "prdc": PRDC(folder=folder, **settings),
            }
        )
        sizes = []
        for evaluation in range(evaluations):
            suite.evaluate(generator, n=images, latent=32, seed=evaluation)
            with torch.no_grad():
                for batch in torch.rand(images, 32).split(64):
                    collection.update(generator(batch))
            collection.compute()
            collection.reset()
            sizes.append(resident_mib())
    return sizes


def growth(sizes: list[float]) -> float:
    """By how much the median of the last quarter lies above that of the first quarter after the warm-up, in MiB."""
    settled = sizes[len(sizes) // 10 :]
    quarter = max(1, len(settled) // 4)
    return statistics.median(settled[-quarter:]) - statistics.median(settled[:quarter])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evaluations", type=int, default=200)
    parser.add_argument("--images", type=int, default=256)
    options = parser.parse_args()
    began = time.perf_counter()
    sizes = measure(options.evaluations, options.images)
    for number in range(0, len(sizes), max(1, len(sizes) // 10)):
        print(f"evaluation {number + 1:>4}: {sizes[number]:8.1f} MiB")
    grown = growth(sizes)
    seconds = time.perf_counter() - began
    print(f"{len(sizes)} evaluations in {seconds:.0f} s: {grown:+.1f} MiB from the first quarter to the last")
    return int(grown > LIMIT_MIB)


if __name__ == "__main__":
    sys.exit(main())
