"""Metrics of ganeval's table as `torchmetrics.Metric` classes: for training loops, Lightning and `MetricCollection`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from ganeval.errors import MetricError, OptionError, did_you_mean
from ganeval.features.features import Features
from ganeval.metrics.naming import score_name
from ganeval.metrics.registry import Parameter
from ganeval.metrics.score import Score
from ganeval.metrics.selection import select_metrics
from ganeval.streaming.gathered_states import GatheredStates
from ganeval.streaming.image_batches import as_image_batch
from ganeval.streaming.image_keys import keys_of_images
from ganeval.streaming.loss import Losses
from ganeval.streaming.plan import Plan, Scores, Wish
from ganeval.streaming.untouched import untouched_randomness
from ganeval.uncertainty.interval import DEFAULT_LEVEL

_TORCHMETRICS = (
    "compute_on_cpu",
    "compute_with_cache",
    "dist_sync_fn",
    "dist_sync_on_step",
    "distributed_available_fn",
    "process_group",
    "sync_on_compute",
)


class StreamingMetric(GatheredStates):
    """Metrics of the table on images that come batch by batch.

    Every metric on pooled features or logits can be such a class: `streaming` makes it, and `FrechetDistance`,
    `InceptionScore`, `KernelDistance` and `PRDC` are it for the usual ones. Values come from the same functions as
    those of `ganeval.score`.

    What is held: for metrics that moments suffice for (the Fréchet distance) count, mean and scatter in float64, merged
    exactly (Chan et al. 1979), so that memory doesn't grow; for the others the features of all images, or of a random
    sample of `capacity` of them. Neither batches nor order nor the number of processes change the result beyond
    rounding: wherever the order or the choice of images matters, it follows from a hash of each image's pixels and the
    `seed`, see `ganeval.streaming.image_keys`. Parts drawn at random (splits of the Inception Score, subsets of the
    kernel distance) therefore differ from those of `ganeval.score`, which keeps the order of the set.

    States are gathered and merged across processes by torchmetrics' own sync at `compute`. They stay in float64
    whatever dtype the metric is cast to, move with ``.to(device)``, and are in `state_dict` after ``persistent(True)``.
    Metrics of one extractor in one `MetricCollection` share its passes: a batch goes through the network once.

    Parameters
    ----------
    extractor, weights, preprocessing, trust
        As in `ganeval.score`; a module or function of your own is used (see `ganeval.features.custom`), a module
        with parameters in training as a copy of what it is now.
    real
        The real side: whatever `ganeval.open_source` takes, a file of statistics or `ganeval.statistics.Statistics`, or
        `ganeval.metrics.moments.Moments`; read at the first need and kept. None takes it from
        ``update(images, real=True)``.
    value_range
        Of float images, ``(0, 1)`` or ``(-1, 1)``; never guessed. Not needed for uint8.
    capacity
        Most images a side whose features are held; None holds all.
    folder
        Where held features are written, so that they don't fill the memory; None holds them in memory.
    keep_features
        Whether features are held where moments would do, for intervals.
    reset_real_features
        Whether `reset` forgets real images that came by `update`, too.
    requires_grad
        Whether the distance of a batch is wanted as a loss; see `loss`.
    seed
        Of everything random.
    level
        Of the intervals in `score`, None for none.
    batch_size, workers, cache, cache_dir
        Of reading the real images, as in `ganeval.score`.
    **options
        The metrics' own, such as ``subset_size=500`` or ``k=3``, and those of `torchmetrics.Metric`.

    Raises
    ------
    MetricError
        For a metric that needs more than features and logits.
    OptionError
        For an option that none of the metrics has, or a value that can't be used.
    ExtractorError
        If the extractor can't be had.
    """

    is_differentiable: bool = False
    full_state_update: bool = True
    #: Names of the table, aliases or groups.
    names: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        extractor: Any = "auto",
        real: Any = None,
        *,
        weights: str | Path | None = None,
        preprocessing: str | None = None,
        value_range: tuple[float, float] | None = None,
        capacity: int | None = None,
        folder: str | Path | None = None,
        keep_features: bool = False,
        reset_real_features: bool = False,
        requires_grad: bool = False,
        seed: int = 2020,
        level: float | None = DEFAULT_LEVEL,
        batch_size: int | None = None,
        workers: int | None = None,
        cache: bool = True,
        cache_dir: str | Path | None = None,
        trust: bool = False,
        metrics: tuple[str, ...] | None = None,
        metric_options: Mapping[str, Mapping[str, Any]] | None = None,
        **options: Any,
    ) -> None:
        of_torchmetrics = {name: options.pop(name) for name in _TORCHMETRICS if name in options}
        names = self.names if metrics is None else metrics
        plan = Plan(
            Wish(
                metrics=names,
                options={**(metric_options or {}), **_by_metric(names, options)},
                extractor=extractor,
                real=real,
                weights=weights,
                preprocessing=preprocessing,
                value_range=value_range,
                capacity=capacity,
                folder=folder,
                keep_features=keep_features,
                seed=seed,
                level=level,
                batch_size=batch_size,
                workers=workers,
                cache=cache,
                cache_dir=cache_dir,
                trust=trust,
            )
        )
        plan.check_extractor()
        super().__init__(plan.keeping, plan.identity(), reset_real_features=reset_real_features, **of_torchmetrics)
        self.plan = plan
        self._losses = Losses(self.plan) if requires_grad else None
        self._real_known: tuple[Any, Features | None] | None = None

    def update(self, images: Tensor, real: bool = False) -> None:
        """Take a batch.

        Parameters
        ----------
        images
            [N, C, H, W], N from 0 on, C 1 or 3: uint8, or float in the declared `value_range`; see
            `ganeval.streaming.image_batches.as_image_batch`.
        real
            Whether these are real images; metrics that need none pass over them.

        Raises
        ------
        ImageRangeError
            For images of another form or range.
        OptionError
            For real images where `real` was named already.
        """
        if real and not self.plan.needs_real:
            return
        if real and self.plan.real is not None:
            raise OptionError(
                "the real images were named when the metric was made (real=...), so none can be added",
                hint="Leave out one of the two.",
            )
        # States made in inference mode, in which Lightning validates, couldn't be used outside of it.
        with torch.inference_mode(False), torch.no_grad(), untouched_randomness(self.compute_device):
            batch = as_image_batch(images, self.plan.value_range)
            if not len(batch):
                return
            output = self.plan.network(batch, self.compute_device)
            keys = keys_of_images(batch, self.plan.wish.seed) if self.plan.keeping.columns else None
            self.take("real" if real else "generated", output.pooled, output.logits, keys)

    def compute(self) -> Tensor | dict[str, Tensor]:
        """The value, or where there are several all by their base names: float64 scalars on the metric's device.

        Raises
        ------
        MetricError
            If there are too few images, or no real ones.
        """
        values = {name: self._as_tensor(score.value) for name, score in self._by_base_name(None).items()}
        return next(iter(values.values())) if len(values) == 1 else values

    def scores(self) -> Scores:
        """All scores of all processes' images, with intervals where the metrics have them; raises as `compute` does."""
        with self.sync_context(
            dist_sync_fn=self.dist_sync_fn, should_sync=self._to_sync, should_unsync=self._should_unsync
        ):
            return self._scores(self.plan.level)

    def score(self) -> Score:
        """The one score that there is; raises `MetricError` where there are several."""
        scores = self.scores()
        if len(scores) != 1:
            raise MetricError(f"there are several scores: {', '.join(scores)}", hint="Take them from scores().")
        return next(iter(scores.values()))

    def loss(self, images: Tensor) -> Tensor:
        """The distance between these images alone and the real ones, differentiable with respect to them.

        Nothing is gathered. The gradient goes through the resizing and the network; images aren't rounded to 8 bits.

        Parameters
        ----------
        images
            Float [N, C, H, W], N from 2 on, in the declared `value_range`.

        Returns
        -------
        Tensor
            float64 scalar; see `ganeval.metrics.differentiable` for where its gradient is defined.

        Raises
        ------
        OptionError
            If the metric wasn't made with ``requires_grad=True``.
        ExtractorError
            If the extractor lets no gradient through.
        """
        if self._losses is None:
            raise OptionError("the metric wasn't made for losses", hint="Make it with requires_grad=True.")
        return self._losses(images, self._real_features(), self.compute_device)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The value for this batch alone, which is gathered too: a loss with ``requires_grad=True``."""
        if self._losses is None:
            return super().forward(*args, **kwargs)
        value = self.loss(*args, **kwargs)
        self.update(*args, **kwargs)
        return value

    @property
    def notices(self) -> tuple[Any, ...]:
        """What was left out of the last computation, and other remarks that belong beside the numbers."""
        return tuple(self.plan.notices)

    def plot(self, val: Any = None, ax: Any = None) -> Any:
        """A figure and axes with the value, or with several that `forward` or `compute` gave; needs matplotlib."""
        return self._plot(val, ax)

    def _scores(self, level: float | None) -> Scores:
        with untouched_randomness(self.compute_device):
            real = self._real_features() if self.plan.needs_real else None
            generated = self._gathering("generated").features(self.plan.extractor.info)
            return self.plan.scores(real, generated, level=level)

    def _by_base_name(self, level: float | None) -> dict[str, Score]:
        scores = self._scores(level)
        extractor = self.plan.extractor.info.name
        bases = {score_name(base, one.metric, extractor): base for one in self.plan.selection for base in one.scores}
        return {bases[name]: score for name, score in scores.items()}

    def _real_features(self) -> Features | None:
        if self.plan.real is not None:
            return self.plan.real.features(self.compute_device)
        # Every change of the states brings a new count.
        count = self.metric_state["real_count"]
        if self._real_known is None or self._real_known[0] is not count:
            gathering = self._gathering("real")
            features = gathering.features(self.plan.extractor.info) if gathering.count else None
            self._real_known = (count, features)
        return self._real_known[1]

    def _as_tensor(self, value: float) -> Tensor:
        return torch.tensor(value, dtype=torch.float32 if self.device.type == "mps" else torch.float64).to(self.device)

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_real_known": None}


def _by_metric(names: tuple[str, ...], options: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Options under the names of those metrics that have them; raises `OptionError` for one that none has."""
    metrics = [one.metric for one in select_metrics(names)]
    known: dict[str, list[Parameter]] = {metric.name: list(metric.parameters) for metric in metrics}
    every = {parameter.name for parameters in known.values() for parameter in parameters}
    for name in options:
        if name not in every:
            own = inspect.signature(StreamingMetric.__init__).parameters
            raise OptionError(
                f"{', '.join(names)} has no option {name!r}", hint=did_you_mean(name, [*every, *list(own)[1:-3]])
            )
    return {
        metric: found
        for metric, parameters in known.items()
        if (found := {p.name: options[p.name] for p in parameters if p.name in options})
    }
