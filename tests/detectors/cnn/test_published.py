"""The authors' networks equal a restatement of their preprocessing and forward pass; wrong files are refused."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F
from torchvision import transforms

from ganeval.detectors.cnn.npr_published import NPRPublishedDetector
from ganeval.detectors.cnn.published_network import WHOLE, PublishedDetector
from ganeval.detectors.cnn.wang2020 import Wang2020Detector
from ganeval.detectors.detector import PIXEL_DETECTORS
from ganeval.errors import OptionError, WeightsError

Pixels = npt.NDArray[np.uint8]
State = dict[str, Tensor]

BOTH = pytest.mark.parametrize("kind", [Wang2020Detector, NPRPublishedDetector])

_THEIR_TRANSFORM = transforms.Compose(
    [transforms.ToTensor(), transforms.Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])]
)


@lru_cache(maxsize=2)
def shapes(kind: type[PublishedDetector]) -> State:
    with torch.device("meta"):
        return kind.build().state_dict()


def random_state(kind: type[PublishedDetector]) -> State:
    """Random weights of which statistics and biases vary as well, scaled so that activations stay about 1."""
    return {name: value.clone() for name, value in _random_state(kind).items()}


@lru_cache(maxsize=2)
def _random_state(kind: type[PublishedDetector]) -> State:
    random = torch.Generator().manual_seed(0)
    state = {}
    for name, value in shapes(kind).items():
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(7)
        elif name.endswith("running_var"):
            state[name] = torch.rand(value.shape, generator=random) + 0.5
        elif value.ndim > 1:
            state[name] = torch.randn(value.shape, generator=random) / value[0].numel() ** 0.5
        else:
            state[name] = torch.randn(value.shape, generator=random) * 0.3 + ("weight" in name)
    return state


def _bn(state: State, name: str, x: Tensor) -> Tensor:
    values = [state[f"{name}.{part}"][:, None, None] for part in ("running_mean", "running_var", "weight", "bias")]
    return (x - values[0]) / torch.sqrt(values[1] + 1e-5) * values[2] + values[3]


def restated_resnet(state: State, x: Tensor, blocks: tuple[int, ...], head: str, stem_padding: int) -> float:
    """ResNet with bottlenecks from its state dict: He et al. 2016, table 1, stride in the 3 x 3 convolution."""
    x = F.relu(_bn(state, "bn1", F.conv2d(x, state["conv1.weight"], stride=2, padding=stem_padding)))
    x = F.max_pool2d(x, kernel_size=3, stride=2, padding=1)
    for stage, count in enumerate(blocks, start=1):
        for number in range(count):
            name, stride = f"layer{stage}.{number}", 2 if stage > 1 and number == 0 else 1
            y = F.relu(_bn(state, f"{name}.bn1", F.conv2d(x, state[f"{name}.conv1.weight"])))
            y = F.relu(_bn(state, f"{name}.bn2", F.conv2d(y, state[f"{name}.conv2.weight"], stride=stride, padding=1)))
            y = _bn(state, f"{name}.bn3", F.conv2d(y, state[f"{name}.conv3.weight"]))
            if number == 0:
                skip = F.conv2d(x, state[f"{name}.downsample.0.weight"], stride=stride)
                x = _bn(state, f"{name}.downsample.1", skip)
            x = F.relu(x + y)
    pooled = x.mean(dim=(2, 3))
    return float(pooled @ state[f"{head}.weight"].T + state[f"{head}.bias"])


def restated_wang(state: State, pixels: Pixels, crop: int) -> float:
    image = Image.fromarray(pixels)
    if crop:
        image = transforms.CenterCrop(crop)(image)
    return restated_resnet(state, _THEIR_TRANSFORM(image)[None], (3, 4, 6, 3), "fc", 3)


def restated_npr(state: State, pixels: Pixels, crop: int) -> float:
    image = Image.fromarray(pixels)
    if crop:
        image = transforms.CenterCrop(crop)(image)
    x = _THEIR_TRANSFORM(image)[None]
    x = x[:, :, : x.shape[2] - x.shape[2] % 2, : x.shape[3] - x.shape[3] % 2]
    corner = x[:, :, ::2, ::2]
    residual = x.clone()
    for down in (0, 1):
        for right in (0, 1):
            residual[:, :, down::2, right::2] -= corner
    return restated_resnet(state, residual * 2.0 / 3.0, (3, 4), "fc1", 1)


RESTATED: dict[type[PublishedDetector], Callable[[State, Pixels, int], float]] = {
    Wang2020Detector: restated_wang,
    NPRPublishedDetector: restated_npr,
}


def write(kind: type[PublishedDetector], state: State, path: Path) -> Path:
    """As the authors' code writes it."""
    entries = {"model": state, "optimizer": {"state": {}, "param_groups": [{"lr": 1e-4}]}, "total_steps": 12}
    torch.save(entries if kind is Wang2020Detector else state, path)
    return path


@pytest.fixture(scope="module")
def detectors(tmp_path_factory: pytest.TempPathFactory) -> dict[type[PublishedDetector], PublishedDetector]:
    """Both, loaded from files as the authors' code writes them."""
    folder = tmp_path_factory.mktemp("published")
    return {kind: kind.from_file(write(kind, random_state(kind), folder / f"{kind.name}.pth")) for kind in RESTATED}


@BOTH
@pytest.mark.parametrize(("shape", "crop"), [((96, 128), 0), ((101, 67), 0), ((131, 150), 96), ((90, 150), 96)])
def test_equals_the_restatement(
    kind: type[PublishedDetector],
    shape: tuple[int, int],
    crop: int,
    photographs: list[Pixels],
    detectors: dict[type[PublishedDetector], PublishedDetector],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    state = random_state(kind)
    pixels = photographs[0][100 : 100 + shape[0], 200 : 200 + shape[1]]
    detector = detectors[kind]
    monkeypatch.setattr(detector, "crop", crop)
    if crop and min(shape) < crop:
        # The authors' transform would pad with black here, which no network should judge; a shorter side stays.
        pixels_expected = pixels[:, round((shape[1] - crop) / 2) : round((shape[1] - crop) / 2) + crop]
        expected = RESTATED[kind](state, np.ascontiguousarray(pixels_expected), 0)
    else:
        expected = RESTATED[kind](state, np.ascontiguousarray(pixels), crop)
    other = RESTATED[kind](state, np.ascontiguousarray(photographs[1][:96, :128]), 0)
    assert detector.score(pixels) == pytest.approx(expected, rel=2e-4, abs=2e-4)
    assert abs(other - expected) > 5e-3, "the two pictures must differ by more than the tolerance"


def test_sizes_of_the_networks() -> None:
    with torch.device("meta"):
        counts = {kind: sum(p.numel() for p in kind.build().parameters()) for kind in RESTATED}
    # torchvision's documented 25 557 032, less the classifier of 1000 classes, with one logit.
    assert counts[Wang2020Detector] == 25_557_032 - (2048 * 1000 + 1000) + 2049
    # The paper: 1.44 million.
    assert counts[NPRPublishedDetector] == 1_437_761


def test_reads_safetensors_and_files_of_parallel_training(tmp_path: Path) -> None:
    kind = NPRPublishedDetector
    state = random_state(kind)
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    expected = kind.from_file(write(kind, state, tmp_path / "a.pth")).score(pixels)
    save_file(state, tmp_path / "b.safetensors")
    torch.save({f"module.{name}": value for name, value in state.items()}, tmp_path / "c.pth")
    assert kind.from_file(tmp_path / "b.safetensors").score(pixels) == expected
    assert kind.from_file(tmp_path / "c.pth").score(pixels) == expected


def test_npr_ignores_the_layer_that_training_leaves_unused(tmp_path: Path) -> None:
    state = random_state(NPRPublishedDetector)
    extra = {**state, "fc.weight": torch.zeros(1, 2048), "fc.bias": torch.zeros(1)}
    torch.save(extra, tmp_path / "weights.pth")
    loaded = NPRPublishedDetector.from_file(tmp_path / "weights.pth")
    assert torch.equal(loaded.network.state_dict()["fc1.weight"], state["fc1.weight"])


@BOTH
def test_names_what_a_file_lacks(kind: type[PublishedDetector], tmp_path: Path) -> None:
    state = random_state(kind)
    del state["layer1.2.bn3.weight"]
    with pytest.raises(WeightsError, match=r"layer1\.2\.bn3\.weight: missing, \(256,\) expected") as caught:
        kind.from_file(write(kind, state, tmp_path / "weights.pth"))
    assert kind.title in str(caught.value)
    assert "published" in (caught.value.hint or "")
    assert "--extractor" not in str(caught.value)


@BOTH
def test_refuses_the_file_of_the_other(kind: type[PublishedDetector], tmp_path: Path) -> None:
    other = next(one for one in RESTATED if one is not kind)
    with pytest.raises(WeightsError, match=r"doesn't hold the weights of"):
        kind.from_file(write(other, random_state(other), tmp_path / "weights.pth"))


class _Code:
    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return (exec, ("raise SystemExit('ran')",))


@BOTH
@pytest.mark.parametrize("content", ["absent", "empty", "text", "truncated", "code", "numbers", "nan", "list"])
def test_refuses_other_files(kind: type[PublishedDetector], content: str, tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    whole = io.BytesIO()
    torch.save({"a": torch.zeros(1000)}, whole)
    raw = {"empty": b"", "text": b"<html>not found</html>", "truncated": whole.getvalue()[:-300]}
    saved = {"code": _Code(), "numbers": {"lr": 0.1}, "list": [1, 2]}
    if content in raw:
        path.write_bytes(raw[content])
    elif content in saved:
        torch.save(saved[content], path)
    elif content == "nan":
        state = random_state(kind)
        state["bn1.bias"][3] = float("nan")
        write(kind, state, path)
    with pytest.raises(WeightsError) as caught:
        kind.from_file(path)
    assert str(path) in caught.value.message


@BOTH
def test_is_not_trained(kind: type[PublishedDetector]) -> None:
    with pytest.raises(OptionError, match="isn't trained here") as caught:
        kind.fit([])
    assert "--weights" in (caught.value.hint or "")
    assert PIXEL_DETECTORS.get(kind.name) is kind


@BOTH
def test_the_state_is_exact(
    kind: type[PublishedDetector],
    photographs: list[Pixels],
    detectors: dict[type[PublishedDetector], PublishedDetector],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    detector = detectors[kind]
    monkeypatch.setattr(detector, "crop", 64)
    restored = kind.restore(detector.state())
    assert restored.settings() == {"crop": 64}
    assert restored.score(photographs[0]) == detector.score(photographs[0])


@BOTH
def test_large_pictures_are_judged_by_tiles(
    kind: type[PublishedDetector],
    detectors: dict[type[PublishedDetector], PublishedDetector],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ganeval.detectors.cnn.published_network.WHOLE", 1 << 14)
    monkeypatch.setattr("ganeval.detectors.cnn.published_network._TILE", 128)
    detector = detectors[kind]
    pixels = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    tiles = [detector.score(pixels[y : y + 128, x : x + 128]) for y in (0, 128) for x in (0, 128)]
    assert detector.score(pixels) == pytest.approx(np.mean(tiles), rel=1e-5)
    assert WHOLE >= 1024 * 1024


@BOTH
def test_nothing_to_judge_by_is_nan(
    kind: type[PublishedDetector], detectors: dict[type[PublishedDetector], PublishedDetector]
) -> None:
    detector = detectors[kind]
    assert np.isnan(detector.score(np.full((128, 128, 3), 200, dtype=np.uint8)))
    noise = np.random.default_rng(0).integers(0, 256, (kind.minimum_side - 1, 300, 3), dtype=np.uint8)
    assert np.isnan(detector.score(noise))
