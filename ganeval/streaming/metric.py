"""Metrics of ganeval's table as `torchmetrics.Metric` classes: for training loops, Lightning and `MetricCollection`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch
import torchmetrics
from torch import Tensor
from torchmetrics.utilities.distributed import gather_all_tensors

from ganeval.errors import MetricError, OptionError, did_you_mean
from ganeval.features.features import Features
from ganeval.metrics.moments import Moments
from ganeval.metrics.naming import score_name
from ganeval.metrics.registry import Parameter
from ganeval.metrics.score import Score
from ganeval.metrics.selection import select_metrics
from ganeval.streaming.image_batches import as_image_batch
from ganeval.streaming.image_keys import keys_of_images
from ganeval.streaming.kept_rows import COLUMNS, BlockFolder, add_rows
from ganeval.streaming.loss import Losses
from ganeval.streaming.plan import Plan, Scores, Wish
from ganeval.streaming.sides import Gathering, merged_moments
from ganeval.uncertainty.interval import DEFAULT_LEVEL

_SIDES = ("real", "generated")
_TORCHMETRICS = (
    "compute_on_cpu",
    "compute_with_cache",
    "dist_sync_fn",
    "dist_sync_on_step",
    "distributed_available_fn",
    "process_group",
    "sync_on_compute",
)


class StreamingMetric(torchmetrics.Metric):
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
        As in `ganeval.score`; a module or function is used as it is (see `ganeval.features.custom`).
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
        super().__init__(**{name: options.pop(name) for name in _TORCHMETRICS if name in options})
        names = self.names if metrics is None else metrics
        self.plan = Plan(
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
        self.plan.check_extractor()
        self.reset_real_features = reset_real_features
        self._losses = Losses(self.plan) if requires_grad else None
        self._folder: BlockFolder | None = None
        self._real_known: tuple[Any, Features | None] | None = None
        for side in _SIDES:
            for name, default in _states_of(Gathering(self.plan.keeping)).items():
                self.add_state(f"{side}_{name}", default, dist_reduce_fx=None)
        # Equal states make a compute group, so whatever else decides what is gathered has to be among them.
        self.add_state("identity", self.plan.identity(), dist_reduce_fx=None)

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
        with torch.inference_mode(False), torch.no_grad():
            batch = as_image_batch(images, self.plan.value_range)
            if not len(batch):
                return
            output = self.plan.network(batch, self.compute_device)
            keys = keys_of_images(batch, self.plan.wish.seed) if self.plan.keeping.columns else None
            self.take("real" if real else "generated", output.pooled, output.logits, keys)

    def take(self, side: str, pooled: Tensor, logits: Tensor | None, keys: Tensor | None) -> None:
        """Take features that were extracted elsewhere: [N, D], [N, C] or None, and int64 [N] keys of the images."""
        gathering = self._gathering(side)
        place = self.compute_device
        gathering.add(
            pooled.to(place),
            None if logits is None else logits.to(place),
            None if keys is None else keys.to(place),
        )
        self._hold(side, gathering)

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

    def reset(self) -> None:
        """Forget the generated images; the real ones too only with ``reset_real_features=True``."""
        survivors = {} if self.reset_real_features else self._states_of_side("real")
        # Members of a compute group share lists, which the others will clear.
        for name, value in survivors.items():
            if isinstance(value, list):
                setattr(self, name, [])
        super().reset()
        for name, value in survivors.items():
            setattr(self, name, value)

    @property
    def notices(self) -> tuple[Any, ...]:
        """What was left out of the last computation, and other remarks that belong beside the numbers."""
        return tuple(self.plan.notices)

    def plot(self, val: Any = None, ax: Any = None) -> Any:
        """A figure and axes with the value, or with several that `forward` or `compute` gave; needs matplotlib."""
        return self._plot(val, ax)

    def merge_state(self, incoming_state: dict[str, Any] | torchmetrics.Metric) -> None:
        """Take over what another such metric, or its states, has gathered."""
        states = incoming_state.metric_state if isinstance(incoming_state, torchmetrics.Metric) else incoming_state
        self._merge([self.metric_state, states])

    def set_dtype(self, dst_type: str | torch.dtype) -> StreamingMetric:
        """Nothing: moments have to stay in float64."""
        return self

    def _scores(self, level: float | None) -> Scores:
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

    def _gathering(self, side: str) -> Gathering:
        """What was gathered of a side; lists of rows are the states themselves."""
        states = self._states_of_side(side)
        count, mean, scatter = (states[f"{side}_{name}"] for name in ("count", "mean", "scatter"))
        return Gathering(
            self.plan.keeping,
            int(count),
            Moments(int(count) if mean.numel() else 0, mean, scatter),
            {name: states[f"{side}_{name}"] for name in COLUMNS},
            self._block_folder(),
        )

    def _hold(self, side: str, gathering: Gathering) -> None:
        for name, value in _states_of(gathering).items():
            setattr(self, f"{side}_{name}", value)

    def _states_of_side(self, side: str) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._defaults if name.startswith(f"{side}_")}

    def _block_folder(self) -> BlockFolder | None:
        if self._folder is None and self.plan.keeping.folder is not None:
            self._folder = BlockFolder(self.plan.keeping.folder)
        return self._folder

    @property
    def compute_device(self) -> torch.device:
        """Where the network runs and states are: the metric's device, but the CPU beside Apple's GPUs."""
        # Apple's GPUs have no float64.
        return torch.device("cpu") if self.device.type == "mps" else torch.device(self.device)

    def _as_tensor(self, value: float) -> Tensor:
        return torch.tensor(value, dtype=torch.float32 if self.device.type == "mps" else torch.float64).to(self.device)

    def _sync_dist(self, dist_sync_fn: Callable[..., Any] = gather_all_tensors, process_group: Any = None) -> None:
        """Gather all processes' states and merge them, however many images each has had, none included."""
        group = process_group or self.process_group
        ranks: list[dict[str, Any]] = []
        for name, value in self.metric_state.items():
            listed = isinstance(value, list)
            whole = (torch.cat(value) if value else _no_rows(name)) if isinstance(value, list) else value
            for rank, part in enumerate(dist_sync_fn(whole.to(self.compute_device), group=group)):
                ranks += [{}] * (rank >= len(ranks))
                ranks[rank] = ranks[rank] | {name: ([part] if len(part) else []) if listed else part}
        self._merge(ranks)

    def _reduce_states(self, incoming_state: dict[str, Any]) -> None:
        self._merge([incoming_state, self.metric_state])

    def _merge(self, parts: list[dict[str, Any]]) -> None:
        for side in _SIDES:
            merged = Gathering(self.plan.keeping, folder=self._block_folder())
            found = [{name: part[f"{side}_{name}"] for name in _states_of(merged)} for part in parts]
            merged.count = sum(int(states["count"]) for states in found)
            merged.moments = merged_moments(
                [Moments(int(states["count"]), states["mean"], states["scatter"]) for states in found]
            )
            for states in found:
                filled = {name: torch.cat(states[name]) for name in COLUMNS if states[name]}
                if filled:
                    lists = {name: merged.blocks[name] for name in filled}
                    add_rows(lists, filled, merged.keeping.capacity, merged.folder)
            self._hold(side, merged)

    def _apply(self, fn: Callable[..., Any], exclude_state: Any = "") -> torch.nn.Module:
        """Move states between devices; ``.half()`` and the like leave them in float64."""
        dtype = self._dtype
        moved = super()._apply(fn, exclude_state=tuple(self._defaults))
        self._dtype = dtype
        place = self.compute_device
        for name in self._defaults:
            value, default = getattr(self, name), self._defaults[name]
            setattr(self, name, [rows.to(place) for rows in value] if isinstance(value, list) else value.to(place))
            self._defaults[name] = default if isinstance(default, list) else default.to(place)
        return moved

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_folder": None, "_real_known": None}


def _states_of(gathering: Gathering) -> dict[str, Any]:
    """A side's states by name."""
    moments = gathering.moments
    counted = {"count": torch.tensor(gathering.count, device=moments.mean.device)}
    return counted | {"mean": moments.mean, "scatter": moments.scatter, **gathering.blocks}


def _no_rows(name: str) -> Tensor:
    """What a process without images sends: of the dtype and number of dimensions of the others' rows."""
    if name.endswith("_keys"):
        return torch.empty(0, dtype=torch.int64)
    return torch.empty(0, 0)


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
