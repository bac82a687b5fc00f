"""The bundled DCGAN is not collapsed, as a classifier sees it that knows nothing of generators."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

import ganeval
from ganeval.generators import open_generator
from ganeval.images.source import ImageSource, SourceOptions

SAMPLES = 500


def features_and_labels(source: ImageSource) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.str_]]:
    """Pixels averaged in 2×2 blocks and scaled to [0, 1], of shape [N, 196], and the labels as text."""
    items = list(source)
    grey = np.stack([item.load().pixels[..., 0] for item in items]).astype(np.float64) / 255
    small = grey.reshape(len(grey), 14, 2, 14, 2).mean((2, 4)).reshape(len(grey), -1)
    return small, np.array([str(item.label) for item in items])


def test_samples_are_of_nearly_all_classes_and_look_like_them() -> None:
    features, labels = features_and_labels(ganeval.open_source("fashion-mnist"))
    assert len(set(labels)) == 10
    order = np.random.default_rng(0).permutation(len(labels))
    known, unseen = order[:5000], order[5000:]
    classifier = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1).fit(features[known], labels[known])
    # Without this the test would trust a classifier that guesses.
    assert classifier.score(features[unseen], labels[unseen]) > 0.75

    samples, _ = features_and_labels(open_generator("dcgan-fashion-mnist", SourceOptions(count=SAMPLES)))
    seen = classifier.predict(samples)
    classes, counts = np.unique(seen, return_counts=True)
    assert (counts >= SAMPLES // 100).sum() >= 8
    assert counts.max() < SAMPLES / 3
    for name in classes:
        generated, real = samples[seen == name].mean(0), features[labels == name].mean(0)
        assert np.corrcoef(generated, real)[0, 1] > 0.85, name
