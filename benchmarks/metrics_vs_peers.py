"""Is each metric at least as fast as its best peer on the same features, with less memory and the same value?

Each side of each comparison runs in a process of its own on features that this script makes: non-negative, float32, of
decaying spectrum, as networks give them. Sides alternate; the best of the repetitions counts. Memory is the peak beyond
what the process held with the features in place. Peers give no intervals: ganeval runs without them and, in a column of
its own, with them.

    python benchmarks/metrics_vs_peers.py --n 10000 --dim 2048 --repeat 3
    python benchmarks/metrics_vs_peers.py --only frechet,prdc --n 5000
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

Rows = npt.NDArray[Any]
Values = dict[str, float]

CLASSES = 1000
#: Size of the run that loads libraries and warms threads before the measured one.
WARM = 1000


class Data(NamedTuple):
    """What metrics get: features of both sides [N, D] float32, and logits of the generated one [N, 1000]."""

    real: Rows
    generated: Rows
    logits: Rows

    def first(self, count: int) -> Data:
        """Of the first images only."""
        return Data(*(part[:count] for part in self))


@dataclass(frozen=True)
class Comparison:
    """A metric of ganeval's table and those of other packages.

    Parameters
    ----------
    ours
        Names in the table, computed one after the other on the same `Features`, as one report does.
    peers
        Name of the package to a function from data to values by score.
    tolerance
        How far values may be apart, relative.
    """

    ours: tuple[str, ...]
    peers: dict[str, Callable[[Data], Values]]
    tolerance: float


def torch_fidelity_fid(data: Data) -> Values:
    """In float64, as torch-fidelity does it from features."""
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

    sides = [fid_features_to_statistics(torch.from_numpy(side)) for side in (data.generated, data.real)]
    return {"fd": fid_statistics_to_metric(*sides, verbose=False)["frechet_inception_distance"]}


def torchmetrics_fid(data: Data) -> Values:
    """From moments in float64, as its class accumulates them."""
    from torchmetrics.image.fid import _compute_fid

    moments = []
    for side in (data.real, data.generated):
        rows = torch.from_numpy(side).double()
        moments += [rows.mean(0), rows.T.cov()]
    return {"fd": float(_compute_fid(*moments))}


def torch_fidelity_kid(data: Data) -> Values:
    """100 subsets of 1000."""
    from torch_fidelity.metric_kid import kid_features_to_metric

    size = min(1000, len(data.real))
    sides = (torch.from_numpy(side) for side in (data.generated, data.real))
    found = kid_features_to_metric(*sides, kid_subset_size=size, verbose=False)
    return {"kd": found["kernel_inception_distance_mean"]}


def torch_fidelity_isc(data: Data) -> Values:
    """10 splits."""
    from torch_fidelity.metric_isc import isc_features_to_metric

    return {"inception_score": isc_features_to_metric(torch.from_numpy(data.logits))["inception_score_mean"]}


def torch_fidelity_prc(data: Data) -> Values:
    """In batches, as its defaults have them."""
    from torch_fidelity.metric_prc import prc_features_to_metric

    sides = (torch.from_numpy(side) for side in (data.generated, data.real))
    found = prc_features_to_metric(*sides, prc_neighborhood=3, prc_batch_size=10_000, save_cpu_ram=False, verbose=False)
    return {"precision": found["precision"], "recall": found["recall"]}


def prdc_prdc(data: Data) -> Values:
    """All four with one k, which density and coverage share with ours; in float32, as the features are."""
    from prdc import compute_prdc

    found = compute_prdc(data.real, data.generated, nearest_k=5)
    return {"density": found["density"], "coverage": found["coverage"]}


def vendi_score_dual(data: Data) -> Values:
    """From the D×D matrix, in float64: in float32 the small eigenvalues are rounding's."""
    from vendi_score.vendi import score_dual

    return {"vendi": float(score_dual(data.generated.astype(np.float64)))}


COMPARISONS = {
    "frechet": Comparison(("fd",), {"torch-fidelity": torch_fidelity_fid, "torchmetrics": torchmetrics_fid}, 1e-4),
    "kernel": Comparison(("kd",), {"torch-fidelity": torch_fidelity_kid}, 1e-3),
    "inception": Comparison(("inception_score",), {"torch-fidelity": torch_fidelity_isc}, 1e-4),
    "precision-recall": Comparison(("precision_recall",), {"torch-fidelity": torch_fidelity_prc}, 1e-2),
    "prdc": Comparison(("precision_recall", "density_coverage"), {"prdc": prdc_prdc}, 1e-3),
    "vendi": Comparison(("vendi",), {"vendi-score": vendi_score_dual}, 1e-6),
}


def ganeval_scores(names: Sequence[str], data: Data, level: float | None) -> Values:
    """Through the table, as `ganeval score` calls it; features as they come from an extractor."""
    from ganeval.features.features import Features
    from ganeval.metrics.registry import METRICS

    real, generated = Features(data.real), Features(data.generated, logits=data.logits)
    metrics = [METRICS.get(name) for name in names]
    return {
        score.name: score.value
        for metric in metrics
        for score in metric(real if metric.needs_real else None, generated, level=level)
    }


def make_data(count: int, dimension: int) -> Data:
    """Features of 64 hidden causes of decaying strength, rectified, with some noise; the sides differ a little."""
    mixing = np.random.default_rng(0).standard_normal((64, dimension)).astype(np.float32) / 8
    strength = 3 * (1 + np.arange(64, dtype=np.float32)) ** -0.5
    weights = np.random.default_rng(1).standard_normal((64, CLASSES)).astype(np.float32)

    def side(seed: int, offset: float) -> tuple[Rows, Rows]:
        random = np.random.default_rng(seed)
        features, logits = np.empty((count, dimension), np.float32), np.empty((count, CLASSES), np.float32)
        for start in range(0, count, 2048):
            hidden = random.standard_normal((min(2048, count - start), 64), np.float32) * strength
            noise = 0.15 * random.standard_normal((len(hidden), dimension), np.float32)
            features[start : start + 2048] = np.maximum(hidden @ mixing + noise + 0.2 + offset, 0)
            logits[start : start + 2048] = hidden @ weights / 2
        return features, logits

    real, _ = side(2, 0.0)
    return Data(real, *side(3, 0.02))


def measure(comparison: Comparison, side: str, data: Data) -> dict[str, Any]:
    """Seconds, peak memory beyond the features in MiB and values of one side, in this process."""
    if side.startswith("ganeval"):
        level = 0.95 if side == "ganeval+intervals" else None

        def run(some: Data) -> Values:
            return ganeval_scores(comparison.ours, some, level)
    else:
        run = comparison.peers[side]
    with contextlib.redirect_stdout(io.StringIO()):
        run(data.first(min(WARM, len(data.real))))
        before = _reset_peak()
        start, start_cpu = time.perf_counter(), time.process_time()
        values = run(data)
        seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    return {"seconds": seconds, "cpu": cpu, "mib": (_peak() - before) / 2**20, "values": values}


def _reset_peak() -> int:
    """Forget the highest memory so far where the system can (Linux); bytes held now, or the highest so far."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _peak()


def _peak() -> int:
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def in_process(name: str, side: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """`measure` in a process of its own."""
    command = [sys.executable, __file__, "--n", str(arguments.n), "--dim", str(arguments.dim), "--child", name, side]
    environment = os.environ | ({"OMP_NUM_THREADS": str(arguments.threads)} if arguments.threads else {})
    finished = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if finished.returncode != 0:
        raise SystemExit(f"{side} failed on {name}:\n{finished.stderr[-3000:]}")
    result: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return result


def compare(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Best time, least memory of each side over the repetitions, and how far values are apart."""
    comparison = COMPARISONS[name]
    sides = [*comparison.peers, "ganeval", "ganeval+intervals"]
    runs: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    for _ in range(arguments.repeat):
        for side in sides:
            runs[side].append(in_process(name, side, arguments))
    best = {
        side: {"seconds": min(r[arguments.by] for r in found), "mib": min(r["mib"] for r in found)}
        for side, found in runs.items()
    }
    ours = runs["ganeval"][0]["values"]
    apart = {
        f"{score} ({peer})": abs(ours[score] - value) / max(abs(value), 1e-12)
        for peer in comparison.peers
        for score, value in runs[peer][0]["values"].items()
    }
    peer = min(comparison.peers, key=lambda side: best[side]["seconds"])
    return {
        "metric": name,
        "best_peer": peer,
        "sides": best,
        "speed": best[peer]["seconds"] / best["ganeval"]["seconds"],
        "intervals": best["ganeval+intervals"]["seconds"] / best["ganeval"]["seconds"],
        "apart": apart,
        "same": all(value <= comparison.tolerance for value in apart.values()),
    }


def table(results: Sequence[dict[str, Any]]) -> str:
    """The results in Markdown."""
    lines = [
        "| metric | best peer | peer | ganeval | faster | with intervals | peer's memory | ganeval's | same value |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for result in results:
        peer, ours = result["sides"][result["best_peer"]], result["sides"]["ganeval"]
        intervals = result["sides"]["ganeval+intervals"]
        lines.append(
            f"| {result['metric']} | {result['best_peer']} | {peer['seconds']:.2f} s | {ours['seconds']:.2f} s "
            f"| {result['speed']:.1f}× | {intervals['seconds']:.2f} s | {peer['mib']:.0f} MiB | {ours['mib']:.0f} MiB "
            f"| {'yes' if result['same'] else 'NO'} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=10_000, help="images a side (default 10000)")
    parser.add_argument("--dim", type=int, default=2048, help="columns of the features (default 2048)")
    parser.add_argument("--only", default=",".join(COMPARISONS), help=f"of: {', '.join(COMPARISONS)}")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each side, alternating; the best counts")
    parser.add_argument(
        "--by", choices=("seconds", "cpu"), default="seconds", help="cpu: processor time, for a machine that is busy"
    )
    parser.add_argument("--threads", type=int, help="threads of each process (default: as many as there are cores)")
    parser.add_argument("--json", type=Path, help="write all numbers here")
    parser.add_argument("--child", nargs=2, metavar=("METRIC", "SIDE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        name, side = arguments.child
        print(json.dumps(measure(COMPARISONS[name], side, make_data(arguments.n, arguments.dim))))
        return
    names = [name.strip() for name in arguments.only.split(",") if name.strip()]
    if unknown := [name for name in names if name not in COMPARISONS]:
        parser.error(f"unknown: {', '.join(unknown)}; choose of {', '.join(COMPARISONS)}")
    print(
        f"{arguments.n} × {arguments.n} images, D = {arguments.dim}; best of {arguments.repeat}; load {os.getloadavg()}"
    )
    results = []
    for name in names:
        results.append(compare(name, arguments))
        found = results[-1]
        print(
            f"{name}: {found['speed']:.2f}× {found['best_peer']}, intervals ×{found['intervals']:.2f}", found["apart"]
        )
    print("\n" + table(results))
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
