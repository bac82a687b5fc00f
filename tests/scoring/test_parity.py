"""Whole scores against torch-fidelity, from image files, with the same random weights, at the sizes users have."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch_fidelity
from PIL import Image
from torch_fidelity.datasets import ImagesPathDataset
from torch_fidelity.utils import create_feature_extractor

import ganeval
from ganeval.metrics import frechet_distance

COUNT = 12
NAMES = {
    "inception_score": "inception_score_mean",
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


def both_sides(kind, folder, photograph_crops):
    shapes = sizes(kind)
    real = write(folder / "real", [photograph_crops(1, *s, seed=i)[0] for i, s in enumerate(shapes)])
    other = [photograph_crops(1, *s, seed=100 + i)[0] for i, s in enumerate(shapes)]
    return write(folder / "generated", blurred(other)), real


def ours(generated, real, weights, metrics):
    return ganeval.score(
        generated,
        real=real,
        extractor="inception-v3",
        weights=weights,
        metrics=metrics,
        options={"is": {"splits": 3}, "kid": {"subset_size": 10, "subsets": 20}} if "kid" in metrics else {},
        device="cpu",
        cache=False,
    )


def theirs(generated, real, weights, batch_size, **metrics):
    return torch_fidelity.calculate_metrics(
        input1=str(generated),
        input2=str(real),
        isc_splits=3,
        kid_subset_size=10,
        kid_subsets=20,
        feature_extractor="inception-v3-compat",
        feature_extractor_weights_path=str(weights),
        cuda=False,
        cache=False,
        batch_size=batch_size,
        save_cpu_ram=True,
        verbose=False,
        **metrics,
    )


def their_features(folder, weights):
    """Pooled features by torch-fidelity's own data set and network."""
    options = {"feature_extractor_weights_path": str(weights), "verbose": False}
    network = create_feature_extractor("inception-v3-compat", ["2048"], cuda=False, **options)
    images = ImagesPathDataset(sorted(folder.iterdir()))
    with torch.no_grad():
        return torch.cat([network(image[None])[0] for image in images])


# "mixed" has images of 28, 64 and 256 pixels too.
@pytest.mark.parametrize(
    "kind", [*(pytest.param(side, marks=pytest.mark.long) for side in (28, 64, 256)), 299, 512, "mixed"]
)
def test_scores_are_those_of_torch_fidelity(kind, tmp_path, photograph_crops, random_inception):
    generated, real = both_sides(kind, tmp_path, photograph_crops)
    report = ours(generated, real, random_inception, ["is", "fid", "kid", "precision", "recall"])
    batch_size = 1 if kind == "mixed" else 6
    expected = theirs(generated, real, random_inception, batch_size, isc=True, kid=True, prc=True)
    for name, their_name in NAMES.items():
        assert report[name].value == pytest.approx(expected[their_name], rel=1e-4, abs=1e-7), name
    # Their own formula takes half a minute at 2048 dimensions: it has the test below, here their features suffice.
    features = [their_features(folder, random_inception) for folder in (real, generated)]
    assert report["fid"].value == pytest.approx(frechet_distance(*features).value, rel=1e-5)
    # The comparison would be worth nothing if the two sides or the images within a side were all alike.
    assert report["fid"].value > 1
    assert report["inception_score"].value > 1.05


@pytest.mark.slow
def test_fid_is_that_of_torch_fidelity_to_the_end(tmp_path, photograph_crops, random_inception):
    generated, real = both_sides(64, tmp_path, photograph_crops)
    report = ours(generated, real, random_inception, ["fid"])
    expected = theirs(generated, real, random_inception, 6, fid=True)["frechet_inception_distance"]
    assert report["fid"].value == pytest.approx(expected, rel=1e-4)
