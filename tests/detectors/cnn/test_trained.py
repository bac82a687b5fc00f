"""The trainable networks learn a constructed trace in seconds, find it where it is pasted, come back bit for bit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
import torch
from sklearn.metrics import roc_auc_score

from ganeval.detectors.cnn.crops import SLACK
from ganeval.detectors.cnn.neighbouring_pixels import NPRNetwork
from ganeval.detectors.cnn.npr import NPRDetector
from ganeval.detectors.cnn.patch_network import PatchNetwork
from ganeval.detectors.cnn.patches import PatchDetector
from ganeval.detectors.cnn.training import Recipe
from ganeval.detectors.detector import PIXEL_DETECTORS, Example, State
from ganeval.detectors.evidence import Heatmap
from ganeval.errors import OptionError, WeightsError

Pixels = npt.NDArray[np.uint8]
Detector = NPRDetector | PatchDetector
Examples = Callable[[int, int, int], list[Example]]

KINDS: tuple[type[Detector], ...] = (NPRDetector, PatchDetector)
BOTH = pytest.mark.parametrize("kind", KINDS)
SHORT = Recipe(crop=64, batch=16, steps=60, learning_rate=1e-2, validation=0.0)


def fresh(kind: type[Detector]) -> Detector:
    torch.manual_seed(0)
    network = {"npr": NPRNetwork, "patch": PatchNetwork}[kind.name](8)
    return kind(network, 8)  # type: ignore[arg-type]


def noise(height: int, width: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def trained(examples: Examples) -> dict[type[Detector], Detector]:
    return {kind: kind.fit(examples(24, 64 + SLACK, 1), recipe=SHORT, width=12) for kind in KINDS}


@BOTH
def test_learns_a_trace(kind: type[Detector], trained: dict[type[Detector], Detector], examples: Examples) -> None:
    tested = examples(12, 130, 2)
    scores = [trained[kind].score(example.pixels) for example in tested]
    assert roc_auc_score([example.generated for example in tested], scores) > 0.9
    # And off the lattice.
    cropped = [trained[kind].score(example.pixels[1:, 1:]) for example in tested]
    assert roc_auc_score([example.generated for example in tested], cropped) > 0.9


@BOTH
def test_is_deterministic_and_comes_back_bit_for_bit(
    kind: type[Detector], trained: dict[type[Detector], Detector], photographs: list[Pixels]
) -> None:
    state = trained[kind].state()
    restored = kind.restore(state)
    again = restored.state()
    assert again.settings == state.settings
    assert again.arrays.keys() == state.arrays.keys()
    assert all(a.dtype == np.float32 and np.array_equal(a, again.arrays[name]) for name, a in state.arrays.items())
    score = trained[kind].score(photographs[0])
    assert trained[kind].score(photographs[0]) == score
    assert restored.score(photographs[0]) == score
    assert not any("num_batches" in name for name in state.arrays)
    halved = {name: array.astype(np.float16) for name, array in state.arrays.items()}
    assert kind.restore(State(halved, state.settings)).score(photographs[0]) == pytest.approx(score, abs=0.3)


@BOTH
def test_the_same_seed_trains_the_same_network(kind: type[Detector], examples: Examples) -> None:
    recipe = Recipe(crop=64, batch=4, steps=4, evaluations=2)
    made = [kind.fit(iter(examples(4, 72, 3)), recipe=recipe, width=4, seed=s).state().arrays for s in (1, 1, 2)]
    name = "fc1.weight" if kind is NPRDetector else "logit.weight"
    assert all(np.array_equal(made[0][key], made[1][key]) for key in made[0])
    assert not np.allclose(made[0][name], made[2][name])


@BOTH
def test_training_leaves_the_callers_randomness_alone(kind: type[Detector], examples: Examples) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    kind.fit(examples(2, 72, 3), recipe=Recipe(crop=64, batch=4, steps=1), width=4)
    assert torch.equal(torch.rand(3), expected)


@BOTH
@pytest.mark.parametrize("pixels", [noise(63, 400), noise(1, 1), np.full((200, 200, 3), 255, np.uint8)])
def test_small_and_flat_pictures_get_no_score(kind: type[Detector], pixels: Pixels) -> None:
    assert np.isnan(fresh(kind).score(pixels))


@BOTH
@pytest.mark.parametrize("shape", [(64, 64), (65, 2000), (300, 67), (301, 511)])
def test_odd_shapes_get_a_score(kind: type[Detector], shape: tuple[int, int]) -> None:
    assert np.isfinite(fresh(kind).score(noise(*shape)))


def test_a_heatmap_needs_room_and_texture() -> None:
    detector = fresh(PatchDetector)
    assert isinstance(detector, PatchDetector)
    assert detector.heatmap(noise(82, 200)) is None
    half = np.full((160, 300, 3), 77, dtype=np.uint8)
    half[:, 150:] = noise(160, 150)
    found = detector.heatmap(half)
    assert found is not None
    columns = np.arange(found.values.shape[1]) * found.step
    assert np.isnan(found.values[:, columns + found.size <= 150]).all()
    assert not np.isnan(found.values[:, columns >= 150]).any()


def test_fifty_megapixels_are_sampled() -> None:
    pixels = np.tile(noise(500, 500), (12, 17, 1))
    pixels[:, :4000] = 128
    for kind in KINDS:
        assert np.isfinite(fresh(kind).score(pixels))
    detector = fresh(PatchDetector)
    found = detector.heatmap(pixels)
    assert found is not None
    rows, columns = found.values.shape
    assert 256 <= rows * columns <= 600
    assert found.top + (rows - 1) * found.step + found.size <= pixels.shape[0]
    assert found.left + (columns - 1) * found.step + found.size <= pixels.shape[1]
    assert np.isnan(found.values).mean() == pytest.approx(4000 / 8500, abs=0.06)
    # A tile's value is the mean logit of its patches.
    i, j = rows // 2, columns - 2
    top, left = found.top + i * found.step, found.left + j * found.step
    window = pixels[top : top + found.size, left : left + found.size]
    assert found.values[i, j] == pytest.approx(detector.patch_logits(window[None]).mean(), abs=1e-4)


def test_the_logits_of_all_patches_do_not_depend_on_how_it_was_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    detector = fresh(PatchDetector)
    assert isinstance(detector, PatchDetector)
    pixels = noise(181, 239)
    whole = detector.patch_logits(pixels[None])[0]
    monkeypatch.setattr("ganeval.detectors.cnn.patches._STRIP", 48)
    assert np.allclose(detector.all_logits(pixels), whole, atol=1e-4)
    heatmap = detector.heatmap(pixels)
    assert heatmap is not None
    assert heatmap.values[2, 3] == pytest.approx(whole[2:7, 3:8].mean(), abs=1e-4)
    assert heatmap.values.shape == (whole.shape[0] - 4, whole.shape[1] - 4)


def mask_of(heatmap: Heatmap, shape: tuple[int, int], threshold: float) -> npt.NDArray[np.bool_]:
    """Pixels whose nearest tile centre lies above the threshold."""
    centre = heatmap.size / 2
    indices = []
    for start, length, count in zip((heatmap.top, heatmap.left), shape, heatmap.values.shape, strict=True):
        places = np.round((np.arange(length) - start - centre) / heatmap.step)
        indices.append(np.clip(places, 0, count - 1).astype(int))
    return heatmap.values[np.ix_(*indices)] > threshold


@pytest.mark.parametrize(("top", "left"), [(97, 201), (160, 64), (33, 120)])
def test_finds_what_was_pasted(
    top: int,
    left: int,
    trained: dict[type[Detector], Detector],
    photographs: list[Pixels],
    traced: Callable[[Pixels], Pixels],
) -> None:
    scene = photographs[0][40:424, 100:548]
    pasted = np.zeros(scene.shape[:2], dtype=bool)
    pasted[top : top + 176, left : left + 208] = True
    composite = np.where(pasted[..., None], traced(scene), scene)
    detector = trained[PatchDetector]
    heatmap, untouched = detector.heatmap(composite), detector.heatmap(scene)
    assert heatmap is not None
    assert untouched is not None
    inside = mask_of(heatmap, scene.shape[:2], 0.0)
    overlap = (inside & pasted).sum() / (inside | pasted).sum()
    assert overlap > 0.5
    assert mask_of(untouched, scene.shape[:2], 0.0).mean() < 0.25


def test_views_have_every_phase_and_stay_within_their_number() -> None:
    rows, columns = np.meshgrid(np.arange(600), np.arange(1100), indexing="ij")
    pixels = np.stack([rows % 256, columns % 256, noise(600, 1100)[..., 0]], axis=2).astype(np.uint8)
    torch.manual_seed(0)
    for views, shape, count in ((8, (256, 256), 4), (8, (512, 512), 8), (8, (600, 1100), 8), (3, (600, 1100), 3)):
        detector = NPRDetector(NPRNetwork(4), 4, views=views)
        found = detector._views(pixels[: shape[0], : shape[1]])
        assert len(found) == count
        assert {view.shape for view in found} == {(254, 254, 3)}
        phases = {(int(view[0, 0, 0]) % 2, int(view[0, 0, 1]) % 2) for view in found}
        assert len(phases) == min(4, count)


@BOTH
@pytest.mark.parametrize("wrong", ["missing", "unknown", "shape", "nan", "type", "width", "no settings"])
def test_states_that_do_not_fit_are_refused(kind: type[Detector], wrong: str) -> None:
    state = fresh(kind).state()
    name = sorted(name for name, array in state.arrays.items() if array.ndim == 4)[0]
    arrays, settings = dict(state.arrays), dict(state.settings)
    changes: dict[str, Callable[[], object]] = {
        "missing": lambda: arrays.pop(name),
        "unknown": lambda: arrays.update(other=np.zeros(3, np.float32)),
        "shape": lambda: arrays.update({name: arrays[name][:1, :, :1]}),
        "nan": lambda: arrays.update({name: np.full_like(arrays[name], np.nan)}),
        "type": lambda: arrays.update({name: np.zeros(arrays[name].shape, np.int64)}),
        "width": lambda: settings.update(width="wide"),
        "no settings": settings.clear,
    }
    changes[wrong]()
    expected = {"unknown": "other: not part", "width": "width .* 'wide'", "no settings": "the setting width"}
    with pytest.raises(WeightsError, match=expected.get(wrong, name.replace(".", r"\."))) as caught:
        kind.restore(State(arrays, settings))
    assert kind.name in str(caught.value)


@BOTH
def test_is_registered_and_refuses_unknown_devices(kind: type[Detector]) -> None:
    assert PIXEL_DETECTORS.get(kind.name) is kind
    with pytest.raises(OptionError, match="unknown device"):
        fresh(kind).to("abacus")
    with pytest.raises(OptionError, match="without generated images"):
        kind.fit([Example(noise(100, 100), False)], recipe=SHORT)
