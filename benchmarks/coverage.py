"""How often does a metric's interval contain the truth? Simulation with distributions whose true values are known.

Each replicate draws features of both sides anew and computes the metric with its interval. Finished replicates are kept
in a file, and a later run goes on from there; those that another version of a metric's code made don't count.

    python benchmarks/coverage.py --plan                       what it would cost, from what was measured so far
    python benchmarks/coverage.py --only fd --processes 2      simulate
    python benchmarks/coverage.py --table                      write the table in docs/coverage.md
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import math
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict
from pathlib import Path

import torch
from coverage_simulation.cases import Case, all_cases
from coverage_simulation.replicates import Replicate, run_replicate
from coverage_simulation.results import Results
from coverage_simulation.summary import Row, summarise
from coverage_simulation.table import write_into

from ganeval.metrics.registry import METRICS

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "coverage.md"
SUMMARY = ROOT / "benchmarks" / "results" / "coverage_summary.json"


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    options = _parser().parse_args(arguments)
    cases = _chosen(options.only, options.cases)
    if not cases:
        raise SystemExit("no case of the table fits --only and --cases")
    results = Results(options.results, any_code=options.any_code)
    if results.of_other_code:
        print(f"{results.of_other_code} replicates of other versions of the code don't count (--any-code counts them)")
    if options.measure:
        _run([(case, 0) for case in cases if not results.of(case.key)], results, options.processes, math.inf)
    if options.plan or options.measure:
        _print_plan(cases, results, options.replicates, options.processes)
    elif options.table:
        rows = [row for case in cases for row in summarise(case, results.of(case.key))]
        _write_table(rows)
    else:
        _run(list(_waiting(cases, results, options.replicates)), results, options.processes, 60 * options.minutes)
        _print_rows([row for case in cases for row in summarise(case, results.of(case.key))])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="names of metrics, with commas; default: all that the table has")
    parser.add_argument("--cases", default="*", help="pattern for the cases' names, such as '*mixture D=64*'")
    parser.add_argument("--replicates", type=int, default=200, help="replicates a case (200)")
    parser.add_argument("--processes", type=int, default=2, help="processes, each with one thread (2)")
    parser.add_argument("--minutes", type=float, default=math.inf, help="begin no replicate after so many minutes")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results" / "coverage.jsonl")
    parser.add_argument("--any-code", action="store_true", help="count replicates of other versions of the code too")
    parser.add_argument("--plan", action="store_true", help="only print what is finished and what the rest would cost")
    parser.add_argument("--measure", action="store_true", help="one replicate of each case without any, then the plan")
    parser.add_argument("--table", action="store_true", help="only write the table in docs/coverage.md")
    return parser


def _chosen(only: str, pattern: str) -> list[Case]:
    wanted = {name.strip() for name in only.split(",") if name.strip()}
    known = {case.metric for case in all_cases()}
    if wanted - known:
        raise SystemExit(f"the table has no cases of {', '.join(sorted(wanted - known))}; it has {sorted(known)}")
    return [
        case
        for case in all_cases()
        if (not wanted or case.metric in wanted) and fnmatch.fnmatchcase(case.key, pattern) and case.metric in METRICS
    ]


def _waiting(cases: Sequence[Case], results: Results, replicates: int) -> Iterator[tuple[Case, int]]:
    """What is missing, the cheapest cases first, so that a run cut short leaves whole rows and few of them open."""
    for case in sorted(cases, key=lambda case: (case.n_real + case.n_generated) ** 2 * case.dimension):
        yield from ((case, number) for number in range(replicates) if not results.has(case.key, number))


def _run(jobs: list[tuple[Case, int]], results: Results, processes: int, seconds: float) -> None:
    """Compute and keep all `jobs`, beginning none after `seconds`; an interruption loses only what is running."""
    if not jobs:
        return
    began, finished = time.monotonic(), 0
    # Read by the libraries when a new process loads them: many processes of one thread each.
    for library in ("OMP", "MKL", "OPENBLAS"):
        os.environ[f"{library}_NUM_THREADS"] = "1"
    context = multiprocessing.get_context("spawn")
    remaining = iter(jobs)
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_one_thread) as pool:
        running: dict[Future[Replicate], Case] = {}
        failed: dict[str, str] = {}
        exhausted = False
        while running or not exhausted:
            while not exhausted and len(running) < 2 * processes:
                job = next((job for job in remaining if job[0].key not in failed), None)
                if job is None or time.monotonic() - began > seconds:
                    exhausted = True
                else:
                    running[pool.submit(run_replicate, *job)] = job[0]
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                case = running.pop(future)
                error = future.exception()
                if error is None:
                    results.append(future.result())
                else:
                    failed[case.key] = f"{type(error).__name__}: {error}"
                finished += 1
            _say_progress(finished, len(jobs), time.monotonic() - began)
    print(file=sys.stderr)
    for key, error_text in failed.items():
        print(f"{key} failed and was left: {error_text}", file=sys.stderr)


def _one_thread() -> None:
    torch.set_num_threads(1)


def _say_progress(finished: int, total: int, seconds: float) -> None:
    if sys.stderr.isatty() or finished % 100 == 0:
        print(f"\r{finished} of {total} replicates, {seconds / 60:.1f} min", end="", file=sys.stderr, flush=True)


def _print_plan(cases: Sequence[Case], results: Results, replicates: int, processes: int) -> None:
    total, unknown = 0.0, 0
    for case in cases:
        found = results.of(case.key)
        left = max(0, replicates - len(found))
        if not found:
            unknown += 1
            print(f"{case.key}: nothing yet, {left} replicates")
            continue
        seconds = sorted(replicate.seconds + replicate.draw_seconds for replicate in found)[len(found) // 2]
        total += seconds * left
        print(f"{case.key}: {len(found)} finished, {left} to do at {seconds:.2f} s = {seconds * left / 60:.1f} min")
    print(f"about {total / 60 / processes:.0f} minutes with {processes} processes")
    if unknown:
        print(f"and {unknown} cases of unknown cost: --measure finds it")


def _print_rows(rows: Sequence[Row]) -> None:
    for row in rows:
        name = (
            f"{row.score} {row.family} D={row.dimension} p={row.decay:g} {row.distance} {row.n_real}x{row.n_generated}"
        )
        if row.coverage is None or row.half_width is None:
            print(f"{name}: refused ({row.refusal})")
            continue
        misses = f"{row.below} below, {row.above} above"
        print(
            f"{name}: {100 * row.coverage:.1f} % of {row.offered} ({misses}) {row.verdict}; "
            f"truth {row.truth:.4g}, bias {row.bias_value:.3g} -> {row.bias_estimate:.3g}, sd {row.spread:.3g}, "
            f"se {math.nan if row.error is None else row.error:.3g}, {row.seconds:.2f} s"
        )


def _write_table(rows: list[Row]) -> None:
    """The document's tables, and the numbers in them for programs."""
    write_into(DOCUMENT, rows)
    SUMMARY.parent.mkdir(parents=True, exist_ok=True)
    SUMMARY.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")
    print(f"{len(rows)} rows written into {DOCUMENT} and {SUMMARY}")


if __name__ == "__main__":
    main()
