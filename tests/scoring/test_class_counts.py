"""Remarks on classes that a score leaves out."""

from __future__ import annotations

import numpy as np
from PIL import Image

import ganeval
from ganeval.metrics import intra_class_frechet_distance
from ganeval.metrics.score import Score
from ganeval.scoring.class_counts import notices_of_classes


def _score(**counts: tuple[int, int]) -> Score:
    rng = np.random.default_rng(3)
    labels = [[name for name, pair in counts.items() for _ in range(pair[side])] for side in (0, 1)]
    features = [rng.standard_normal((len(side), 3)) for side in labels]
    return intra_class_frechet_distance(*features, *labels, fewest=2)


def test_classes_left_out_are_named_with_their_counts() -> None:
    (found,) = notices_of_classes([Score("fd", 1.0, 2, 2, False), _score(cat=(9, 8), dog=(9, 1), emu=(0, 5))])
    assert (found.code, found.severity) == ("classes-left-out", "warning")
    assert "2 of 3 classes are left out" in found.message
    assert "dog: 9 real, 1 generated; emu: 0 real, 5 generated" in found.message
    assert "the 1 other;" in found.effect


def test_long_lists_are_cut_short() -> None:
    (found,) = notices_of_classes([_score(a=(4, 4), **{f"x{i}": (1, 4) for i in range(9)})])
    assert "9 of 10" in found.message
    assert found.message.count("1 real, 4 generated") == 3
    assert "…" in found.message


def test_nothing_to_say() -> None:
    assert notices_of_classes([Score("fd", 1.0, 2, 2, False), _score(cat=(4, 4), dog=(3, 5))]) == []


def test_reports_and_comparisons_say_it(tmp_path) -> None:
    rng = np.random.default_rng(4)
    for side in ("real", "one", "two"):
        for name, count in (("cat", 4), ("dog", 4 if side == "real" else 1)):
            (tmp_path / side / name).mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(tmp_path / side / name / f"{i}.png")
    real, one, two = (str(tmp_path / side) for side in ("real", "one", "two"))
    settings = {"real": real, "extractor": "pixels", "metrics": "intra_fd", "labels": "folders", "cache": False}
    settings["options"] = {"intra_fd": {"fewest": 2}}
    report = ganeval.score(one, **settings)
    assert "classes-left-out" in [notice.code for notice in report.notices]
    comparison = ganeval.compare([one, two], **settings)
    assert [notice.code for notice in comparison.notices].count("classes-left-out") == 1
