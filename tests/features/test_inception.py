"""Inception-v3 equals torch-fidelity's own network on the same weights, whatever the size and the batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from ganeval.errors import OptionError, WeightsError
from ganeval.features import folding, inception, inception_network
from ganeval.features.extractor import ExtractorRequest
from ganeval.features.folding import FusedConv2d, folded_weights
from ganeval.features.preprocessing import resize_clean, resize_tf1
from ganeval.features.weights import sha256_of

Photos = Callable[..., Tensor]


@pytest.fixture(scope="module")
def extractor(inception_weights: Path) -> inception.InceptionV3Extractor:
    return inception.InceptionV3Extractor(ExtractorRequest(weights=inception_weights))


@pytest.fixture(scope="module")
def reference(inception_weights: Path) -> FeatureExtractorInceptionV3:
    return FeatureExtractorInceptionV3(
        "oracle", ["2048", "logits_unbiased"], feature_extractor_weights_path=str(inception_weights)
    )


def relative_error(ours: Tensor, theirs: Tensor) -> float:
    return float((ours.double() - theirs.double()).norm() / theirs.double().norm())


def spread(features: Tensor) -> float:
    """How much the features vary from image to image, relative to their size."""
    return float((features - features.mean(dim=0)).norm() / features.norm())


@pytest.mark.parametrize("shape", [(28, 28), (64, 64), (256, 256), (299, 299), (512, 512), (180, 333)])
def test_equals_torch_fidelity(
    extractor: inception.InceptionV3Extractor,
    reference: FeatureExtractorInceptionV3,
    photos: Photos,
    shape: tuple[int, int],
) -> None:
    images = photos(2, *shape, seed=1)
    ours = extractor(images)
    with torch.no_grad():
        pooled, logits = reference(images)
    assert ours.logits is not None
    assert ours.pooled.shape == (2, 2048)
    assert ours.logits.shape == (2, 1008)
    assert ours.pooled.dtype == ours.logits.dtype == torch.float32
    assert spread(pooled) > 0.05, "images that look the same to the network prove nothing"
    assert relative_error(ours.pooled, pooled) < 1e-5
    # The classifier of these weights sees only the features' differences from their mean, a sixth of their size.
    assert relative_error(ours.logits, logits) < 5e-5
    assert float(logits.std(dim=0).mean()) > 0.5


def test_does_not_depend_on_the_batch(extractor: inception.InceptionV3Extractor, photos: Photos) -> None:
    images = photos(5, 64, 64, seed=2)
    whole = extractor(images).pooled
    for pieces in ([1, 4], [3, 2]):
        parts = torch.cat([extractor(part).pooled for part in images.split(pieces)])
        assert relative_error(parts, whole) < 1e-5


def test_equals_itself_without_onednn(
    extractor: inception.InceptionV3Extractor, photos: Photos, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = photos(2, 64, 64, seed=3)
    fused = extractor(images).pooled
    monkeypatch.setattr(folding, "onednn_fuses", lambda dtype: False)
    assert relative_error(extractor(images).pooled, fused) < 1e-5


def test_clean_preprocessing_is_used_and_named(
    extractor: inception.InceptionV3Extractor, inception_weights: Path, photos: Photos
) -> None:
    clean = inception.InceptionV3Extractor(ExtractorRequest(weights=inception_weights, preprocessing="clean"))
    images = photos(1, 100, 512, seed=4)
    assert clean.info == replace(extractor.info, preprocessing="clean")
    assert torch.equal(clean.prepare(images), resize_clean(images, 299))
    assert torch.equal(extractor.prepare(images), resize_tf1(images, 299))


def test_info_names_the_weights(extractor: inception.InceptionV3Extractor, inception_weights: Path) -> None:
    info = extractor.info
    assert (info.name, info.preprocessing, info.precision) == ("inception-v3", "tf1", "float32")
    assert (info.feature_dim, info.class_count) == (2048, 1008)
    assert info.weights_sha256 == sha256_of(inception_weights)
    assert not info.published_weights


def test_weights_without_batch_counters_and_as_safetensors(
    extractor: inception.InceptionV3Extractor, inception_weights: Path, tmp_path: Path
) -> None:
    from safetensors.torch import save_file

    state = torch.load(inception_weights, weights_only=True)
    assert len(state) == 566
    path = tmp_path / "inception.safetensors"
    save_file({key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}, path)
    loaded = inception.InceptionV3Extractor(ExtractorRequest(weights=path)).network.state_dict()
    expected = extractor.network.state_dict()
    assert loaded.keys() == expected.keys()
    assert all(torch.equal(loaded[key], expected[key]) for key in expected)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "linear.pth"
    torch.save(nn.Linear(3, 4).state_dict(), path)
    with pytest.raises(WeightsError) as caught:
        inception.InceptionV3Extractor(ExtractorRequest(weights=path))
    message = str(caught.value)
    assert "linear.pth" in message
    assert "inception-v3" in message
    assert "Conv2d_1a_3x3.conv.weight: missing, (32, 3, 3, 3) expected" in message


def test_weights_of_a_wrong_shape_or_with_nan_are_refused(inception_weights: Path, tmp_path: Path) -> None:
    state = torch.load(inception_weights, weights_only=True)
    path = tmp_path / "inception.pth"
    torch.save({**state, "fc.weight": state["fc.weight"][:1000]}, path)
    with pytest.raises(WeightsError, match=r"fc.weight: \(1000, 2048\), \(1008, 2048\) expected"):
        inception.InceptionV3Extractor(ExtractorRequest(weights=path))
    torch.save({**state, "fc.weight": state["fc.weight"] * float("nan")}, path)
    with pytest.raises(WeightsError, match=r"fc\.weight: NaN"):
        inception.InceptionV3Extractor(ExtractorRequest(weights=path))


def test_unknown_preprocessing_is_an_option_error(inception_weights: Path) -> None:
    with pytest.raises(OptionError, match="bicubic"):
        inception.InceptionV3Extractor(ExtractorRequest(weights=inception_weights, preprocessing="bicubic"))


def test_availability_says_where_the_weights_would_come_from(no_network: Path) -> None:
    found = inception.SPEC.availability()
    assert not found.available
    assert "91 MB" in found.reason
    assert inception.PUBLISHED.url in found.reason


def test_layers_are_those_of_torch_fidelity(reference: FeatureExtractorInceptionV3) -> None:
    ours = {key: value.shape for key, value in inception_network.empty_layers().state_dict().items()}
    assert ours == {key: value.shape for key, value in reference.state_dict().items()}


@pytest.mark.parametrize("activation", ["none", "relu", "relu6"])
@pytest.mark.parametrize("with_addend", [False, True])
@pytest.mark.parametrize("groups", [1, 4])
def test_folded_convolution_equals_convolution_and_norm(activation: str, with_addend: bool, groups: int) -> None:
    generator = torch.Generator().manual_seed(0)
    convolution = nn.Conv2d(8, 12, 3, stride=2, padding=1, groups=groups)
    norm = nn.BatchNorm2d(12, eps=1e-3)
    with torch.no_grad():
        for tensor in (*convolution.parameters(), *norm.parameters(), norm.running_mean, norm.running_var):
            assert tensor is not None
            tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
        x = 4 * torch.randn(2, 8, 9, 7, generator=generator)
        addend = 4 * torch.randn(2, 12, 5, 4, generator=generator) if with_addend else None
        expected = norm.eval()(convolution(x)) + (0 if addend is None else addend)
        expected = {"none": lambda y: y, "relu": F.relu, "relu6": F.relu6}[activation](expected)
        fused = FusedConv2d(*folded_weights(convolution, norm), (2, 2), (1, 1), groups, activation)
        torch.testing.assert_close(fused(x, addend), expected, atol=1e-4, rtol=1e-5)


def test_folding_needs_statistics_and_a_known_activation() -> None:
    with pytest.raises(ValueError, match="running statistics"):
        folded_weights(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1, track_running_stats=False))
    with pytest.raises(ValueError, match="'swish'"):
        FusedConv2d(torch.zeros(1, 1, 1, 1), torch.zeros(1), activation="swish")
