"""How long do `import ganeval.metrics` (beyond torch), `ganeval --help` and a score of stored features take?

Whole processes, interleaved, medians of their wall time and of their CPU time, which what else the machine does changes
less. Modules are compiled once beforehand, as an installation has them:

    python benchmarks/startup.py --runs 7
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

COMMANDS = {
    "python -c 'import torch'": [sys.executable, "-c", "import torch"],
    "python -c 'import torch, ganeval.metrics'": [sys.executable, "-c", "import torch, ganeval.metrics"],
    "python -m ganeval --help": [sys.executable, "-m", "ganeval", "--help"],
}

STORED = "python -m ganeval score, features stored"


def seconds(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Wall and CPU time of one process."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - began, cpu


def scoring(folder: Path, count: int) -> list[str]:
    """A command that scores two sets of `count` images each, which are written into `folder`."""
    for seed, name in enumerate(("generated", "real")):
        pixels = np.random.default_rng(seed).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
        np.save(folder / f"{name}.npy", pixels)
    sets = [str(folder / "generated.npy"), "--real", str(folder / "real.npy")]
    options = ["--extractor", "efficientnet-lite0", "--metrics", "fd", "--device", "cpu", "--quiet"]
    return [sys.executable, "-m", "ganeval", "score", *sets, *options]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7, help="runs of each, interleaved, after one that isn't counted")
    parser.add_argument("--count", type=int, default=60, help="images a side of the score")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        own = {"GANEVAL_CACHE_DIR": str(folder / "cache"), "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
        environment = {**os.environ, **own}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        commands = {**COMMANDS, STORED: scoring(folder, arguments.count)}
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for number in range(arguments.runs + 1):
            for name, command in commands.items():
                one = seconds(command, environment)
                if number:
                    times[name].append(one)
    for name, measured in times.items():
        wall, cpu = (statistics.median(column) for column in zip(*measured, strict=True))
        fastest = min(one for one, _ in measured)
        print(f"{name:<45} median {wall:.2f} s, at best {fastest:.2f} s; CPU {cpu:.2f} s")
    bare, with_metrics, _, stored = (statistics.median(cpu for _, cpu in measured) for measured in times.values())
    print(f"CPU beyond torch: ganeval.metrics {with_metrics - bare:.2f} s, the score {stored - bare:.2f} s")


if __name__ == "__main__":
    main()
