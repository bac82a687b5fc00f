"""The states of a streaming metric, real and generated images: held, moved, saved, and merged across processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torchmetrics
from torch import Tensor
from torchmetrics.utilities.distributed import gather_all_tensors

from ganeval.errors import MetricError
from ganeval.metrics.moments import Moments
from ganeval.streaming.kept_rows import COLUMNS, BlockFolder, Keeping, add_rows
from ganeval.streaming.plan import KIND_SIZE
from ganeval.streaming.sides import Gathering, merged_moments

_SIDES = ("real", "generated")


class GatheredStates(torchmetrics.Metric):
    """A `torchmetrics.Metric` that gathers two sides of a comparison; what it computes of them is up to others.

    States stay in float64 whatever dtype the metric is cast to, and move with ``.to(device)``.

    Parameters
    ----------
    keeping
        What is kept of the images of a side.
    identity
        int64, equal for two metrics that gather the same of the same images, see `ganeval.streaming.plan.Plan`.
    reset_real_features
        Whether `reset` forgets real images, too.
    **options
        Those of `torchmetrics.Metric`.
    """

    def __init__(self, keeping: Keeping, identity: Tensor, *, reset_real_features: bool, **options: Any) -> None:
        super().__init__(**options)
        self.keeping = keeping
        self.reset_real_features = reset_real_features
        self._folder: BlockFolder | None = None
        for side in _SIDES:
            for name, default in _states_of(Gathering(keeping)).items():
                self.add_state(f"{side}_{name}", default, dist_reduce_fx=None)
        # Equal states make a compute group, so whatever else decides what is gathered has to be among them.
        self.add_state("identity", identity, dist_reduce_fx=None)

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

    def merge_state(self, incoming_state: dict[str, Any] | torchmetrics.Metric) -> None:
        """Take over what another such metric, or its states, has gathered; raises `MetricError` for one unlike this."""
        states = incoming_state.metric_state if isinstance(incoming_state, torchmetrics.Metric) else incoming_state
        self._merge([self.metric_state, states])

    def set_dtype(self, dst_type: str | torch.dtype) -> GatheredStates:
        """Nothing: moments have to stay in float64."""
        return self

    @property
    def compute_device(self) -> torch.device:
        """Where the network runs and states are: the metric's device, but the CPU beside Apple's GPUs."""
        # Apple's GPUs have no float64.
        return torch.device("cpu") if self.device.type == "mps" else torch.device(self.device)

    def _gathering(self, side: str) -> Gathering:
        """What was gathered of a side; lists of rows are the states themselves."""
        states = self._states_of_side(side)
        count, mean, scatter = (states[f"{side}_{name}"] for name in ("count", "mean", "scatter"))
        return Gathering(
            self.keeping,
            int(count),
            Moments(int(count) if mean.numel() else 0, mean, scatter),
            {name: states[f"{side}_{name}"] for name in COLUMNS},
            self._block_folder(),
        )

    def _hold(self, side: str, gathering: Gathering) -> None:
        for name, value in _states_of(gathering).items():
            setattr(self, f"{side}_{name}", value)
        # Of what was there before.
        self._computed = None

    def _states_of_side(self, side: str) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._defaults if name.startswith(f"{side}_")}

    def _block_folder(self) -> BlockFolder | None:
        if self._folder is None and self.keeping.folder is not None:
            self._folder = BlockFolder(self.keeping.folder)
        return self._folder

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

    def _merge(self, parts: Sequence[dict[str, Any]]) -> None:
        for part in parts:
            self._require_alike(part.get("identity"), "merged")
        for side in _SIDES:
            merged = Gathering(self.keeping, folder=self._block_folder())
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

    def _require_alike(self, identity: Tensor | None, wanted: str) -> None:
        """Raise `MetricError` where states of that identity are of another kind than this metric's."""
        own = self._defaults["identity"]
        assert isinstance(own, Tensor)
        if identity is not None and not torch.equal(identity[:KIND_SIZE].cpu(), own[:KIND_SIZE].cpu()):
            raise MetricError(
                f"these states are of another kind than this {type(self).__name__} gathers and can't be {wanted}",
                hint="The extractor (with its weights and preprocessing), what is kept (keep_features, capacity) and "
                "the seed have to be those of the metric that gathered them.",
            )

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *others: Any) -> None:
        """Take over saved states; raises `MetricError` for those of another kind."""
        self._require_alike(state_dict.pop(f"{prefix}identity", None), "loaded")
        super()._load_from_state_dict(state_dict, prefix, *others)
        for name in self._defaults:
            value = getattr(self, name)
            # Lists are changed in place, and these may still be those of the dictionary.
            setattr(self, name, [*value] if isinstance(value, list) else value)
        self._move_states()
        self._computed = None
        if any(int(self._states_of_side(side)[f"{side}_count"]) for side in _SIDES):
            # Else torchmetrics warns that nothing was taken.
            self._update_count = max(self._update_count, 1)

    def _apply(self, fn: Callable[..., Any], exclude_state: Any = "") -> torch.nn.Module:
        """Move states between devices; ``.half()`` and the like leave them in float64."""
        dtype = self._dtype
        moved = super()._apply(fn, exclude_state=tuple(self._defaults))
        self._dtype = dtype
        self._move_states()
        return moved

    def _move_states(self) -> None:
        place = self.compute_device
        for name in self._defaults:
            value, default = getattr(self, name), self._defaults[name]
            setattr(self, name, [rows.to(place) for rows in value] if isinstance(value, list) else value.to(place))
            self._defaults[name] = default if isinstance(default, list) else default.to(place)

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_folder": None}


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
