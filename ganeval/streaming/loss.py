"""Distances of the table as losses through an extractor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from ganeval.errors import MetricError, OptionError
from ganeval.features.features import Features
from ganeval.metrics.differentiable import FrechetLoss, KernelLoss
from ganeval.streaming.image_batches import as_pixel_levels
from ganeval.streaming.plan import Plan

Loss = Callable[[Tensor], Tensor]


def _frechet(real: Features, device: torch.device, parameters: Mapping[str, Any]) -> Loss:
    if real.moments is not None:
        return FrechetLoss(real.moments.to(device))
    return FrechetLoss(torch.as_tensor(real.pooled).to(device))


def _kernel(real: Features, device: torch.device, parameters: Mapping[str, Any]) -> Loss:
    chosen = {name: parameters[name] for name in ("degree", "gamma", "coef0")}
    return KernelLoss(torch.as_tensor(real.pooled).to(device), **chosen)


#: By name in the table, what makes a loss from the real side, a device and the metric's parameters.
_LOSSES: Mapping[str, Callable[[Features, torch.device, Mapping[str, Any]], Loss]] = {"fd": _frechet, "kd": _kernel}


class Losses:
    """The losses of a plan's metrics; what the real side contributes is computed once.

    Raises
    ------
    OptionError
        If a metric can't be a loss.
    """

    def __init__(self, plan: Plan) -> None:
        without = [one.metric.name for one in plan.selection if one.metric.name not in _LOSSES]
        if without:
            raise OptionError(
                f"{', '.join(without)} can't be a loss", hint=f"Only {', '.join(_LOSSES)} can; leave out requires_grad."
            )
        self._plan = plan
        self._made: tuple[Features, torch.device, list[Loss]] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"_plan": self._plan, "_made": None}

    def __call__(self, images: Tensor, real: Features | None, device: torch.device) -> Tensor:
        """Their sum for a batch of images; raises as `ganeval.streaming.metric.StreamingMetric.loss` does."""
        if real is None:
            raise MetricError(
                "there are no real images to compare with",
                hint="Name them (real=...), or call update(images, real=True) with them.",
            )
        if self._made is None or self._made[0] is not real or self._made[1] != device:
            self._made = (real, device, [self._loss(name, real, device) for name in self._names])
        pooled = self._plan.network.differentiable(as_pixel_levels(images, self._plan.value_range), device)
        return torch.stack([loss(pooled) for loss in self._made[2]]).sum()

    @property
    def _names(self) -> list[str]:
        return [one.metric.name for one in self._plan.selection]

    def _loss(self, name: str, real: Features, device: torch.device) -> Loss:
        with torch.no_grad():
            return _LOSSES[name](real, device, self._plan.parameters(name))
