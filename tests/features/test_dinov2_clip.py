"""CLIP and DINOv2: the way from weights to features on small random networks, and what is said without any."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch_fidelity.feature_extractor_clip import CLIPVisual, FeatureExtractorCLIP
from torch_fidelity.feature_extractor_dinov2 import FeatureExtractorDinoV2

from ganeval.errors import ExtractorError, WeightsError
from ganeval.features import clip, dinov2
from ganeval.features.clip import ClipExtractor, ClipShape
from ganeval.features.extractor import EXTRACTORS, ExtractorRequest
from ganeval.features.weights import PublishedWeights

TINY = {
    "transformer": ((64, 48, 2, 64, 16), ClipShape(64, 48, 16)),
    "resnet": ((32, 64, (1, 1, 1, 1), 8, None), ClipShape(32, 64, None)),
}
UNPUBLISHED = PublishedWeights("clip-tiny", "https://example.invalid/tiny.pt", "tiny.pt", "0" * 64, 1)


def tiny_clip(kind: str) -> CLIPVisual:
    torch.manual_seed(0)
    network = CLIPVisual(*TINY[kind][0])
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return network.eval().requires_grad_(False)


def torch_fidelity_features(network: nn.Module, resolution: int, images: Tensor) -> Tensor:
    """Through the forward pass of torch-fidelity's extractor, which can only be built from a download."""
    oracle = FeatureExtractorCLIP.__new__(FeatureExtractorCLIP)
    nn.Module.__init__(oracle)
    oracle.model, oracle.resolution = network, resolution
    oracle.features_list, oracle.feature_extractor_internal_dtype = ["clip"], torch.float32
    features: Tensor = oracle(images)[0]
    return features


@pytest.mark.parametrize("kind", sorted(TINY))
@pytest.mark.parametrize("shape", [(28, 28), (48, 48), (90, 130)])
def test_clip_equals_torch_fidelity(kind: str, shape: tuple[int, int], tmp_path: Path) -> None:
    network, expected_shape = tiny_clip(kind), TINY[kind][1]
    path = tmp_path / "tiny.pth"
    torch.save({**network.state_dict(), "text_projection": torch.zeros(2, 2)}, path)
    extractor = ClipExtractor("clip-tiny", UNPUBLISHED, expected_shape, ExtractorRequest(weights=path))
    images = torch.randint(0, 256, (3, 3, *shape), dtype=torch.uint8)
    theirs = torch_fidelity_features(network, expected_shape.resolution, images)
    output = extractor(images)
    assert output.logits is None
    assert output.pooled.shape == (3, expected_shape.feature_dim)
    assert float((output.pooled - theirs).norm() / theirs.norm()) < 1e-5
    assert not extractor.info.published_weights


def test_clip_in_half_precision_is_run_in_float32(tmp_path: Path) -> None:
    network = tiny_clip("transformer")
    path = tmp_path / "half.pth"
    torch.save({key: value.half() for key, value in network.state_dict().items()}, path)
    shape = TINY["transformer"][1]
    extractor = ClipExtractor("clip-tiny", UNPUBLISHED, shape, ExtractorRequest(weights=path))
    pooled = extractor(torch.randint(0, 256, (2, 3, 48, 48), dtype=torch.uint8)).pooled
    assert pooled.dtype == torch.float32
    assert bool(pooled.isfinite().all())


def test_clip_of_another_size_or_no_clip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tiny.pth"
    torch.save(tiny_clip("transformer").state_dict(), path)
    with pytest.raises(WeightsError, match="another CLIP network") as caught:
        clip.VIT_B_32.create(ExtractorRequest(weights=path))
    assert "64 features, 48 px" in str(caught.value)
    torch.save(nn.Linear(2, 2).state_dict(), path)
    with pytest.raises(WeightsError, match="CLIP image encoder"):
        clip.VIT_B_32.create(ExtractorRequest(weights=path))
    broken = tiny_clip("transformer").state_dict()
    del broken["visual.ln_post.bias"]
    torch.save(broken, path)
    with pytest.raises(WeightsError, match=r"visual\.ln_post\.bias: missing"):
        ClipExtractor("clip-tiny", UNPUBLISHED, TINY["transformer"][1], ExtractorRequest(weights=path))


@pytest.mark.parametrize("name", [name for name in EXTRACTORS.names() if name.startswith(("clip-", "dinov2-"))])
def test_without_weights_it_is_said_what_is_needed(name: str, no_network: Path) -> None:
    spec = EXTRACTORS.get(name)
    found = spec.availability()
    assert not found.available
    assert "https://" in found.reason
    assert spec.name == name
    with pytest.raises(ExtractorError) as caught:
        spec.create(ExtractorRequest(download=False, trust=True))
    assert name in str(caught.value)
    if name.startswith("clip-"):
        with pytest.raises(WeightsError, match="no network"):
            spec.create(ExtractorRequest())


def test_dinov2_needs_trust(no_network: Path) -> None:
    with pytest.raises(ExtractorError, match="facebookresearch/dinov2") as caught:
        dinov2.VIT_S_14.create(ExtractorRequest())
    assert "--trust" in str(caught.value)


HUBCONF = """
import torch
from torch import nn

class Tiny(nn.Module):
    embed_dim = 384
    def __init__(self):
        super().__init__()
        self.patch = nn.Conv2d(3, 384, 14, stride=14)
    def forward(self, x):
        return torch.tanh(self.patch(x)).mean(dim=(2, 3))

def dinov2_vits14(pretrained=True):
    assert not pretrained
    return Tiny()
"""


def test_dinov2_from_a_copy_on_disk_equals_torch_fidelity(no_network: Path, tmp_path: Path) -> None:
    copy = tmp_path / "hub" / "facebookresearch_dinov2_main"
    copy.mkdir(parents=True)
    (copy / "hubconf.py").write_text(HUBCONF)
    network = nn.Sequential()
    network.add_module("patch", nn.Conv2d(3, 384, 14, stride=14))
    path = tmp_path / "tiny.pth"
    torch.save(network.state_dict(), path)
    extractor = dinov2.VIT_S_14.create(ExtractorRequest(weights=path, trust=True))
    images = torch.randint(0, 256, (2, 3, 60, 80), dtype=torch.uint8)
    oracle = FeatureExtractorDinoV2.__new__(FeatureExtractorDinoV2)
    nn.Module.__init__(oracle)
    oracle.model = nn.Sequential(network, nn.Tanh(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    oracle.features_list, oracle.feature_extractor_internal_dtype = ["dinov2"], torch.float32
    with torch.no_grad():
        theirs = oracle(images)[0]
    torch.testing.assert_close(extractor(images).pooled, theirs, atol=1e-5, rtol=1e-5)
    assert extractor.info.feature_dim == 384
    assert "code on disk" in dinov2.VIT_S_14.availability().reason

    torch.save({"patch.weight": torch.zeros(1)}, path)
    with pytest.raises(WeightsError, match=r"patch\.bias: missing"):
        dinov2.VIT_S_14.create(ExtractorRequest(weights=path, trust=True))
    (copy / "hubconf.py").write_text("raise RuntimeError('broken repository')")
    with pytest.raises(WeightsError, match="broken repository"):
        dinov2.VIT_S_14.create(ExtractorRequest(weights=path, trust=True))
