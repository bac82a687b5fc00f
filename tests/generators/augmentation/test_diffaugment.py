"""DiffAugment: each of its three transformations against a direct one, on any number of channels."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ganeval.generators.augmentation.diffaugment import colour, cutout, diffaugment, moved, translation


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def shifted(image: Tensor, down: int, right: int) -> Tensor:
    """An image [C, H, W] moved by slices."""
    result = torch.zeros_like(image)
    height, width = image.shape[1:]
    result[:, max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)] = image[
        :, max(-down, 0) : height + min(-down, 0), max(-right, 0) : width + min(-right, 0)
    ]
    return result


def test_moves_as_slices_do() -> None:
    images = torch.randn(5, 2, 6, 9)
    down, right = torch.tensor([0, 2, -3, 1, -6]), torch.tensor([0, -4, 5, 1, 0])
    result = moved(images, down, right)
    for sample in range(5):
        expected = shifted(images[sample], int(down[sample]), int(right[sample]))
        torch.testing.assert_close(result[sample], expected, rtol=0, atol=0)


def test_translations_are_all_within_an_eighth_and_all_occur() -> None:
    # One bright pixel in the middle of 16×24: up to 2 and 3 pixels away.
    images = torch.zeros(2000, 1, 16, 24)
    images[:, 0, 8, 12] = 1
    places = translation(images, stream()).flatten(1).argmax(dim=1)
    assert set((places // 24 - 8).tolist()) == {-2, -1, 0, 1, 2}
    assert set((places % 24 - 12).tolist()) == {-3, -2, -1, 0, 1, 2, 3}


def test_cutout_removes_half_of_each_side_wherever_its_centre_is() -> None:
    gone = cutout(torch.ones(4000, 1, 8, 12), stream())[:, 0] == 0
    rows, columns = gone.any(dim=2).sum(dim=1), gone.any(dim=1).sum(dim=1)
    assert (gone.sum(dim=(1, 2)) == rows * columns).all()
    # Centres 0 to 8 of 8 rows, 4 wide: 2 to 4 rows are left inside.
    assert set(rows.tolist()) == {2, 3, 4}
    assert set(columns.tolist()) == {3, 4, 5, 6}
    # 5 of 9 centres keep all 4 rows inside.
    assert (rows == 4).float().mean().item() == pytest.approx(5 / 9, abs=0.03)


def test_colour_changes_brightness_saturation_and_contrast_alone() -> None:
    images = torch.randn(500, 3, 4, 4)
    result = colour(images, stream())
    # Every pixel by one affine map of an image: a·(x − grey) + b·(grey − mean) + mean + c.
    change = result.mean(dim=(1, 2, 3)) - images.mean(dim=(1, 2, 3))
    assert change.abs().max() <= 0.5
    assert change.abs().max() > 0.45
    grey, grey_after = images.mean(dim=1), result.mean(dim=1)
    contrast = (grey_after - grey_after.mean(dim=(1, 2), keepdim=True)) / (grey - grey.mean(dim=(1, 2), keepdim=True))
    torch.testing.assert_close(contrast.amin(dim=(1, 2)), contrast.amax(dim=(1, 2)), atol=1e-2, rtol=1e-2)
    assert contrast.min() > 0.49
    assert contrast.max() < 1.51
    saturation = (result - grey_after[:, None])[:, 0, 0, 0] / (images - grey[:, None])[:, 0, 0, 0]
    assert saturation.min() >= 0
    assert 2 < saturation.max() < 3
    single = images[:, :1]
    assert colour(single, stream()).shape == single.shape


def test_gradients_reach_the_pixels_that_are_shown() -> None:
    images = torch.randn(4, 5, 16, 16, requires_grad=True)
    random = stream()
    cutout(translation(images, random), random).sum().backward()
    assert images.grad is not None
    shares = (images.grad != 0).float().mean(dim=(1, 2, 3))
    assert (shares > 0.4).all()
    assert (shares < 0.9).all()
    (slope,) = torch.autograd.grad(diffaugment(images, 1.0, stream()).square().sum(), images)
    assert (slope != 0).float().mean() > 0.9


def test_it_depends_on_the_given_generator_alone_and_on_nothing_at_probability_0() -> None:
    images = torch.randn(4, 3, 16, 16)
    torch.manual_seed(0)
    first = diffaugment(images, 1.0, stream(3))
    torch.manual_seed(1)
    torch.testing.assert_close(diffaugment(images, 1.0, stream(3)), first, rtol=0, atol=0)
    assert not torch.allclose(diffaugment(images, 1.0, stream(4)), first)
    torch.testing.assert_close(diffaugment(images, 0.0, stream(3)), images, rtol=0, atol=0)
    some = diffaugment(images.repeat(100, 1, 1, 1), 0.2, stream())
    kept = (some == images.repeat(100, 1, 1, 1)).flatten(1).all(dim=1).float().mean()
    # Of those left alone by all three, and of translations by 0 pixels a few more.
    assert kept.item() == pytest.approx(0.8**3, abs=0.08)
