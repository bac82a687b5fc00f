"""How much faster is `ganeval score` than torch-fidelity on the same images and weights, and are the scores the same?

Both run as whole processes (start-up, decoding, network, metrics), interleaved, on images that this script makes from
scikit-learn's two embedded photographs, with random but calibrated Inception weights (see random_inception.py).

    python benchmarks/score_vs_torch_fidelity.py --count 2000 --runs 1
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageFilter
from random_inception import write_random_inception
from sklearn.datasets import load_sample_images

#: ganeval's name of a score to torch-fidelity's.
NAMES = {
    "inception_score": "inception_score_mean",
    "fid": "frechet_inception_distance",
    "kid": "kernel_inception_distance_mean",
    "precision": "precision",
    "recall": "recall",
}


@dataclass(frozen=True)
class Finished:
    """One finished process: wall and CPU seconds, peak resident memory of its largest process, what it printed."""

    wall: float
    cpu: float
    peak_mib: float
    stdout: str


def make_images(folder: Path, count: int, side: int, seed: int, *, distorted: bool) -> None:
    """Write `count` random crops of real photographs as PNG; the distorted set is blurred and shifted in colour."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    photographs = [Image.fromarray(array) for array in load_sample_images().images]
    for number in range(count):
        photograph = photographs[rng.integers(len(photographs))]
        size = int(rng.integers(80, 400))
        left, top = (int(rng.integers(limit - size)) for limit in photograph.size)
        crop = photograph.crop((left, top, left + size, top + size)).resize((side, side), Image.Resampling.BICUBIC)
        if rng.random() < 0.5:
            crop = crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        pixels = np.asarray(crop, np.float64) * rng.uniform(0.6, 1.2, 3)
        crop = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
        if distorted:
            crop = crop.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.5, 2.5))))
        crop.save(folder / f"{number:06d}.png", compress_level=1)


def run(command: list[str], environment: dict[str, str]) -> Finished:
    """Run to the end and account for it as the operating system does."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=errors, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if process.returncode:
            raise SystemExit(f"{' '.join(command)} failed:\n{errors.read().decode()[-3000:]}")
        return Finished(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, output.read().decode())


def commands(work: Path, subset: int) -> dict[str, list[str]]:
    """Both command lines, for the same job."""
    bin_folder = Path(sys.executable).parent
    samples, real, weights = (str(work / name) for name in ("generated", "real", "weights.pth"))
    return {
        "ganeval": [
            sys.executable, "-m", "ganeval", "score", samples, "--real", real, "--extractor", "inception-v3",
            "--weights", weights, "--metrics", "is,fid,kid,precision,recall", "-o", f"kid.subset_size={subset}",
            "--no-cache", "--quiet", "--device", "cpu", "--json", "-",
        ],
        "torch-fidelity": [
            str(bin_folder / "fidelity"), "--cpu", "--isc", "--fid", "--kid", "--prc", "--input1", samples,
            "--input2", real, "--feature-extractor", "inception-v3-compat", "--feature-extractor-weights-path",
            weights, "--kid-subset-size", str(subset), "--no-cache", "--silent", "--json",
        ],
    }  # fmt: skip


def compare_scores(ours: dict[str, float], theirs: dict[str, float]) -> float:
    """Print both and return the largest relative difference."""
    worst = 0.0
    print(f"\n{'score':<18}{'ganeval':>16}{'torch-fidelity':>18}{'relative difference':>22}")
    for name, other in NAMES.items():
        difference = abs(ours[name] - theirs[other]) / max(abs(theirs[other]), 1e-12)
        worst = max(worst, difference)
        print(f"{name:<18}{ours[name]:>16.7g}{theirs[other]:>18.7g}{difference:>22.1e}")
    return worst


def print_stages(report: dict) -> None:
    """Images/s of each stage of ours, each as if it had the machine to itself, so that one sees what limits."""
    cores = len(os.sched_getaffinity(0))
    print("\nganeval's stages (images/s over all cores if the stage were alone)")
    for side in ("real", "generated"):
        seconds = report[side]["stage_seconds"]
        count = report[side]["count"]
        rates = ", ".join(
            f"{stage} {cores * count / seconds[stage]:,.0f}" for stage in ("decode", "resize", "network")
            if seconds[stage]
        )  # fmt: skip
        print(f"  {side:<10}{rates}; whole extraction {count / seconds['wall']:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000, help="images a side")
    parser.add_argument("--side", type=int, default=256, help="their size in pixels")
    parser.add_argument("--runs", type=int, default=1, help="runs of each, interleaved")
    parser.add_argument("--work", type=Path, help="keep images and weights here; a temporary folder by default")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = arguments.work or Path(temporary)
        if not (work / "weights.pth").exists():
            make_images(work / "generated", arguments.count, arguments.side, seed=1, distorted=True)
            make_images(work / "real", arguments.count, arguments.side, seed=2, distorted=False)
            calibration = sorted((work / "real").iterdir())[:32]
            images = np.stack([np.asarray(Image.open(path)) for path in calibration])
            write_random_inception(work / "weights.pth", seed=0, images=torch.from_numpy(images).permute(0, 3, 1, 2))
        both = commands(work, min(1000, arguments.count))
        finished: dict[str, list[Finished]] = {name: [] for name in both}
        for number in range(arguments.runs):
            for name, command in both.items():
                one = run(command, dict(os.environ))
                finished[name].append(one)
                rate = 2 * arguments.count / one.wall
                print(
                    f"run {number + 1} {name:<15} {one.wall:7.1f} s  {rate:6.1f} images/s  cpu {one.cpu:7.1f} s  "
                    f"peak {one.peak_mib:6.0f} MiB",
                    flush=True,
                )
        ratios = [b.wall / a.wall for a, b in zip(finished["ganeval"], finished["torch-fidelity"], strict=True)]
        report = json.loads(finished["ganeval"][-1].stdout)
        theirs = json.loads(finished["torch-fidelity"][-1].stdout)
        ours = {name: score["value"] for name, score in report["scores"].items()}
        worst = compare_scores(ours, theirs)
        print_stages(report)
        peaks = [max(one.peak_mib for one in finished[name]) for name in both]
        print(
            f"\nspeed: {statistics.median(ratios):.2f}x torch-fidelity "
            f"(median of {len(ratios)}, {min(ratios):.2f} to {max(ratios):.2f}); "
            f"peak memory {peaks[0]:.0f} against {peaks[1]:.0f} MiB; largest relative difference of a score {worst:.1e}"
        )


if __name__ == "__main__":
    main()
