"""`diagnose` from sets to a report: what is remarked on the sets, and options that don't fit them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ganeval as package
from ganeval.images.fashion_mnist import _embedded_test


@pytest.fixture
def sets(tmp_path: Path) -> dict[str, Path]:
    images, _ = _embedded_test()
    paths = {}
    for name, rows in {"samples": range(40), "train": range(40, 100), "held": [0, 1, 98, *range(100, 130)]}.items():
        paths[name] = tmp_path / f"{name}.npz"
        np.savez(paths[name], arr_0=np.repeat(np.asarray(images)[list(rows)][..., None], 3, axis=-1))
    return paths


def test_held_out_images_in_either_set_are_named(sets: dict[str, Path]) -> None:
    report = package.diagnose(
        sets["samples"], sets["train"], held_out=sets["held"], only="mifid", extractor="pixels", cache=False
    )
    told = {notice.code: notice for notice in report.notices}
    assert told["held-out-overlap"].message.startswith("1 of 33 held-out images is also in the training set: ")
    assert told["held-out-generated"].message.startswith("2 of 33 held-out images are also among the samples: ")
    assert "trained on them" in told["held-out-generated"].effect
    # Information alone is no verdict.
    assert report.diagnosis is not None
    assert {one.failure: one.severity for one in report.diagnosis.findings}["memorisation"] == "unknown"


def test_a_number_of_images_is_for_generators(ganeval, sets: dict[str, Path]) -> None:
    outcome = ganeval("diagnose", sets["samples"], "--real", sets["train"], "-n", "5000", "-e", "pixels")
    assert outcome.code == 2
    assert "--count 5000 is for generators, and there is none" in outcome.text
