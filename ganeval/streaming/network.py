"""A feature extractor as training loops use it: one for all metrics that ask for it, and one pass for each batch."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from ganeval.errors import ExtractorError
from ganeval.features.devices import exact_float32
from ganeval.features.extending import default_batch_size
from ganeval.features.extractor import ExtractorOutput, ExtractorRequest, FeatureExtractor
from ganeval.features.resolving import resolve_extractor
from ganeval.notices import Notice
from ganeval.streaming.sharing import key_of, shared
from ganeval.wording import counted


class Network:
    """An extractor that is resolved at first use, and remembers the features of the last batch.

    Get one from `network_for`. Copies and pickles of a metric lead to the same object within a process, and elsewhere
    to a new one that resolves the same name.

    Parameters
    ----------
    chosen
        As `ganeval.score` takes it: a name, ``"package.module:Class"``, a `FeatureExtractor`, a module or function.
    weights, preprocessing, trust
        See `ganeval.features.extractor.ExtractorRequest`.
    """

    def __init__(self, chosen: Any, weights: Path | None, preprocessing: str | None, trust: bool) -> None:
        self._asked = (chosen, weights, preprocessing, trust)
        self._device: torch.device | None = None
        self._last: tuple[torch.Tensor, ExtractorOutput] | None = None
        #: Batches for which the network ran.
        self.passes = 0

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return network_for, self._asked

    def __deepcopy__(self, memo: dict[int, Any]) -> Network:
        return self

    @cached_property
    def _resolved(self) -> tuple[FeatureExtractor, tuple[Notice, ...]]:
        chosen, weights, preprocessing, trust = self._asked
        return resolve_extractor(chosen, ExtractorRequest(weights=weights, preprocessing=preprocessing, trust=trust))

    @property
    def extractor(self) -> FeatureExtractor:
        """The extractor; raises `ExtractorError`, `WeightsError` or `PluginError` if it can't be had."""
        return self._resolved[0]

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What to know of its choice, such as that another one stands in for it."""
        return self._resolved[1]

    def on(self, device: torch.device) -> FeatureExtractor:
        """The extractor, moved to `device`."""
        if self._device != device:
            self.extractor.to(device)
            self._device = device
        return self.extractor

    def __call__(self, images: torch.Tensor, device: torch.device) -> ExtractorOutput:
        """Features of uint8 images [N, 3, H, W], float32 on `device`; those of the last batch without another pass.

        Neither an autocast nor an inference mode around the call changes them.

        Raises
        ------
        ExtractorError
            If the extractor's output can't be features.
        """
        batch = images.to(device)
        if self._last is not None and _equal(self._last[0], batch):
            return self._last[1]
        extractor = self.on(device)
        with torch.no_grad(), torch.autocast(device.type, enabled=False), exact_float32(device):
            pieces = torch.split(batch, default_batch_size(extractor, device))
            parts = [self._checked(extractor(piece), len(piece)) for piece in pieces]
        logits = [part.logits for part in parts if part.logits is not None]
        output = ExtractorOutput(torch.cat([part.pooled for part in parts]), torch.cat(logits) if logits else None)
        # Callers may use the memory of their images for the next batch.
        self._last = (batch.clone() if batch.data_ptr() == images.data_ptr() else batch, output)
        self.passes += 1
        return output

    def differentiable(self, levels: torch.Tensor, device: torch.device) -> torch.Tensor:
        """Pooled features [N, D] of float images [N, 3, H, W] in 0..255, through which gradients flow.

        Raises
        ------
        ExtractorError
            If the extractor lets none through.
        """
        extractor = self.on(device)
        with torch.enable_grad(), torch.autocast(device.type, enabled=False), exact_float32(device):
            pooled = extractor(levels.to(device)).pooled
        if levels.requires_grad and not pooled.requires_grad:
            raise ExtractorError(
                f"the extractor {extractor.info.name!r} lets no gradient through, so its features can't make a loss",
                hint="Choose another, such as pixels, or a module of your own.",
            )
        return pooled

    def _checked(self, output: ExtractorOutput, count: int) -> ExtractorOutput:
        pooled = output.pooled
        if pooled.ndim != 2 or len(pooled) != count:
            raise ExtractorError(
                f"the extractor {self.extractor.info.name!r} returned shape {tuple(pooled.shape)} as features for "
                f"{counted(count, 'image')}",
                hint=f"It must return one row an image: [{count}, D].",
            )
        logits = None if output.logits is None else output.logits.float()
        return ExtractorOutput(pooled.float(), logits)


def network_for(chosen: Any, weights: Path | None, preprocessing: str | None, trust: bool) -> Network:
    """The network for what a user asked for, the same object for the same wish while anyone uses it."""
    key = ("network", key_of(chosen), weights, preprocessing, trust)
    return shared(key, lambda: Network(chosen, weights, preprocessing, trust))


def _equal(first: torch.Tensor, second: torch.Tensor) -> bool:
    return first.shape == second.shape and first.device == second.device and torch.equal(first, second)
