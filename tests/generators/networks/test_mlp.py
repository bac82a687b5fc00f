"""The fully connected networks, and dropout whose masks come from a given generator."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from ganeval.generators.networks.dropout import Dropout, drawing_masks
from ganeval.generators.networks.mlp import MaxoutDiscriminator, MLPGenerator


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 5, 7)])
def test_any_shape_of_image(shape: tuple[int, int, int]) -> None:
    images = MLPGenerator(6, shape, width=8)(torch.randn(4, 6))
    assert images.shape == (4, *shape)
    assert images.abs().max() <= 1
    assert MaxoutDiscriminator(shape, 4, 3, 2, 0.5)(images).shape == (4,)


def test_defaults_are_the_published_layers() -> None:
    generator = MLPGenerator(100, (1, 28, 28), 1200)
    linear = [(m.in_features, m.out_features) for m in generator.modules() if isinstance(m, nn.Linear)]
    assert linear == [(100, 1200), (1200, 1200), (1200, 784)]
    discriminator = MaxoutDiscriminator((1, 28, 28), 240, 5, 2, 0.5)
    linear = [(m.in_features, m.out_features) for m in discriminator.modules() if isinstance(m, nn.Linear)]
    assert linear == [(784, 1200), (240, 1200), (240, 1)]
    shares = [m.probability for m in discriminator.modules() if isinstance(m, Dropout)]
    assert shares == pytest.approx([0.2, 0.5, 0.5])


def test_dropout_keeps_the_mean_and_zeroes_its_share() -> None:
    layer = Dropout(0.3)
    with drawing_masks(layer, torch.Generator().manual_seed(0)):
        dropped = layer(torch.ones(100_000))
    assert dropped.unique().tolist() == pytest.approx([0.0, 1 / 0.7])
    # Five standard errors of a share of 100,000.
    assert (dropped == 0).float().mean().item() == pytest.approx(0.3, abs=5 * (0.21 / 1e5) ** 0.5)


def test_dropout_takes_masks_from_its_generator_alone() -> None:
    network = MaxoutDiscriminator((1, 4, 4), 4, 3, 2, 0.5)
    images = torch.randn(3, 1, 4, 4)
    state = torch.get_rng_state()
    results = []
    for seed in (1, 1, 2):
        with drawing_masks(network, torch.Generator().manual_seed(seed)):
            results.append(network(images))
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])
    assert torch.equal(torch.get_rng_state(), state)


def test_dropout_rests_outside_and_in_evaluation_mode() -> None:
    ones = torch.ones(1000)
    layer, noise = Dropout(0.5), Dropout(0.5, always=True)
    assert torch.equal(layer(ones), ones)
    for module, changes in ((layer, False), (noise, True)):
        module.eval()
        with drawing_masks(module, torch.Generator().manual_seed(0)):
            assert torch.equal(module(ones), ones) is not changes
        assert torch.equal(module(ones), ones)
    with pytest.raises(RuntimeError), drawing_masks(layer, torch.Generator()):
        raise RuntimeError
    # A generator that stayed behind couldn't be copied.
    copy.deepcopy(layer)
