"""The lattice detector: its features see the period that was written, its trees are scikit-learn's."""

from __future__ import annotations

import dataclasses

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
    trees = BoostedTrees.from_arrays(BoostedTrees.from_scikit_learn(model).arrays(), features=7)
    np.testing.assert_allclose(trees(x), model.decision_function(x), atol=1e-5)


def test_the_mean_of_ensembles_is_the_mean_of_their_functions() -> None:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((300, 5)).astype(np.float32)
    # Of different depths and numbers of nodes, so that padding is met.
    members = [
        BoostedTrees.trained(x, x[:, k] > 0.3 * k, seed=k, iterations=10 + k, leaves=4 + 5 * k) for k in range(3)
    ]
    mean = BoostedTrees.from_arrays(BoostedTrees.mean_of(members).arrays(), features=5)
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


def _two_trees() -> dict[str, np.ndarray]:
    """x[0] <= 0.5 gives 1, else x[1] <= 0 gives 2 or 3; and a leaf of .25, padded."""
    return {
        "feature": np.array([[0, 0, 1, 0, 0], [0] * 5], np.int16),
        "threshold": np.array([[0.5, 0, 0, 0, 0], [0] * 5]),
        "left": np.array([[1, 1, 3, 3, 4], [0] * 5], np.int16),
        "right": np.array([[2, 1, 4, 3, 4], [0] * 5], np.int16),
        "value": np.array([[0, 1, 0, 2, 3], [0.25] * 5], np.float32),
        "baseline": np.array([-10.0]),
        "depth": np.array([2], np.int16),
    }


def test_trees_by_hand() -> None:
    trees = BoostedTrees.from_arrays(_two_trees(), features=2)
    assert trees(np.array([[0.5, 9], [0.6, 0], [0.6, 0.1]], np.float32)).tolist() == [-8.75, -7.75, -6.75]


def _with(name: str, values: object, kind: str | None = None) -> dict[str, np.ndarray]:
    arrays = _two_trees()
    return {**arrays, name: np.array(values, kind or arrays[name].dtype)}


def _at(name: str, place: tuple[int, int], value: float, kind: str | None = None) -> dict[str, np.ndarray]:
    arrays = _two_trees()
    changed = arrays[name].astype(kind or arrays[name].dtype)
    changed[place] = value
    return {**arrays, name: changed}


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        (_with("depth", [2**40], "int64"), "depth is given as 1099511627776, and is 2"),
        (_with("depth", [0]), "depth is given as 0, and is 2"),
        (_with("depth", []), "'depth' isn't one number"),
        (_with("depth", [2.0], "float64"), "'depth' has the type float64"),
        (_with("baseline", [np.nan]), "'baseline' isn't one number"),
        (_with("baseline", ["x"], "U1"), "'baseline' has the type <U1"),
        (_with("value", [["x"] * 5] * 2, "U1"), "'value' has the type <U1"),
        (_at("left", (0, 0), 65537, "int32"), "don't exist"),
        (_at("right", (0, 0), -1), "don't exist"),
        (_at("left", (0, 0), 1.5, "float32"), "'left' has the type float32"),
        (_at("feature", (0, 0), 65536, "int32"), "another version"),
        (_at("feature", (0, 2), 2), "another version"),
        (_at("feature", (0, 2), -1), "another version"),
        (_at("left", (0, 2), 0), "children don't come after"),
        (_at("left", (0, 3), 0), "children don't come after"),
        (_at("right", (0, 3), 4), "children don't come after"),
        (_at("threshold", (0, 2), np.nan), "thresholds that are no number"),
        (_at("value", (0, 4), np.inf), "leaves whose value is no number"),
        (_at("value", (0, 4), 1e300, "float64"), "leaves whose value is no number"),
        (_with("value", [[0.0] * 4] * 2), "have shapes"),
        ({name: array for name, array in _two_trees().items() if name != "left"}, "lack left"),
        ({**_two_trees(), **dict.fromkeys(("left", "right"), np.zeros((1, 40_000), np.int32))}, "have shapes"),
        (
            {
                **_two_trees(),
                **{name: np.zeros((1, 40_000), _two_trees()[name].dtype) for name in list(_two_trees())[:5]},
            },
            "40000 nodes",
        ),
    ],
)
def test_arrays_that_are_no_trees_are_refused(arrays: dict[str, np.ndarray], says: str) -> None:
    with pytest.raises(WeightsError, match=says):
        BoostedTrees.from_arrays(arrays, features=2)


def test_what_no_root_leads_to_may_be_anything() -> None:
    for name, value in (("left", 0), ("right", 2), ("feature", 99), ("threshold", np.nan), ("value", np.nan)):
        trees = BoostedTrees.from_arrays(_at(name, (1, 3), value), features=2)
        assert trees(np.array([[0.5, 9]], np.float32)).tolist() == [-8.75]


def test_a_depth_beyond_the_leaves_costs_nothing() -> None:
    deep = dataclasses.replace(BoostedTrees.from_arrays(_two_trees(), features=2), depth=2**40)
    assert deep(np.array([[0.6, 0]], np.float32)).tolist() == [-7.75]


def test_bad_states_are_refused(trained: LatticeDetector) -> None:
    arrays = trained.state().arrays
    with pytest.raises(WeightsError, match="don't exist"):
        LatticeDetector.restore(State({**arrays, "left": arrays["left"] + 1000}))
    with pytest.raises(WeightsError, match="another version"):
        LatticeDetector.restore(State({**arrays, "feature": arrays["feature"] + 10000}))


def test_one_class_is_refused() -> None:
    with pytest.raises(OptionError, match="0 generated images"):
        LatticeDetector.fit([Example(_picture(0, 128), False)] * 30)
