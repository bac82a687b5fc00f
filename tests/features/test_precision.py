"""Lower precisions: close to float32, kept apart from it, measured, and refused where they are no gain."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

import ganeval
from ganeval.errors import OptionError
from ganeval.features import precision
from ganeval.features.efficientnet_lite import EfficientNetLiteExtractor
from ganeval.features.extractor import ExtractorRequest
from ganeval.features.folding import FusedConv2d, onednn_fuses
from ganeval.features.inception import InceptionV3Extractor
from ganeval.features.resolving import resolve_extractor
from ganeval.features.store import feature_fingerprint
from ganeval.scoring import precision_effect
from ganeval.statistics import compute_statistics

Photos = Callable[..., Tensor]
CPU = torch.device("cpu")


@pytest.fixture
def native(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with instructions for every precision."""
    monkeypatch.setattr(precision, "is_native", lambda dtype, device: True)


@pytest.mark.parametrize(("name", "most"), [("bfloat16", 0.2), ("float16", 0.03)])
def test_efficientnet_is_close_in_a_lower_precision(photos: Photos, name: str, most: float) -> None:
    images = photos(3, 64, 64, seed=5)
    exact = EfficientNetLiteExtractor(ExtractorRequest())(images)
    lower_extractor = EfficientNetLiteExtractor(ExtractorRequest(precision=name))
    lower = lower_extractor(images)
    assert lower.pooled.dtype == lower.logits.dtype == torch.float32
    spread = (exact.pooled - exact.pooled.mean(0)).norm()
    # Below that nothing was rounded, above it something is broken.
    assert 1e-5 < float((lower.pooled - exact.pooled).norm() / spread) < most
    assert lower_extractor.info.precision == name


def test_inception_is_close_in_bfloat16(inception_weights: Path, photos: Photos) -> None:
    images = photos(2, 64, 64, seed=6)
    exact = InceptionV3Extractor(ExtractorRequest(weights=inception_weights, spatial=True))(images)
    lower = InceptionV3Extractor(ExtractorRequest(weights=inception_weights, precision="bfloat16", spatial=True))(
        images
    )
    for part, other in ((exact.pooled, lower.pooled), (exact.spatial, lower.spatial)):
        assert part is not None
        assert other is not None
        assert other.dtype == torch.float32
        assert 1e-4 < float((other - part).norm() / part.norm()) < 0.06


def test_features_of_two_precisions_never_share_a_place_in_the_store() -> None:
    keys = {
        feature_fingerprint("set", EfficientNetLiteExtractor(ExtractorRequest(precision=name)).info)
        for name in (None, "float32", "bfloat16", "float16")
    }
    # Not naming float32 is the same as naming it.
    assert len(keys) == 3


def test_a_precision_that_the_extractor_lacks_is_refused() -> None:
    with pytest.raises(OptionError, match="'pixels' computes in float32, not in bfloat16"):
        resolve_extractor("pixels", ExtractorRequest(precision="bfloat16"))
    assert resolve_extractor("pixels", ExtractorRequest(precision="float32"))[0].info.precision == "float32"
    with pytest.raises(OptionError, match="unknown precision 'bf16'"):
        resolve_extractor("pixels", ExtractorRequest(precision="bf16"))


def test_an_imitated_precision_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "_cpu_has", lambda dtype: False)
    precision.require_native(None, CPU)
    precision.require_native("float32", CPU)
    with pytest.raises(OptionError, match="bfloat16 is slower than float32 on this cpu"):
        precision.require_native("bfloat16", CPU)
    with pytest.raises(OptionError, match="slower"):
        ganeval.score("digits", extractor="efficientnet-lite0", precision="bfloat16", metrics="is", cache=False)


def test_what_pytorch_no_longer_says_counts_as_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(precision, "_says_yes", lambda where, name: name == "_is_mkldnn_bf16_supported")
    # AVX-512 alone: oneDNN would compute in float32 and round.
    assert not precision.is_native(torch.bfloat16, CPU)
    monkeypatch.setattr(precision, "_says_yes", lambda where, name: "fp16" not in name)
    assert precision.is_native(torch.bfloat16, CPU)
    assert not precision.is_native(torch.float16, CPU)
    monkeypatch.undo()
    assert not precision._says_yes(torch.cpu, "_is_quantum_supported")


def _score(tmp_path: Path, **options: object) -> ganeval.Report:
    rng = np.random.default_rng(0)
    real = rng.integers(0, 256, (9, 16, 16, 3), dtype=np.uint8)
    return ganeval.score(
        real // 2, real=real, extractor="efficientnet-lite0", metrics="fid", level=None, cache_dir=tmp_path, **options
    )


@pytest.mark.usefixtures("native")
def test_the_effect_on_the_distance_is_measured_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision_effect, "_FEWEST", 9)
    exact, lower = _score(tmp_path), _score(tmp_path, precision="bfloat16")
    assert "precision" not in [notice.code for notice in exact.notices]
    (notice,) = [notice for notice in lower.notices if notice.code == "precision"]
    # All images are among the first ones here, so that the notice's numbers are the two scores.
    numbers = f"{lower['fid'].value:.6g} instead of {exact['fid'].value:.6g}"
    assert f"in bfloat16: on the first 9 and 9 images its Fréchet distance is {numbers}" in notice.message
    assert lower.extractor.precision == "bfloat16"
    assert lower["fid"].value != exact["fid"].value
    assert lower["fid"].value == pytest.approx(exact["fid"].value, rel=0.2)
    assert "bfloat16" in lower.comparable


@pytest.mark.usefixtures("native")
def test_what_can_be_read_only_once_is_not_measured(tmp_path: Path) -> None:
    batches = iter([torch.randint(0, 256, (12, 3, 8, 8), dtype=torch.uint8)])
    report = ganeval.score(
        batches, extractor="efficientnet-lite0", metrics="is", precision="bfloat16", cache=False, level=None
    )
    (notice,) = [notice for notice in report.notices if notice.code == "precision"]
    assert "can't be read twice" in notice.message
    assert notice.severity == "warning"
    few = torch.randint(0, 256, (12, 3, 8, 8), dtype=torch.uint8)
    statistics = compute_statistics(few[:6], extractor="efficientnet-lite0", precision="bfloat16", cache_dir=tmp_path)
    report = ganeval.score(
        few, statistics, extractor="efficientnet-lite0", metrics="fid", precision="bfloat16", cache_dir=tmp_path
    )
    (notice,) = [notice for notice in report.notices if notice.code == "precision"]
    assert "on the first 12 images, single features deviate" in notice.message
    assert "couldn't be measured on one side alone" in notice.message
    assert notice.severity == "warning"


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_packed_convolution_serves_every_batch_and_copies(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    weight, bias = torch.randn(6, 4, 3, 3, generator=generator), torch.randn(6, generator=generator)
    layer = FusedConv2d(weight, bias, activation="relu").to(dtype)
    if dtype != torch.float32 and not onednn_fuses(dtype):
        pytest.skip("no oneDNN in this precision")
    tolerance = 1e-4 if dtype == torch.float32 else 0.2
    for count, side in ((2, 9), (5, 7), (1, 12)):
        x = torch.randn(count, 4, side, side, generator=generator).to(dtype)
        expected = F.conv2d(x.float(), layer.weight.float(), layer.bias.float()).relu()
        for one in (layer, copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
            assert torch.allclose(one(x).float(), expected, atol=tolerance)
    moved = layer.to(torch.float64)
    assert torch.allclose(moved(x.double()), expected.double(), atol=tolerance)


def test_gradients_flow_to_the_image_and_are_right(inception_weights: Path, photos: Photos) -> None:
    extractor = InceptionV3Extractor(ExtractorRequest(weights=inception_weights))
    prepared = extractor.prepare(photos(1, 64, 64, seed=7)).requires_grad_()
    direction = torch.randn(2048, generator=torch.Generator().manual_seed(1))
    (extractor.forward(prepared).pooled @ direction).sum().backward()
    assert prepared.grad is not None
    step = prepared.grad / prepared.grad.norm()
    with torch.no_grad():
        ahead, behind = (extractor.forward(prepared + sign * 2.0 * step).pooled @ direction for sign in (1, -1))
    slope = float(ahead - behind) / 4.0
    assert slope == pytest.approx(float(prepared.grad.norm()), rel=0.05)
    with torch.no_grad():
        assert not extractor.forward(prepared).pooled.requires_grad


def test_tf32_is_float32_with_other_products_and_only_on_gpus_that_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert precision.find_precision("tf32") == torch.float32
    with pytest.raises(OptionError, match="this cpu has no TF32"):
        precision.require_native("tf32", CPU)
    gpu = torch.device("cuda")
    for capability, there in (((7, 5), False), ((8, 0), True), ((9, 0), True)):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device, found=capability: found)
        assert precision._has_tf32(gpu) == there
    precision.require_native("tf32", gpu)
    monkeypatch.setattr(torch.version, "hip", "6.0")
    assert not precision._has_tf32(gpu)


@pytest.mark.skipif(not hasattr(torch.backends.cudnn, "conv"), reason="this PyTorch has the older switches")
@pytest.mark.parametrize(("name", "during"), [("float32", "ieee"), ("bfloat16", "ieee"), ("tf32", "tf32")])
def test_products_on_a_gpu_are_as_the_precision_says(name: str, during: str) -> None:
    switches = (torch.backends.cudnn.conv, torch.backends.cuda.matmul)
    before = [switch.fp32_precision for switch in switches]
    with precision.arithmetic(name, torch.device("cuda")):
        assert [switch.fp32_precision for switch in switches] == [during, during]
    assert [switch.fp32_precision for switch in switches] == before
    with precision.arithmetic(name, CPU):
        assert [switch.fp32_precision for switch in switches] == before


def test_tf32_features_have_a_place_of_their_own_in_the_store() -> None:
    infos = [EfficientNetLiteExtractor(ExtractorRequest(precision=name)).info for name in ("tf32", "float32")]
    assert [info.precision for info in infos] == ["tf32", "float32"]
    assert feature_fingerprint("set", infos[0]) != feature_fingerprint("set", infos[1])
