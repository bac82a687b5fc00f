"""Close pairs against all distances written out, and the tests on their graph against enumeration."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from ganeval.diagnosis.collapse.close_pairs import (
    clusters,
    duplicate_threshold,
    more_images_p_value,
    more_pairs_p_value,
    pairs_between,
    pairs_within,
    smallest_excess,
)
from ganeval.errors import NotEnoughImagesError


def _vectors(count: int, dimension: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)


def _brute(first: np.ndarray, second: np.ndarray, threshold: float) -> np.ndarray:
    return np.asarray(cdist(first.astype(float), second.astype(float)) <= threshold)


@pytest.mark.parametrize("block_bytes", [2**16, 2**25])
def test_pairs_are_those_of_all_distances(block_bytes: int) -> None:
    a, b = _vectors(90, 5, 1), _vectors(70, 5, 2)
    within = pairs_within(torch.from_numpy(a), 2.0, block_bytes=block_bytes)
    close = np.triu(_brute(a, a, math.sqrt(2.0)), 1)
    assert {*zip(within.first.tolist(), within.second.tolist(), strict=True)} == {*map(tuple, np.argwhere(close))}
    assert within.total == close.sum() > 50
    assert within.complete
    np.testing.assert_array_equal(within.first_degrees, close.sum(0) + close.sum(1))
    np.testing.assert_allclose(
        within.squared, ((a[within.first] - a[within.second]).astype(float) ** 2).sum(1), rtol=1e-6
    )
    assert (np.diff(within.squared) >= 0).all()
    between = pairs_between(torch.from_numpy(a), torch.from_numpy(b), 2.0, block_bytes=block_bytes)
    close = _brute(a, b, math.sqrt(2.0))
    assert {*zip(between.first.tolist(), between.second.tolist(), strict=True)} == {*map(tuple, np.argwhere(close))}
    np.testing.assert_array_equal(between.first_degrees, close.sum(1))
    np.testing.assert_array_equal(between.second_degrees, close.sum(0))


def test_copies_are_pairs_at_threshold_zero_far_from_the_origin() -> None:
    a = _vectors(60, 8, 3) + 1000
    a[50:] = a[:10]
    found = pairs_within(torch.from_numpy(a), 0.0)
    assert [*zip(found.first.tolist(), found.second.tolist(), strict=True)] == [(i, i + 50) for i in range(10)]
    assert (found.squared == 0).all()


def test_a_pair_at_exactly_the_threshold_counts() -> None:
    a = torch.tensor([[0.0, 0.0], [3.0, 4.0], [30.0, 0.0]])
    assert pairs_within(a, 25.0).total == 1
    assert pairs_within(a, math.nextafter(25.0, 0)).total == 0


def test_a_forest_keeps_clusters_degrees_and_closest_pairs() -> None:
    a = np.concatenate([_vectors(40, 3, 4) * 0.1, _vectors(30, 3, 5) * 0.1 + 9, _vectors(5, 3, 6) + 50])
    whole = pairs_within(torch.from_numpy(a), 1.0)
    part = pairs_within(torch.from_numpy(a), 1.0, most=60, block_bytes=2**12)
    assert whole.complete
    assert not part.complete
    assert len(part) < len(whole) // 4
    assert part.total == whole.total
    np.testing.assert_array_equal(part.first_degrees, whole.first_degrees)
    assert [group.tolist() for group in clusters(part)] == [group.tolist() for group in clusters(whole)]
    closest: dict[int, tuple[int, int]] = {}
    for one, other in zip(whole.first, whole.second, strict=True):
        closest.setdefault(one, (one, other))
        closest.setdefault(other, (one, other))
    assert set(closest.values()) <= {*zip(part.first, part.second, strict=True)}


def test_counting_alone_keeps_none() -> None:
    a = torch.from_numpy(_vectors(50, 2, 7))
    counted, kept = pairs_within(a, 0.5, most=0), pairs_within(a, 0.5)
    assert len(counted) == 0 < counted.total == kept.total
    np.testing.assert_array_equal(counted.first_degrees, kept.first_degrees)


def test_clusters_by_hand() -> None:
    a = torch.tensor([[0.0], [10.0], [1.0], [2.0], [10.5], [99.0]])
    assert [group.tolist() for group in clusters(pairs_within(a, 1.0))] == [[0, 2, 3], [1, 4]]
    assert clusters(pairs_within(a, 0.01)) == []


def test_threshold_is_a_quantile_of_nearest_distances() -> None:
    a = _vectors(200, 4, 8)
    distances = cdist(a.astype(float), a.astype(float))
    np.fill_diagonal(distances, np.inf)
    nearest = np.sort(distances.min(1))
    assert math.sqrt(duplicate_threshold(torch.from_numpy(a), share=0.05)) == pytest.approx(nearest[9], rel=1e-5)
    assert math.sqrt(duplicate_threshold(torch.from_numpy(a), share=0.001)) == pytest.approx(nearest[0], rel=1e-5)
    with pytest.raises(NotEnoughImagesError, match="two real images"):
        duplicate_threshold(torch.zeros(1, 3))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=6, max_size=6))
def test_permutations_of_degrees_are_those_of_labels(degrees: list[int]) -> None:
    every = [sum(chosen) for chosen in itertools.combinations(degrees, 3)]
    exact = np.mean([total >= sum(degrees[:3]) for total in every])
    found = more_pairs_p_value(np.array(degrees[:3]), np.array(degrees[3:]), seed=1, permutations=4000)
    assert found == pytest.approx(exact, abs=4 * math.sqrt(0.25 / 4000) + 1e-3)


def test_difference_of_pairs_within_is_that_of_pooled_degrees() -> None:
    a, b = _vectors(80, 3, 9), _vectors(80, 3, 10)
    one, other = (pairs_within(torch.from_numpy(side), 0.5) for side in (a, b))
    across = pairs_between(torch.from_numpy(a), torch.from_numpy(b), 0.5)
    pooled = (one.first_degrees + across.first_degrees).sum() - (other.first_degrees + across.second_degrees).sum()
    assert pooled == 2 * (one.total - other.total)


def test_images_with_a_neighbour_by_enumeration() -> None:
    generated, fresh = np.array([True, True, True, False]), np.array([True, False, False, False])
    every = [sum(chosen) for chosen in itertools.combinations([*generated, *fresh], 4)]
    assert more_images_p_value(generated, fresh) == pytest.approx(np.mean([total >= 3 for total in every]))
    none = np.zeros(5, dtype=bool)
    assert more_images_p_value(none, none) == 1.0
    assert more_images_p_value(~none, ~none) == 1.0


def test_smallest_excess_has_the_power_that_it_says() -> None:
    count, share = 1000, 0.02
    excess = smallest_excess(share, count)
    random = np.random.default_rng(3)
    seen = 0
    for _ in range(300):
        generated, fresh = random.random(count) < share + excess, random.random(count) < share
        seen += more_images_p_value(generated, fresh) <= 0.005
    assert 0.70 < seen / 300 < 0.90
    assert smallest_excess(0.0, 20) > 0
    assert smallest_excess(1.0, 20) == 0
