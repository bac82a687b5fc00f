"""Whole scores against torch-fidelity, from image files, with the same random weights, at the sizes users have."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import ganeval

torch_fidelity = pytest.importorskip("torch_fidelity")

COUNT = 12
NAMES = {
    "inception_score": "inception_score_mean",
    "fid": "frechet_inception_distance",
    "kid": "kernel_inception_distance_mean",
    "precision": "precision",
    "recall": "recall",
}


def write(folder, arrays):
    folder.mkdir()
    for number, array in enumerate(arrays):
        Image.fromarray(array).save(folder / f"{number:03d}.png")
    return folder


def blurred(arrays):
    """A distorted copy, so that the two sides differ."""
    return [(array.astype(np.float32) * 0.7 + np.roll(array, 3, axis=0) * 0.3).astype(np.uint8) for array in arrays]


def sizes(kind):
    if kind == "mixed":
        return [(28, 28), (64, 48), (256, 256), (299, 299), (300, 200), (33, 511)] * (COUNT // 6)
    return [(kind, kind)] * COUNT


@pytest.mark.parametrize("kind", [28, 64, 256, 299, 512, "mixed"])
def test_scores_are_those_of_torch_fidelity(kind, tmp_path, photograph_crops, random_inception):
    shapes = sizes(kind)
    real = write(tmp_path / "real", [photograph_crops(1, *s, seed=i)[0] for i, s in enumerate(shapes)])
    other = [photograph_crops(1, *s, seed=100 + i)[0] for i, s in enumerate(shapes)]
    generated = write(tmp_path / "generated", blurred(other))
    report = ganeval.score(
        generated,
        real=real,
        extractor="inception-v3",
        weights=random_inception,
        metrics=["is", "fid", "kid", "precision", "recall"],
        options={"is": {"splits": 3}, "kid": {"subset_size": 10, "subsets": 20}},
        device="cpu",
        cache=False,
    )
    theirs = torch_fidelity.calculate_metrics(
        input1=str(generated),
        input2=str(real),
        isc=True,
        fid=True,
        kid=True,
        prc=True,
        isc_splits=3,
        kid_subset_size=10,
        kid_subsets=20,
        feature_extractor="inception-v3-compat",
        feature_extractor_weights_path=str(random_inception),
        cuda=False,
        cache=False,
        batch_size=1 if kind == "mixed" else 6,
        save_cpu_ram=True,
        verbose=False,
    )
    for ours, their_name in NAMES.items():
        assert report[ours].value == pytest.approx(theirs[their_name], rel=1e-4, abs=1e-7), ours
    # The comparison would be worth nothing if the two sides or the images within a side were all alike.
    assert report["fid"].value > 1
    assert report["inception_score"].value > 1.05
