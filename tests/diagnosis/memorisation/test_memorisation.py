"""Authenticity, data copying, MiFID and feature likelihood as diagnostics: known truths, and no false alarms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import hypergeom, mannwhitneyu, multivariate_normal

from ganeval.diagnosis.diagnostic import Subject
from ganeval.diagnosis.memorisation import authenticity, copies, data_copying, feature_likelihood, memorisation_distance
from ganeval.diagnosis.memorisation.closeness import feature_closeness
from ganeval.diagnosis.memorisation.data_copying import cells_of
from ganeval.diagnosis.memorisation.exchange import exchange_test
from ganeval.diagnosis.memorisation.gaussian_mixture import GaussianMixture
from ganeval.diagnosis.memorisation.tail_scan import tail_scan_p_value
from ganeval.errors import MetricError, NotEnoughImagesError
from ganeval.features.features import ExtractorInfo, Features
from ganeval.metrics import authpct, memorisation_informed_distance

INFO = ExtractorInfo("inception-v3", None, "none")


def _vectors(random: np.random.Generator, count: int, dimension: int = 10) -> np.ndarray:
    centres = np.random.default_rng(99).standard_normal((4, dimension)) * 3
    return (centres[random.integers(0, 4, count)] + random.standard_normal((count, dimension))).astype(np.float32)


def _subject(seed: int, copied: float, *, held_out: bool = True, sizes: tuple[int, ...] = (600, 300, 300)) -> Subject:
    random = np.random.default_rng(seed)
    training, generated, other = (_vectors(random, size) for size in sizes)
    count = int(copied * len(generated))
    generated[:count] = training[:count] + 0.02 * random.standard_normal((count, 10)).astype(np.float32)
    sides = [Features(side, extractor=INFO) for side in (generated, training, other)]
    return Subject(sides[0], sides[1], sides[2] if held_out else None, seed=seed)


def test_authenticity_counts_samples_that_crowd_training_images() -> None:
    subject = _subject(1, 0.4)
    found = authenticity.DIAGNOSTIC(subject)
    assert subject.held_out is not None
    ours = authpct(subject.real.pooled, subject.generated.pooled)
    theirs = authpct(subject.real.pooled, subject.held_out.pooled)
    assert found.scores["authpct"].value == ours.value
    assert found.scores["authpct_held_out"].value == theirs.value
    real = np.concatenate([subject.real.pooled, subject.held_out.pooled]).astype(float)
    among = np.linalg.norm(real[:, None] - real[None], axis=2)
    np.fill_diagonal(among, np.inf)
    across = np.linalg.norm(subject.generated.pooled[:, None].astype(float) - real[None], axis=2)
    crowds = across.min(axis=1) <= among.min(axis=1)[across.argmin(axis=1)]
    trained = crowds & (across.argmin(axis=1) < 600)
    assert found.evidence.details["crowding"] == crowds.sum()
    assert found.evidence.details["crowding_training_images"] == trained.sum()
    # 600 of 900 real images are training images.
    assert found.evidence.details["excess"] == pytest.approx((trained.sum() - crowds.sum() * 2 / 3) / (300 / 3))
    assert found.evidence.effect == pytest.approx(0.4, abs=0.1)
    assert found.evidence.p_value is not None
    assert found.evidence.p_value < 0.001
    assert found.evidence.severity == "severe"
    low, high = found.evidence.details["interval"]
    assert low < found.evidence.effect < high


def test_authenticity_without_held_out_images_is_for_information() -> None:
    found = authenticity.DIAGNOSTIC(_subject(1, 0.4, held_out=False))
    assert found.evidence.severity == "none"
    assert found.evidence.p_value is None
    assert list(found.scores) == ["authpct"]
    assert "can't be told" in found.evidence.sentence


def _typical(seed: int, share: float) -> Subject:
    """Samples much closer to the middle of their kind than the data are, none of them copied."""
    random = np.random.default_rng(seed)
    training, generated, other = (_vectors(random, size) for size in (400, 200, 300))
    centres = np.random.default_rng(99).standard_normal((4, 10)) * 3
    own = centres[np.linalg.norm(generated[:, None] - centres[None], axis=2).argmin(axis=1)]
    generated = (own + share * (generated - own)).astype(np.float32)
    return Subject(*(Features(side, extractor=INFO) for side in (generated, training, other)), seed=seed)


@pytest.mark.parametrize("module", [authenticity, data_copying, feature_likelihood, copies])
def test_typical_samples_are_no_copies(module) -> None:
    found = [module.DIAGNOSTIC(_typical(seed, 0.6)) for seed in range(12)]
    # P[more than 4 of 12 valid p-values at or below 0.05] < 0.001.
    assert sum(one.evidence.p_value <= 0.05 for one in found) <= 4
    # And yet they lie nearer to the training images than held-out ones, as the scores say.
    if module is authenticity:
        assert all(one.scores["authpct"].value < one.scores["authpct_held_out"].value - 10 for one in found)
    if module is data_copying:
        assert all(one.scores["c_t_inception-v3"].value < -4 for one in found)
        assert any("more typical than the data" in one.evidence.sentence for one in found)


def test_monotonous_samples_are_no_copies_without_held_out_images_either() -> None:
    # One kind varies in 8 of 20 directions only, so that its images lie at small relative distances from one another.
    values, raw = [], []
    for seed in range(15):
        random = np.random.default_rng(seed)
        world = random.standard_normal((1300, 20)).astype(np.float32)
        simple = random.random(1300) < 0.3
        world[simple, 8:] = 5
        samples = world[:600][simple[:600]]
        values.append(copies.DIAGNOSTIC(Subject(Features(samples), Features(world[600:]), seed=seed)).evidence.p_value)
        sides = (feature_closeness(side, world[900:]) for side in (samples, world[600:900]))
        raw.append(tail_scan_p_value(*(side.ratio for side in sides)))
    assert sum(value <= 0.05 for value in values) <= 4
    # Distances alone would be taken for copies.
    assert max(raw) < 1e-9


def test_exchange_is_hypergeometric_where_each_image_has_one_vote() -> None:
    image = np.concatenate([np.arange(29), 50 + np.arange(11)])
    found = exchange_test(image, 50, 30, deals=20_000)
    assert found.p_value == pytest.approx(hypergeom.sf(28, 80, 50, 40), rel=0.1)
    assert found.share == 29 / 40
    assert found.excess == pytest.approx((29 / 40 - 5 / 8) / (3 / 8))
    assert found.spread * 40 * 3 / 8 == pytest.approx(hypergeom.std(80, 50, 40))


def test_exchange_allows_for_images_with_many_votes() -> None:
    # All samples are alike, and the image next to them happens to be a training image: that says nothing.
    one = exchange_test(np.zeros(500, dtype=np.int64), 300, 300)
    assert one.p_value == pytest.approx(0.5, abs=0.03)
    assert one.excess == 1.0
    nothing = exchange_test(np.empty(0, dtype=np.int64), 300, 300)
    assert (nothing.p_value, nothing.excess) == (1.0, 0.0)


def test_exchange_finds_the_group_that_is_copied() -> None:
    random = np.random.default_rng(0)
    image, groups = random.choice(2000, 1000, replace=False), random.integers(0, 10, 1000)
    copied = np.flatnonzero(groups == 3)[:80]
    image[copied] = random.choice(1000, len(copied), replace=False)
    found = exchange_test(image, 1000, 1000, groups, fewest=20)
    assert np.flatnonzero(found.p_values <= 0.05).tolist() == [3]
    assert found.p_value == found.p_values[3] < 0.001
    own = image[groups == 3] < 1000
    assert found.excesses[3] == pytest.approx(2 * own.mean() - 1)


def test_exchange_p_values_are_valid_with_groups_and_crowds() -> None:
    values = []
    for seed in range(200):
        random = np.random.default_rng(seed)
        # Some images are near to many samples, as in many dimensions.
        image = random.permutation(90)[np.minimum(random.geometric(0.05, 60), 89)]
        values.append(exchange_test(image, 60, 30, random.integers(0, 4, 60), fewest=5, deals=199, seed=seed).p_value)
    assert np.mean(np.asarray(values) <= 0.1) <= 0.17
    assert np.mean(np.asarray(values) <= 0.1) >= 0.03


def test_c_t_is_the_weighted_mean_of_z_scores() -> None:
    random = np.random.default_rng(0)
    ours, theirs = random.gamma(2, 1, 230), random.gamma(2.3, 1, 190)
    cells = random.choice(3, 230, p=[0.6, 0.38, 0.02]), random.choice(3, 190, p=[0.3, 0.5, 0.2])
    found = data_copying.data_copying(ours, theirs, *cells, rearrangements=999)
    numerator = denominator = 0.0
    for cell in (0, 1):
        q, p = ours[cells[0] == cell], theirs[cells[1] == cell]
        u = mannwhitneyu(q, p).statistic
        z = (u - len(q) * len(p) / 2) / math.sqrt(len(q) * len(p) * (len(q) + len(p) + 1) / 12)
        numerator, denominator = numerator + len(p) * z, denominator + len(p)
    # The third cell holds fewer than 20 samples.
    assert (cells[0] == 2).sum() < 20
    np.testing.assert_array_equal(found.cells, [0, 1])
    assert found.value == pytest.approx(numerator / denominator)


def test_data_copying_finds_copies_and_its_opposite() -> None:
    found = data_copying.DIAGNOSTIC(_subject(2, 0.3))
    assert found.evidence.p_value is not None
    assert found.evidence.p_value < 0.005
    assert found.evidence.severity in ("partial", "severe")
    assert found.evidence.effect == pytest.approx(0.3, abs=0.1)
    assert found.evidence.details["shift"] == pytest.approx(0.3, abs=0.1)
    assert found.scores["c_t_inception-v3"].value < -2
    assert found.evidence.parts[0].generated > found.evidence.parts[0].real
    random = np.random.default_rng(0)
    far = data_copying.data_copying(
        random.random(300) + 1, random.random(300), np.zeros(300, int), np.zeros(300, int), rearrangements=199
    )
    assert far.value > 10
    assert far.p_value == 1.0
    assert far.shift == -1.0


def test_ties_and_empty_cells() -> None:
    ones = np.ones(50)
    same = data_copying.data_copying(ones, ones, np.zeros(50, int), np.zeros(50, int), rearrangements=99)
    assert (same.value, same.shift, same.p_value) == (0.0, 0.0, 1.0)
    with pytest.raises(NotEnoughImagesError, match="no cell holds 20 samples"):
        data_copying.data_copying(ones, ones, np.zeros(50, int), np.ones(50, int))


def test_cells_come_from_the_training_images_alone() -> None:
    random = np.random.default_rng(0)
    training, a, b = (_vectors(random, n) for n in (400, 100, 200))
    first = cells_of(training, [a, b], 4, seed=1)
    again = cells_of(training, [b[:5], a], 4, seed=1)
    np.testing.assert_array_equal(first[0], again[1])
    np.testing.assert_array_equal(first[1][:5], again[0])
    assert len(np.unique(first[0])) == 4
    assert set(cells_of(np.ones((50, 3)), [np.ones((4, 3))], 7, seed=1)[0]) == {0}


def test_mifid_stands_beside_the_frechet_distance() -> None:
    subject = _subject(3, 0.5)
    found = memorisation_distance.DIAGNOSTIC(subject)
    alone = memorisation_informed_distance(subject.real.pooled, subject.generated.pooled)
    assert found.scores["mifid"].value == alone.value
    assert found.evidence.p_value is None
    assert found.evidence.details["memorisation_distance"] < found.evidence.details["memorisation_distance_held_out"]


def test_mixture_likelihood_is_scipys() -> None:
    random = np.random.default_rng(0)
    centres, images = random.standard_normal((6, 3)), random.standard_normal((20, 3))
    logs = random.standard_normal(6) / 2
    mixture = GaussianMixture(*(torch.tensor(v, dtype=torch.float32) for v in (centres, logs)))
    expected = np.mean(
        [multivariate_normal(c, np.exp(v) * np.eye(3)).pdf(images) for c, v in zip(centres, logs, strict=True)], axis=0
    )
    got = mixture.log_likelihoods(torch.tensor(images, dtype=torch.float32))
    np.testing.assert_allclose(got, np.log(expected), rtol=1e-4)


def test_fitted_variances_are_those_of_the_data_and_a_maximum() -> None:
    random = np.random.default_rng(0)
    centres = np.array([[0.0] * 20, [30.0] * 20])
    images = np.concatenate([0.5 * random.standard_normal((400, 20)), 30 + 2 * random.standard_normal((300, 20))])
    c, x = (torch.tensor(side, dtype=torch.float32) for side in (centres, images))
    mixture = GaussianMixture.fit(c, x)
    np.testing.assert_allclose(mixture.log_variances.exp(), [0.25, 4.0], rtol=0.05)
    best = float(mixture.log_likelihoods(x).mean())
    for change in ([0.1, 0], [-0.1, 0], [0, 0.1], [0, -0.1]):
        moved = GaussianMixture(c, mixture.log_variances + torch.tensor(change))
        assert float(moved.log_likelihoods(x).mean()) < best
    # A centre on an image becomes narrow.
    narrow = GaussianMixture.fit(torch.cat([c, x[:1]]), x)
    assert narrow.log_variances[2] < narrow.log_variances[0] - 5


def test_feature_likelihood_of_honest_and_of_copying_generators() -> None:
    honest = feature_likelihood.DIAGNOSTIC(_subject(4, 0.0, sizes=(800, 400, 400)))
    assert honest.evidence.p_value is not None
    assert honest.evidence.p_value > 0.01
    assert abs(honest.scores["fld_inception-v3"].value) < 3
    copying = feature_likelihood.DIAGNOSTIC(_subject(4, 1.0, sizes=(800, 800, 400)))
    assert copying.evidence.p_value is not None
    assert copying.evidence.p_value < 0.001
    assert copying.evidence.severity == "severe"
    assert copying.scores["fld_gap_inception-v3"].value < -5
    assert copying.scores["fld_inception-v3"].value > honest.scores["fld_inception-v3"].value


def test_worse_samples_have_a_higher_divergence() -> None:
    random = np.random.default_rng(0)
    training, held_out = _vectors(random, 800), _vectors(random, 300)
    values = [
        feature_likelihood.feature_likelihood(
            _vectors(random, 400) + offset * random.standard_normal((400, 10)), training, held_out
        ).divergence
        for offset in (0.0, 1.0, 3.0)
    ]
    assert values[0] < values[1] < values[2]


@pytest.mark.parametrize("module", [authenticity, data_copying, feature_likelihood])
def test_false_alarms(module) -> None:
    values = [module.DIAGNOSTIC(_subject(100 + seed, 0.0, sizes=(160, 80, 80))).evidence.p_value for seed in range(30)]
    # P[more than 6 of 30 valid p-values at or below 0.05] < 0.001.
    assert sum(value <= 0.05 for value in values) <= 6


@pytest.mark.long
@pytest.mark.parametrize("module", [authenticity, data_copying, feature_likelihood])
def test_false_alarms_at_length(module) -> None:
    values = [
        module.DIAGNOSTIC(_subject(1000 + seed, 0.0, sizes=(300, 150, 150))).evidence.p_value for seed in range(300)
    ]
    assert sum(value <= 0.05 for value in values) <= 26


@pytest.mark.parametrize("module", [data_copying, feature_likelihood])
def test_what_is_missing_is_said(module) -> None:
    with pytest.raises(MetricError, match="wasn't trained on"):
        module.DIAGNOSTIC(_subject(1, 0.0, held_out=False))


def test_degenerate_features() -> None:
    same = Features(np.ones((60, 4), dtype=np.float32), extractor=INFO)
    subject = Subject(same, same, same)
    with pytest.raises(MetricError, match="the same features"):
        feature_likelihood.DIAGNOSTIC(subject)
    # Everything at distance 0: nothing is told apart, and nothing is alarming.
    assert data_copying.DIAGNOSTIC(subject).evidence.p_value == 1.0
    assert authenticity.DIAGNOSTIC(subject).evidence.p_value == 1.0
    broken = _vectors(np.random.default_rng(0), 60)
    broken[0] = np.inf
    for module in (authenticity, data_copying, feature_likelihood, memorisation_distance):
        with pytest.raises(MetricError, match="must be finite"):
            module.DIAGNOSTIC(Subject(Features(broken), Features(broken[1:]), Features(broken[1:])))
