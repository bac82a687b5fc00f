"""How long do `import ganeval.metrics` (beyond torch itself) and `ganeval --help` take?

Whole processes, interleaved, medians:

    python benchmarks/startup.py --runs 7
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

COMMANDS = {
    "python -c 'import torch'": [sys.executable, "-c", "import torch"],
    "python -c 'import torch, ganeval.metrics'": [sys.executable, "-c", "import torch, ganeval.metrics"],
    "python -m ganeval --help": [sys.executable, "-m", "ganeval", "--help"],
}


def seconds(command: list[str]) -> float:
    """Wall time of one process."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7, help="runs of each, interleaved, after one that isn't counted")
    runs = parser.parse_args().runs
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for number in range(runs + 1):
        for name, command in COMMANDS.items():
            one = seconds(command)
            if number:
                times[name].append(one)
    for name, measured in times.items():
        print(f"{name:<45} median {statistics.median(measured):.2f} s ({min(measured):.2f} to {max(measured):.2f})")
    bare, with_metrics, _ = (statistics.median(measured) for measured in times.values())
    print(f"ganeval.metrics beyond torch: {with_metrics - bare:.2f} s")


if __name__ == "__main__":
    main()
