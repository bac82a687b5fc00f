"""Which device the networks run on."""

from __future__ import annotations

import torch

from ganeval.errors import OptionError


def resolve_device(device: str | torch.device = "auto") -> torch.device:
    """The device of that name; ``"auto"`` takes CUDA, else Apple's MPS, else the CPU.

    Raises
    ------
    OptionError
        If the name is no device, or the device isn't there.
    """
    if isinstance(device, torch.device):
        return device
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        resolved = torch.device(device)
    except RuntimeError as error:
        raise OptionError(f"unknown device {device!r}", hint="Use auto, cpu, cuda, cuda:N or mps.") from error
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if resolved.type not in present:
        raise OptionError(f"unsupported device {device!r}", hint="Use auto, cpu, cuda, cuda:N or mps.")
    if not present[resolved.type]:
        raise OptionError(f"no {resolved.type} device on this machine", hint="Use --device cpu, or auto.")
    if resolved.type == "cuda" and resolved.index is not None and resolved.index >= torch.cuda.device_count():
        raise OptionError(f"no device {device!r}: there are {torch.cuda.device_count()} CUDA devices here")
    return resolved
