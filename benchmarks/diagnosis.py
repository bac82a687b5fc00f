"""How often does `ganeval diagnose` raise a false alarm, and which failures of which size does it see? By simulation.

Each replicate draws "training", "held-out" and "generated" images from the 10,000 test images of Fashion-MNIST without
replacement. Without a change the generated ones are as real as can be: any finding is a false alarm. A scenario then
spoils them in a known way: classes are dropped, only the images nearest to their class's mean are kept, few images are
repeated with noise, training images are copied. Features are efficientnet-lite0's of the changed pictures themselves.
Finished replicates are kept in a file, and a later run goes on from there.

    python benchmarks/diagnosis.py --scenario nothing --replicates 200 --processes 2
    python benchmarks/diagnosis.py --replicates 20 --minutes 9
    python benchmarks/diagnosis.py --table                      write the tables in docs/diagnosis.md
"""

from __future__ import annotations

import argparse
import io
import json
import math
import multiprocessing
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from scipy.stats import beta

from ganeval.diagnosis.choosing import choose_diagnostics
from ganeval.diagnosis.diagnosing import examine
from ganeval.diagnosis.diagnostic import Subject
from ganeval.diagnosis.verdicts import diagnosed
from ganeval.features.engine import extract
from ganeval.features.features import Features
from ganeval.features.resolving import resolve_extractor
from ganeval.features.store import FeatureStore
from ganeval.images.arrays import ArraySource
from ganeval.images.digest import pixel_digest
from ganeval.images.opening import open_source
from ganeval.images.reading import ImageReader

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "diagnosis.md"
RESULTS = ROOT / "benchmarks" / "results" / "diagnosis.jsonl"
BEGIN, END = "<!-- simulation -->", "<!-- end of simulation -->"
EXTRACTOR = "efficientnet-lite0"
DATA = "fashion-mnist"

Pixels = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Sizes:
    """How many images of each kind a replicate has."""

    generated: int = 1000
    training: int = 3000
    held_out: int = 1000


@dataclass(frozen=True)
class Drawn:
    """Images of one replicate: rows of the pool, and what is made of the generated ones."""

    training: Rows
    held_out: Rows
    generated: Rows
    spare: Rows
    random: np.random.Generator


@dataclass(frozen=True)
class Made:
    """Generated images: rows of the pool, and a change of the pictures by row of the result, None where it is none."""

    rows: Rows
    changed: Mapping[int, Callable[[Pixels], Pixels]]


@dataclass(frozen=True)
class Scenario:
    """One way to spoil the generated images.

    Parameters
    ----------
    name, title
        Of the command line, and of the table.
    failure
        The finding that it should lead to; None where any is a false alarm.
    make
        From what was drawn to the generated images.
    """

    name: str
    title: str
    failure: str | None
    make: Callable[[Drawn], Made]


@cache
def pool() -> Features:
    """All test images with their features, labels and pixels."""
    source = open_source(DATA)
    network = resolve_extractor(EXTRACTOR)[0]
    features = extract(source, network, store=FeatureStore()).features
    return replace(features, reader=ImageReader(source, len(features)))


@cache
def pictures() -> Pixels:
    """Their pixels, uint8 [N, H, W, 3]."""
    reader = pool().reader
    assert reader is not None
    return np.stack(list(reader))


def class_of() -> npt.NDArray[np.int64]:
    """Their classes, numbered."""
    labels = [str(label) for label in pool().labels or ()]
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def part(rows: Rows, changed: Mapping[int, Callable[[Pixels], Pixels]] | None = None) -> Features:
    """Features of these images, those of changed pictures computed from them."""
    whole = pool()
    shown = pictures()[rows]
    pooled = whole.pooled[rows].copy()
    places = sorted(changed or {})
    for place in places:
        shown[place] = (changed or {})[place](shown[place])
    source = ArraySource(shown, name="images")
    if places:
        network = resolve_extractor(EXTRACTOR)[0]
        some = extract(ArraySource(shown[places], name="changed"), network, workers=1).features
        pooled[places] = some.pooled
    infos = known_of(shown, places, rows)
    assert whole.labels is not None
    return Features(
        pooled=pooled,
        labels=tuple(whole.labels[row] for row in rows),
        ids=tuple(whole.ids[row] for row in rows),
        images=infos,
        extractor=whole.extractor,
        reader=ImageReader(source, len(rows)),
    )


def known_of(shown: Pixels, places: Sequence[int], rows: Rows) -> tuple[Any, ...]:
    """What is known of each image; of a changed one with its own digest of pixels."""
    infos = [pool().images[row] for row in rows]
    for place in places:
        infos[place] = replace(infos[place], digest=pixel_digest(shown[place]))
    return tuple(infos)


def nothing(drawn: Drawn) -> Made:
    """Other real images."""
    return Made(drawn.generated, {})


def without_classes(count: int) -> Callable[[Drawn], Made]:
    """The last `count` classes are dropped, and others' images take their places."""

    def make(drawn: Drawn) -> Made:
        classes = class_of()
        pool_rows = np.concatenate([drawn.generated, drawn.spare])
        kept = pool_rows[classes[pool_rows] < classes.max() + 1 - count]
        return Made(kept[: len(drawn.generated)], {})

    return make


def fewer_of_a_class(share: float) -> Callable[[Drawn], Made]:
    """Of one class only so many are left."""

    def make(drawn: Drawn) -> Made:
        classes = class_of()
        rare = classes[drawn.generated] == 3
        keep = ~rare | (drawn.random.random(len(rare)) < share)
        rest = drawn.spare[classes[drawn.spare] != 3]
        rows = np.concatenate([drawn.generated[keep], rest])[: len(drawn.generated)]
        return Made(rows, {})

    return make


def narrow_classes(share: float) -> Callable[[Drawn], Made]:
    """Of each class the part of the images that is nearest to its mean."""

    def make(drawn: Drawn) -> Made:
        classes, features = class_of(), pool().pooled
        rows = np.concatenate([drawn.generated, drawn.spare])
        chosen = []
        for name in np.unique(classes):
            own = rows[classes[rows] == name]
            mean = features[own].mean(axis=0)
            order = np.linalg.norm(features[own] - mean, axis=1).argsort()
            wanted = int((classes[drawn.generated] == name).sum())
            # In any order: the first would be the innermost whatever the share.
            near = drawn.random.permutation(own[order[: max(2, round(share * len(own)))]])
            chosen.append(near[np.arange(wanted) % len(near)] if len(near) < wanted else near[:wanted])
        return Made(np.concatenate(chosen), {})

    return make


def repeated(different: float) -> Callable[[Drawn], Made]:
    """Only so many different images, each again and again with noise of 4 grey levels."""

    def make(drawn: Drawn) -> Made:
        count = len(drawn.generated)
        few = drawn.generated[: max(1, round(different * count))]
        rows = few[np.arange(count) % len(few)]
        seeds = drawn.random.integers(0, 2**31, count)
        return Made(rows, {place: noise(4, int(seeds[place])) for place in range(len(few), count)})

    return make


def copied(share: float, change: str) -> Callable[[Drawn], Made]:
    """So many samples are training images, changed."""

    def make(drawn: Drawn) -> Made:
        rows = drawn.generated.copy()
        count = max(1, round(share * len(rows)))
        rows[:count] = drawn.random.choice(drawn.training, count, replace=False)
        seeds = drawn.random.integers(0, 2**31, count)
        return Made(rows, {place: CHANGES[change](int(seeds[place])) for place in range(count)})

    return make


def noise(sigma: float, seed: int) -> Callable[[Pixels], Pixels]:
    """Grey noise of that standard deviation in levels."""

    def change(pixels: Pixels) -> Pixels:
        grain = np.random.default_rng(seed).normal(0, sigma, pixels.shape[:2])[..., None]
        return np.asarray(np.clip(np.rint(pixels + grain), 0, 255), dtype=np.uint8)

    return change


def flipped(seed: int) -> Callable[[Pixels], Pixels]:
    """Mirrored left to right."""
    return lambda pixels: np.ascontiguousarray(pixels[:, ::-1])


def jpeg(seed: int) -> Callable[[Pixels], Pixels]:
    """Saved as JPEG with quality 75."""

    def change(pixels: Pixels) -> Pixels:
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "JPEG", quality=75)
        return np.asarray(Image.open(stream).convert("RGB"))

    return change


def cropped(seed: int) -> Callable[[Pixels], Pixels]:
    """One pixel is cut off all around, and the rest enlarged again."""

    def change(pixels: Pixels) -> Pixels:
        height, width = pixels.shape[:2]
        inner = Image.fromarray(pixels).crop((1, 1, width - 1, height - 1))
        return np.asarray(inner.resize((width, height), Image.Resampling.BICUBIC))

    return change


CHANGES: Mapping[str, Callable[[int], Callable[[Pixels], Pixels]]] = {
    "noise": lambda seed: noise(4, seed),
    "flip": flipped,
    "jpeg": jpeg,
    "crop": cropped,
}

SCENARIOS: Mapping[str, Scenario] = {
    one.name: one
    for one in (
        Scenario("nothing", "nothing is wrong", None, nothing),
        *(
            Scenario(f"drop-{k}", f"{k} of 10 classes dropped", "mode-collapse", without_classes(k))
            for k in (1, 2, 5, 9)
        ),
        *(
            Scenario(f"rare-{s:g}", f"one class at {s:.0%} of its share", "mode-collapse", fewer_of_a_class(s))
            for s in (0.75, 0.5, 0.25)
        ),
        *(
            Scenario(f"narrow-{s:g}", f"the inner {s:.0%} of each class", "mode-collapse", narrow_classes(s))
            for s in (0.75, 0.5, 0.25, 0.1)
        ),
        *(
            Scenario(f"repeat-{s:g}", f"{s:.0%} different images, repeated with noise", "mode-collapse", repeated(s))
            for s in (0.98, 0.9, 0.5, 0.1, 0.01)
        ),
        *(
            Scenario(f"copy-{s:g}-{c}", f"{s:.1%} copies of training images, {c}", "memorisation", copied(s, c))
            for c in CHANGES
            for s in (0.001, 0.01, 0.1)
        ),
    )
}


def replicate(name: str, number: int, sizes: Sizes, diagnostics: str | None) -> dict[str, Any]:
    """One replicate: verdicts and p-values."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    began = time.perf_counter()
    random = np.random.default_rng([20, number])
    order = random.permutation(len(pool()))
    ends = np.cumsum([sizes.training, sizes.held_out, sizes.generated])
    training, held_out, generated, spare = np.split(order, ends)
    made = SCENARIOS[name].make(Drawn(training, held_out, generated, spare, random))
    subject = Subject(part(made.rows, made.changed), part(training), part(held_out), seed=number)
    chosen = [one for one in choose_diagnostics(diagnostics) if one.name != "latent-collapse"]
    found = diagnosed([one.evidence for one in examine(chosen, subject)])
    return {
        "scenario": name,
        "number": number,
        "sizes": [sizes.generated, sizes.training, sizes.held_out],
        "findings": {one.failure: one.severity for one in found.findings},
        "p_values": {one.diagnostic: one.p_value for one in found.evidence if one.p_value is not None},
        "severities": {one.diagnostic: one.severity for one in found.evidence},
        "significant": list(found.significant),
        "seconds": time.perf_counter() - began,
    }


def read(path: Path) -> list[dict[str, Any]]:
    """Replicates that are finished."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def alarmed(one: Mapping[str, Any], failure: str | None = None) -> bool:
    """Whether that failure, or any, was found."""
    found = one["findings"] if failure is None else {failure: one["findings"][failure]}
    return any(severity in ("partial", "severe") for severity in found.values())


def share_text(hits: int, total: int) -> str:
    """A share with its exact interval."""
    low = 0.0 if hits == 0 else float(beta.ppf(0.025, hits, total - hits + 1))
    high = 1.0 if hits == total else float(beta.ppf(0.975, hits + 1, total - hits))
    return f"{100 * hits / total:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


def tables(found: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: false alarms, then what is found of each failure, by which diagnostics."""
    lines = [
        "| generated, training, held-out | replicates | any alarm | any p-value that counts |",
        "|---|---|---|---|",
    ]
    null = [one for one in found if SCENARIOS[one["scenario"]].failure is None]
    for sizes in sorted({tuple(one["sizes"]) for one in null}):
        own = [one for one in null if tuple(one["sizes"]) == sizes]
        alarms, counts = sum(map(alarmed, own)), sum(bool(one["significant"]) for one in own)
        shown = ", ".join(f"{size:,}" for size in sizes)
        lines.append(f"| {shown} | {len(own)} | {share_text(alarms, len(own))} | {share_text(counts, len(own))} |")
    lines += ["", "| what is wrong | images | replicates | found | severe | found by |", "|---|---|---|---|---|---|"]
    for scenario in SCENARIOS.values():
        if scenario.failure is None:
            continue
        own = [one for one in found if one["scenario"] == scenario.name]
        for sizes in sorted({tuple(one["sizes"]) for one in own}):
            some = [one for one in own if tuple(one["sizes"]) == sizes]
            lines.append(f"| {scenario.title} | {sizes[0]:,} | {_power(some, scenario.failure)} |")
    return "\n".join(lines)


def _power(some: Sequence[Mapping[str, Any]], failure: str) -> str:
    hits = sum(alarmed(one, failure) for one in some)
    severe = sum(one["findings"][failure] == "severe" for one in some)
    by = {
        name: sum(name in one["significant"] and one["severities"][name] in ("partial", "severe") for one in some)
        for name in some[0]["severities"]
    }
    told = ", ".join(f"{name} {count}" for name, count in sorted(by.items(), key=lambda one: -one[1]) if count)
    total = len(some)
    return f"{total} | {100 * hits / total:.0f} % | {100 * severe / total:.0f} % | {told or 'none'}"


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", nargs="+", choices=list(SCENARIOS), default=list(SCENARIOS))
    parser.add_argument("--replicates", type=int, default=20)
    parser.add_argument("--generated", type=int, default=Sizes.generated)
    parser.add_argument("--training", type=int, default=Sizes.training)
    parser.add_argument("--held-out", type=int, default=Sizes.held_out)
    parser.add_argument("--only", help="diagnostics; all of the default otherwise")
    parser.add_argument("--processes", type=int, default=2, help="each with one thread")
    parser.add_argument("--minutes", type=float, default=math.inf, help="begin no replicate after so many minutes")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true", help="only write the tables in docs/diagnosis.md")
    chosen = parser.parse_args()
    found = read(chosen.results)
    if chosen.table:
        write_tables(found)
        return 0
    sizes = Sizes(chosen.generated, chosen.training, chosen.held_out)
    key = [sizes.generated, sizes.training, sizes.held_out]
    done = {(one["scenario"], one["number"]) for one in found if one["sizes"] == key}
    # All scenarios once, then all twice: a run that is stopped has something of each.
    waiting = [
        (name, number) for number in range(chosen.replicates) for name in chosen.scenario if (name, number) not in done
    ]
    pool()
    end = time.monotonic() + 60 * chosen.minutes
    context = multiprocessing.get_context("spawn")
    with (
        ProcessPoolExecutor(chosen.processes, mp_context=context) as processes,
        chosen.results.open("a", encoding="utf-8") as out,
    ):
        for start in range(0, len(waiting), 4 * chosen.processes):
            if time.monotonic() > end:
                break
            some = waiting[start : start + 4 * chosen.processes]
            for future in as_completed([processes.submit(replicate, *one, sizes, chosen.only) for one in some]):
                result = future.result()
                out.write(json.dumps(result) + "\n")
                out.flush()
                print(
                    result["scenario"], result["number"], result["findings"], f"{result['seconds']:.1f} s", flush=True
                )
    print(tables(read(chosen.results)))
    return 0


def write_tables(found: Sequence[Mapping[str, Any]]) -> None:
    """Put the tables between the marks in the document."""
    text = DOCUMENT.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    DOCUMENT.write_text(f"{before}{BEGIN}\n{tables(found)}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
