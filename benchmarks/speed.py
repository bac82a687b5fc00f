"""How fast is the extraction, beside the other packages and beside what the hardware can do?

Everything runs in turn, again and again, on the same images and the same random weights (see random_inception.py), and
medians count, so that what else the machine does meets all alike:

    python benchmarks/speed.py                          all of it
    python benchmarks/speed.py --only memory networks   some of it, in short
    python benchmarks/speed.py --count 10000 --runs 1 --only score
    python benchmarks/speed.py --write                  and put the tables into docs/performance.md
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from random_inception import write_random_inception
from score_vs_torch_fidelity import make_images, run
from speed_peers import prepare
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
from torch_fidelity.utils import extract_featuresdict_from_input_id

from ganeval.features.compiling.compiler import COMPILERS
from ganeval.features.compiling.extractor import CompilingExtractor
from ganeval.features.engine import extract
from ganeval.features.extending import available_cores
from ganeval.features.extractor import ExtractorRequest, FeatureExtractor
from ganeval.features.precision import PRECISIONS, is_native
from ganeval.features.resolving import resolve_extractor
from ganeval.images.decode import decode_file
from ganeval.images.digest import pixel_digest
from ganeval.images.opening import open_source

DOCUMENT = Path(__file__).parents[1] / "docs" / "performance.md"
#: Multiplications and additions of Inception-v3 at 299 px, an image.
INCEPTION_FLOP = 11.4e9
_CPU = torch.device("cpu")
_PRODUCT_SIDE = 2048


@dataclass(frozen=True)
class Bench:
    """Where everything is, and how much of it to run."""

    work: Path
    count: int
    runs: int

    @property
    def weights(self) -> Path:
        return self.work / "weights.pth"

    def images(self) -> np.ndarray:
        """uint8 [count, 256, 256, 3]."""
        paths = sorted((self.folder("real", 256, "png")).iterdir())[: self.count]
        return np.stack([np.asarray(Image.open(path)) for path in paths])

    def folder(self, name: str, side: int, suffix: str) -> Path:
        """A folder of `count` images, made at its first use."""
        folder = self.work / f"{name}-{side}-{suffix}-{self.count}"
        if not folder.exists():
            seed = {"real": 2, "generated": 1}[name]
            png = folder if suffix == "png" else folder.with_name(folder.name + "-png")
            make_images(png, self.count, side, seed=seed, distorted=name == "generated")
            if suffix != "png":
                folder.mkdir()
                for path in sorted(png.iterdir()):
                    Image.open(path).save(folder / f"{path.stem}.{suffix}", quality=90)
        return folder

    def ours(self, name: str = "inception-v3", precision: str | None = None) -> FeatureExtractor:
        weights = self.weights if name == "inception-v3" else None
        return resolve_extractor(name, ExtractorRequest(weights=weights, precision=precision))[0]

    def theirs(self) -> FeatureExtractorInceptionV3:
        network = FeatureExtractorInceptionV3(
            "inception-v3-compat", ["2048", "logits_unbiased"], feature_extractor_weights_path=str(self.weights)
        )
        return network.eval().requires_grad_(False)


Table = list[list[str]]
Timed = dict[str, list[float]]


def interleaved(ways: dict[str, Callable[[], object]], runs: int) -> Timed:
    """Seconds of each way in each run, after one of each that doesn't count."""
    seconds: Timed = {name: [] for name in ways}
    for number in range(runs + 1):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            if number:
                seconds[name].append(time.perf_counter() - began)
                print(f"  run {number} {name}: {seconds[name][-1]:.2f} s", file=sys.stderr, flush=True)
    return seconds


def rates(seconds: Timed, images: int, reference: str) -> Table:
    """Images/s of each way, and how often the reference's, run by run; medians with the range."""
    rows = []
    for name, times in seconds.items():
        ratios = [b / a for a, b in zip(times, seconds[reference], strict=True)]
        rows.append(
            [
                name,
                f"{images / statistics.median(times):.1f}",
                f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
            ]
        )
    return [["", "images/s", f"times {reference}"], *rows]


def bare(network: FeatureExtractor, prepared: torch.Tensor) -> Callable[[], object]:
    """The network alone on images that are resized and in memory: one thread a core, as the engine runs it."""
    batches = torch.split(prepared, network.cpu_batch_size)

    def one(batch: torch.Tensor) -> None:
        with torch.inference_mode():
            network.forward(batch)

    def whole() -> None:
        threads = torch.get_num_threads()
        with ThreadPoolExecutor(available_cores(), initializer=torch.set_num_threads, initargs=(1,)) as pool:
            list(pool.map(one, batches))
        torch.set_num_threads(threads)

    return whole


def reference_batches(network: FeatureExtractorInceptionV3, images: torch.Tensor) -> Callable[[], object]:
    """torch-fidelity's network with its own resize, on batches from memory."""

    def whole() -> None:
        with torch.no_grad():
            for batch in torch.split(images, 32):
                network(batch)

    return whole


def lower_precisions() -> list[str]:
    """Those that this machine computes in by itself."""
    return [name for name, dtype in PRECISIONS.items() if dtype != torch.float32 and is_native(dtype, _CPU)]


def measure_memory(bench: Bench) -> list[Table]:
    """256 px images from memory, and the network alone: how much does the engine add?"""
    array = bench.images()
    images = torch.from_numpy(array).permute(0, 3, 1, 2)
    theirs = bench.theirs()
    exact = bench.ours()
    ways = {"torch-fidelity": reference_batches(theirs, images)}
    errors: dict[str, tuple[float, float]] = {}
    with torch.no_grad():
        known = theirs(images[:16])[0]
    spread = (known - known.mean(0)).norm()
    for precision in ("float32", *lower_precisions()):
        network = bench.ours(precision=precision)
        source = open_source(array)
        ways[f"ganeval, {precision}"] = partial(extract, source, network, device="cpu")
        ways[f"bare network, {precision}"] = bare(network, exact.prepare(images))
        difference = (network(images[:16]).pooled - known).norm()
        errors[precision] = (float(difference / known.norm()), float(difference / spread))
    seconds = interleaved(ways, bench.runs)
    table = rates(seconds, len(images), "torch-fidelity")
    engine = [["", "of the bare network's rate", "features' error", "of their spread"]]
    for precision, (relative, of_spread) in errors.items():
        share = [
            b / a for a, b in zip(seconds[f"ganeval, {precision}"], seconds[f"bare network, {precision}"], strict=True)
        ]
        engine.append([precision, f"{statistics.median(share):.1%}", f"{relative:.1e}", f"{of_spread:.1e}"])
    best = {p: len(images) / min(seconds[f"bare network, {p}"]) for p in errors}
    return [table, engine, roofline(best)]


def roofline(best: dict[str, float]) -> Table:
    """What a large matrix product reaches on all cores, one a thread, beside the network's arithmetic."""
    rows = [["", "matrix product, GFLOP/s", "network, GFLOP/s", "share"]]
    for precision, rate in best.items():
        peak = matrix_rate(PRECISIONS[precision])
        used = rate * INCEPTION_FLOP / 1e9
        rows.append([precision, f"{peak:.0f}", f"{used:.0f}", f"{used / peak:.0%}"])
    return rows


def matrix_rate(dtype: torch.dtype) -> float:
    """GFLOP/s of square products, one a core at the same time."""
    pairs = [torch.rand(_PRODUCT_SIDE, _PRODUCT_SIDE).to(dtype) for _ in range(available_cores())]
    best = float("inf")
    with ThreadPoolExecutor(len(pairs), initializer=torch.set_num_threads, initargs=(1,)) as pool:
        for _ in range(5):
            began = time.perf_counter()
            list(pool.map(lambda one: one @ one, pairs))
            best = min(best, time.perf_counter() - began)
    return float(len(pairs) * 2 * _PRODUCT_SIDE**3 / best / 1e9)


def extract_folder(folder: Path, network: FeatureExtractor) -> object:
    """Features of a folder, which is listed anew each time."""
    return extract(open_source(folder), network, device="cpu")


def each(function: Callable[[Any], object], values: Iterable[Any]) -> None:
    """Call it on each of them."""
    for value in values:
        function(value)


def measure_folders(bench: Bench) -> list[Table]:
    """Folders of 1024 px PNG and JPEG."""
    tables = []
    for suffix in ("png", "jpg"):
        folder = bench.folder("real", 1024, suffix)
        theirs, ours = bench.theirs(), bench.ours()
        options = {"input1": str(folder), "cuda": False, "batch_size": 32, "verbose": False, "save_cpu_ram": False}
        ways: dict[str, Callable[[], object]] = {
            "torch-fidelity": partial(extract_featuresdict_from_input_id, 1, theirs, **options),
            "ganeval": partial(extract_folder, folder, ours),
        }
        for precision in lower_precisions():
            network = bench.ours(precision=precision)
            ways[f"ganeval, {precision}"] = partial(extract_folder, folder, network)
        table = rates(interleaved(ways, bench.runs), bench.count, "torch-fidelity")
        table[0][0] = f"1024 px {suffix.upper()}"
        tables.append(table)
    return tables


def measure_networks(bench: Bench) -> list[Table]:
    """The embedded EfficientNet beside Inception, on the same images from memory."""
    source = open_source(bench.images())
    networks = {name: bench.ours(name) for name in ("inception-v3", "efficientnet-lite0")}
    ways: dict[str, Callable[[], object]] = {
        name: partial(extract, source, network, device="cpu") for name, network in networks.items()
    }
    return [rates(interleaved(ways, bench.runs), bench.count, "inception-v3")]


def measure_score(bench: Bench) -> list[Table]:
    """Whole processes from two folders of 256 px PNG to FID."""
    prepare(bench.weights, bench.work)
    generated, real = (str(bench.folder(name, 256, "png")) for name in ("generated", "real"))
    here, weights = Path(__file__).parent, str(bench.weights)
    mine = [
        sys.executable, "-m", "ganeval", "score", generated, "--real", real, "--extractor", "inception-v3", "--weights",
        weights, "--metrics", "fid", "--no-cache", "--quiet", "--device", "cpu",
    ]  # fmt: skip
    commands = {
        "torch-fidelity": [
            str(Path(sys.executable).parent / "fidelity"), "--cpu", "--fid", "--input1", generated, "--input2", real,
            "--feature-extractor", "inception-v3-compat", "--feature-extractor-weights-path", weights, "--no-cache",
            "--silent", "--json",
        ],
        "ganeval": mine,
        "ganeval, clean": [*mine, "--preprocessing", "clean"],
        **{f"ganeval, {name}": [*mine, "--precision", name] for name in lower_precisions()},
        **{
            peer: [sys.executable, str(here / "speed_peers.py"), peer, generated, real, "--work", str(bench.work)]
            for peer in ("pytorch-fid", "clean-fid")
        },
    }  # fmt: skip
    seconds: Timed = {name: [] for name in commands}
    for _ in range(bench.runs):
        for name, command in commands.items():
            seconds[name].append(run(command, dict(os.environ)).wall)
            print(f"  {name}: {seconds[name][-1]:.1f} s", file=sys.stderr, flush=True)
    rows = [["", "seconds", "times faster than it"]]
    pairs = {"torch-fidelity": "ganeval", "pytorch-fid": "ganeval", "clean-fid": "ganeval, clean"}
    for name, times in seconds.items():
        ours = pairs.get(name)
        ratio = (
            ""
            if ours is None
            else f"{statistics.median(b / a for a, b in zip(seconds[ours], times, strict=True)):.2f} ({ours})"
        )
        rows.append([name, f"{statistics.median(times):.1f}", ratio])
    return [rows]


def measure_again(bench: Bench) -> list[Table]:
    """A second score of folders whose features are stored, beside importing torch alone."""
    generated, real = (str(bench.folder(name, 256, "png")) for name in ("generated", "real"))
    environment = dict(os.environ) | {"GANEVAL_CACHE_DIR": str(bench.work / "cache")}
    second = [
        sys.executable, "-m", "ganeval", "score", generated, "--real", real, "--extractor", "efficientnet-lite0",
        "--metrics", "fd", "--quiet", "--device", "cpu",
    ]  # fmt: skip
    run(second, environment)
    commands = {"import torch": [sys.executable, "-c", "import torch"], "score, features stored": second}
    seconds: Timed = {name: [] for name in commands}
    for _ in range(2 * bench.runs + 1):
        for name, command in commands.items():
            seconds[name].append(run(command, environment).wall)
    return [[["", "seconds"], *([name, f"{statistics.median(times):.2f}"] for name, times in seconds.items())]]


def measure_backends(bench: Bench) -> list[Table]:
    """The same folded networks as they are and by each compiler, one thread each, batches of 8."""
    images = torch.from_numpy(bench.images()[:8]).permute(0, 3, 1, 2)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            return [
                backends(bench, name, precision, images)
                for name in ("inception-v3", "efficientnet-lite0")
                for precision in ("float32", *lower_precisions())
            ]
    finally:
        torch.set_num_threads(threads)


def backends(bench: Bench, name: str, precision: str, images: torch.Tensor) -> Table:
    """One network in one precision, as it is and by each compiler that takes it."""
    batch = bench.ours(name, precision).prepare(images)
    ways: dict[str, Callable[[], object]] = {}
    costs = []
    for compiler in COMPILERS.names():
        network = bench.ours(name, precision)
        ways.setdefault("as it is", partial(network.forward, batch))
        began = time.perf_counter()
        compiled = CompilingExtractor(
            network, compiler, device=_CPU, batch_size=len(batch), remaining=None, folder=bench.work / "compiled"
        )
        compiled.forward(batch)
        if compiled.compiled:
            ways[compiler] = partial(compiled.forward, batch)
            costs.append(f"{compiler} {time.perf_counter() - began:.0f} s")
        for notice in compiled.notices:
            print(f"  {notice.message}", file=sys.stderr)
    table = rates(interleaved(ways, bench.runs), len(batch), "as it is")
    table[0][0] = f"{name}, {precision}; to compile, check and time it: {', '.join(costs)}"
    return table


def measure_decoding(bench: Bench) -> list[Table]:
    """One thread: what it takes to decode a file of 1024 px, and how much of that is the digest of its pixels."""
    rows = [["one image of 1024 px", "decoded, with digest, ms", "of that the digest, ms"]]
    for suffix in ("png", "jpg"):
        paths = sorted(bench.folder("real", 1024, suffix).iterdir())[:16]
        pixels = decode_file(paths[0]).pixels
        ways: dict[str, Callable[[], object]] = {
            "decoded": partial(each, decode_file, paths),
            "digest": partial(each, pixel_digest, [pixels] * len(paths)),
        }
        seconds = interleaved(ways, bench.runs)
        whole = statistics.median(seconds["decoded"]) / len(paths) * 1e3
        rows.append([suffix.upper(), f"{whole:.1f}", f"{statistics.median(seconds['digest']) / len(paths) * 1e3:.2f}"])
    return [rows]


PARTS: dict[str, Callable[[Bench], list[Table]]] = {
    "memory": measure_memory,
    "networks": measure_networks,
    "backends": measure_backends,
    "decoding": measure_decoding,
    "folders": measure_folders,
    "score": measure_score,
    "again": measure_again,
}


def as_markdown(table: Table) -> str:
    """A table with its first row as the head."""
    head, *rows = table
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def write_into(document: Path, part: str, text: str) -> None:
    """Put `text` between the marks of `part`."""
    marks = f"<!-- {part} -->", f"<!-- end of {part} -->"
    old = document.read_text(encoding="utf-8")
    pattern = re.compile(re.escape(marks[0]) + ".*?" + re.escape(marks[1]), re.DOTALL)
    if not pattern.search(old):
        raise SystemExit(f"{document} has no place for {part}: {marks[0]} ... {marks[1]}")
    document.write_text(pattern.sub(lambda _: f"{marks[0]}\n{text}\n{marks[1]}", old), encoding="utf-8")


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--count", type=int, default=200, help="images a side")
    parser.add_argument("--runs", type=int, default=5, help="runs of each, interleaved")
    parser.add_argument("--work", type=Path, help="keep images and weights here; a temporary folder by default")
    parser.add_argument(
        "--write",
        type=Path,
        nargs="?",
        const=DOCUMENT,
        help=f"put the tables into this file, {DOCUMENT.name} by default",
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        bench = Bench(arguments.work or Path(temporary), arguments.count, arguments.runs)
        bench.work.mkdir(parents=True, exist_ok=True)
        if not bench.weights.exists():
            calibration = torch.from_numpy(bench.images()[:32]).permute(0, 3, 1, 2)
            write_random_inception(bench.weights, seed=0, images=calibration)
        for part in arguments.only:
            tables = "\n\n".join(as_markdown(table) for table in PARTS[part](bench))
            how = f"`python benchmarks/speed.py --only {part} --count {bench.count} --runs {bench.runs}`"
            text = f"{how}, {available_cores()} cores:\n\n{tables}"
            print(f"\n{text}", flush=True)
            if arguments.write:
                write_into(arguments.write, part, text)


if __name__ == "__main__":
    main()
