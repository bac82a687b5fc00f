"""The networks compute what they say: residuals by hand, filters by their laws, patches that see only themselves."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganeval.detectors.cnn.folded import FoldedNPR, FoldedPatch
from ganeval.detectors.cnn.high_pass import HighPass, residual_filters
from ganeval.detectors.cnn.neighbouring_pixels import NPRNetwork, neighbouring_pixel_residual
from ganeval.detectors.cnn.patch_network import PATCH, STEP, PatchNetwork


def shaken(network: nn.Module) -> nn.Module:
    """In evaluation mode, with batch norms that are not those of a new network and keep activations about 1."""
    random = torch.Generator().manual_seed(3)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
            nn.init.uniform_(module.weight, 0.5, 1.5, generator=random)
            nn.init.uniform_(module.bias, -0.5, 0.5, generator=random)
    with torch.no_grad():
        network.train()(noise(4, 3, 67, 67, seed=5))
    return network.eval().requires_grad_(False)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(seed)).float()


def test_residual_by_hand() -> None:
    x = torch.tensor([[10.0, 12.0, 7.0, 7.0, 99.0], [11.0, 9.0, 5.0, 8.0, 99.0], [99.0] * 5])
    expected = torch.tensor([[0.0, 2.0, 0.0, 0.0], [1.0, -1.0, -2.0, 1.0]])
    assert torch.equal(neighbouring_pixel_residual(x[None, None])[0, 0], expected)


def test_the_residual_of_a_shifted_picture_is_another() -> None:
    x = noise(1, 3, 33, 33)
    here, shifted = neighbouring_pixel_residual(x), neighbouring_pixel_residual(x[..., 1:, 1:])
    assert not torch.equal(here[..., 1:32, 1:32], shifted[..., :31, :31])
    # And a shift by two is the same one.
    assert torch.equal(here[..., 2:32, 2:32], neighbouring_pixel_residual(x[..., 2:, 2:])[..., :30, :30])


@pytest.mark.parametrize(("width", "count"), [(64, 1_437_761), (28, 278_237)])
def test_parameters_of_the_npr_network(width: int, count: int) -> None:
    def bottleneck(inputs: int, planes: int, widens: bool) -> int:
        outputs = 4 * planes
        convolutions = inputs * planes + 9 * planes**2 + planes * outputs + widens * inputs * outputs
        return convolutions + 2 * (2 * planes + outputs + widens * outputs)

    w = width
    first = bottleneck(w, w, True) + 2 * bottleneck(4 * w, w, False)
    second = bottleneck(4 * w, 2 * w, True) + 3 * bottleneck(8 * w, 2 * w, False)
    expected = 27 * w + 2 * w + first + second + 8 * w + 1
    assert sum(p.numel() for p in NPRNetwork(width).parameters()) == expected == count


def test_brightness_is_nothing_to_the_npr_network() -> None:
    network = shaken(NPRNetwork(8))
    x = noise(1, 3, 64, 64) / 2
    assert network(x).item() == pytest.approx(network(x + 50).item(), abs=1e-4)
    assert network(x).item() != pytest.approx(network(noise(1, 3, 64, 64, seed=1)).item(), abs=1e-3)


def test_fixed_filters_have_no_answer_to_what_they_predict() -> None:
    filters = residual_filters()
    rows, columns = torch.meshgrid(torch.arange(9.0), torch.arange(9.0), indexing="ij")
    plane, ramp, bowl = torch.full((9, 9), 7.0), 3 * rows - 2 * columns, rows * columns
    answers = {
        name: F.conv2d(x[None, None], filters[:, None])[0].abs().amax(dim=(1, 2))
        for name, x in (("plane", plane), ("ramp", ramp), ("bowl", bowl))
    }
    assert answers["plane"].max() == pytest.approx(0, abs=1e-5)
    # First differences see the slope and nothing else does; the squares also predict products of row and column.
    assert answers["ramp"].tolist() == pytest.approx([2, 3, 0, 0, 0, 0], abs=1e-5)
    assert answers["bowl"][4:].max() == pytest.approx(0, abs=1e-5)
    # Centre tap: how much of the pixel itself is in its residual.
    assert filters[:, 2, 2].tolist() == pytest.approx([-1, -1, -1, -1, -1, -1])


def test_learned_filters_keep_their_constraint_whatever_is_learned() -> None:
    filters = HighPass(learned=4)
    with torch.no_grad():
        filters.taps.copy_(noise(*filters.taps.shape) / 50 - 2)
    kernels = filters.constrained().detach()
    assert kernels.shape == (12, 1, 5, 5)
    assert torch.allclose(kernels[:, 0, 2, 2], torch.tensor(-1.0))
    assert torch.allclose(kernels.sum(dim=(1, 2, 3)), torch.zeros(12), atol=1e-4)
    # The nearest ones to what was learned: differences between taps around the centre stay.
    difference = (kernels - filters.taps.detach())[:, 0].flatten(1)
    around = torch.cat([difference[:, :12], difference[:, 13:]], dim=1)
    assert float(around.std(dim=1).max()) < 1e-5


def test_high_pass_is_colour_conversion_and_then_filters() -> None:
    layer = HighPass()
    x = 120 + noise(1, 3, 16, 16) / 60
    red, green, blue = x[0]
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    planes = torch.stack([luma, 0.5 * (blue - luma) / (1 - 0.114), 0.5 * (red - luma) / (1 - 0.299)])
    fixed = torch.stack([F.conv2d(plane[None, None], residual_filters()[:, None])[0] for plane in planes])
    learned = torch.cat([F.conv2d(planes[i][None, None], layer.constrained()[4 * i : 4 * i + 4])[0] for i in range(3)])
    found = layer(x)[0].reshape(3, 10, 12, 12)
    assert torch.allclose(found[:, :6], fixed.clamp(-8, 8) / 8, atol=1e-4)
    assert torch.allclose(found[:, 6:].flatten(0, 1), learned.clamp(-8, 8) / 8, atol=1e-4)
    assert layer(noise(1, 3, 16, 16)).abs().max() == 1.0


def test_a_patch_is_51_pixels_and_the_next_begins_8_further() -> None:
    assert (PATCH, STEP) == (51, 8)
    network = shaken(PatchNetwork(8))
    x = noise(1, 3, 51 + 8 * 3 + 5, 51 + 8 * 2)
    logits = network(x)
    assert logits.shape == (1, 4, 3)
    for i, j in ((0, 0), (3, 2), (1, 2)):
        alone = network(x[..., 8 * i : 8 * i + 51, 8 * j : 8 * j + 51])
        assert alone.shape == (1, 1, 1)
        assert alone.item() == pytest.approx(logits[0, i, j].item(), abs=1e-4)
    assert float(logits.std()) > 1e-2
    # Every pixel of the patch counts, and none beside it.
    y = x.clone().requires_grad_(True)
    network(y)[0, 1, 1].backward()
    assert y.grad is not None
    seen = (y.grad[0].abs().sum(dim=0) > 0).nonzero()
    assert seen.amin(dim=0).tolist() == [8, 8]
    assert seen.amax(dim=0).tolist() == [58, 58]


@pytest.mark.parametrize("shape", [(2, 3, 64, 96), (1, 3, 67, 51)])
def test_folded_networks_are_the_same(shape: tuple[int, int, int, int]) -> None:
    npr, patch = NPRNetwork(12), PatchNetwork(12)
    shaken(npr)
    shaken(patch)
    x = noise(*shape)
    for plain, folded in ((npr, FoldedNPR(npr)), (patch, FoldedPatch(patch))):
        expected = plain(x)
        assert torch.allclose(folded(x), expected, atol=1e-4 * float(expected.abs().max() + 1))
        assert float((expected - plain(noise(*shape, seed=9))).abs().max()) > 1e-2


def test_batches_are_judged_as_single_tiles_are() -> None:
    x = noise(3, 3, 64, 64)
    for network in (shaken(NPRNetwork(8)), shaken(PatchNetwork(8))):
        single = torch.cat([network(one[None]) for one in x])
        assert np.allclose(network(x).numpy(), single.numpy(), atol=1e-4)
