"""BigGAN's networks: the paper's tables, the parts of z, the projection of labels."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from ganeval.generators.networks.biggan import (
    BigGANDiscriminator,
    BigGANGenerator,
    discriminator_widths,
    generator_widths,
    part_sizes,
)
from ganeval.generators.networks.sizes import Halvings, halvings


# Brock et al. (2019), tables 4, 5 and 6; and 32 pixels as the authors' networks for CIFAR-10.
@pytest.mark.parametrize(
    ("side", "generator", "discriminator"),
    [
        (32, [4, 4, 4, 4], [4, 4, 4, 4]),
        (128, [16, 16, 8, 4, 2, 1], [1, 2, 4, 8, 16, 16]),
        (256, [16, 16, 8, 8, 4, 2, 1], [1, 2, 4, 8, 8, 16, 16]),
        (512, [16, 16, 8, 8, 4, 2, 1, 1], [1, 1, 2, 4, 8, 8, 16, 16]),
    ],
)
def test_widths(side: int, generator: list[int], discriminator: list[int]) -> None:
    halved = halvings((side, side), "it")
    assert generator_widths(halved, 96) == [96 * multiple for multiple in generator]
    widths, count = discriminator_widths(halved, 96)
    assert widths == [96 * multiple for multiple in discriminator]
    # The last map is the smallest, but 8×8 at 32 pixels.
    assert side >> count == (8 if side == 32 else 4)


def test_larger_images_get_further_narrow_blocks() -> None:
    halved = halvings((1024, 1024), "it")
    assert generator_widths(halved, 2)[-3:] == [2, 2, 2]
    assert len(generator_widths(halved, 2)) == halved.count + 1
    assert discriminator_widths(halved, 2)[1] == halved.count


def test_parts() -> None:
    assert part_sizes(120, 6) == [20] * 6
    assert part_sizes(128, 3) == [43, 43, 42]
    assert [sum(part_sizes(17, parts)) for parts in range(1, 18)] == [17] * 17


def outputs_of(modules: list[nn.Module], network: nn.Module, *inputs: Tensor) -> list[Tensor]:
    kept: list[Tensor] = []
    hooks = [module.register_forward_hook(lambda _m, _i, output: kept.append(output)) for module in modules]
    with torch.no_grad():
        network(*inputs)
    for hook in hooks:
        hook.remove()
    return kept


@pytest.mark.parametrize("part", [0, 1, 2, 3])
def test_a_part_of_z_enters_at_its_own_block(part: int) -> None:
    torch.manual_seed(0)
    generator = BigGANGenerator(11, 4, 5, 1, Halvings(3, (4, 4)), 1).eval()
    assert generator.parts == [3, 3, 3, 2]
    stages = [generator.project, *generator.blocks]
    z, labels = torch.randn(2, 11), torch.tensor([1, 2])
    changed = z.clone()
    changed[:, sum(generator.parts[:part])] += 1
    before = outputs_of(stages, generator, z, labels)
    after = outputs_of(stages, generator, changed, labels)
    assert [torch.equal(*pair) for pair in zip(before, after, strict=True)] == [n < part for n in range(4)]


def test_without_hierarchy_z_enters_at_the_bottom_alone() -> None:
    torch.manual_seed(0)
    generator = BigGANGenerator(6, 4, 5, 3, Halvings(2, (7, 7)), 2, hierarchical=False).eval()
    assert generator.parts == [6, 0, 0]
    assert {block.norm1.gain.in_features for block in generator.blocks} == {5}
    assert generator(torch.randn(2, 6), torch.tensor([0, 3])).shape == (2, 3, 28, 28)


def test_the_label_enters_at_each_block_by_one_shared_vector() -> None:
    torch.manual_seed(0)
    generator = BigGANGenerator(8, 4, 5, 1, Halvings(3, (4, 4)), 1).eval()
    embeddings = [module for module in generator.modules() if isinstance(module, nn.Embedding)]
    assert embeddings == [generator.shared]
    z, stages = torch.randn(1, 8), [generator.project, *generator.blocks]
    first, second = (outputs_of(stages, generator, z, torch.tensor([label])) for label in (0, 1))
    assert [torch.equal(*pair) for pair in zip(first, second, strict=True)] == [True, False, False, False]


def test_labels_are_projected_on_the_summed_features() -> None:
    torch.manual_seed(0)
    discriminator = BigGANDiscriminator(4, 1, Halvings(3, (4, 4)), 2).eval()
    images = torch.rand(3, 1, 32, 32)
    (features,) = outputs_of([discriminator.between[-1]], discriminator, images, torch.tensor([0, 0, 0]))
    summed = features.relu().sum(dim=(2, 3))
    for label in range(4):
        expected = summed @ (discriminator.head.weight[0] + discriminator.embedding.weight[label])
        outputs = discriminator(images, torch.full((3,), label))
        torch.testing.assert_close(outputs, expected + discriminator.head.bias)


def test_a_layer_between_blocks_gets_that_blocks_map() -> None:
    seen: list[tuple[int, tuple[int, ...]]] = []

    class Spy(nn.Module):
        def __init__(self, channels: int) -> None:
            super().__init__()
            self.channels = channels

        def forward(self, features: Tensor) -> Tensor:
            seen.append((self.channels, tuple(features.shape[1:])))
            return features

    BigGANGenerator(8, 2, 3, 1, Halvings(4, (4, 6)), 1, between={2: Spy})(torch.randn(1, 8), torch.tensor([0]))
    BigGANDiscriminator(2, 1, Halvings(4, (4, 6)), 1, between={2: Spy})(torch.rand(1, 1, 64, 96), torch.tensor([0]))
    assert seen == [(8, (8, 16, 24)), (4, (4, 16, 24))]
