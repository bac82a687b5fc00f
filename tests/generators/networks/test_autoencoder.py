"""The autoencoders have the papers' layers and take any size that halves."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ganeval.generators.networks.autoencoder import Autoencoder, Decoder, Encoder, until_eight
from ganeval.generators.networks.sizes import Halvings, halvings


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((28, 28), Halvings(2, (7, 7))),
        ((32, 32), Halvings(2, (8, 8))),
        ((64, 64), Halvings(3, (8, 8))),
        ((128, 64), Halvings(3, (16, 8))),
        ((8, 8), Halvings(1, (4, 4))),
        ((48, 48), Halvings(2, (12, 12))),
    ],
)
def test_maps_stay_at_the_papers_eight(size: tuple[int, int], expected: Halvings) -> None:
    assert until_eight(halvings(size, "a test")) == expected


@pytest.mark.parametrize(("size", "channels"), [((28, 28), 1), ((32, 32), 3), ((8, 12), 2)])
def test_images_come_back_in_their_shape(size: tuple[int, int], channels: int) -> None:
    halved = until_eight(halvings(size, "a test"))
    images = torch.randn(3, channels, *size)
    energy = Autoencoder(channels, halved, 4)
    assert energy(images).shape == images.shape
    torch.testing.assert_close(energy.decode(energy.encode(images)), energy(images), atol=1e-5, rtol=1e-4)
    for skips in (True, False):
        balanced = nn.Sequential(Encoder(channels, halved, 4, 5), Decoder(5, channels, halved, 4, skips))
        assert balanced[0](images).shape == (3, 5)
        assert balanced(images).shape == images.shape


def test_energy_autoencoder_for_64_pixels_is_the_papers() -> None:
    network = Autoencoder(3, until_eight(halvings((64, 64), "a test")), 64)
    down = [(m.in_channels, m.out_channels) for m in network.encoder if isinstance(m, nn.Conv2d)]
    up = [(m.in_channels, m.out_channels) for m in network.decoder if isinstance(m, nn.ConvTranspose2d)]
    assert (down, up) == ([(3, 64), (64, 128), (128, 256)], [(256, 128), (128, 64), (64, 3)])
    assert not isinstance(network.encoder[1], nn.BatchNorm2d)
    assert isinstance(network.decoder[-1], nn.ConvTranspose2d)


def test_encoder_grows_by_its_width_at_each_halving() -> None:
    network = Encoder(3, Halvings(2, (8, 8)), 16, 64)
    strided = [m for m in network.modules() if isinstance(m, nn.Conv2d) and m.stride == (2, 2)]
    assert [(m.in_channels, m.out_channels) for m in strided] == [(16, 32), (32, 48)]
    assert [m.in_features for m in network.modules() if isinstance(m, nn.Linear)] == [48 * 64]


def test_skips_bring_the_first_map_to_every_size() -> None:
    # With the pairs' first 3×3 convolutions blind to what was computed, the skip alone still carries the vector.
    torch.manual_seed(0)
    network = Decoder(5, 1, Halvings(2, (4, 4)), 3)
    with torch.no_grad():
        for pair in list(network.pairs)[1:]:
            pair.conv1.weight[:, :3] = 0
    vectors = torch.randn(2, 5)
    images = network(vectors)
    assert not torch.allclose(images[0], images[1], atol=1e-4)
