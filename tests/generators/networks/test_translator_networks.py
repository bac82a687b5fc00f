"""The networks from images to images: their layers are the papers', and any size comes out as it went in."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from ganeval.errors import OptionError
from ganeval.generators.networks.padding import padded_to_multiple
from ganeval.generators.networks.patch import PatchDiscriminator, check_patches, patch_layers, receptive_field
from ganeval.generators.networks.residual_translator import ResidualBlock, ResidualTranslator, residual_blocks
from ganeval.generators.networks.unet import UNet, unet_depth


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def convolutions(network: nn.Module) -> list[tuple[int, int]]:
    return [
        (layer.in_channels, layer.out_channels)
        for layer in network.modules()
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
    ]


@pytest.mark.parametrize(
    ("size", "depth"),
    [((1, 9), 1), ((2, 2), 1), ((28, 28), 4), ((32, 32), 5), ((63, 200), 5), ((256, 256), 8), ((512, 512), 8)],
)
def test_depth_follows_the_smaller_side(size: tuple[int, int], depth: int) -> None:
    assert unet_depth(size) == depth


def test_unet_has_the_layers_of_the_paper() -> None:
    network = UNet(3, 3, depth=8)
    encoder = [3, 64, 128, 256, 512, 512, 512, 512, 512]
    expected = list(pairwise(encoder))
    # Appendix 6.1.1 after the skip connections: CD512-CD1024-CD1024-C1024-C1024-C512-C256-C128, as inputs.
    expected += [(512, 512), (1024, 512), (1024, 512), (1024, 512), (1024, 256), (512, 128), (256, 64), (128, 3)]
    assert convolutions(network) == expected
    assert network.noisy == 3
    # No norm in C64, in the bottleneck, nor in the last layer.
    assert sum(isinstance(layer, nn.InstanceNorm2d) for layer in network.modules()) == 16 - 3


@pytest.mark.parametrize("depth", [1, 2, 3, 5])
@pytest.mark.parametrize("size", [(1, 1), (5, 7), (29, 31), (32, 48)])
def test_unet_keeps_any_size(depth: int, size: tuple[int, int]) -> None:
    made = UNet(2, 3, depth, width=2)(torch.rand(2, 2, *size) * 2 - 1, stream())
    assert made.shape == (2, 3, *size)
    assert made.abs().max() <= 1


def test_unet_pads_below_and_right_alone() -> None:
    network = UNet(1, 1, depth=3, width=4).eval()
    image = torch.rand(1, 1, 13, 10)
    padded = nn.functional.pad(image, (0, 6, 0, 3), mode="replicate")
    assert torch.equal(network(image, stream()), network(padded, stream())[..., :13, :10])


def test_unet_noise_comes_from_the_given_stream() -> None:
    network, image = UNet(1, 1, depth=4, width=4).eval(), torch.rand(1, 1, 16, 16)
    before = torch.get_rng_state()
    assert torch.equal(network(image, stream(1)), network(image, stream(1)))
    assert not torch.equal(network(image, stream(1)), network(image, stream(2)))
    assert torch.equal(torch.get_rng_state(), before)
    silent = UNet(1, 1, depth=4, width=4, dropout=0.0)
    assert torch.equal(silent(image, stream(1)), silent(image, stream(2)))


def test_unet_skips_reach_the_output() -> None:
    # With the bottleneck cut off, the image still comes through by the skip connections.
    network = UNet(1, 1, depth=3, width=4, dropout=0.0)
    for parameter in network.encoder[-1].parameters():  # type: ignore[union-attr]
        nn.init.zeros_(parameter)
    first, second = network(torch.rand(2, 1, 8, 8), stream())
    assert not torch.equal(first, second)


def test_unet_gradients_reach_every_weight() -> None:
    network = UNet(1, 1, depth=4, width=2)
    network(torch.rand(2, 1, 16, 16), stream()).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for n, p in network.named_parameters() if "weight" in n)


@pytest.mark.parametrize(("layers", "field"), [(1, 16), (2, 34), (3, 70), (4, 142)])
def test_receptive_field_by_formula_and_by_gradient(layers: int, field: int) -> None:
    assert receptive_field(layers) == field
    side = 2 * field + 40
    network = PatchDiscriminator(1, (side, side), layers, width=1, norm="none")
    for parameter in network.parameters():
        nn.init.ones_(parameter)
    image = torch.rand(1, 1, side, side, requires_grad=True)
    outputs = network(image)
    middle = outputs.shape[-1] // 2
    outputs[0, 0, middle, middle].backward()
    assert image.grad is not None
    touched = image.grad[0, 0].nonzero()
    extent = touched.max(dim=0).values - touched.min(dim=0).values + 1
    assert extent.tolist() == [field, field]


def test_patch_discriminator_has_the_layers_of_the_paper() -> None:
    network = PatchDiscriminator(6, (256, 256), layers=3)
    assert convolutions(network) == [(6, 64), (64, 128), (128, 256), (256, 512), (512, 1)]
    strides = [layer.stride[0] for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    assert strides == [2, 2, 2, 1, 1]
    # The 70×70 discriminator of 256 pixels judges 30×30 patches.
    small = PatchDiscriminator(1, (256, 256), layers=3, width=1)
    assert small(torch.zeros(1, 1, 256, 256)).shape == (1, 1, 30, 30)


@pytest.mark.parametrize(("side", "layers"), [(512, 3), (256, 3), (128, 3), (64, 2), (32, 1), (28, 1), (12, 1), (6, 1)])
def test_patches_go_by_the_size(side: int, layers: int) -> None:
    assert patch_layers((side, 2 * side)) == layers
    outputs = PatchDiscriminator(1, (side, 2 * side), layers, width=1)(torch.zeros(2, 1, side, 2 * side))
    assert min(outputs.shape[2:]) >= 1


@pytest.mark.parametrize(("size", "layers"), [((5, 64), 1), ((23, 23), 3), ((64, 64), 0)])
def test_too_small_images_for_patches_are_named(size: tuple[int, int], layers: int) -> None:
    with pytest.raises(OptionError, match=rf"with {layers} strided layers can't judge images of {size[0]}×{size[1]}"):
        check_patches(size, layers)


@pytest.mark.parametrize(("size", "blocks"), [((28, 28), 6), ((128, 128), 6), ((256, 300), 9)])
def test_residual_translator_has_the_layers_of_the_paper(size: tuple[int, int], blocks: int) -> None:
    assert residual_blocks(size) == blocks
    network = ResidualTranslator(3, 1, blocks=blocks)
    expected = [(3, 64), (64, 128), (128, 256), *[(256, 256)] * (2 * blocks), (256, 128), (128, 64), (64, 1)]
    assert convolutions(network) == expected
    reflected = [layer.padding[0] for layer in network.modules() if isinstance(layer, nn.ReflectionPad2d)]
    assert reflected == [3, *[1] * (2 * blocks), 3]


@pytest.mark.parametrize("size", [(1, 1), (4, 4), (5, 3), (4, 40), (9, 9), (28, 30), (33, 64)])
def test_residual_translator_keeps_any_size(size: tuple[int, int]) -> None:
    made = ResidualTranslator(1, 3, width=2, blocks=1).eval()(torch.rand(1, 1, *size))
    assert made.shape == (1, 3, *size)


def test_a_residual_block_adds_to_its_input() -> None:
    block, maps = ResidualBlock(3), torch.rand(2, 3, 6, 6)
    assert torch.equal(block(maps) - maps, block.layers(maps)) or torch.allclose(block(maps), maps + block.layers(maps))
    for parameter in block.parameters():
        nn.init.zeros_(parameter)
    assert torch.equal(block(maps), maps)


@pytest.mark.parametrize(("shape", "padded"), [((5, 8), (8, 8)), ((8, 8), (8, 8)), ((9, 1), (12, 4))])
def test_padding_repeats_the_border(shape: tuple[int, int], padded: tuple[int, int]) -> None:
    images: Tensor = torch.rand(1, 2, *shape)
    found = padded_to_multiple(images, 4)
    assert found.shape[2:] == padded
    assert torch.equal(found[..., : shape[0], : shape[1]], images)
    assert torch.equal(found[..., -1, -1], images[..., -1, -1])
