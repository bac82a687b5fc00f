"""Tests on counts: against scipy's tables, exact enumeration, closed forms and simulated power."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, chi2_contingency, fisher_exact

from ganeval.diagnosis.collapse.mode_counts import expected_modes, expected_modes_of_sample
from ganeval.diagnosis.collapse.part_counts import (
    chi_square,
    described_parts,
    divided,
    homogeneity,
    lacking,
    lost_mass,
    part_p_values,
    smallest_loss,
)

counts = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=2, max_size=12).filter(
    lambda pairs: sum(a for a, _ in pairs) > 0 and sum(b for _, b in pairs) > 0
)


def columns(pairs: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    table = np.asarray(pairs, dtype=np.int64)
    return table[:, 0], table[:, 1]


@given(counts)
@settings(max_examples=60, deadline=None)
def test_chi_square_is_scipys(pairs: list[tuple[int, int]]) -> None:
    real, generated = columns(pairs)
    kept = real + generated > 0
    expected = (
        chi2_contingency(np.stack([real[kept], generated[kept]]), correction=False).statistic if kept.sum() > 1 else 0
    )
    assert float(chi_square(real, generated)) == pytest.approx(float(expected), abs=1e-9)


@given(counts)
@settings(max_examples=30, deadline=None)
def test_properties_of_the_test(pairs: list[tuple[int, int]]) -> None:
    real, generated = columns(pairs)
    found = homogeneity(real, generated, seed=1, permutations=99)
    assert 0.01 <= found.p_value <= 1
    assert 0 <= found.share_lost <= 1
    swapped = homogeneity(generated, real, seed=1, permutations=99)
    assert swapped.statistic == pytest.approx(found.statistic)
    # What one side lacks the other has too much of.
    assert swapped.lost == pytest.approx(found.lost, abs=1e-12)
    order = np.random.default_rng(0).permutation(len(real))
    assert homogeneity(real[order], generated[order], seed=1, permutations=9).statistic == pytest.approx(
        found.statistic
    )


def test_p_value_against_all_permutations() -> None:
    parts_of = np.array([0, 0, 0, 1, 1, 1, 1, 2, 2, 2])
    real, generated = np.array([3, 2, 0]), np.array([0, 2, 3])
    observed = float(chi_square(real, generated))
    together = np.bincount(parts_of)
    values = []
    for chosen in combinations(range(10), 5):
        one = np.bincount(parts_of[list(chosen)], minlength=3)
        values.append((float(chi_square(together - one, one)), float(lost_mass(together - one, one))))
    exact = np.mean([value >= observed - 1e-9 for value, _ in values])
    found = homogeneity(real, generated, seed=0, permutations=20_000)
    assert found.p_value == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 20_000))
    assert found.lost == pytest.approx(0.6)
    assert found.lost_by_chance == pytest.approx(np.mean([lost for _, lost in values]), abs=0.01)


def test_the_asymptotic_value_agrees_where_counts_are_large() -> None:
    real, generated = np.array([500, 480, 520, 500]), np.array([560, 470, 500, 470])
    found = homogeneity(real, generated, seed=0)
    expected = chi2_contingency(np.stack([real, generated]), correction=False)
    assert found.asymptotic_p_value == pytest.approx(expected.pvalue)
    assert found.p_value == pytest.approx(expected.pvalue, abs=0.02)
    assert found.degrees == expected.dof


def test_part_p_values_against_fisher() -> None:
    real, generated = np.array([30, 5, 65]), np.array([10, 12, 28])
    found = part_p_values(real, generated)
    for place in range(3):
        table = [[generated[place], 50 - generated[place]], [real[place], 100 - real[place]]]
        tails = [fisher_exact(table, alternative=side).pvalue for side in ("less", "greater")]
        assert found[place] == pytest.approx(min(1.0, 2 * min(tails)))


def test_described_parts_and_which_lack() -> None:
    real, generated = np.array([500, 300, 200]), np.array([780, 220, 0])
    parts = described_parts(["a", "b", "c"], real, generated, level=0.95)
    assert [(part.real, part.generated) for part in parts] == [(0.5, 0.78), (0.3, 0.22), (0.2, 0.0)]
    for part in parts:
        assert part.low is not None
        assert part.high is not None
        assert part.low < part.generated - part.real < part.high
    # Newcombe 1998 from scipy's Wilson intervals.
    of_real, of_generated = (binomtest(k, 1000).proportion_ci(0.95, "wilson") for k in (200, 0))
    assert parts[2].low == pytest.approx(-0.2 - (of_real.high - 0.2))
    assert parts[2].high == pytest.approx(-0.2 + np.hypot(of_generated.high, 0.2 - of_real.low))
    assert [part.name for part in lacking(parts)] == ["c", "b"]
    assert lacking(described_parts(["a", "b"], np.array([50, 50]), np.array([52, 48]), level=0.95)) == ()


def test_interval_of_a_difference_covers() -> None:
    rng = np.random.default_rng(3)
    inside = 0
    for _ in range(400):
        real, generated = rng.multinomial(150, [0.9, 0.1]), rng.multinomial(60, [0.97, 0.03])
        part = described_parts(["a", "b"], real, generated, level=0.9)[1]
        inside += bool(part.low <= -0.07 <= part.high)  # type: ignore[operator]
    assert inside / 400 > 0.87


def test_the_share_lost_is_corrected_for_chance() -> None:
    rng = np.random.default_rng(4)
    alike, raw = [], []
    for seed in range(8):
        found = homogeneity(
            rng.multinomial(500, np.full(50, 0.02)),
            rng.multinomial(500, np.full(50, 0.02)),
            seed=seed,
            permutations=500,
        )
        alike.append(found.share_lost)
        raw.append(found.lost)
    assert np.mean(raw) > 0.1
    assert np.mean(alike) < 0.02
    nothing_shared = homogeneity(np.array([50, 50, 0]), np.array([0, 0, 100]), seed=0)
    assert nothing_shared.share_lost == 1.0
    assert homogeneity(np.array([5, 0]), np.array([7, 0]), seed=0).p_value == 1.0


def test_smallest_loss_is_seen_in_four_of_five_cases() -> None:
    n, m, parts = 3000, 1500, 10
    loss = smallest_loss(n, m, parts)
    real = np.full(parts, 0.1)
    # The loss that is hardest to see: half of the parts lose evenly.
    generated = real + np.where(np.arange(parts) < 5, -loss / 5, loss / 5)
    rng = np.random.default_rng(5)
    seen = [
        homogeneity(rng.multinomial(n, real), rng.multinomial(m, generated), seed=seed, permutations=999).p_value
        <= 0.005
        for seed in range(80)
    ]
    assert 0.66 < np.mean(seen) < 0.92
    assert smallest_loss(4 * n, 4 * m, parts) == pytest.approx(loss / 2, rel=1e-3)
    assert smallest_loss(10, 10, 1) == 1.0


def test_valid_where_expected_counts_are_tiny() -> None:
    rng = np.random.default_rng(6)
    shares = rng.dirichlet(np.full(40, 0.3))
    p_values = np.array(
        [
            homogeneity(rng.multinomial(25, shares), rng.multinomial(40, shares), seed=seed, permutations=199).p_value
            for seed in range(300)
        ]
    )
    for level in (0.01, 0.05, 0.2):
        assert np.mean(p_values <= level) <= level + 3 * np.sqrt(level * (1 - level) / 300)


def test_divided_is_a_partition() -> None:
    fitted, others = divided(101, 1000, 7)
    assert len(fitted) == 50
    assert sorted([*fitted, *others]) == list(range(101))
    assert len(divided(101, 20, 7)[0]) == 20
    assert not np.array_equal(fitted, divided(101, 1000, 8)[0])


def test_expected_modes() -> None:
    assert expected_modes(np.full(1000, 1e-3), 25_600) == pytest.approx(1000 * (1 - (1 - 1e-3) ** 25_600))
    assert expected_modes(np.array([1.0, 0.0]), 5) == 1.0
    assert expected_modes(np.array([0.5, 0.5]), 0) == 0.0
    rng = np.random.default_rng(0)
    drawn = [len(set(rng.choice([0, 0, 0, 1, 2, 2], size=3, replace=False).tolist())) for _ in range(4000)]
    assert expected_modes_of_sample(np.array([3, 1, 2]), 3) == pytest.approx(np.mean(drawn), abs=0.04)
    assert expected_modes_of_sample(np.array([3, 1, 2]), 6) == 3.0
    assert 2.9 < expected_modes_of_sample(np.array([3, 1, 2]), 20) < 3.0
