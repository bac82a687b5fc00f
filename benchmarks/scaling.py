"""How does evaluation scale with processes and images? Weak scaling here, memory, and what merging costs.

    python benchmarks/scaling.py --json benchmarks/results/scaling.json --write docs/scale.md
    python benchmarks/scaling.py --quick

Weak scaling: as many images for each process, one and two processes with one arithmetic thread each, started as
torchrun starts them; the time is that of the extraction alone (median of --repeats, which alternate). Memory: the peak
of a process of its own that merges the moments of so many synthetic features, block by block. Merging: seconds and
bytes of one sum of D×D moments over two processes.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

Row = dict[str, Any]

EXTRACTORS = {"pixels": 4000, "efficientnet-lite0": 300}
COUNTS = (10_000, 100_000, 1_000_000)
DIMENSIONS = (192, 512, 1280, 2048)
_BEGIN, _END = "<!-- measured: {} -->", "<!-- end -->"


def in_processes(world: int, *arguments: str) -> list[Row]:
    """What each process of a job printed, as JSON."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    common = {"WORLD_SIZE": str(world), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(
            [sys.executable, __file__, *arguments],
            env={**os.environ, **common, "RANK": str(rank), "LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": str(world)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in range(world)
    ]
    outputs = [process.communicate()[0] for process in processes]
    if any(process.returncode for process in processes):
        raise SystemExit("a process of the benchmark failed")
    return [json.loads(output.splitlines()[-1]) for output in outputs]


def part_extract(name: str, images_each: int) -> Row:
    """Seconds of one extraction, in whichever process of however many this is."""
    from ganeval.distributed.extraction import extract_together
    from ganeval.distributed.ranks import Ranks, joined
    from ganeval.features.extractor import ExtractorRequest
    from ganeval.features.resolving import resolve_extractor
    from ganeval.images.opening import open_source

    torch.set_num_threads(1)
    ranks = Ranks.current()
    network, _ = resolve_extractor(name, ExtractorRequest())
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (images_each * ranks.world, 32, 32, 3), dtype=np.uint8)
    with joined(ranks):
        # What is made at first use isn't what is measured.
        extract_together(open_source(images[: 32 * ranks.world]), network, ranks, device="cpu", workers=1)
        ranks.barrier()
        began = time.perf_counter()
        found = extract_together(open_source(images), network, ranks, device="cpu", workers=1)
        return {"seconds": time.perf_counter() - began, "images": len(found.features)}


def part_memory(count: int, dimension: int) -> Row:
    """Peak memory above what was there before, of merging the moments of so many rows."""
    from ganeval.metrics.moments import Moments

    torch.set_num_threads(1)
    random = np.random.default_rng(0)
    moments = Moments.none(dimension).updated(random.standard_normal((1024, dimension), np.float32))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    moments = Moments.none(dimension)
    for start in range(0, count, 1024):
        moments = moments.updated(random.standard_normal((min(1024, count - start), dimension), np.float32))
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"rows": moments.count, "grown_mib": (after - before) / 1024, "peak_mib": after / 1024, "seconds": seconds}


def part_merge(dimension: int) -> Row:
    """Seconds of one sum of D×D float64 over the processes, median of nine, and its bytes."""
    from ganeval.distributed.ranks import Ranks, joined

    ranks = Ranks.current()
    values = torch.ones(dimension, dimension, dtype=torch.float64)
    times = []
    with joined(ranks):
        for _ in range(10):
            ranks.barrier()
            began = time.perf_counter()
            ranks.summed_tensor(values)
            times.append(time.perf_counter() - began)
    return {"bytes": values.numel() * 8, "seconds": statistics.median(times[1:])}


def weak_scaling(scale: float, repeats: int) -> list[Row]:
    """Images a second of one and two processes."""
    rows = []
    for name, images in EXTRACTORS.items():
        each = max(64, int(images * scale))
        times: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(repeats):
            for world in times:
                done = in_processes(world, "--part", "extract", name, str(each))
                times[world].append(max(row["seconds"] for row in done))
        seconds = {world: statistics.median(some) for world, some in times.items()}
        rows.append(
            {
                "extractor": name,
                "images_each": each,
                "seconds_1": seconds[1],
                "seconds_2": seconds[2],
                "images_per_second_1": each / seconds[1],
                "images_per_second_2": 2 * each / seconds[2],
                "efficiency": seconds[1] / seconds[2],
            }
        )
    return rows


def memory(counts: tuple[int, ...], dimension: int) -> list[Row]:
    """Peak memory for each number of rows."""
    return [in_processes(1, "--part", "memory", str(count), str(dimension))[0] for count in counts]


def merging() -> list[Row]:
    """Cost of a merge for each dimension."""
    rows = []
    for dimension in DIMENSIONS:
        done = in_processes(2, "--part", "merge", str(dimension))
        rows.append({"dimension": dimension, "bytes": done[0]["bytes"], "seconds": max(row["seconds"] for row in done)})
    return rows


def tables(found: Row) -> dict[str, str]:
    """Each part as a Markdown table."""
    weak = [
        f"| {row['extractor']} | {row['images_each']:,} | {row['images_per_second_1']:,.0f} | "
        f"{row['images_per_second_2']:,.0f} | {row['efficiency']:.2f} |"
        for row in found["weak_scaling"]
    ]
    peak = [
        f"| {row['rows']:,} | {row['grown_mib']:.1f} | {row['peak_mib']:,.0f} | {row['seconds']:.1f} |"
        for row in found["memory"]
    ]
    merge = [
        f"| {row['dimension']:,} | {row['bytes'] / 2**20:.1f} | {row['seconds'] * 1000:.1f} |"
        for row in found["merging"]
    ]
    heads = {
        "weak-scaling": (
            "| extractor | images a process | images/s, 1 process | images/s, 2 processes | efficiency |",
            "|---|---|---|---|---|",
            *weak,
        ),
        "memory": (
            f"| features of {found['dimension']} dimensions | grown by, MiB | peak, MiB | seconds |",
            "|---|---|---|---|",
            *peak,
        ),
        "merging": ("| D | MiB | ms |", "|---|---|---|", *merge),
    }
    return {name: "\n".join(lines) for name, lines in heads.items()}


def write_into(path: Path, parts: dict[str, str], where: str) -> None:
    """Put the tables between their markers."""
    text = path.read_text()
    for name, table in parts.items():
        begin = _BEGIN.format(name)
        before, found, rest = text.partition(begin)
        if not found or _END not in rest:
            raise SystemExit(f"{path} has no place for {name}")
        text = f"{before}{begin}\n{table}\n\n{where}\n{_END}{rest.partition(_END)[2]}"
    path.write_text(text)


def main() -> None:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small numbers, to see that it works")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--dimension", type=int, default=512, help="of the features whose memory is measured")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--write", type=Path, help="a document with places for the tables")
    parser.add_argument("--part", nargs="+", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.part:
        name, *values = asked.part
        if name == "extract":
            done = part_extract(values[0], int(values[1]))
        else:
            numbers = [int(value) for value in values]
            done = part_memory(*numbers) if name == "memory" else part_merge(*numbers)
        print(json.dumps(done))
        return
    found: Row = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}",
        "dimension": asked.dimension,
        "weak_scaling": weak_scaling(0.1 if asked.quick else 1.0, 1 if asked.quick else asked.repeats),
        "memory": memory((1000, 10_000) if asked.quick else COUNTS, asked.dimension),
        "merging": merging(),
    }
    for name, table in tables(found).items():
        print(f"\n{name}\n{table}")
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1) + "\n")
    if asked.write:
        command = f"`python benchmarks/scaling.py{' --quick' if asked.quick else ''}`, {found['machine']}"
        write_into(asked.write, tables(found), command)


if __name__ == "__main__":
    main()
