"""What the HTML report shows beside the numbers: previews, where each side lies, which classes the network sees."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from ganeval.features.features import Features
from ganeval.report.report import Gallery

#: Points a side in the projection: more would only overplot.
PROJECTED = 1500


def make_gallery(real: Features | None, generated: Features, *, class_names: tuple[str, ...] | None = None) -> Gallery:
    """The gallery of an evaluation; everything in it is the same for the same features."""
    projected = _project(None if real is None else real.pooled, generated.pooled)
    names, real_histogram, generated_histogram = _histograms(real, generated, class_names)
    return Gallery(
        real=() if real is None else real.previews,
        generated=generated.previews,
        projection_real=projected[0],
        projection_generated=projected[1],
        projection_variance=projected[2],
        class_names=names,
        histogram_real=real_histogram,
        histogram_generated=generated_histogram,
    )


Points = npt.NDArray[np.float64]


def _thinned(features: npt.NDArray[np.float32]) -> torch.Tensor:
    places = np.linspace(0, len(features) - 1, min(PROJECTED, len(features))).round().astype(int)
    return torch.from_numpy(features[places]).double()


def _project(
    real: npt.NDArray[np.float32] | None, generated: npt.NDArray[np.float32]
) -> tuple[Points | None, Points | None, tuple[float, float] | None]:
    """Positions on the two principal axes of both sides together, and the fraction of the variance on each."""
    sides = [_thinned(side) for side in (real, generated) if side is not None]
    both = torch.cat(sides)
    centred = both - both.mean(0)
    total = float(centred.square().sum())
    if len(both) < 3 or centred.shape[1] < 2 or total == 0:
        return None, None, None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        _, singular, axes = torch.pca_lowrank(centred, q=min(6, *centred.shape), center=False, niter=4)
    # The sign of an axis is arbitrary: fix it so that a rerun shows the same picture.
    axes = axes * torch.sign(axes.gather(0, axes.abs().argmax(0, keepdim=True)))
    points = (centred @ axes[:, :2]).numpy()
    variance = (singular[:2].square() / total).tolist()
    split = len(sides[0]) if real is not None else 0
    return (points[:split] if real is not None else None), points[split:], (variance[0], variance[1])


def _histograms(
    real: Features | None, generated: Features, class_names: tuple[str, ...] | None
) -> tuple[tuple[str, ...], Points | None, Points | None]:
    if generated.logits is None:
        return (), None, None
    classes = generated.logits.shape[1]
    names = class_names if class_names is not None and len(class_names) == classes else None

    def fractions(features: Features) -> Points:
        assert features.logits is not None
        counts: Points = np.bincount(features.logits.argmax(1), minlength=classes) / len(features)
        return counts

    return (
        names or tuple(f"class {i}" for i in range(classes)),
        None if real is None or real.logits is None else fractions(real),
        fractions(generated),
    )
