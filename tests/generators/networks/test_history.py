"""The history of generated images, random dropout and jitter: what they keep, swap and draw."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ganeval.generators.networks.history import ImageHistory
from ganeval.generators.networks.jitter import jittered
from ganeval.generators.networks.noise import drawn_dropout


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def flat(*levels: int) -> Tensor:
    """Images of one pixel, of these levels out of 255."""
    return (torch.tensor(levels, dtype=torch.float32) / 127.5 - 1).reshape(-1, 1, 1, 1)


def levels_of(images: Tensor) -> list[int]:
    found: list[int] = ((images + 1) * 127.5).round().int().flatten().tolist()
    return found


def test_the_first_images_are_stored_and_given_back() -> None:
    history = ImageHistory(3, 1, (1, 1))
    assert levels_of(history.swapped(flat(10, 20), stream())) == [10, 20]
    assert int(history.count) == 2
    assert history.images.flatten().tolist() == [10, 20, 0]


def test_a_full_history_swaps_half_of_the_images_for_earlier_ones() -> None:
    history, random = ImageHistory(2, 1, (1, 1)), stream(3)
    history.swapped(flat(1, 2), random)
    stored, swapped = [1, 2], 0
    for new in range(3, 203):
        given = levels_of(history.swapped(flat(new), random))[0]
        if given == new:
            assert history.images.flatten().tolist() == stored
        else:
            swapped += 1
            # Exactly the one that was given back has made room.
            stored[stored.index(given)] = new
            assert history.images.flatten().tolist() == stored
    # 200 fair coins: five standard deviations are 35.
    assert 65 <= swapped <= 135


def test_a_full_history_follows_its_stream() -> None:
    histories = [ImageHistory(4, 1, (1, 1)) for _ in range(3)]
    given = [
        levels_of(torch.cat([history.swapped(flat(*range(b, b + 6)), stream(b + seed)) for b in range(0, 60, 6)]))
        for history, seed in zip(histories, (0, 0, 1000), strict=True)
    ]
    assert given[0] == given[1] != given[2]


def test_without_capacity_all_are_new() -> None:
    history = ImageHistory(0, 1, (1, 1))
    assert levels_of(history.swapped(flat(*range(50)), stream())) == list(range(50))


def test_images_have_eight_bits_and_no_gradient() -> None:
    history = ImageHistory(5, 3, (4, 4))
    images = torch.rand(2, 3, 4, 4, requires_grad=True)
    given = history.swapped(images, stream())
    assert not given.requires_grad
    assert (given - images).abs().max() <= 1 / 255 + 1e-6
    assert torch.equal(history.state_dict()["images"][:2], ((given + 1) * 127.5).round().to(torch.uint8))


def test_dropout_drops_its_share_and_keeps_the_mean() -> None:
    ones = torch.ones(4, 8, 50, 50)
    dropped = drawn_dropout(ones, 0.25, stream())
    assert dropped.unique().tolist() == [0.0, pytest.approx(4 / 3)]
    assert (dropped == 0).float().mean().item() == pytest.approx(0.25, abs=0.01)
    assert drawn_dropout(ones, 0.0, stream()) is ones
    assert torch.equal(dropped, drawn_dropout(ones, 0.25, stream()))


def test_jitter_crops_both_of_a_pair_alike() -> None:
    images = torch.rand(6, 1, 12, 20) * 2 - 1
    first, second = jittered([images, -images], 0.5, stream(1))
    assert first.shape == images.shape
    torch.testing.assert_close(first, -second)
    assert not torch.equal(first, images)
    assert first.abs().max() <= 1
    assert torch.equal(first, jittered([images], 0.5, stream(1))[0])
    assert not torch.equal(first, jittered([images], 0.5, stream(2))[0])


def test_jitter_is_a_crop_of_the_enlarged_image() -> None:
    # A linear ramp stays one: enlarged by 1.5 its slope is divided by that.
    ramp = torch.linspace(-0.9, 0.9, 40).repeat(1, 1, 40, 1)
    made = jittered([ramp], 0.5, stream())[0]
    slope = (made[0, 0, :, -6] - made[0, 0, :, 6]) / (40 - 12)
    torch.testing.assert_close(slope, torch.full_like(slope, 1.8 / 39 / 1.5), atol=0, rtol=0.03)


def test_no_jitter_draws_nothing() -> None:
    random = stream()
    before = random.get_state()
    images = torch.rand(2, 1, 4, 4)
    assert jittered([images], 0.0, random)[0] is images
    assert torch.equal(random.get_state(), before)
