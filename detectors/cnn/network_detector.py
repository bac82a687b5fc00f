"""What detectors that are one network share: its device, and its weights as arrays with plain names."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from typing_extensions import Self

from ganeval.detectors.detector import Arrays, PixelDetector, Pixels, State
from ganeval.errors import WeightsError
from ganeval.features.devices import exact_float32, resolve_device
from ganeval.wording import counted

# Counters that only training reads.
_UNSAVED = "num_batches_tracked"


class NetworkDetector(PixelDetector):
    """A detector with one network.

    Parameters
    ----------
    network
        Of float32 parameters; set to evaluation and frozen.
    device
        As `ganeval.features.devices.resolve_device` takes it.
    """

    def __init__(self, network: nn.Module, device: str | torch.device = "cpu") -> None:
        self.network = network.eval().requires_grad_(False)
        self._judge = self.prepared()
        self.to(device)

    def prepared(self) -> nn.Module:
        """The network as it judges: itself, or one that computes the same in less time."""
        return self.network

    def to(self, device: str | torch.device) -> Self:
        """Move the network; raises `OptionError` if there is no such device."""
        self.device = resolve_device(device)
        self.network, self._judge = on_device(self.network, self.device), on_device(self._judge, self.device)
        return self

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """What `restore` needs besides the arrays."""

    def state(self) -> State:
        """The network's tensors under their names, float32, and the settings."""
        return State(arrays_of(self.network), self.settings())

    def _exact(self) -> AbstractContextManager[None]:
        return exact_float32(self.device)

    def _batch(self, tiles: list[Pixels]) -> Tensor:
        """Tiles of one shape as float32 [n, 3, h, w] in 0..255 on the device."""
        return as_batch(np.stack(tiles), self.device)


def on_device(network: nn.Module, device: torch.device) -> nn.Module:
    """`network` itself on that device, in the layout in which convolutions are fastest."""
    return network.to(device).to(memory_format=torch.channels_last)


def as_batch(tiles: Pixels, device: torch.device) -> Tensor:
    """uint8 [n, h, w, 3] to float32 [n, 3, h, w] in 0..255."""
    # Permuted and not copied: the layout is channels-last already.
    return torch.from_numpy(np.ascontiguousarray(tiles)).to(device).permute(0, 3, 1, 2).float()


def trimmed_mean(values: npt.NDArray[np.floating[Any]], share: float = 0.2) -> float:
    """Mean without the lowest and the highest `share` of the values [n] each, rounded down; NaN of none."""
    if len(values) == 0:
        return math.nan
    cut = int(len(values) * share)
    return float(np.sort(values.astype(np.float64))[cut : len(values) - cut].mean())


def arrays_of(network: nn.Module) -> Arrays:
    """Copies of a network's parameters and statistics by name."""
    kept = {name: value for name, value in network.state_dict().items() if not name.endswith(_UNSAVED)}
    return {name: value.detach().cpu().contiguous().numpy().copy() for name, value in kept.items()}


def load_arrays(network: nn.Module, arrays: Mapping[str, Any], detector: str) -> None:
    """Set a network's parameters; half precision is widened.

    Raises
    ------
    WeightsError
        Naming the detector and the first few arrays that are missing, unknown, of another shape or type, or not finite.
    """
    expected = {name: value for name, value in network.state_dict().items() if not name.endswith(_UNSAVED)}
    problems = [f"{name}: missing" for name in expected if name not in arrays]
    problems += [f"{name}: not part of it" for name in arrays if name not in expected]
    loaded: dict[str, Tensor] = {}
    for name in expected.keys() & arrays.keys():
        array, shape = np.asarray(arrays[name]), tuple(expected[name].shape)
        if array.shape != shape:
            problems.append(f"{name}: shape {array.shape}, {shape} expected")
        elif array.dtype.kind != "f" or not np.isfinite(array).all():
            problems.append(f"{name}: not all finite numbers")
        else:
            # A copy: the network must not change with the caller's array.
            loaded[name] = torch.from_numpy(np.array(array, dtype=np.float32, order="C"))
    if problems:
        shown = "\n".join(f"  {problem}" for problem in sorted(problems)[:5])
        more = f"\n  and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise WeightsError(
            f"the weights don't fit the detector {detector} ({counted(expected, 'array')}):\n{shown}{more}",
            hint="Use the folder that training wrote, with all its files as they were.",
        )
    network.load_state_dict(loaded, strict=False)


def whole_number(settings: Mapping[str, Any], name: str, lowest: int, highest: int, detector: str) -> int:
    """A setting that is a whole number within bounds; raises `WeightsError` if it isn't."""
    value = settings.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
        raise WeightsError(
            f"the setting {name} of the detector {detector} is {value!r}, and must be a whole number "
            f"from {lowest} to {highest}",
            hint="Use the folder that training wrote, with all its files as they were.",
        )
    return value
