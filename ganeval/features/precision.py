"""In which arithmetic a network computes: what can be asked for, and what a machine has in hardware."""

from __future__ import annotations

import platform
from contextlib import AbstractContextManager

import torch

from ganeval.errors import OptionError, did_you_mean
from ganeval.features.devices import exact_float32, rounded_float32

#: Name to PyTorch's type, the exact one first.
PRECISIONS: dict[str, torch.dtype] = {
    "float32": torch.float32,
    "tf32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
EXACT = "float32"
#: float32 whose products' factors a GPU rounds to 10 bits: its range, three digits, several times as fast.
ROUNDED = "tf32"
#: CUDA capability from which on bfloat16 and TF32 are in hardware (Ampere).
_AMPERE = (8, 0)


def find_precision(name: str | None) -> torch.dtype:
    """The type called `name`, float32 for None; raises `OptionError` if there is none."""
    if name is None:
        return PRECISIONS[EXACT]
    if name not in PRECISIONS:
        raise OptionError(f"unknown precision {name!r}", hint=did_you_mean(name, PRECISIONS))
    return PRECISIONS[name]


def arithmetic(name: str, device: torch.device) -> AbstractContextManager[None]:
    """The block in which networks compute float32 products as the precision wants them: exactly, or as TF32."""
    return rounded_float32(device) if name == ROUNDED else exact_float32(device)


def require_native(name: str | None, device: torch.device) -> None:
    """Refuse a precision that the device has to imitate: features would be worse *and* come later.

    Raises
    ------
    OptionError
        If the name is unknown, or the device lacks instructions for it.
    """
    dtype = find_precision(name)
    if name == ROUNDED:
        native, why = _has_tf32(device), f"this {device.type} has no TF32, which NVIDIA's GPUs have from Ampere on"
    else:
        native = is_native(dtype, device)
        why = f"{name} is slower than float32 on this {device.type}, which has no instructions for it"
    if not native:
        raise OptionError(why, hint="Leave --precision out: float32 is also the exact choice.")


def is_native(dtype: torch.dtype, device: torch.device) -> bool:
    """Whether the device computes in `dtype` in hardware.

    PyTorch runs bfloat16 on any CPU with AVX-512, through float32 where it must; only the CPU's own instructions
    (AVX512_BF16, AMX, ARM's bf16) make it faster.
    """
    if dtype == torch.float32:
        return True
    if device.type == "cuda":
        return dtype == torch.float16 or torch.cuda.get_device_capability(device) >= _AMPERE
    if device.type == "cpu":
        return _cpu_has(dtype)
    return device.type == "mps" and dtype == torch.float16


def _has_tf32(device: torch.device) -> bool:
    return device.type == "cuda" and torch.version.hip is None and torch.cuda.get_device_capability(device) >= _AMPERE


def _cpu_has(dtype: torch.dtype) -> bool:
    # All of these are private to PyTorch: what has gone counts as absent.
    bits = "bf16" if dtype == torch.bfloat16 else "fp16"
    if not _says_yes(torch.ops.mkldnn, f"_is_mkldnn_{bits}_supported"):
        return False
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return True
    if dtype == torch.float16:
        return True  # oneDNN says so only where the CPU has AVX512_FP16 or AMX
    return any(_says_yes(torch.cpu, name) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))


def _says_yes(where: object, name: str) -> bool:
    try:
        return bool(getattr(where, name)())
    except (AttributeError, RuntimeError):
        return False
