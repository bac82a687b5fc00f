"""ADA's pipeline: identity at p = 0, each part against direct operations, gradients of first and second order."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ganeval.generators.augmentation.ada import ada
from ganeval.generators.augmentation.adapting import adapted
from ganeval.generators.augmentation.blitting import _sources, blitted, mirrored
from ganeval.generators.augmentation.colours import _hues, _luma_flips, _saturations, recoloured
from ganeval.generators.augmentation.geometry import SYM6, _BilinearSample, resampled, rotations, warped


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def smooth(height: int, width: int) -> torch.Tensor:
    """A wide bump off the centre, [1, 1, H, W]."""
    y, x = torch.arange(height)[:, None] / height, torch.arange(width)[None, :] / width
    return torch.exp(-(((y - 0.4) / 0.15) ** 2) - ((x - 0.6) / 0.1) ** 2)[None, None]


@pytest.mark.parametrize("shape", [(4, 1, 28, 28), (3, 3, 16, 24), (2, 5, 8, 8)])
def test_identity_at_probability_0_and_change_at_1(shape: tuple[int, ...]) -> None:
    images = torch.rand(shape) * 2 - 1
    torch.testing.assert_close(ada(images, 0.0, stream()), images, rtol=0, atol=0)
    changed = ada(images, 1.0, stream())
    assert changed.shape == shape
    assert ((changed - images).abs().mean(dim=(1, 2, 3)) > 0.05).all()


def test_it_draws_from_the_given_generator_alone_and_equally_much_whatever_the_probability() -> None:
    images = torch.rand(4, 3, 16, 16)
    torch.manual_seed(0)
    first = ada(images, 0.7, stream(1))
    torch.manual_seed(5)
    torch.testing.assert_close(ada(images, 0.7, stream(1)), first, rtol=0, atol=0)
    ends = []
    for probability in (0.0, 0.3, 1.0):
        random = stream(1)
        ada(images, probability, random)
        ends.append(random.get_state())
    assert torch.equal(ends[0], ends[1])
    assert torch.equal(ends[0], ends[2])


def test_places_between_mirrors() -> None:
    assert mirrored(torch.tensor([-3, -1, 0, 3, 4, 6, 8]), 4).tolist() == [2, 0, 0, 3, 3, 1, 0]


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_blitting_is_mirroring_then_quarter_turns_then_moves(mirror: bool, quarters: int) -> None:
    image = np.arange(30).reshape(5, 6) if quarters % 2 == 0 else np.arange(36).reshape(6, 6)
    expected = np.rot90(image[:, ::-1] if mirror else image, quarters)
    height, width = expected.shape
    expected = np.pad(expected, ((2, 0), (0, 1)), mode="symmetric")[:height, 1:]
    parameters = (torch.tensor(value)[None, None, None] for value in (mirror, quarters, 2, -1))
    places = _sources(height, width, *parameters)[0]
    assert np.array_equal(image.ravel()[places.numpy()], expected)


def test_blitting_moves_whole_pixels() -> None:
    images = torch.rand(200, 2, 8, 12)
    result = blitted(images, 1.0, stream())
    # Moves of up to an eighth: 1 row, 2 columns (1.5 rounds to 2). Pixels near an edge may be gone, none is new.
    for before, after in zip(images, result, strict=True):
        assert set(after.flatten().tolist()) <= set(before.flatten().tolist())
    same = (result == images).flatten(1).all(dim=1).float().mean()
    assert 0 < same < 0.3


def test_the_wavelet_is_orthonormal_to_its_even_shifts() -> None:
    taps = np.array(SYM6)
    assert taps.sum() == pytest.approx(math.sqrt(2), abs=1e-10)
    for shift in range(0, 12, 2):
        assert float(taps[shift:] @ taps[: len(taps) - shift]) == pytest.approx(float(shift == 0), abs=1e-10)


def test_the_identity_map_resamples_to_the_same_image() -> None:
    images = torch.rand(2, 3, 20, 28)
    result = resampled(images, torch.eye(2).expand(2, 2, 2), torch.zeros(2, 2))
    torch.testing.assert_close(result[..., 4:-4, 4:-4], images[..., 4:-4, 4:-4], atol=1e-5, rtol=0)
    assert (result - images).abs().mean() < 0.02


def test_shifts_go_right_and_down_in_pixels() -> None:
    image = smooth(24, 32)
    result = resampled(image, torch.eye(2)[None], torch.tensor([[3.0, -2.0]]))
    torch.testing.assert_close(result[..., 5:-7, 8:-5], image[..., 7:-5, 5:-8], atol=1e-4, rtol=0)
    # The wavelet isn't quite symmetric, which moves what is between pixels by some hundredths.
    half = resampled(image, torch.eye(2)[None], torch.tensor([[0.5, 0.0]]))
    between = (image[..., 1:] + image[..., :-1]) / 2
    torch.testing.assert_close(half[..., 5:-5, 6:-5], between[..., 5:-5, 5:-5], atol=0.03, rtol=0)


def test_a_quarter_turn_by_the_map_is_the_exact_one() -> None:
    image = smooth(24, 24)
    turned = resampled(image, rotations(torch.tensor([-math.pi / 2])), torch.zeros(1, 2))
    # The map turns x to y, downwards: clockwise on the screen.
    torch.testing.assert_close(turned, torch.rot90(image, -1, (2, 3)), atol=0.03, rtol=0)


def test_scaling_up_magnifies_around_the_centre() -> None:
    y, x = torch.arange(32)[:, None] - 15.5, torch.arange(32)[None, :] - 15.5
    ball = torch.exp(-(y**2 + x**2) / 18)[None, None]
    larger = resampled(ball, torch.eye(2)[None] / 2, torch.zeros(1, 2))
    torch.testing.assert_close(larger, torch.exp(-(y**2 + x**2) / 72)[None, None], atol=0.02, rtol=0)


def test_warps_have_gradients_of_both_orders() -> None:
    images = torch.rand(2, 1, 6, 6, dtype=torch.float64, requires_grad=True)
    places = torch.rand(2, 5, 5, 2, dtype=torch.float64) * 3 - 1.5

    def sampled(values: torch.Tensor) -> torch.Tensor:
        return _BilinearSample.apply(values, places).sin()  # type: ignore[no-any-return]

    assert torch.autograd.gradcheck(sampled, images)
    assert torch.autograd.gradgradcheck(sampled, images)


def test_warps_touch_the_chosen_share() -> None:
    images = torch.rand(400, 1, 8, 8)
    changed = (warped(images, 0.2, stream()) != images).flatten(1).any(dim=1).float().mean()
    # Scale, stretch, move with .2 each; both rotations together .2.
    assert changed.item() == pytest.approx(1 - 0.8**4, abs=0.06)


def test_colour_maps_keep_what_they_should() -> None:
    angles, planes = torch.tensor([0.3, -2.0]), torch.randn(2, 4, 2)
    turns = _hues(4, angles, planes)
    torch.testing.assert_close(turns @ turns.mT, torch.eye(4).expand(2, 4, 4), atol=1e-5, rtol=0)
    torch.testing.assert_close(turns @ torch.ones(4), torch.ones(2, 4), atol=1e-5, rtol=0)
    # The trace of a turn of one plane is the number of dimensions less 2 − 2 cos.
    torch.testing.assert_close(turns.diagonal(dim1=1, dim2=2).sum(dim=1), 2 + 2 * angles.cos(), atol=1e-5, rtol=0)
    # Of three channels there is one plane: a turn by a third permutes them.
    third = _hues(3, torch.tensor([2 * math.pi / 3]), torch.randn(1, 3, 2))[0]
    assert sorted(third.round().flatten().tolist()) == [0.0] * 6 + [1.0] * 3
    torch.testing.assert_close(third, third.round(), atol=1e-5, rtol=0)
    flip = _luma_flips(3, torch.tensor([True, False]))
    torch.testing.assert_close(flip @ torch.ones(3), torch.tensor([[-1.0] * 3, [1.0] * 3]))
    torch.testing.assert_close(flip[0] @ torch.tensor([1.0, -1.0, 0.0]), torch.tensor([1.0, -1.0, 0.0]))
    dull = _saturations(3, torch.tensor([0.0]))[0]
    torch.testing.assert_close(dull @ torch.tensor([3.0, 0.0, 6.0]), torch.full((3,), 3.0))


def test_greyscale_has_brightness_and_contrast_alone() -> None:
    images = torch.randn(300, 1, 3, 3)
    result = recoloured(images, 1.0, stream())
    slope = (result[:, 0, 0, 1] - result[:, 0, 0, 0]) / (images[:, 0, 0, 1] - images[:, 0, 0, 0])
    offset = result[:, 0, 0, 0] / slope - images[:, 0, 0, 0]
    assert (slope > 0).all()
    assert slope.log2().std().item() == pytest.approx(0.5, abs=0.07)
    assert offset.std().item() == pytest.approx(0.2, abs=0.03)


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_gradients_of_second_order_through_the_whole_pipeline(channels: int) -> None:
    images = torch.rand(3, channels, 8, 8, requires_grad=True)
    weight = torch.randn(3, channels, 8, 8, requires_grad=True)
    (slope,) = torch.autograd.grad((ada(images, 0.9, stream()) * weight).tanh().sum(), images, create_graph=True)
    assert slope.abs().sum() > 0
    (second,) = torch.autograd.grad(slope.square().sum(), weight)
    assert torch.isfinite(second).all()
    assert second.abs().sum() > 0


def test_the_probability_follows_overfitting() -> None:
    assert adapted(0.2, 0.9, 5000) == pytest.approx(0.21)
    assert adapted(0.2, 0.1, 5000) == pytest.approx(0.19)
    assert adapted(0.2, 0.6, 5000) == pytest.approx(0.2)
    assert adapted(0.2, 0.5, 5000, target=0.4, images_to_one=50_000) == pytest.approx(0.3)
    assert adapted(0.0, 0.0, 5000) == 0
    assert adapted(0.999, 1.0, 5000) == 1
