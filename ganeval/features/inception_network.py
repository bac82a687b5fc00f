"""Inception-v3 of 2015 (the FID network), rebuilt from torch-fidelity's layers for fast and exact inference."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch_fidelity import feature_extractor_inceptionv3 as reference

from ganeval.features.folding import FusedConv2d, folded_weights

FEATURE_DIM = 2048
CLASS_COUNT = 1008

# The activations of the first layers are the largest of the network; a few images at a time stay in the CPU's cache.
_STEM_CHUNK = 2


class InceptionLayers(nn.Module):
    """torch-fidelity's layers under its names, without its download: what a weights file must fit."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = reference.BasicConv2d(3, 32, kernel_size=3, stride=2)
        self.Conv2d_2a_3x3 = reference.BasicConv2d(32, 32, kernel_size=3)
        self.Conv2d_2b_3x3 = reference.BasicConv2d(32, 64, kernel_size=3, padding=1)
        self.Conv2d_3b_1x1 = reference.BasicConv2d(64, 80, kernel_size=1)
        self.Conv2d_4a_3x3 = reference.BasicConv2d(80, 192, kernel_size=3)
        self.Mixed_5b = reference.InceptionA(192, pool_features=32)
        self.Mixed_5c = reference.InceptionA(256, pool_features=64)
        self.Mixed_5d = reference.InceptionA(288, pool_features=64)
        self.Mixed_6a = reference.InceptionB(288)
        self.Mixed_6b = reference.InceptionC(768, channels_7x7=128)
        self.Mixed_6c = reference.InceptionC(768, channels_7x7=160)
        self.Mixed_6d = reference.InceptionC(768, channels_7x7=160)
        self.Mixed_6e = reference.InceptionC(768, channels_7x7=192)
        self.Mixed_7a = reference.InceptionD(768)
        self.Mixed_7b = reference.InceptionE_1(1280)
        self.Mixed_7c = reference.InceptionE_2(2048)
        self.fc = nn.Linear(FEATURE_DIM, CLASS_COUNT)


def empty_layers() -> InceptionLayers:
    """The layers without storage (on the meta device), for their names and shapes."""
    with torch.device("meta"):
        return InceptionLayers()


def _fused(layer: nn.Module, activation: str = "relu") -> FusedConv2d:
    convolution, norm = layer.conv, layer.bn
    assert isinstance(convolution, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    weight, bias = folded_weights(convolution, norm)
    stride, padding = convolution.stride, convolution.padding
    assert not isinstance(padding, str)
    return FusedConv2d(weight, bias, (stride[0], stride[1]), (padding[0], padding[1]), 1, activation)


def _chain(block: nn.Module, names: Sequence[str]) -> nn.Sequential:
    return nn.Sequential(*(_fused(block.get_submodule(name)) for name in names))


class _PooledAverage(nn.Module):
    """A 1x1 convolution, average pooling without the padding, ReLU.

    The reference pools first. Both are linear and the pooling's weights sum to one at every pixel, so the order is
    free until the ReLU, and pooling the convolution's fewer channels is cheaper.
    """

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.convolution = _fused(layer, activation="none")

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(self.convolution(x), 3, stride=1, padding=1, count_include_pad=False).relu_()


class _Fork(nn.Module):
    """One trunk, several branches on its output, joined along the channels."""

    def __init__(self, trunk: nn.Module, branches: Sequence[nn.Module]) -> None:
        super().__init__()
        self.trunk = trunk
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        x = self.trunk(x)
        return torch.cat([branch(x) for branch in self.branches], dim=1)


def _forked(block: nn.Module, trunk: Sequence[str], branches: Sequence[str]) -> _Fork:
    return _Fork(_chain(block, trunk), [_fused(block.get_submodule(name)) for name in branches])


def _join(*branches: nn.Module) -> _Fork:
    return _Fork(nn.Identity(), branches)


def _block_a(block: nn.Module) -> nn.Module:
    return _join(
        _chain(block, ["branch1x1"]),
        _chain(block, ["branch5x5_1", "branch5x5_2"]),
        _chain(block, ["branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"]),
        _PooledAverage(block.get_submodule("branch_pool")),
    )


def _block_b(block: nn.Module) -> nn.Module:
    return _join(
        _chain(block, ["branch3x3"]),
        _chain(block, ["branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"]),
        nn.MaxPool2d(kernel_size=3, stride=2),
    )


def _block_c(block: nn.Module) -> nn.Module:
    return _join(
        _chain(block, ["branch1x1"]),
        _chain(block, ["branch7x7_1", "branch7x7_2", "branch7x7_3"]),
        _chain(block, [f"branch7x7dbl_{step}" for step in range(1, 6)]),
        _PooledAverage(block.get_submodule("branch_pool")),
    )


def _block_d(block: nn.Module) -> nn.Module:
    return _join(
        _chain(block, ["branch3x3_1", "branch3x3_2"]),
        _chain(block, [f"branch7x7x3_{step}" for step in range(1, 5)]),
        nn.MaxPool2d(kernel_size=3, stride=2),
    )


def _block_e(block: nn.Module, pool: nn.Module) -> nn.Module:
    return _join(
        _chain(block, ["branch1x1"]),
        _forked(block, ["branch3x3_1"], ["branch3x3_2a", "branch3x3_2b"]),
        _forked(block, ["branch3x3dbl_1", "branch3x3dbl_2"], ["branch3x3dbl_3a", "branch3x3dbl_3b"]),
        pool,
    )


def _block_e_average(block: nn.Module) -> nn.Module:
    return _block_e(block, _PooledAverage(block.get_submodule("branch_pool")))


def _block_e_maximum(block: nn.Module) -> nn.Module:
    pool = nn.MaxPool2d(kernel_size=3, stride=1, padding=1)
    return _block_e(block, nn.Sequential(pool, _fused(block.get_submodule("branch_pool"))))


_BLOCKS = {
    "Mixed_5b": _block_a,
    "Mixed_5c": _block_a,
    "Mixed_5d": _block_a,
    "Mixed_6a": _block_b,
    "Mixed_6b": _block_c,
    "Mixed_6c": _block_c,
    "Mixed_6d": _block_c,
    "Mixed_6e": _block_c,
    "Mixed_7a": _block_d,
    "Mixed_7b": _block_e_average,
    "Mixed_7c": _block_e_maximum,
}


#: The block whose first branch is "mixed_6/conv" in the TensorFlow graph ("mixed_3" there is Mixed_6a), and the number
#: of its channels that Dhariwal & Nichol's evaluator takes for sFID.
_SPATIAL_BLOCK = list(_BLOCKS).index("Mixed_6d")
_SPATIAL_CHANNELS = 7


def _scaled_to_unit(first: FusedConv2d) -> FusedConv2d:
    """`first` fed with pixels in 0..255 instead of (pixel - 128) / 128; exact, since it pads nothing."""
    weight = first.weight.double() / 128
    bias = first.bias.double() - 128 * weight.sum(dim=(1, 2, 3))
    return FusedConv2d(weight.float(), bias.float(), (2, 2), (0, 0), 1, first.activation)


class InceptionNetwork(nn.Module):
    """float32 pixels [N, 3, 299, 299] in 0..255 to pooled features [N, 2048] and logits without bias [N, 1008].

    Szegedy et al. 2016 as released by TensorFlow in 2015 and used for FID by Heusel et al. 2017. Numerically equal to
    torch-fidelity's network up to the rounding of float32.

    Parameters
    ----------
    layers
        With their weights.
    dtype
        Of the convolutions' weights and activations. The first convolution, the mean over the last activations and
        the classifier stay in float32: they cost nearly nothing, and pixels and features keep their digits.
    """

    fc_weight: Tensor

    def __init__(self, layers: InceptionLayers, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.dtype = dtype
        self.stem = nn.Sequential(
            _scaled_to_unit(_fused(layers.Conv2d_1a_3x3)),
            _fused(layers.Conv2d_2a_3x3),
            _fused(layers.Conv2d_2b_3x3),
            nn.MaxPool2d(kernel_size=3, stride=2),
            _fused(layers.Conv2d_3b_1x1),
            _fused(layers.Conv2d_4a_3x3),
            nn.MaxPool2d(kernel_size=3, stride=2),
        )
        self.blocks = nn.Sequential(*(build(layers.get_submodule(name)) for name, build in _BLOCKS.items()))
        self.register_buffer("fc_weight", layers.fc.weight.detach())
        self.stem[1:].to(dtype)
        self.blocks.to(dtype)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        return self._heads(self.blocks(self._through_stem(pixels)))

    def with_spatial(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Pooled features, logits and spatial features [N, 17·17·7 = 2023], in the order rows, columns, channels.

        Those of sFID (Nash et al. 2021) as in Dhariwal & Nichol's 2021 evaluator: the first 7 channels of
        "mixed_6/conv" after its ReLU, the 1x1 branch with which the output of Mixed_6d begins.
        """
        x = self.blocks[: _SPATIAL_BLOCK + 1](self._through_stem(pixels))
        spatial = x[:, :_SPATIAL_CHANNELS].permute(0, 2, 3, 1).flatten(1).float().contiguous()
        return (*self._heads(self.blocks[_SPATIAL_BLOCK + 1 :](x)), spatial)

    def _through_stem(self, pixels: Tensor) -> Tensor:
        x = pixels.contiguous(memory_format=torch.channels_last)
        if x.device.type == "cpu":
            return torch.cat([self._stem(chunk) for chunk in torch.split(x, _STEM_CHUNK)])
        return self._stem(x)

    def _stem(self, x: Tensor) -> Tensor:
        first: Tensor = self.stem[0](x)
        through: Tensor = self.stem[1:](first.to(self.dtype))
        return through

    def _heads(self, x: Tensor) -> tuple[Tensor, Tensor]:
        pooled = x.mean(dim=(2, 3), dtype=torch.float32)
        return pooled, pooled @ self.fc_weight.T
