"""What simulated layers are made of: random weights, and margins that mirror the picture."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

Rng = np.random.Generator


def normal(rng: Rng, *shape: int) -> Tensor:
    """Standard normal numbers, float32 of that shape."""
    return torch.from_numpy(rng.standard_normal(shape).astype(np.float32))


def padded(x: Tensor, margin: int) -> Tensor:
    """[n, c, height, width] with a mirrored margin on each side."""
    return F.pad(x, (margin, margin, margin, margin), mode="reflect")
