"""Several metrics of one generator in a training loop: one pass through the network feeds them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed

from ganeval.distributed.sharding import PartOfSource, cuts
from ganeval.errors import ImageSourceError
from ganeval.features.devices import resolve_device
from ganeval.features.engine import extract
from ganeval.features.store import FeatureStore
from ganeval.images.opening import open_source
from ganeval.images.source import SourceOptions
from ganeval.metrics.options import require_count
from ganeval.notices import Notice
from ganeval.streaming.generating import generated_batches
from ganeval.streaming.image_keys import keys_of_features
from ganeval.streaming.metric import StreamingMetric
from ganeval.streaming.plan import Scores
from ganeval.streaming.untouched import untouched_randomness
from ganeval.uncertainty.interval import DEFAULT_LEVEL


class MetricSuite:
    """Scores of a generator while it trains: what `ganeval.score` gives, batch by batch.

    Real features are extracted once, with the feature store, and held. Features of generated images are held too, so
    that scores have intervals; ``keep_features=False`` holds only what the metrics can't do without (nothing but
    moments for ``"fid"``), and `capacity` bounds how many. The training stays as it was: global random states, modes
    of modules and gradients.

    Parameters
    ----------
    metrics
        Names, aliases or groups, as in ``ganeval score --metrics``. Metrics that are named have to be possible; of
        groups, what needs more than features and logits is left out, with a notice.
    real
        The real side, see `StreamingMetric`; None takes it from ``update(images, real=True)``.
    extractor, weights, preprocessing, trust
        As in `ganeval.score`.
    device
        Of the network: ``"auto"``, ``"cpu"``, ``"cuda"``, ... .
    value_range
        Of float images, ``(0, 1)`` or ``(-1, 1)``; never guessed.
    options
        Metric name to parameters, such as ``{"kid": {"subset_size": 500}}``.
    capacity, folder, keep_features, reset_real_features, seed, level, batch_size, workers, cache, cache_dir
        See `StreamingMetric`.

    Raises
    ------
    GanevalError
        For what can't be computed or found, before any work.

    Examples
    --------
    >>> import torch
    >>> from ganeval.metrics import MetricSuite
    >>> def features(images):
    ...     return torch.nn.functional.adaptive_avg_pool2d(images.float(), 3).flatten(1)
    >>> suite = MetricSuite(["fid", "prdc"], real="digits", extractor=features, value_range=(-1, 1), cache=False)
    >>> generator = torch.nn.Sequential(torch.nn.Linear(8, 64), torch.nn.Tanh(), torch.nn.Unflatten(1, (1, 8, 8)))
    >>> scores = suite.evaluate(generator, n=200, latent=8)
    >>> sorted(scores)
    ['coverage_features', 'density_features', 'fd_features', 'precision_features', 'recall_features']
    >>> scores["fid"].n_generated
    200
    """

    def __init__(
        self,
        metrics: str | Sequence[str] = "standard",
        real: Any = None,
        *,
        extractor: Any = "auto",
        weights: str | Path | None = None,
        preprocessing: str | None = None,
        device: str | torch.device = "auto",
        value_range: tuple[float, float] | None = None,
        options: Mapping[str, Mapping[str, Any]] | None = None,
        capacity: int | None = None,
        folder: str | Path | None = None,
        keep_features: bool = True,
        reset_real_features: bool = False,
        seed: int = 2020,
        level: float | None = DEFAULT_LEVEL,
        batch_size: int | None = None,
        workers: int | None = None,
        cache: bool = True,
        cache_dir: str | Path | None = None,
        trust: bool = False,
    ) -> None:
        names = (metrics,) if isinstance(metrics, str) else tuple(metrics)
        #: The torchmetrics object that gathers, for those who want to move, sync or save it.
        self.metric: StreamingMetric = StreamingMetric(
            extractor,
            real,
            weights=weights,
            preprocessing=preprocessing,
            value_range=value_range,
            capacity=capacity,
            folder=folder,
            keep_features=keep_features,
            reset_real_features=reset_real_features,
            seed=seed,
            level=level,
            batch_size=batch_size,
            workers=workers,
            cache=cache,
            cache_dir=cache_dir,
            trust=trust,
            metrics=names,
            metric_options=options,
        ).to(resolve_device(device))

    @property
    def notices(self) -> tuple[Notice, ...]:
        """Remarks that belong beside the numbers, such as what was left out and why."""
        return self.metric.notices

    def update(self, images: Tensor, real: bool = False) -> None:
        """Take a batch, see `StreamingMetric.update`."""
        self.metric.update(images, real=real)

    def compute(self) -> Scores:
        """All scores of what was taken, of all processes, by full name; other names such as ``"fid"`` find them too.

        Raises
        ------
        MetricError
            If a metric that was named can't be computed, or none can.
        """
        return self.metric.scores()

    def reset(self) -> None:
        """Forget the generated images."""
        self.metric.reset()

    def evaluate(
        self,
        generator: Any,
        n: int = 10_000,
        *,
        seed: int = 0,
        batch_size: int = 64,
        latent: int | tuple[int, ...] | None = None,
        autocast: torch.dtype | None = None,
    ) -> Scores:
        """Scores of `n` images of a generator; what was taken before is forgotten, and so are these images after.

        Where torch.distributed runs, each process makes its share of the images, and all get the same scores.

        Parameters
        ----------
        generator
            A module with an attribute ``z_dim``, ``latent_dim``, ``nz`` or ``latent_shape``; with `latent` any function
            of latent vectors; a function of the number of images; or a set of images, whatever `ganeval.open_source`
            takes, such as ``"generator:dcgan"``. An average of weights (`torch.optim.swa_utils.AveragedModel`) is a
            module like any other.
        n
            Images; of a set that has fewer, all.
        seed
            Which images, see `ganeval.streaming.generating.generated_batches`.
        batch_size
            Images made at once.
        latent
            Dimensions of a latent vector, or its shape.
        autocast
            ``torch.bfloat16`` or another dtype for the generator's arithmetic; None leaves it alone. The extractor's is
            never changed.

        Raises
        ------
        GanevalError
            For a generator that can't be used, or images of another form or range.
        """
        for name, number, minimum in (("n", n, 2), ("batch_size", batch_size, 1), ("seed", seed, 0)):
            require_count(name, number, minimum=minimum)
        self.reset()
        try:
            with untouched_randomness(self.metric.compute_device):
                start, count = _share(n)
                if callable(generator):
                    self._update_from(generator, start, count, seed, batch_size, latent, autocast)
                else:
                    self._take_set(generator, n, start, count, seed)
                return self.compute()
        finally:
            self.reset()

    def _update_from(
        self,
        generator: Callable[..., Any],
        start: int,
        count: int,
        seed: int,
        batch_size: int,
        latent: int | tuple[int, ...] | None,
        autocast: torch.dtype | None,
    ) -> None:
        if count:
            for images in generated_batches(
                generator, count, seed=seed, batch_size=batch_size, latent=latent, start=start, autocast=autocast
            ):
                self.update(images)

    def _take_set(self, named: Any, n: int, start: int, count: int, seed: int) -> None:
        plan, metric = self.metric.plan, self.metric
        options = SourceOptions(value_range=plan.value_range, count=n, seed=seed, trust=plan.wish.trust)
        source = open_source(named, options)
        if count < n:
            known = source.count
            if known is None or not source.repeatable:
                raise ImageSourceError(
                    f"{source.name} can't be divided among processes: its number of images isn't known",
                    hint="Give a set with a known number of images, or a function.",
                )
            start, count = _share(min(n, known))
            if not count:
                return
            source = PartOfSource(source, start, start + count, None)
        cache_dir = None if plan.wish.cache_dir is None else Path(plan.wish.cache_dir)
        device = metric.compute_device
        features = extract(
            source,
            plan.network.on(device),
            device=device,
            batch_size=plan.wish.batch_size,
            workers=plan.wish.workers,
            store=FeatureStore(cache_dir) if plan.wish.cache else None,
            limit=count,
        ).features
        logits = None if features.logits is None else torch.from_numpy(features.logits)
        metric.take("generated", torch.from_numpy(features.pooled), logits, keys_of_features(features, plan.wish.seed))


def _share(n: int) -> tuple[int, int]:
    """Of `n` images the first of this process, and how many are its own."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return 0, n
    start, stop = cuts(n, distributed.get_world_size())[distributed.get_rank() :][:2]
    return start, stop - start
