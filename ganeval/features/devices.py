"""Which device the networks run on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ganeval.errors import OptionError


def resolve_device(device: str | torch.device = "auto") -> torch.device:
    """The device of that name; ``"auto"`` takes CUDA, else Apple's MPS, else the CPU.

    Raises
    ------
    OptionError
        If the name is no device, or the device isn't there.
    """
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        resolved = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise OptionError(f"unknown device {device!r}", hint="Use auto, cpu, cuda, cuda:N or mps.") from error
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if resolved.type not in present:
        raise OptionError(f"unsupported device {str(device)!r}", hint="Use auto, cpu, cuda, cuda:N or mps.")
    if not present[resolved.type]:
        raise OptionError(f"no {resolved.type} device on this machine", hint="Use --device cpu, or auto.")
    if resolved.type == "cuda" and resolved.index is not None and resolved.index >= torch.cuda.device_count():
        raise OptionError(f"no device {str(device)!r}: there are {torch.cuda.device_count()} CUDA devices here")
    return resolved


@contextmanager
def exact_float32(device: torch.device) -> Iterator[None]:
    """Keep a GPU from rounding the factors of float32 products to 10 bits (TF32) within the block.

    In convolutions PyTorch lets it do so by default, and features would differ from those of a CPU in the third digit
    though both are called float32, in reports and in the feature store.
    """
    with _float32_products(device, rounded=False):
        yield


@contextmanager
def rounded_float32(device: torch.device) -> Iterator[None]:
    """Let a GPU round the factors of float32 products to 10 bits (TF32) within the block; nothing on other devices."""
    with _float32_products(device, rounded=True):
        yield


@contextmanager
def _float32_products(device: torch.device, *, rounded: bool) -> Iterator[None]:
    if device.type != "cuda":
        yield
        return
    # PyTorch has renamed the switches, and has old and new names contradict each other where both are used.
    convolutions = getattr(torch.backends.cudnn, "conv", None)
    old = convolutions is None
    name, value = ("allow_tf32", rounded) if old else ("fp32_precision", "tf32" if rounded else "ieee")
    switches = [convolutions or torch.backends.cudnn, torch.backends.cuda.matmul]
    before = [getattr(switch, name) for switch in switches]
    for switch in switches:
        setattr(switch, name, value)
    try:
        yield
    finally:
        for switch, was in zip(switches, before, strict=True):
            setattr(switch, name, was)
