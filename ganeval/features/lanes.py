"""How images get to a device and features back: at once, or on a GPU beside what it computes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch


class Lane:
    """The plain way, for every device: each step ends before the next begins.

    Parameters
    ----------
    device
        Where the network runs.
    """

    #: Whether a batch can be brought and resized while the network computes another.
    overlaps = False

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def upload(self, images: Sequence[npt.NDArray[np.uint8]]) -> torch.Tensor:
        """Images of one size, uint8 [H, W, 3] each, as a batch [N, H, W, 3] on the device."""
        return torch.from_numpy(np.stack(images)).to(self.device)

    def download(self, tensor: torch.Tensor) -> torch.Tensor:
        """`tensor` as float32 on the CPU, to be read once `arrived` has returned."""
        return tensor.detach().to("cpu", torch.float32)

    @contextmanager
    def ahead(self) -> Iterator[None]:
        """Within, work is queued apart from the network's."""
        yield

    def mark(self) -> Any:
        """A mark behind all that is queued here up to now."""
        return None

    def follow(self, mark: Any, tensors: Sequence[torch.Tensor]) -> None:
        """Let what is queued from now on wait for `mark`; `tensors` were made before it."""

    def arrived(self, mark: Any) -> None:
        """Wait for `mark` itself."""


class CudaLane(Lane):
    """Through page-locked memory, which a GPU reads by itself, on a stream of its own."""

    overlaps = True

    def __init__(self, device: torch.device) -> None:
        super().__init__(device)
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def upload(self, images: Sequence[npt.NDArray[np.uint8]]) -> torch.Tensor:
        locked = torch.empty((len(images), *images[0].shape), dtype=torch.uint8, pin_memory=True)
        np.stack(images, out=locked.numpy())
        # PyTorch doesn't hand out this memory again before the copy is done.
        return locked.to(self.device, non_blocking=True)

    def download(self, tensor: torch.Tensor) -> torch.Tensor:
        locked = torch.empty(tensor.shape, dtype=torch.float32, pin_memory=True)
        return locked.copy_(tensor.detach(), non_blocking=True)

    @contextmanager
    def ahead(self) -> Iterator[None]:
        with torch.cuda.stream(self._stream):
            yield

    def mark(self) -> torch.cuda.Event:
        event = torch.cuda.Event()  # type: ignore[no-untyped-call]
        event.record(torch.cuda.current_stream(self.device))
        return event

    def follow(self, mark: torch.cuda.Event, tensors: Sequence[torch.Tensor]) -> None:
        stream = torch.cuda.current_stream(self.device)
        stream.wait_event(mark)
        for tensor in tensors:
            # Else the memory could be given to the next batch while this stream still reads it.
            tensor.record_stream(stream)

    def arrived(self, mark: torch.cuda.Event) -> None:
        mark.synchronize()


_LANES: dict[str, type[Lane]] = {"cuda": CudaLane}


def lane_to(device: torch.device) -> Lane:
    """The best lane to `device`."""
    return _LANES.get(device.type, Lane)(device)
