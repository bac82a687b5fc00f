"""The classes that training loops use, one a metric: declarations over `ganeval.streaming.metric.StreamingMetric`."""

from __future__ import annotations

from functools import cache

from ganeval.streaming.metric import StreamingMetric
from ganeval.streaming.plan import choose_on_streams


class FrechetDistance(StreamingMetric):
    """The Fréchet distance, FID on Inception features (Heusel et al. 2017), in constant memory.

    With ``keep_features=True`` its `score` has an interval; with ``requires_grad=True`` it can be a `loss`. All other
    parameters are those of `StreamingMetric`.

    Examples
    --------
    >>> import torch
    >>> from ganeval.metrics import FrechetDistance
    >>> images = torch.randint(0, 256, (100, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    >>> fd = FrechetDistance(lambda batch: batch.float().mean(dim=(2, 3)), value_range=(0, 1))
    >>> fd.update(images[:50], real=True)
    >>> fd.update(images[50:] / 255)
    >>> round(float(fd.compute()), 2)
    1.58
    """

    names = ("fd",)
    higher_is_better: bool = False
    is_differentiable: bool = True
    plot_lower_bound: float = 0.0


class InceptionScore(StreamingMetric):
    """The Inception Score (Salimans et al. 2016), from the logits of the extractor; options ``splits``, ``shuffle``."""

    names = ("inception_score",)
    higher_is_better: bool = True
    plot_lower_bound: float = 1.0


class KernelDistance(StreamingMetric):
    """The kernel distance, KID on Inception features (Bińkowski et al. 2018).

    Options ``subsets``, ``subset_size``, ``degree``, ``gamma`` and ``coef0``; with ``requires_grad=True`` it can be a
    `loss`, over all pairs instead of subsets. All other parameters are those of `StreamingMetric`.
    """

    names = ("kd",)
    higher_is_better: bool = False
    is_differentiable: bool = True


class PRDC(StreamingMetric):
    """Precision, recall (Kynkäänniemi et al. 2019), density and coverage (Naeem et al. 2020); option ``k``."""

    names = ("precision_recall", "density_coverage")
    higher_is_better: bool = True
    plot_lower_bound: float = 0.0


@cache
def streaming(name: str) -> type[StreamingMetric]:
    """The class of a metric of the table, such as ``streaming("vendi")``.

    Parameters
    ----------
    name
        In the table, an alias, a score's or a group's.

    Raises
    ------
    MetricError
        If there is no such metric, or it can't be computed on features and logits alone.
    """
    selected = choose_on_streams([name], {}).selection
    directions = {direction for one in selected for direction in one.metric.higher_is_better}
    body = {
        "__doc__": "; ".join(one.metric.title for one in selected) + ". See `StreamingMetric`.",
        "__module__": __name__,
        "__reduce__": lambda self: (_empty, (name,), self.__getstate__()),
        "names": (name,),
        "higher_is_better": directions.pop() if len(directions) == 1 else None,
    }
    return type(f"Streaming{name.title().replace('_', '')}", (StreamingMetric,), body)


def _empty(name: str) -> StreamingMetric:
    kind = streaming(name)
    return kind.__new__(kind)
