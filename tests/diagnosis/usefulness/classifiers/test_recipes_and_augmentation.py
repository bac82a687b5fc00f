"""Learning rates of the papers at their steps, crops that stay within images, and networks that fit small ones."""

from __future__ import annotations

import pytest
import torch

from ganeval.diagnosis.usefulness.classifiers.augmentation import as_input, middle_part, random_parts, random_shifts
from ganeval.diagnosis.usefulness.classifiers.networks import build_network, network_for, scores_of
from ganeval.diagnosis.usefulness.classifiers.recipes import LARGE, SMALL, Recipe, recipe_for
from ganeval.diagnosis.usefulness.classifiers.streams import random_stream, stream_seed
from ganeval.errors import OptionError


def test_learning_rates_of_imagenet_as_in_the_paper() -> None:
    steps = 90 * 100
    rates = {epoch: LARGE.rate(epoch * 100, steps, 256) for epoch in (5, 29, 30, 59, 60, 79, 80, 89)}
    expected = {5: 0.1, 29: 0.1, 30: 0.01, 59: 0.01, 60: 1e-3, 79: 1e-3, 80: 1e-4, 89: 1e-4}
    assert rates == pytest.approx(expected)
    assert LARGE.rate(0, steps, 256) == pytest.approx(0.1 / 500)
    assert LARGE.rate(499, steps, 256) == pytest.approx(0.1)
    # Eight times the batch, eight times the rate.
    assert LARGE.rate(1000, steps, 2048) == pytest.approx(0.8)


def test_learning_rates_of_cifar_as_in_the_paper() -> None:
    rates = [SMALL.rate(step, 64_000, 128) for step in (31_999, 32_000, 47_999, 48_000)]
    assert rates == pytest.approx([0.1, 0.01, 0.01, 0.001])
    # A shorter training goes through all of them too.
    assert [SMALL.rate(step, 4, 128) for step in range(4)] == pytest.approx([0.1, 0.1, 0.01, 0.001])


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"precision": "int8"}, {"crop": "none"}, {"learning_rate": -1.0}])
def test_recipes_that_cant_be_are_refused(wrong) -> None:
    values = {name: getattr(SMALL, name) for name in SMALL.__dataclass_fields__} | wrong
    with pytest.raises(OptionError, match=next(iter(wrong)).replace("_", " ")):
        Recipe(**values)


def test_pixels_become_numbers_around_zero() -> None:
    assert as_input(torch.tensor([0, 255], dtype=torch.uint8)).tolist() == [-1, 1]


def test_a_shift_moves_pixels_and_mirrors_them() -> None:
    images = torch.arange(1, 65, dtype=torch.float32).reshape(1, 1, 8, 8).expand(200, 3, 8, 8)
    moved = random_shifts(images, random_stream(0), flip=False)
    seen = set()
    for one in moved:
        differences = [
            (down, right)
            for down in (-1, 0, 1)
            for right in (-1, 0, 1)
            if torch.equal(
                one[0],
                torch.nn.functional.pad(images[0, 0], (1, 1, 1, 1))[1 + down : 9 + down, 1 + right : 9 + right],
            )
        ]
        assert len(differences) == 1
        seen.add(differences[0])
    assert len(seen) == 9
    flipped = random_shifts(images, random_stream(0), flip=True)
    mirrored = [not torch.equal(a, b) for a, b in zip(moved, flipped, strict=True)]
    assert 60 < sum(mirrored) < 140


def test_random_parts_lie_within_the_image_and_have_the_areas_asked_for() -> None:
    # An image of its own coordinates shows which part was taken.
    axis = (torch.arange(64) + 0.5) / 64
    rows, columns = torch.meshgrid(axis, axis, indexing="ij")
    images = torch.stack([rows, columns, rows])[None].expand(300, 3, 64, 64)
    parts = random_parts(images, random_stream(1), flip=False)
    assert float(parts.min()) >= 0
    assert float(parts.max()) <= 1
    tall = parts[:, 0, -1, 0] - parts[:, 0, 0, 0]
    wide = parts[:, 1, 0, -1] - parts[:, 1, 0, 0]
    area, proportion = (tall * wide * (64 / 63) ** 2), wide / tall
    assert 0.07 < float(area.min()) < 0.15
    assert float(area.max()) < 1.01
    assert float(proportion.min()) > 0.72
    assert float(proportion.max()) < 1.38
    assert float(random_parts(images, random_stream(1), flip=True)[:, 1, 0, 0].max()) > 0.9


def test_the_middle_is_the_middle() -> None:
    axis = (torch.arange(64) + 0.5) / 64
    images = axis.expand(1, 3, 64, 64)
    part = middle_part(images)[0, 0, 0]
    assert float(part[0]) == pytest.approx(1 / 16 + 7 / 8 / 128, abs=1e-3)
    assert float(part[-1]) == pytest.approx(15 / 16 - 7 / 8 / 128, abs=1e-3)


def test_streams_depend_on_their_key_alone() -> None:
    assert torch.equal(torch.rand(3, generator=random_stream(1, 2)), torch.rand(3, generator=random_stream(1, 2)))
    assert len({stream_seed(1, 2), stream_seed(1, 3), stream_seed(2, 2), stream_seed(1)}) == 4


def test_small_images_get_a_small_stem() -> None:
    network = build_network("resnet18", 7, 32)
    assert network.conv1.stride == (1, 1)
    assert scores_of(network.eval(), torch.zeros(2, 3, 32, 32)).shape == (2, 7)
    assert build_network("resnet18", 7, 96).conv1.stride == (2, 2)
    assert (network_for("auto", 64), network_for("auto", 128)) == ("resnet18", "resnet50")
    assert network_for("vgg11", 64) == "vgg11"
    assert (recipe_for(64), recipe_for(65)) == (SMALL, LARGE)


def test_first_weights_follow_from_the_seed_alone() -> None:
    before = torch.random.get_rng_state()
    first, second, third = (build_network("shufflenet_v2_x0_5", 3, 32, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(first.fc.weight, second.fc.weight)
    assert not torch.equal(first.fc.weight, third.fc.weight)


def test_unknown_networks_and_sizes_are_refused() -> None:
    with pytest.raises(OptionError, match="no classifier 'resnet19'") as caught:
        build_network("resnet19", 3, 32)
    assert "Did you mean 'resnet18'" in caught.value.hint
    with pytest.raises(OptionError, match="can't take images of 8 x 8"):
        build_network("alexnet", 3, 8)
