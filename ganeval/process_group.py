"""Joins the processes that ``torchrun`` started into one group."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
from torch import distributed


@contextmanager
def joined_group(device: torch.device, *, longest_wait: timedelta) -> Iterator[torch.device]:
    """Within the block this process is in a group with the others, if ``torchrun`` started several; gives its device.

    Parameters
    ----------
    device
        ``cuda`` becomes each process's own GPU of its machine; all others are shared.
    longest_wait
        How long processes wait for one that works alone.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or not distributed.is_available():
        yield device
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=longest_wait)
    try:
        yield device
    finally:
        distributed.destroy_process_group()
