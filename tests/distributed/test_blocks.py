"""Metrics whose blocks are divided give what one process gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from ganeval.distributed.blocks import AcrossRanks
from ganeval.distributed.ranks import Ranks
from ganeval.metrics.arrays import float64_moments
from ganeval.metrics.balls import BallCounts, Balls, count_in_balls
from ganeval.metrics.division import divided
from ganeval.metrics.kernel_distance import kernel_distance
from ganeval.metrics.kernel_means import row_tiles
from ganeval.metrics.nearest_across import nearest_across
from ganeval.metrics.neighbours import nearest_neighbours, squared_knn_radii
from ganeval.metrics.renyi_kernel_entropy import renyi_kernel_entropy

# Tiles of 16 rows, so that small sets have many.
SMALL = 1


def features(count: int, seed: int, *, grid: bool = False) -> torch.Tensor:
    values = np.random.default_rng(seed).normal(size=(count, 6))
    # On a grid many distances are equal, so that comparisons are decided by exact distances.
    return torch.from_numpy((values.round() if grid else values).astype(np.float32))


def both_ways(in_ranks: Callable[..., Any], world: int, work: Callable[[], Any]) -> tuple[Any, list[Any]]:
    def shared(ranks: Ranks) -> Any:
        with divided(AcrossRanks(ranks)):
            return work()

    return work(), in_ranks(world, shared)


# More processes than tiles, too.
WORLDS = (2, 3, 7)


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("grid", [False, True])
def test_nearest_neighbours_are_the_same(in_ranks: Callable[..., Any], world: int, grid: bool) -> None:
    vectors = features(75, 0, grid=grid)
    alone, each = both_ways(in_ranks, world, lambda: nearest_neighbours(vectors, count=4, block_bytes=SMALL))
    for found in each:
        assert torch.equal(found.squared, alone.squared)
        if not grid:
            assert torch.equal(found.rows, alone.rows)


@pytest.mark.parametrize("world", WORLDS)
def test_nearest_across_is_the_same(in_ranks: Callable[..., Any], world: int) -> None:
    queries, vectors = features(40, 0), features(90, 1)
    alone, each = both_ways(in_ranks, world, lambda: nearest_across(queries, vectors, count=2, block_bytes=SMALL))
    for found in each:
        assert torch.equal(found.squared, alone.squared)
        assert torch.equal(found.rows, alone.rows)


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("grid", [False, True])
def test_counts_in_balls_are_the_same(in_ranks: Callable[..., Any], world: int, grid: bool) -> None:
    real, generated = features(70, 0, grid=grid), features(61, 1, grid=grid)
    nearest = {side: nearest_neighbours(rows, count=4) for side, rows in (("real", real), ("generated", generated))}

    def kinds() -> list[Balls]:
        return [
            Balls(squared_knn_radii(nearest["real"], k=3), True, True, squared_knn_radii(nearest["real"], k=4)),
            Balls(squared_knn_radii(nearest["generated"], k=3), False, True),
            Balls(squared_knn_radii(nearest["real"], k=2), True, False, squared_knn_radii(nearest["real"], k=3)),
        ]

    alone, each = both_ways(in_ranks, world, lambda: count_in_balls(real, generated, kinds(), block_bytes=SMALL))
    assert int(alone[0].per_centre.sum()) > 0
    assert len(alone[0].shells[0]) > 0
    for found in each:
        for one, other in zip(found, alone, strict=True):
            assert_same_counts(one, other)


def assert_same_counts(one: BallCounts, other: BallCounts) -> None:
    for name in ("per_centre", "per_point", "point_sums", "centre_sums", "per_shell"):
        assert torch.equal(getattr(one, name), getattr(other, name)), name
    # Consecutive rows go to one process, so that even the order is the same.
    for mine, theirs in zip(one.shells, other.shells, strict=True):
        assert torch.equal(mine, theirs)


@pytest.mark.parametrize("options", [{"subsets": 5, "subset_size": 12}, {"subsets": 60, "subset_size": 1600}])
def test_kernel_distances_agree(in_ranks: Callable[..., Any], options: dict[str, int]) -> None:
    # Subset by subset, and from the kernel values of all pairs.
    real, generated = features(1700, 0), features(1601, 1) * 1.2
    assert len(row_tiles(len(real))) > 1
    alone, each = both_ways(in_ranks, 2, lambda: kernel_distance(real, generated, **options))
    for found in each:
        assert found.value == pytest.approx(alone.value, rel=1e-12)
        assert found.corrected == pytest.approx(alone.corrected, rel=1e-11)
        assert (found.interval.low, found.interval.high) == pytest.approx(
            (alone.interval.low, alone.interval.high), rel=1e-9
        )
    assert each[0].value == each[1].value


@pytest.mark.parametrize("normalise", [False, True])
def test_renyi_entropies_agree(in_ranks: Callable[..., Any], normalise: bool) -> None:
    rows = features(80, 2)
    alone, each = both_ways(
        in_ranks, 3, lambda: renyi_kernel_entropy(rows, normalise=normalise, bandwidth=1.0, block_bytes=SMALL)
    )
    for found in each:
        assert found.value == pytest.approx(alone.value, rel=1e-12)


def test_covariances_agree(in_ranks: Callable[..., Any]) -> None:
    rows = features(9000, 3) + 100
    alone, each = both_ways(in_ranks, 2, lambda: float64_moments(rows))
    expected = np.cov(rows.double().numpy(), rowvar=False)
    for mean, covariance in each:
        assert torch.equal(mean, alone[0])
        np.testing.assert_allclose(covariance, expected, rtol=1e-12, atol=1e-14)
    assert torch.equal(each[0][1], each[1][1])


def test_each_piece_is_someones(in_ranks: Callable[..., Any]) -> None:
    for world, count in ((2, 5), (3, 2), (4, 0)):
        shared = in_ranks(
            world,
            lambda ranks, n=count: [
                list(AcrossRanks(ranks).mine(range(n))),
                list(AcrossRanks(ranks).my_stretch(range(n))),
            ],
        )
        assert sorted(piece for mine, _ in shared for piece in mine) == list(range(count))
        assert [piece for _, mine in shared for piece in mine] == list(range(count))
