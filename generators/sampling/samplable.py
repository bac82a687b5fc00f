"""What can be sampled by number: ganeval's own models, and generators from elsewhere behind the same few methods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor

from ganeval.generators.model import Condition, Latents, Truncation


class Samplable(Protocol):
    """Draws what is random about images, and renders it; `ganeval.generators.model.Sampler` is one."""

    @property
    def geometry(self) -> str:
        """How paths between latents ``"z"`` go: ``"gaussian"``, ``"linear"``, or ``"none"`` without any."""

    @property
    def classes(self) -> int:
        """How many classes can be asked for; 0 for none."""

    @property
    def truncations(self) -> Mapping[str, str]:
        """Methods of truncation with their meaning, the default first."""

    @property
    def conditions(self) -> Mapping[str, Condition]:
        """See `ganeval.generators.model.Conditioned.conditions`."""

    @property
    def device(self) -> torch.device:
        """Where images are made."""

    @property
    def pass_size(self) -> int:
        """Images that go through the networks at once, 1 to 100; part of what an image is, as rounding hangs on it."""

    def draw(self, count: int, random: torch.Generator, labels: Tensor | None = None) -> Latents:
        """See `ganeval.generators.model.Sampler.draw`."""

    def render(self, latents: Latents) -> Tensor:
        """See `ganeval.generators.model.Sampler.render`."""

    def conditioned(self, latents: Latents, fixed: Mapping[str, float]) -> Latents:
        """See `ganeval.generators.model.Conditioned.conditioned`."""

    def truncated(self, latents: Latents, truncation: Truncation) -> Latents:
        """See `ganeval.generators.model.Sampler.truncated`."""
