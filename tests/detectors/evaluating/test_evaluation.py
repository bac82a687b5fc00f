"""An evaluation by the detectors that ship: what they refuse is told apart from what they leave undecided."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console

from ganeval.detectors import Examiner
from ganeval.detectors.evaluating.evaluation import evaluate
from ganeval.detectors.evaluating.sets import NamedSet
from ganeval.detectors.perturbations import parse_perturbations
from ganeval.detectors.reporting.evaluation import evaluation_document, render_evaluation
from ganeval.images.opening import open_source
from ganeval.progress import SilentProgress


def test_what_is_too_small_to_be_judged_is_counted(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name, sides in (("real", (160, 160, 300)), ("generated", (160, 300, 300, 300))):
        (tmp_path / name).mkdir()
        for number, side in enumerate(sides):
            pixels = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.png")
    sets = [NamedSet(name, open_source(str(tmp_path / name)), name == "generated") for name in ("real", "generated")]
    found = evaluate(sets, Examiner, perturbations=parse_perturbations("resize:0.5"), jobs=1, progress=SilentProgress())
    shares = {one.condition: (one.unjudged.value, one.unjudged.count) for one in found.outcomes}
    assert shares == {"as is": (0, 4), "resize:0.5": (0.25, 4)}
    real = {one.condition: one.unjudged.value for one in found.real_outcomes if one.by == "all"}
    assert real == {"as is": 0, "resize:0.5": 2 / 3}
    document = evaluation_document(found, "")
    assert document["outcomes"][1]["unjudged"]["value"] == 0.25
    stream = io.StringIO()
    render_evaluation(found, Console(file=stream, width=200))
    assert stream.getvalue().count("not judged") == sum(one.unjudged.value > 0 for one in found.real_outcomes) + 1
