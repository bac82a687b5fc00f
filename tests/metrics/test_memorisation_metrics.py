"""MiFID against torchmetrics and by hand, AuthPct against all differences, and neighbours across two sets."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganeval.errors import MetricError, NotEnoughImagesError, OptionError
from ganeval.features.features import ExtractorInfo, Features
from ganeval.metrics import authenticity_of_each, authpct, memorisation_distances, memorisation_informed_distance
from ganeval.metrics.naming import score_name
from ganeval.metrics.nearest_across import nearest_across
from ganeval.metrics.registry import METRICS
from ganeval.metrics.selection import select_metrics


def _all_distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.sqrt(((first.astype(np.float64)[:, None] - second.astype(np.float64)[None]) ** 2).sum(-1))


@pytest.mark.parametrize(("count", "block_bytes"), [(1, 2**25), (7, 60_000), (500, 60_000)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_neighbours_across_are_those_of_all_differences(
    make_features, count: int, block_bytes: int, dtype: type
) -> None:
    first, second = make_features(90, 40, seed=1).astype(dtype), make_features(300, 40, seed=2).astype(dtype)
    found = nearest_across(torch.from_numpy(first), torch.from_numpy(second), count=count, block_bytes=block_bytes)
    everything = _all_distances(first, second)
    np.testing.assert_allclose(found.squared.sqrt(), np.sort(everything, axis=1)[:, :count], rtol=1e-12)
    np.testing.assert_array_equal(found.rows, np.argsort(everything, axis=1)[:, :count])


def test_neighbours_across_leave_out_the_own_row_and_tell_near_ties_apart() -> None:
    random = np.random.default_rng(0)
    # Far from the origin, where float32 products lose the differences.
    rows = torch.from_numpy(1e4 + random.standard_normal((200, 8)))
    own = torch.arange(200)
    found = nearest_across(rows, rows, count=3, own_rows=own, block_bytes=50_000)
    everything = _all_distances(rows.numpy(), rows.numpy())
    np.fill_diagonal(everything, np.inf)
    np.testing.assert_array_equal(found.rows, np.argsort(everything, axis=1)[:, :3])
    with pytest.raises(NotEnoughImagesError, match="leaves none"):
        nearest_across(rows[:1], rows[:1], own_rows=own[:1])


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000), n=st.integers(1, 60), m=st.integers(1, 60), d=st.integers(1, 5), k=st.integers(1, 4)
)
def test_neighbours_across_with_many_ties(seed: int, n: int, m: int, d: int, k: int) -> None:
    random = np.random.default_rng(seed)
    first, second = random.integers(0, 3, (n, d)).astype(np.float32), random.integers(0, 3, (m, d)).astype(np.float32)
    found = nearest_across(torch.from_numpy(first), torch.from_numpy(second), count=k)
    everything = _all_distances(first, second)
    np.testing.assert_allclose(found.squared.sqrt(), np.sort(everything, axis=1)[:, : min(k, m)], atol=1e-12)
    np.testing.assert_allclose(found.squared.sqrt(), np.take_along_axis(everything, found.rows.numpy(), 1), atol=1e-12)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.97])
def test_mifid_is_torchmetrics(make_features, share: float) -> None:
    mifid = pytest.importorskip("torchmetrics.image.mifid")
    real, generated = make_features(300, 24, seed=1), make_features(250, 24, seed=2, offset=0.3)
    copied = int(share * 250)
    generated[:copied] = real[:copied]
    moments = [(torch.tensor(s.mean(0), dtype=torch.float64), torch.tensor(np.cov(s.T))) for s in (real, generated)]
    sides = [torch.tensor(side, dtype=torch.float64) for side in (real, generated)]
    theirs = mifid._mifid_compute(*moments[0], sides[0], *moments[1], sides[1])
    ours = memorisation_informed_distance(real, generated, over="real", block_bytes=30_000)
    assert ours.value == pytest.approx(float(theirs), rel=1e-5)
    # The paper's direction is theirs with the sides exchanged.
    swapped = mifid._mifid_compute(*moments[1], sides[1], *moments[0], sides[0])
    assert memorisation_informed_distance(real, generated).value == pytest.approx(float(swapped), rel=1e-5)


def test_memorisation_distances_by_hand() -> None:
    real = np.array([[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]])
    generated = np.array([[-3.0, 0.0], [1.0, 1.0], [3.0, 4.0]])
    found = memorisation_distances(real, generated)
    # Opposite directions count as one; the zero row has none; 45°; and 4/5.
    assert found.generated == pytest.approx((0 + 1 - 0.5**0.5 + 0.2) / 3, abs=1e-12)
    assert found.real == pytest.approx((0 + 0.2) / 2, abs=1e-12)


def test_the_penalty_and_its_threshold(make_features) -> None:
    real, generated = make_features(200, 12, seed=1), make_features(200, 12, seed=2, offset=0.2)
    honest = memorisation_informed_distance(real, generated, threshold=1e-6)
    assert not honest.details["penalised"]
    assert honest.value == honest.details["frechet_distance"]
    penalised = memorisation_informed_distance(real, generated, threshold=1.0)
    assert penalised.value == pytest.approx(honest.value / penalised.details["memorisation_distance"])
    assert penalised.interval is None
    assert penalised.no_interval_reason
    assert memorisation_informed_distance(real, real).value == 0.0
    with pytest.raises(OptionError, match="over must be"):
        memorisation_informed_distance(real, generated, over="both")
    with pytest.raises(OptionError, match="at most 1"):
        memorisation_informed_distance(real, generated, threshold=2.0)
    with pytest.raises(MetricError, match="all rows of real are zero"):
        memorisation_distances(np.zeros((4, 3)), np.ones((4, 3)))


def test_authpct_is_that_of_all_differences(make_features) -> None:
    real, generated = make_features(300, 10, seed=1), make_features(200, 10, seed=2)
    generated[:15] = real[40:55] + np.float32(1e-4)
    across, within = _all_distances(generated, real), _all_distances(real, real)
    np.fill_diagonal(within, np.inf)
    nearest = across.argmin(axis=1)
    expected = across.min(axis=1) > within.min(axis=1)[nearest]
    found = authenticity_of_each(real, generated, block_bytes=40_000)
    np.testing.assert_array_equal(found.authentic, expected)
    np.testing.assert_array_equal(found.nearest, nearest)
    score = authpct(real, generated)
    assert score.value == pytest.approx(100 * expected.mean())
    assert score.details["not_authentic"] == int((~expected).sum())
    assert score.interval is not None
    assert score.interval.low < score.value < score.interval.high


def test_authpct_by_hand() -> None:
    real = np.array([[0.0], [1.0], [10.0], [10.0]])
    generated = np.array([[0.4], [-3.0], [10.0], [11.0], [0.0]])
    # Nearer than 1 to 0; farther; copies are copies although real ones recur; farther than 0; a copy.
    np.testing.assert_array_equal(authenticity_of_each(real, generated).authentic, [False, True, False, True, False])
    assert authpct(real, generated).value == 40.0
    with pytest.raises(NotEnoughImagesError):
        authpct(real[:1], generated)


@pytest.mark.slow
def test_authpct_interval_holds_over_fresh_samples() -> None:
    random = np.random.default_rng(0)
    real = random.standard_normal((200, 5))
    truth = authpct(real, random.standard_normal((100_000, 5))).value
    scores = [authpct(real, random.standard_normal((150, 5))) for _ in range(300)]
    held = np.mean([s.interval.low <= truth <= s.interval.high for s in scores])  # type: ignore[union-attr]
    assert 0.92 <= held <= 0.985


def test_names_in_the_table() -> None:
    assert [one.metric.name for one in select_metrics(["mifid,authpct"])] == ["mifd", "authpct"]
    mifd = METRICS.get("mifd")
    assert score_name("mifd", mifd, "inception-v3") == "mifid"
    assert score_name("mifd", mifd, "efficientnet-lite0") == "mifd_efficientnet-lite0"
    assert score_name("authpct", METRICS.get("authpct"), "pixels") == "authpct_pixels"
    info = ExtractorInfo("pixels", None, "none")
    side = Features(np.eye(5, dtype=np.float32), extractor=info)
    for name in ("mifd", "authpct"):
        with pytest.raises(MetricError, match="real images"):
            METRICS.get(name)(None, side)
