"""The kinds of examples that models learn from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

#: Kinds, with what they hold.
KINDS = {
    "images": "images",
    "labelled": "images with a class each",
    "paired": "pairs of images that show the same in two ways",
    "unpaired": "two sets of images, without pairs",
}


@dataclass(frozen=True)
class Batch:
    """Real examples.

    Parameters
    ----------
    images
        float32 [N, C, H, W] in [-1, 1]; the first domain of paired and unpaired data.
    labels
        int64 [N], of labelled data.
    others
        float32 [N, C', H', W'] in [-1, 1], the second domain of paired (row by row) and unpaired data.
    """

    images: Tensor
    labels: Tensor | None = None
    others: Tensor | None = None

    def to(self, device: torch.device) -> Batch:
        """The same examples on a device."""
        return replace(
            self,
            images=self.images.to(device, non_blocking=True),
            labels=None if self.labels is None else self.labels.to(device, non_blocking=True),
            others=None if self.others is None else self.others.to(device, non_blocking=True),
        )
