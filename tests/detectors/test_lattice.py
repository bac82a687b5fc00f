"""The lattice detector: its features see the period that was written, its trees are scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from ganeval.detectors.artefacts.simulators import SIMULATORS, simulate
from ganeval.detectors.detector import Example, State
from ganeval.detectors.spectral.boosted_trees import BoostedTrees
from ganeval.detectors.spectral.lattice import LatticeDetector
from ganeval.detectors.spectral.lattice_features import lattice_features, lattice_frequencies
from ganeval.errors import OptionError, WeightsError


def _picture(seed: int, side: int = 192) -> np.ndarray:
    """A field with a spectrum that falls as a photograph's, plus a little white noise."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)[None]) + 1 / side
    channels = []
    for _ in range(3):
        spectrum = np.fft.fft2(rng.standard_normal((side, side))) / frequency**1.2
        plane = np.fft.ifft2(spectrum).real
        channels.append(plane / plane.std() * 40 + 128 + rng.standard_normal((side, side)) * 2)
    return np.clip(np.round(np.stack(channels, -1)), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("period", [2, 4, 8])
def test_a_written_period_stands_out_at_its_frequency_and_no_other(period: int) -> None:
    plain = _picture(1)
    rows = np.arange(plain.shape[0])
    marked = plain.astype(int) + (period * (rows % period == 0))[:, None, None]
    change = lattice_features(np.clip(marked, 0, 255).astype(np.uint8)) - lattice_features(plain)
    heights = change[: len(lattice_frequencies())]
    frequencies = lattice_frequencies()
    on = (frequencies[:, 1] == 0) & np.isclose((frequencies[:, 0] * period) % 1, 0)
    assert heights[on].min() > 0.5
    assert np.abs(heights[~on]).max() < 0.25


def test_features_do_not_depend_on_the_phase_of_the_crop() -> None:
    made, _ = simulate(_picture(2), np.random.default_rng(0), "transposed")
    one = lattice_features(np.ascontiguousarray(made[:176, :176]))
    other = lattice_features(np.ascontiguousarray(made[3:179, 5:181]))
    plain = lattice_features(np.ascontiguousarray(_picture(2)[:176, :176]))
    assert np.abs(one - other).mean() < 0.3 * np.abs(one - plain).mean()


def test_lattice_frequencies_are_each_half_of_the_plane_once() -> None:
    frequencies = {tuple(row) for row in lattice_frequencies()}
    assert len(frequencies) == 33
    everything = {(i / 8, j / 8) for i in range(8) for j in range(8)} - {(0.0, 0.0)}
    assert frequencies | {((1 - a) % 1, (1 - b) % 1) for a, b in frequencies} == everything


def test_trees_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((400, 7)).astype(np.float32)
    y = x[:, 0] + x[:, 1] ** 2 > 1
    model = HistGradientBoostingClassifier(max_iter=30, random_state=0).fit(x, y)
    trees = BoostedTrees.from_arrays(BoostedTrees.from_scikit_learn(model).arrays())
    np.testing.assert_allclose(trees(x), model.decision_function(x), atol=1e-5)


def test_the_mean_of_ensembles_is_the_mean_of_their_functions() -> None:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((300, 5)).astype(np.float32)
    # Of different depths and numbers of nodes, so that padding is met.
    members = [
        BoostedTrees.trained(x, x[:, k] > 0.3 * k, seed=k, iterations=10 + k, leaves=4 + 5 * k) for k in range(3)
    ]
    mean = BoostedTrees.from_arrays(BoostedTrees.mean_of(members).arrays())
    np.testing.assert_allclose(mean(x), np.mean([one(x) for one in members], axis=0), atol=1e-5)


@pytest.mark.parametrize("name", list(SIMULATORS))
def test_simulators_change_the_picture_by_what_they_say_and_repeat_from_the_seed(name: str) -> None:
    picture = _picture(3)
    made, called = simulate(picture, np.random.default_rng(5), name)
    again, _ = simulate(picture, np.random.default_rng(5), name)
    assert called == name
    np.testing.assert_array_equal(made, again)
    rms = np.sqrt(np.square(made.astype(float) - picture).mean())
    assert 0.3 < rms < 12


@pytest.fixture(scope="module")
def trained() -> LatticeDetector:
    return LatticeDetector.fit(_examples(range(40)), seed=0)


def _examples(seeds: range) -> list[Example]:
    examples = []
    for seed in seeds:
        picture = _picture(seed, 128)
        made, _ = simulate(picture, np.random.default_rng(seed), "transposed")
        examples += [Example(picture, False, str(seed)), Example(made, True, str(seed))]
    return examples


def test_it_learns_the_trace(trained: LatticeDetector) -> None:
    held_back = _examples(range(100, 112))
    scores = np.array([trained.score(one.pixels) for one in held_back])
    generated = np.array([one.generated for one in held_back])
    wins = (scores[generated][:, None] > scores[~generated][None]).mean()
    assert wins > 0.95


def test_state_round_trip_is_exact(trained: LatticeDetector) -> None:
    back = LatticeDetector.restore(trained.state())
    picture = _picture(50)
    assert back.score(picture) == trained.score(picture)


def test_flat_and_tiny_pictures_are_not_judged(trained: LatticeDetector) -> None:
    assert np.isnan(trained.score(np.full((128, 128, 3), 7, np.uint8)))
    assert np.isnan(trained.score(_picture(0, 64)))
    assert trained.heatmap(_picture(0, 64)) is None


def test_bad_states_are_refused(trained: LatticeDetector) -> None:
    arrays = dict(trained.state().arrays)
    del arrays["left"]
    with pytest.raises(WeightsError, match="lack left"):
        LatticeDetector.restore(State(arrays))
    wild = dict(trained.state().arrays)
    wild["left"] = wild["left"] + 1000
    with pytest.raises(WeightsError, match="don't exist"):
        LatticeDetector.restore(State(wild))
    for name, values in (("depth", np.zeros(0, np.int16)), ("baseline", np.array([np.nan]))):
        with pytest.raises(WeightsError, match=f"{name}' isn't one number"):
            LatticeDetector.restore(State({**trained.state().arrays, name: values}))
    other = dict(trained.state().arrays)
    other["feature"] = other["feature"] + 10000
    with pytest.raises(WeightsError, match="another version"):
        LatticeDetector.restore(State(other))


def test_one_class_is_refused() -> None:
    with pytest.raises(OptionError, match="0 generated images"):
        LatticeDetector.fit([Example(_picture(0, 128), False)] * 30)
