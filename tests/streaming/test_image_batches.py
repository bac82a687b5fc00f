"""Images of a training loop become the same uint8 RGB as everywhere else, or are refused with what is wrong."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ganeval.errors import ImageRangeError, OptionError
from ganeval.images.pixels import image_from_array
from ganeval.streaming.image_batches import as_image_batch, as_pixel_levels, require_value_range

UNIT, SYMMETRIC = (0.0, 1.0), (-1.0, 1.0)


@given(st.sampled_from([UNIT, SYMMETRIC]), st.sampled_from([1, 3]), st.integers(0, 2**16))
def test_bytes_are_those_of_every_other_source(value_range, channels, seed) -> None:
    low, high = value_range
    images = torch.rand(2, channels, 5, 7, generator=torch.Generator().manual_seed(seed)) * (high - low) + low
    # Half-way values are where roundings differ.
    images[0, 0, 0] = (torch.arange(7) + 0.5) / 255 * (high - low) + low
    expected = [image_from_array(image.numpy(), 0, value_range).pixels for image in images]
    batch = as_image_batch(images, value_range)
    assert batch.dtype == torch.uint8
    np.testing.assert_array_equal(batch.permute(0, 2, 3, 1).numpy(), np.stack(expected))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_floats(dtype) -> None:
    images = (torch.arange(256, dtype=torch.float32).reshape(1, 1, 16, 16) / 255).to(dtype)
    expected = torch.round(images.double() * 255).to(torch.uint8).expand(-1, 3, -1, -1)
    assert torch.equal(as_image_batch(images, UNIT), expected)


def test_uint8_needs_no_range_and_arrays_will_do() -> None:
    images = np.arange(48, dtype=np.uint8).reshape(1, 3, 4, 4)
    assert torch.equal(as_image_batch(images, None), torch.from_numpy(images))


def test_an_empty_batch_stays_one() -> None:
    assert as_image_batch(torch.zeros(0, 1, 4, 4), None).shape == (0, 3, 4, 4)


@pytest.mark.parametrize(
    ("images", "value_range", "said"),
    [
        (torch.full((2, 3, 4, 4), 0.25), None, r"values from 0\.25 to 0\.25.*wasn't declared"),
        (torch.full((2, 3, 4, 4), -0.5), UNIT, r"from -0\.5 to -0\.5, outside \[0, 1\]"),
        (torch.linspace(-1.5, 3, 48).reshape(1, 3, 4, 4), SYMMETRIC, r"from -1\.5 to 3, outside \[-1, 1\]"),
        (torch.full((1, 3, 4, 4), float("nan")), UNIT, "NaN"),
        (torch.zeros(2, 4, 4, 3), UNIT, r"\(2, 4, 4, 3\).*permute"),
        (torch.zeros(3, 4, 4), UNIT, r"\[N, C, H, W\]"),
        (torch.zeros(1, 3, 0, 4), UNIT, r"\[N, C, H, W\]"),
        (torch.zeros(1, 3, 4, 4, dtype=torch.int64), None, "int64"),
        ([1, 2], None, "not list"),
    ],
)
def test_what_cannot_be_images_is_refused(images, value_range, said) -> None:
    with pytest.raises(ImageRangeError, match="(?s)" + said):
        as_image_batch(images, value_range)


def test_ranges_are_two() -> None:
    assert require_value_range((-1, 1)) == SYMMETRIC
    assert require_value_range(None) is None
    with pytest.raises(OptionError, match="0, 255"):
        require_value_range((0, 255))
    with pytest.raises(OptionError, match="is 255"):
        require_value_range(255)


def test_levels_keep_the_gradient_and_refuse_bytes() -> None:
    images = torch.zeros(1, 1, 2, 2, requires_grad=True)
    levels = as_pixel_levels(images, SYMMETRIC)
    assert levels.shape == (1, 3, 2, 2)
    assert float(levels.detach().mean()) == 127.5
    levels.sum().backward()
    assert torch.equal(images.grad, torch.full((1, 1, 2, 2), 3 * 127.5))
    with pytest.raises(ImageRangeError, match="gradient"):
        as_pixel_levels(torch.zeros(1, 3, 2, 2, dtype=torch.uint8), None)
