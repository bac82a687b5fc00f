"""A realistic report for the tests of this folder, with any part of it exchangeable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ganeval.features.features import ExtractorInfo, Preview
from ganeval.metrics.score import Score
from ganeval.notices import Notice
from ganeval.report.report import Gallery, Report, Run, Side

EXTRACTOR = "efficientnet-lite0"


def previews(word: str, count: int, size: int, seed: int) -> tuple[Preview, ...]:
    """Pictures of a bright disc on a slope of grey: something to see, that compresses like a drawing."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] / size
    pictures = []
    for i in range(count):
        cx, cy, radius = rng.uniform([0.25, 0.25, 0.1], [0.75, 0.75, 0.3])
        disc = np.clip((radius - np.hypot(x - cx, y - cy)) * size, 0, 1)[..., None]
        colour = rng.uniform(80, 255, 3)
        pixels = (disc * colour + (1 - disc) * (60 * x + 20)[..., None]).astype(np.uint8)
        pictures.append(Preview(id=f"{word}/{i:05d}.png", pixels=pixels))
    return tuple(pictures)


def _scores() -> dict[str, Score]:
    kernel = {"degree": 3, "gamma": None, "coef0": 1.0, "subsets": 100, "subset_size": 1000}
    neighbours = {"k": 3}
    listed = [
        Score("inception_score", 3.9124710183, None, 2000, True, None, {"splits": 10}, {"std": 0.1349817}),
        Score("fd", 23.416785123456, 2000, 2000, False, None, {}, {"mean_term": 4.215012, "covariance_term": 19.2017}),
        Score("kd", 0.01234567891, 2000, 2000, False, None, kernel, {"std": 0.00098123}),
        Score("precision", 0.8125, 2000, 2000, True, None, neighbours),
        Score("recall", 0.4935, 2000, 2000, True, None, neighbours),
        Score("density", 1.0421666666666667, 2000, 2000, True, None, {"k": 5}),
        Score("coverage", 0.7755, 2000, 2000, True, None, {"k": 5}),
    ]
    return {f"{s.name}_{EXTRACTOR}": s.renamed(f"{s.name}_{EXTRACTOR}") for s in listed}


def _sides() -> tuple[Side, Side]:
    generated = Side(
        source="samples/",
        kind="folder",
        count=2000,
        fingerprint="3f9a" * 16,
        sizes={"28x28": 2000},
        formats={"PNG": 2000},
        modes={"RGB": 1990, "RGBA": 10},
        skipped=(("samples/00017.png", "image file is truncated"), ("samples/01203.png", "the file has zero bytes")),
        from_store=0,
        stage_seconds={"decode": 1.92, "resize": 6.31, "network": 60.4, "store": 0.12, "wall": 63.2},
    )
    real = Side(
        source="fashion-mnist",
        kind="named set",
        count=2000,
        fingerprint="07be" * 16,
        sizes={"28x28": 2000},
        formats={"array": 2000},
        modes={"L": 2000},
        from_store=2000,
        stage_seconds={"decode": 0.0, "resize": 0.0, "network": 0.0, "store": 0.03, "wall": 0.04},
    )
    return generated, real


def _gallery() -> Gallery:
    rng = np.random.default_rng(3)
    centres = np.array([[-4.0, 1.0], [1.0, 3.0], [3.0, -2.0], [0.0, -3.5]])
    real = centres[rng.integers(0, 4, 500)] + rng.normal(size=(500, 2))
    generated = centres[rng.integers(0, 3, 500)] * 0.9 + rng.normal(size=(500, 2)) * 0.7
    names = tuple(f"class {i}" for i in range(40))
    return Gallery(
        real=previews("real", 12, 28, 1),
        generated=previews("samples", 12, 28, 2),
        projection_real=real,
        projection_generated=generated,
        projection_variance=(0.214, 0.113),
        class_names=names,
        histogram_real=rng.dirichlet(np.ones(40)),
        histogram_generated=rng.dirichlet(np.ones(40)),
    )


def build_report(**changes: Any) -> Report:
    """A report of 2,000 against 2,000 images with seven scores and three notices; `changes` replace its fields."""
    generated, real = _sides()
    scores = _scores()
    report = Report(
        scores=scores,
        extractor=ExtractorInfo(EXTRACTOR, "5d4c3b2a" * 8, "tf1", "float32", False, 1280, 1000),
        generated=generated,
        real=real,
        run=Run(
            command="ganeval score samples/ --real fashion-mnist --metrics fid,kid,is,prdc --html report.html",
            seed=2020,
            started="2025-11-21T22:41:07+00:00",
            seconds=71.4,
            device="cpu",
            batch_size=32,
            versions={"ganeval": "0.1.0", "python": "3.11.2", "torch": "2.9.0", "numpy": "2.3.5", "pillow": "12.0.0"},
            platform="Linux x86_64, 2 processors",
            options={"on_error": "skip", "recursive": True},
        ),
        comparable=(
            f"With other numbers of ganeval whose names end in {EXTRACTOR}. Not with published FIDs: those rest on "
            "Inception-v3's features."
        ),
        notices=(
            Notice(
                "mode-mismatch",
                "The generated images are RGB, the real ones are greyscale (L).",
                "Any tint of the generated images counts as a difference.",
            ),
            Notice(
                "alpha",
                "10 generated images have an alpha channel and were composited on white.",
                "",
                "info",
            ),
            Notice("skipped", "2 generated images were skipped.", "The scores speak of the other 2,000 only."),
        ),
        requested={
            "fid": f"fd_{EXTRACTOR}",
            "kid": f"kd_{EXTRACTOR}",
            "inception_score": f"inception_score_{EXTRACTOR}",
        },
        gallery=_gallery(),
    )
    return replace(report, **changes)


@pytest.fixture
def make_report() -> Callable[..., Report]:
    """`build_report`, as a fixture."""
    return build_report


@pytest.fixture
def make_previews() -> Callable[..., tuple[Preview, ...]]:
    """`previews`, as a fixture."""
    return previews
