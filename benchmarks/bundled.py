"""How good are the generators that come with ganeval? Their scores with intervals, and a grid of their samples.

    python benchmarks/bundled.py --count 5000 --json benchmarks/results/bundled.json
    python benchmarks/bundled.py --grid docs/images/bundled.png

Scores are of features of efficientnet-lite0 against the 10,000 test images of Fashion-MNIST, which none was trained on:
no published FIDs. The label that a conditional model was asked for is judged by a linear classifier of those features,
fitted on the test images; CycleGAN and pix2pix by the mean absolute error on test pairs in grey levels, beside that of
leaving the input as it is.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.metrics import mutual_info_score
from torch import Tensor

import ganeval
from ganeval.diagnosis.linear_probe import LinearProbe
from ganeval.features.engine import extract
from ganeval.features.features import Features
from ganeval.features.resolving import resolve_extractor
from ganeval.features.store import FeatureStore
from ganeval.generators.bundled import BUNDLED, BundledGenerator
from ganeval.generators.model import DIRECTIONS, GenerativeModel, Sampler, Translator
from ganeval.generators.picture import grid
from ganeval.generators.sampling.blocks import levels, to_bytes
from ganeval.generators.streams import DRAWINGS, random_stream
from ganeval.generators.weights_file import read_model
from ganeval.images.opening import open_source
from ganeval.images.source import SourceOptions
from ganeval.report.digits import score_text
from ganeval.wording import counted

REAL = "fashion-mnist"
EXTRACTOR = "efficientnet-lite0"
METRICS = ("fd", "kd", "precision", "recall")
#: The derived set whose images are the second domain of each bundled translator, by a word in its name.
SECOND = {"edges": "fashion-mnist-edges", "inverted": "fashion-mnist-inverted"}
COLUMNS = 12

Row = dict[str, Any]
Pixels = npt.NDArray[np.uint8]


def model_of(one: BundledGenerator) -> GenerativeModel:
    """Its networks."""
    return read_model(one.weights(), one.name)


def sampler_row(one: BundledGenerator, count: int) -> Row:
    """Scores of one that makes images from latents."""
    report = ganeval.score(
        f"generator:{one.name}", REAL, count=count, extractor=EXTRACTOR, metrics=list(METRICS), seed=0
    )
    row: Row = {"model": one.name, "images": count}
    for name in METRICS:
        score = report[name]
        text = score_text(score)
        row[name] = {
            "value": score.value,
            "corrected": score.corrected,
            "low": None if score.interval is None else score.interval.low,
            "high": None if score.interval is None else score.interval.high,
            "text": f"{text.corrected or text.value}"
            + ("" if text.interval is None else f" [{text.interval[0]}, {text.interval[1]}]"),
        }
    if one.header["config"].get("classes"):
        row["label recovered"] = label_recovered(one, count)
    if one.header["model"] == "infogan":
        row["code information"] = code_information(one, count)
    return row


def features(name: str, options: SourceOptions | None = None) -> Features:
    """Of a set of images; what was scored is stored."""
    return extract(open_source(name, options), resolve_extractor(EXTRACTOR)[0], store=FeatureStore()).features


@cache
def judge() -> LinearProbe:
    """The classifier of real images."""
    real = features(REAL)
    assert real.labels is not None
    return LinearProbe.fit(real.pooled, [str(label) for label in real.labels])


def label_recovered(one: BundledGenerator, count: int) -> float:
    """Share of the samples whose class a classifier of real images sees as the one that was asked for."""
    made = features(f"generator:{one.name}", SourceOptions(count=count, seed=0))
    assert made.labels is not None
    probe = judge()
    seen = probe.predict(made.pooled)
    return float(np.mean([probe.classes[place] == str(label) for place, label in zip(seen, made.labels, strict=True)]))


def code_information(one: BundledGenerator, count: int) -> float:
    """Nats that a model's categorical code tells about the class that a classifier of real images sees; ln 10 at most.

    The values of the code take turns, `count` images of each tenth of them.
    """
    codes: list[int] = []
    seen: list[int] = []
    for code in range(10):
        made = features(f"generator:{one.name}?fix.c1={code}", SourceOptions(count=count // 10, seed=code))
        found = judge().predict(made.pooled)
        codes += [code] * len(found)
        seen += found.tolist()
    return float(mutual_info_score(codes, seen))


def test_pairs(one: BundledGenerator) -> tuple[Tensor, Tensor]:
    """Images of both domains in [-1, 1] that belong together, float32 [N, 1, H, W], of test images."""
    second = next(name for word, name in SECOND.items() if word in one.name)
    return planes(REAL), planes(second)


def planes(name: str) -> Tensor:
    """A grey set, float32 [N, 1, H, W] in [-1, 1]."""
    pixels: list[Pixels] = [item.load().pixels[..., 0] for item in open_source(name)]
    return torch.from_numpy(np.stack(pixels)[:, None]).float() / 127.5 - 1


@torch.inference_mode()
def translator_row(one: BundledGenerator, count: int) -> Row:
    """Errors of one that makes images from images, in grey levels, in each of its directions."""
    model = model_of(one)
    assert isinstance(model, Translator)
    domains = test_pairs(one)
    row: Row = {"model": one.name, "images": count}
    for direction in model.directions:
        start, end = (domains[place][:count] for place in DIRECTIONS[direction])
        made = torch.cat([model.translate(part, direction, random_stream(0, DRAWINGS)) for part in start.split(100)])
        row[direction] = {
            "error": float((made - end).abs().mean()) * 127.5,
            "doing nothing": float((start - end).abs().mean()) * 127.5,
        }
    return row


def samples(one: BundledGenerator) -> list[list[Tensor]]:
    """Rows of pictures uint8 [1, H, W]: samples of seed 0, or inputs above what was made of them."""
    model = model_of(one)
    if isinstance(model, Sampler):
        classes = model.config.classes
        labels = torch.arange(COLUMNS) % classes if classes else None
        return [list(to_bytes(levels(model, model.draw(COLUMNS, random_stream(0, DRAWINGS), labels))))]
    assert isinstance(model, Translator)
    domains, rows = test_pairs(one), []
    for direction in model.directions:
        start = domains[DIRECTIONS[direction][0]][:COLUMNS]
        made = model.translate(start, direction, random_stream(0, DRAWINGS))
        rows += [list(to_bytes((images + 1) * 127.5)) for images in (start, made)]
    return rows


def draw_grid(path: Path) -> None:
    """All bundled models, a row each (translators two a direction), with their names."""
    rows: list[Sequence[Tensor | None]] = []
    names: list[str] = []
    for one in BUNDLED:
        found = samples(one)
        rows += found
        names += [one.name.removesuffix("-fashion-mnist"), *[""] * (len(found) - 1)]
    path.parent.mkdir(parents=True, exist_ok=True)
    grid(rows, names, smallest=28).save(path, optimize=True)


def markdown(table: Sequence[Row]) -> str:
    """The README's tables."""
    lines = [
        "| model | FD, corrected | KD | precision | recall | label recovered | parameters | steps |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in (one for one in table if "fd" in one):
        recovered = f"{100 * row['label recovered']:.1f} %" if "label recovered" in row else "–"
        if "code information" in row:
            recovered = f"code tells {row['code information']:.2f} of 2.30 nats"
        numbers = " | ".join(row[name]["text"] for name in METRICS)
        lines.append(f"| {row['model']} | {numbers} | {recovered} | {row['parameters']:,} | {row['steps']:,} |")
    lines += ["", "| model | direction | error in grey levels | of doing nothing | steps |", "|---|---|---|---|---|"]
    for row in (one for one in table if "fd" not in one):
        for direction in (key for key in row if key in DIRECTIONS):
            numbers = f"{row[direction]['error']:.1f} | {row[direction]['doing nothing']:.1f}"
            lines.append(f"| {row['model']} | {direction} | {numbers} | {row['steps']:,} |")
    return "\n".join(lines)


def main() -> int:
    """Score all, or those named; draw the grid."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", help="names of bundled models; all by default")
    parser.add_argument("--count", type=int, default=5000, help="images of each")
    parser.add_argument("--json", type=Path, help="where to keep the rows; those of other models in it stay")
    parser.add_argument("--grid", type=Path, help="draw samples of all there, and score nothing")
    chosen = parser.parse_args()
    if chosen.grid is not None:
        draw_grid(chosen.grid)
        return 0
    kept: dict[str, Row] = {}
    if chosen.json is not None and chosen.json.exists():
        kept = {row["model"]: row for row in json.loads(chosen.json.read_text(encoding="utf-8"))}
    for one in BUNDLED:
        if chosen.models and one.name not in chosen.models:
            continue
        began = time.perf_counter()
        measure = sampler_row if isinstance(model_of(one), Sampler) else translator_row
        row = measure(one, chosen.count)
        file = resources.files("ganeval.generators") / "weights" / one.file
        row |= {
            "steps": one.header["made"]["steps"],
            "parameters": sum(values.numel() for values in model_of(one).state_dict().values()),
            "bytes": len(file.read_bytes()),
        }
        kept[one.name] = row
        print(f"{one.name}: {counted(chosen.count, 'image')}, {time.perf_counter() - began:.0f} s", file=sys.stderr)
        if chosen.json is not None:
            chosen.json.write_text(json.dumps(list(kept.values()), indent=1) + "\n", encoding="utf-8")
    print(markdown([kept[one.name] for one in BUNDLED if one.name in kept]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
