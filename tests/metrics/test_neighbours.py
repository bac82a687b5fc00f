"""Block-wise neighbours: the same whatever the blocks, in bounded memory, exact to the tie."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from ganeval.errors import MetricError
from ganeval.metrics import distances, precision_recall
from ganeval.metrics.balls import Balls, count_in_balls
from ganeval.metrics.distances import Tiles, block_rows, exact_squared_distances, sides_of
from ganeval.metrics.neighbours import nearest_neighbours, squared_knn_radii

TINY = 40_000


@pytest.mark.parametrize("block_bytes", [TINY, 200_000, 64 * 2**20])
def test_radii_do_not_depend_on_the_blocks(make_features, block_bytes: int) -> None:
    x = make_features(205, 10, seed=1).astype(np.float64)
    x[7] = x[150]
    expected = np.sort(((x[:, None] - x[None]) ** 2).sum(-1), axis=1)
    found = nearest_neighbours(torch.from_numpy(x), count=204, block_bytes=block_bytes)
    for k in (1, 4, 204):
        np.testing.assert_allclose(squared_knn_radii(found, k=k).numpy(), expected[:, k], rtol=1e-13, atol=0)
    assert squared_knn_radii(nearest_neighbours(torch.from_numpy(x), count=1), k=1)[7] == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_neighbours_are_who_they_are(make_features, dtype: type) -> None:
    x = make_features(330, 10, seed=1).astype(dtype)
    found = nearest_neighbours(torch.from_numpy(x), count=5, block_bytes=TINY)
    distances = ((x[:, None].astype(np.float64) - x[None]) ** 2).sum(-1)
    np.fill_diagonal(distances, np.inf)
    np.testing.assert_array_equal(found.rows.numpy(), np.argsort(distances, axis=1)[:, :5])
    np.testing.assert_allclose(found.squared.numpy(), np.sort(distances, axis=1)[:, :5], rtol=1e-12)


@pytest.mark.parametrize("apart", [1e3, 1e6, 1e9])
def test_clusters_far_apart_are_beyond_float32_but_not_wrong(apart: float) -> None:
    # The norms are so much larger than the distances that every comparison is too close for float32.
    random = np.random.default_rng(0)
    x = random.random((240, 6)) + apart * random.integers(0, 2, (240, 1))
    y = random.random((250, 6)) + apart * random.integers(0, 2, (250, 1))
    distances = ((x[:, None] - x[None]) ** 2).sum(-1)
    np.fill_diagonal(distances, np.inf)
    found = nearest_neighbours(torch.from_numpy(x), count=4, block_bytes=TINY)
    np.testing.assert_allclose(found.squared.numpy(), np.sort(distances, axis=1)[:, :4], rtol=1e-12)
    radii = squared_knn_radii(found, k=3)
    (counts,) = count_in_balls(torch.from_numpy(x), torch.from_numpy(y), [Balls(radii, True, True)])
    inside = ((x[:, None] - y[None]) ** 2).sum(-1) <= radii.numpy()[:, None]
    np.testing.assert_array_equal(counts.per_centre.numpy(), inside.sum(1))


@pytest.mark.parametrize("scale", [1e-60, 1e-25, 1.0, 1e18, 1e60])
def test_scale_changes_nothing(make_features, scale: float) -> None:
    x, y = (make_features(n, 12, seed=n).astype(np.float64) for n in (150, 140))
    assert precision_recall(x * scale, y * scale).recall.value == precision_recall(x, y).recall.value
    if 1e-30 < scale < 1e30:
        narrow = precision_recall(*(torch.from_numpy(z * scale).float() for z in (x, y)))
        assert narrow.recall.value == precision_recall(x, y).recall.value


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_error_bound_holds_and_is_small(make_features, dtype: torch.dtype, scale: float) -> None:
    x, y = (torch.from_numpy((make_features(200, 300, seed=s) * 100 + 1000) * scale).to(dtype) for s in (1, 2))
    tiles = Tiles(*sides_of(x, y), dtype=dtype, block_bytes=TINY)
    row, column = torch.arange(200).repeat_interleave(200), torch.arange(200).repeat(200)
    exact = exact_squared_distances(x[row], y[column])
    found = torch.full((200, 200), torch.nan, dtype=torch.float64)
    for rows in tiles.row_parts:
        for columns in tiles.column_parts:
            found[rows, columns] = tiles.unscaled(tiles.squared(tiles.rows(rows), rows, columns))
    error = tiles.error(row, column)
    assert bool(((found.flatten() - exact).abs() <= error).all())
    assert float(error.max()) < (1e-4 if dtype == torch.float32 else 1e-13) * float(exact.max())
    # Any point within a radius of a row is within that row's bound.
    within = tiles.error_within(tiles.first.norms[row], exact)
    assert bool((error <= within * (1 + 1e-9)).all())


def test_exact_distances_have_the_same_bits_in_any_company() -> None:
    random = torch.Generator().manual_seed(0)
    x, y = torch.randn(300, 517, generator=random), torch.randn(300, 517, generator=random)
    together = exact_squared_distances(x, y)
    assert torch.equal(together, exact_squared_distances(y, x))
    for i in (0, 17, 299):
        assert torch.equal(together[i : i + 1], exact_squared_distances(x[i : i + 1], y[i : i + 1]))
    torch.testing.assert_close(together, (x.double() - y.double()).square().sum(1), rtol=1e-13, atol=0)


def test_counts_do_not_depend_on_the_blocks(make_features) -> None:
    x, y = (torch.from_numpy(make_features(n, 6, seed=n)).mul(2).round() for n in (150, 170))
    near_x, near_y = nearest_neighbours(x, count=5), nearest_neighbours(y, count=5)
    radii_x, radii_y, outer = near_x.squared[:, 3], near_y.squared[:, 3], near_x.squared[:, 4]
    balls = [Balls(radii_x, True, True, outer), Balls(radii_y, False, True), Balls(radii_x, True, False, outer)]
    distances = exact_squared_distances(x.repeat_interleave(170, 0), y.repeat(150, 1)).reshape(150, 170)
    for block_bytes in (TINY, 64 * 2**20):
        closed, other, opened = count_in_balls(x, y, balls, block_bytes=block_bytes)
        inside = distances <= radii_x[:, None]
        assert torch.equal(closed.per_centre, inside.sum(1))
        assert torch.equal(closed.per_point, inside.sum(0))
        assert torch.equal(closed.point_sums, (inside * torch.arange(170)).sum(1))
        assert torch.equal(closed.centre_sums, (inside * torch.arange(150)[:, None]).sum(0))
        assert torch.equal(other.per_centre, (distances <= radii_y[None]).sum(0))
        assert torch.equal(opened.per_centre, (distances < radii_x[:, None]).sum(1))
        assert int(opened.per_point.sum()) < int(closed.per_point.sum())
        shell = (distances <= outer[:, None]) & ~inside
        assert torch.equal(closed.per_shell, shell.sum(1))
        kept = torch.nonzero(shell & (inside.sum(0) <= 1))
        pairs = torch.stack(closed.shells, dim=1)
        assert sorted(map(tuple, pairs.tolist())) == sorted(map(tuple, kept.tolist()))
        assert len(pairs) > 3


def test_many_ties_are_settled_once_for_equal_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distances, "_MANY_A_ROW", 0)
    settled: list[int] = []
    original = exact_squared_distances
    monkeypatch.setattr(distances, "exact_squared_distances", lambda x, y: settled.append(len(x)) or original(x, y))
    random = np.random.default_rng(0)
    few = random.random((3, 5))
    real, generated = few[random.integers(0, 3, 200)], few[random.integers(0, 3, 150)]
    precision, recall = precision_recall(real, generated)
    assert (precision.value, recall.value) == (1, 1)
    assert 0 < max(settled) <= 9


@pytest.mark.parametrize(("n", "d"), [(700, 4), (300, 256)])
def test_no_tile_exceeds_the_bound(make_features, monkeypatch: pytest.MonkeyPatch, n: int, d: int) -> None:
    limit = 2**20
    largest = 0
    original = distances.squared_distances

    def watched(x: torch.Tensor, y: torch.Tensor, *norms: torch.Tensor) -> torch.Tensor:
        nonlocal largest
        tile = original(x, y, *norms)
        largest = max(largest, x.itemsize * (2 * tile.numel() + x.numel() + 2 * y.numel()))
        return tile

    monkeypatch.setattr(distances, "squared_distances", watched)
    precision_recall(make_features(n, d, seed=1), make_features(n, d, seed=2), block_bytes=limit)
    assert 0 < largest <= limit < 8 * n * n * 3


@pytest.mark.parametrize("itemsize", [4, 8])
@pytest.mark.parametrize("d", [1, 64, 2048, 200_000])
def test_block_rows(d: int, itemsize: int) -> None:
    rows = block_rows(d, 64 * 2**20, itemsize)
    assert 16 <= rows <= 1024
    assert rows == 16 or itemsize * (4 * rows**2 + 3 * rows * d) <= 64 * 2**20


def test_memory_of_20000_by_20000_stays_far_below_its_matrix() -> None:
    program = (
        "import resource, torch\n"
        "from ganeval.metrics import precision_recall\n"
        "a, b = (torch.randn(n, 8, generator=torch.Generator().manual_seed(n)) for n in (20000, 19999))\n"
        "precision_recall(a[:200], b[:200])\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "score = precision_recall(a, b).precision.value\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, score)\n"
    )
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=240)
    grown, score = output.stdout.split()
    unit = 1 if sys.platform == "darwin" else 1024
    # The matrix of all distances would take 3.2 GB.
    assert int(grown) * unit < 200e6
    assert float(score) > 0.5


def test_overflow_is_an_error() -> None:
    huge = np.random.default_rng(0).random((9, 3)) * 1e200
    with pytest.raises(MetricError, match="overflow"):
        precision_recall(huge, huge)
