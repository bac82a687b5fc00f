"""Block-wise neighbours: the same whatever the blocks, in bounded memory, exact to the tie."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from ganeval.errors import MetricError
from ganeval.metrics import neighbours, precision_recall
from ganeval.metrics.neighbours import (
    Balls,
    block_rows,
    count_in_balls,
    exact_squared_distances,
    nearest_neighbours,
    squared_knn_radii,
)

TINY = 40_000


@pytest.mark.parametrize("block_bytes", [TINY, 200_000, 64 * 2**20])
def test_radii_do_not_depend_on_the_blocks(make_features, block_bytes: int) -> None:
    x = make_features(205, 10, seed=1).astype(np.float64)
    x[7] = x[150]
    expected = np.sort(((x[:, None] - x[None]) ** 2).sum(-1), axis=1)
    for k in (1, 4, 204):
        radii = squared_knn_radii(torch.from_numpy(x), k=k, block_bytes=block_bytes).numpy()
        np.testing.assert_allclose(radii, expected[:, k], rtol=1e-13, atol=0)
    assert squared_knn_radii(torch.from_numpy(x), k=1)[7] == 0


def test_neighbours_are_who_they_are(make_features) -> None:
    x = make_features(130, 10, seed=1).astype(np.float64)
    found = nearest_neighbours(torch.from_numpy(x), count=5, block_bytes=TINY)
    distances = ((x[:, None] - x[None]) ** 2).sum(-1)
    np.fill_diagonal(distances, np.inf)
    np.testing.assert_array_equal(found.rows.numpy(), np.argsort(distances, axis=1)[:, :5])


def test_error_bound_holds(make_features) -> None:
    x = torch.from_numpy(make_features(200, 300, seed=1) * 100 + 1000)
    found = nearest_neighbours(x, count=199)
    exact = torch.stack([exact_squared_distances(x, x[found.rows[:, j]]) for j in range(199)], dim=1)
    assert float((found.squared - exact).abs().max()) <= found.rounding
    assert found.rounding < 1e-9 * float(exact.max())


def test_exact_distances_have_the_same_bits_in_any_company() -> None:
    random = torch.Generator().manual_seed(0)
    x, y = torch.randn(300, 517, generator=random), torch.randn(300, 517, generator=random)
    together = exact_squared_distances(x, y)
    assert torch.equal(together, exact_squared_distances(y, x))
    for i in (0, 17, 299):
        assert torch.equal(together[i : i + 1], exact_squared_distances(x[i : i + 1], y[i : i + 1]))
    torch.testing.assert_close(together, (x.double() - y.double()).square().sum(1), rtol=1e-13, atol=0)


def test_counts_do_not_depend_on_the_blocks(make_features) -> None:
    x, y = (torch.from_numpy(make_features(n, 6, seed=n)).round(decimals=1) for n in (150, 170))
    radii_x, radii_y = squared_knn_radii(x, k=4), squared_knn_radii(y, k=4)
    balls = [Balls(radii_x, True, True), Balls(radii_y, False, True), Balls(radii_x, True, False)]
    distances = (x.double()[:, None] - y.double()[None]).square().sum(-1)
    whole = count_in_balls(x, y, balls)
    for counts, kind in zip(count_in_balls(x, y, balls, block_bytes=TINY), whole, strict=True):
        assert torch.equal(counts.per_row, kind.per_row)
        assert torch.equal(counts.per_column, kind.per_column)
    assert torch.equal(whole[0].per_row, (distances <= radii_x[:, None] * (1 + 1e-12)).sum(1))
    assert torch.equal(whole[1].per_column, (distances <= radii_y[None] * (1 + 1e-12)).sum(0))
    assert int(whole[2].per_row.sum()) == int(whole[2].per_column.sum()) <= int(whole[0].per_row.sum())


def test_many_ties_are_settled_once_for_equal_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_MANY_PAIRS", 10)
    settled: list[int] = []
    original = exact_squared_distances
    monkeypatch.setattr(neighbours, "exact_squared_distances", lambda x, y: settled.append(len(x)) or original(x, y))
    random = np.random.default_rng(0)
    few = random.random((3, 5))
    real, generated = few[random.integers(0, 3, 200)], few[random.integers(0, 3, 150)]
    precision, recall = precision_recall(real, generated)
    assert (precision.value, recall.value) == (1, 1)
    assert max(settled) <= 9


@pytest.mark.parametrize(("n", "d"), [(700, 4), (300, 256)])
def test_no_tile_exceeds_the_bound(make_features, monkeypatch: pytest.MonkeyPatch, n: int, d: int) -> None:
    limit = 2**20
    largest = 0
    original = neighbours.squared_distances

    def watched(x: torch.Tensor, y: torch.Tensor, *norms: torch.Tensor) -> torch.Tensor:
        nonlocal largest
        tile = original(x, y, *norms)
        largest = max(largest, 8 * (4 * tile.numel() + 2 * x.numel() + 2 * y.numel()))
        return tile

    monkeypatch.setattr(neighbours, "squared_distances", watched)
    precision_recall(make_features(n, d, seed=1), make_features(n, d, seed=2), block_bytes=limit)
    assert 0 < largest <= limit < 8 * n * n * 3


@pytest.mark.parametrize("d", [1, 64, 2048, 200_000])
def test_block_rows(d: int) -> None:
    rows = block_rows(d, 64 * 2**20)
    assert rows >= 16
    assert rows == 16 or 8 * (4 * rows**2 + 4 * rows * d) <= 64 * 2**20


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
    assert int(grown) * unit < 400e6
    assert float(score) > 0.5


def test_overflow_is_an_error() -> None:
    huge = np.random.default_rng(0).random((9, 3)) * 1e200
    with pytest.raises(MetricError, match="overflow"):
        precision_recall(huge, huge)
