"""Convolutions with their batch norm folded in and their activation fused, for networks that only infer."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

#: Activation name to what oneDNN calls it, with its scalars.
_ONEDNN_ACTIVATIONS: dict[str, tuple[str, list[float]]] = {
    "none": ("none", []),
    "relu": ("relu", []),
    "relu6": ("hardtanh", [0.0, 6.0]),
}

# How far oneDNN's result may be from the plain one, for values up to 6: rounding, and nothing else.
_TOLERANCES = {torch.float32: 1e-4, torch.bfloat16: 0.1, torch.float16: 0.02}


def folded_weights(convolution: nn.Conv2d, norm: nn.BatchNorm2d | None) -> tuple[Tensor, Tensor]:
    """Weight and bias of the one convolution that equals `convolution` followed by `norm` in evaluation mode.

    The arithmetic is float64, so that folding costs no more than the rounding of the result to float32.

    Returns
    -------
    tuple of Tensor
        float32 weight [out, in / groups, kernel height, kernel width] and bias [out].
    """
    weight = convolution.weight.detach().double()
    bias = torch.zeros(len(weight), dtype=torch.float64, device=weight.device)
    if convolution.bias is not None:
        bias = convolution.bias.detach().double()
    if norm is not None:
        if norm.running_mean is None or norm.running_var is None:
            raise ValueError("a batch norm without running statistics can't be folded")
        scale = 1.0 / torch.sqrt(norm.running_var.double() + norm.eps)
        if norm.weight is not None:
            scale = scale * norm.weight.detach().double()
        weight = weight * scale[:, None, None, None]
        bias = (bias - norm.running_mean.double()) * scale
        if norm.bias is not None:
            bias = bias + norm.bias.detach().double()
    return weight.float(), bias.float()


class FusedConv2d(nn.Module):
    """Convolution, bias, optional sum with another tensor, and activation, in one call where oneDNN offers it.

    Parameters
    ----------
    weight, bias
        float32 [out, in / groups, height, width] and [out]; ``to(torch.bfloat16)`` makes it compute in that.
    stride, padding
        Height and width; padding is with zeros on both sides.
    groups
        As in `torch.nn.Conv2d`.
    activation
        ``"none"``, ``"relu"`` or ``"relu6"``.
    """

    weight: Tensor
    bias: Tensor
    # The weight in oneDNN's own layout, made at the first call; else every call would reorder it.
    _packed: Tensor | None

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor,
        stride: tuple[int, int] = (1, 1),
        padding: tuple[int, int] = (0, 0),
        groups: int = 1,
        activation: str = "none",
    ) -> None:
        super().__init__()
        if activation not in _ONEDNN_ACTIVATIONS:
            raise ValueError(f"activation must be one of {sorted(_ONEDNN_ACTIVATIONS)}, not {activation!r}")
        self.register_buffer("weight", weight.contiguous(memory_format=torch.channels_last))
        self.register_buffer("bias", bias.contiguous())
        self.stride, self.padding, self.groups, self.activation = list(stride), list(padding), groups, activation
        self._packed = None

    def _apply(self, *arguments: Any, **options: Any) -> FusedConv2d:
        self._packed = None
        super()._apply(*arguments, **options)  # type: ignore[no-untyped-call]
        return self

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_packed": None}

    def forward(self, x: Tensor, addend: Tensor | None = None) -> Tensor:
        """activation(convolution(x) + bias + addend), [N, out, ...], for x [N, in, ...]."""
        # oneDNN's operator has no gradient.
        differentiated = torch.is_grad_enabled() and x.requires_grad
        # A compiler fuses by itself, and can't look into oneDNN's layout of the weights.
        traced = torch.compiler.is_compiling()
        if x.device.type == "cpu" and not differentiated and not traced and onednn_fuses(x.dtype):
            return self._onednn(x, addend)
        out = F.conv2d(x, self.weight, self.bias, self.stride, self.padding, groups=self.groups)
        if addend is not None:
            out = out.add_(addend)
        if self.activation == "none":
            return out
        return out.relu_() if self.activation == "relu" else out.clamp_(0.0, 6.0)

    def _onednn(self, x: Tensor, addend: Tensor | None) -> Tensor:
        kind, scalars = _ONEDNN_ACTIVATIONS[self.activation]
        shape = (self.padding, self.stride, [1, 1], self.groups)
        weight = self._packed
        if weight is None:
            # Two threads may do this at once, to the same effect.
            weight = self._packed = self._reordered(x)
        if addend is None:
            fused: Tensor = torch.ops.mkldnn._convolution_pointwise(x, weight, self.bias, *shape, kind, scalars, "")
            return fused
        # oneDNN sums and applies relu in one go, but no other activation after a sum.
        unary = "relu" if kind == "relu" else None
        summed: Tensor = torch.ops.mkldnn._convolution_pointwise.binary(
            x, addend, weight, self.bias, *shape, "add", 1.0, unary, [], ""
        )
        return summed.clamp_(0.0, 6.0) if self.activation == "relu6" else summed

    def _reordered(self, x: Tensor) -> Tensor:
        reorder = getattr(torch.ops.mkldnn, "_reorder_convolution_weight", None)
        if reorder is None:
            return self.weight
        with torch.inference_mode(False), torch.no_grad():
            packed: Tensor = reorder(self.weight, self.padding, self.stride, [1, 1], self.groups, list(x.shape))
        return packed


@lru_cache(maxsize=8)
def onednn_fuses(dtype: torch.dtype = torch.float32) -> bool:
    """Whether this build of PyTorch has oneDNN's fused convolution in `dtype` and it computes what it should.

    The operator is private to PyTorch: it may go or change its arguments, so it is tried once before it is trusted.
    """
    if dtype not in _TOLERANCES or not torch._C._has_mkldnn:
        return False
    with torch.inference_mode(False), torch.no_grad():
        return _onednn_agrees(dtype)


def _onednn_agrees(dtype: torch.dtype) -> bool:
    x, other = torch.linspace(-3, 3, 2 * 3 * 5 * 5).view(2, 3, 5, 5), torch.linspace(-1, 1, 2 * 4 * 3 * 3)
    x, other = x.contiguous(memory_format=torch.channels_last).to(dtype), other.view(2, 4, 3, 3).to(dtype)
    weight = torch.linspace(-2, 2, 4 * 3 * 9).view(4, 3, 3, 3)
    conv = FusedConv2d(weight, torch.linspace(-1, 1, 4), activation="relu6").to(dtype)
    plain = F.conv2d(x.float(), conv.weight.float(), conv.bias.float())
    both = plain + other.float()
    tolerance = _TOLERANCES[dtype]
    try:
        alone, summed = conv._onednn(x, None).float(), conv._onednn(x, other).float()
    except (RuntimeError, TypeError, NotImplementedError, AttributeError):
        return False
    return bool(
        torch.allclose(alone, plain.clamp(0.0, 6.0), atol=tolerance)
        and torch.allclose(summed, both.clamp(0.0, 6.0), atol=tolerance)
    )
