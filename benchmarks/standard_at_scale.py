"""How long do the standard metrics take, intervals included, on large sets of features, and in how much memory?

python benchmarks/standard_at_scale.py                   50,000 + 50,000 x 2048, as papers score
python benchmarks/standard_at_scale.py --n 10000 --compare-without-intervals
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Sequence

import numpy as np

from ganeval.features.features import Features
from ganeval.metrics.selection import select_metrics

CLASSES = 1008


def main(arguments: Sequence[str] | None = None) -> None:
    """Make features, compute each metric, print seconds and the process's largest memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=50_000, help="images a side")
    parser.add_argument("--dim", type=int, default=2048)
    parser.add_argument("--metrics", default="standard")
    parser.add_argument("--compare-without-intervals", action="store_true", help="each metric a second time without")
    options = parser.parse_args(arguments)
    real, generated = (features(options.n, options.dim, seed) for seed in (0, 1))
    held = sum(side.pooled.nbytes + side.logits.nbytes for side in (real, generated) if side.logits is not None)
    print(
        f"{options.n:,} + {options.n:,} x {options.dim:,}; features and logits take {held / 2**30:.2f} GiB", flush=True
    )
    total, without = 0.0, 0.0
    for one in select_metrics(options.metrics):
        began = time.perf_counter()
        scores = one.metric(real if one.metric.needs_real else None, generated)
        took = time.perf_counter() - began
        total += took
        shown = ", ".join(f"{score.name} {score.value:.5g} {interval_text(score.interval)}" for score in scores)
        print(f"{one.metric.name:20} {took:7.1f} s  peak {peak_gib():.2f} GiB  {shown}", flush=True)
    print(f"{'all':20} {total:7.1f} s  peak {peak_gib():.2f} GiB")
    if options.compare_without_intervals:
        # Other objects, so that nothing remembered of the first pass serves the second.
        real, generated = (features(options.n, options.dim, seed) for seed in (0, 1))
        for one in select_metrics(options.metrics):
            began = time.perf_counter()
            one.metric(real if one.metric.needs_real else None, generated, level=None)
            took = time.perf_counter() - began
            without += took
            print(f"{one.metric.name:20} {took:7.1f} s  without intervals", flush=True)
        print(f"intervals add {100 * (total / without - 1):.0f} % to {without:.1f} s")


def features(count: int, dimension: int, seed: int) -> Features:
    """Sparse, non-negative, correlated features with a falling spectrum, as networks have them, and logits."""
    shape = np.random.default_rng(99)
    spread = (np.arange(1, dimension + 1) ** -0.5).astype(np.float32)
    mixing = shape.normal(size=(dimension, dimension)).astype(np.float32) / np.sqrt(dimension) * spread
    readout = shape.normal(size=(dimension, CLASSES)).astype(np.float32)
    random = np.random.default_rng(seed)
    pooled = np.empty((count, dimension), np.float32)
    logits = np.empty((count, CLASSES), np.float32)
    for start in range(0, count, 5000):
        part = slice(start, min(start + 5000, count))
        drawn = random.normal(0.05 * seed, 1, size=(part.stop - part.start, dimension)).astype(np.float32)
        pooled[part] = np.maximum(drawn @ mixing.T, 0)
        logits[part] = pooled[part] @ readout
    return Features(pooled=pooled, logits=logits)


def interval_text(interval: object) -> str:
    """The interval's ends, or a dash."""
    low, high = getattr(interval, "low", None), getattr(interval, "high", None)
    return "-" if low is None or high is None else f"[{low:.5g}, {high:.5g}]"


def peak_gib() -> float:
    """The process's largest memory so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    main()
