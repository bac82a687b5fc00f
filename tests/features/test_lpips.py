"""LPIPS from weights on disk, against torchmetrics' own function on the same weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from torchmetrics.functional.image import learned_perceptual_image_patch_similarity

from ganeval.errors import MetricError, OptionError
from ganeval.features import lpips
from ganeval.features.lpips import BACKBONES, PerceptualDistance
from ganeval.features.weights import PublishedWeights
from ganeval.metrics import lpips_diversity, paired_lpips
from ganeval.metrics.random_pairs import disjoint_pairs


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Random weights of SqueezeNet where torch.hub keeps the published ones, which both sides then take."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    monkeypatch.setattr("ganeval.features.weights.weights_folder", lambda: tmp_path / "none")
    published = BACKBONES["squeeze"]
    anything = PublishedWeights(published.network, published.url, published.filename, "", published.megabytes)
    monkeypatch.setitem(lpips.BACKBONES, "squeeze", anything)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = torchvision.models.squeezenet1_1(weights=None)
    path = tmp_path / "hub" / "checkpoints" / published.filename
    path.parent.mkdir(parents=True)
    torch.save(network.state_dict(), path)
    lpips._load.cache_clear()
    return path


def _batches(side: int, count: int = 3) -> list[torch.Tensor]:
    random = np.random.default_rng(side)
    return [torch.from_numpy(random.integers(0, 256, (count, 3, side, side), dtype=np.uint8)) for _ in range(2)]


def test_agrees_with_torchmetrics(weights: Path) -> None:
    first, second = _batches(80)
    ours = PerceptualDistance("squeeze")(first, second)
    theirs = learned_perceptual_image_patch_similarity(
        first / 127.5 - 1, second / 127.5 - 1, net_type="squeeze", reduction="none"
    )
    assert ours.dtype == torch.float64
    np.testing.assert_allclose(ours.numpy(), theirs.detach().numpy(), rtol=1e-5)
    assert ours.min() > 0
    assert float(PerceptualDistance("squeeze")(first, first).max()) == 0


@pytest.mark.parametrize(("side", "mode"), [(100, "area"), (28, "bilinear")])
def test_resizes_as_asked_and_enlarges_what_is_too_small(weights: Path, side: int, mode: str) -> None:
    first, second = _batches(side)
    options = {} if mode == "area" else {"align_corners": False}
    resized = [torch.nn.functional.interpolate(x.float(), (64, 64), mode=mode, **options) for x in (first, second)]
    expected = PerceptualDistance("squeeze")(*resized)
    torch.testing.assert_close(PerceptualDistance("squeeze", side=64)(first, second), expected, rtol=1e-5, atol=1e-8)
    if side < 64:
        torch.testing.assert_close(PerceptualDistance("squeeze")(first, second), expected, rtol=1e-5, atol=1e-8)


def test_loading_moves_nobodys_random_numbers(weights: Path) -> None:
    before = torch.get_rng_state()
    PerceptualDistance("squeeze")
    assert torch.equal(before, torch.get_rng_state())


def test_metrics_on_it(weights: Path) -> None:
    first, second = (x.permute(0, 2, 3, 1).numpy() for x in _batches(70, 12))
    distance = PerceptualDistance("squeeze")
    as_batch = [torch.from_numpy(x).permute(0, 3, 1, 2) for x in (first, second)]
    score = paired_lpips(first, second, network="squeeze")
    assert score.value == pytest.approx(float(distance(*as_batch).mean()), rel=1e-5)
    assert score.parameters == {"network": "squeeze"}
    assert not score.higher_is_better
    assert score.details["worst"][0]["value"] == pytest.approx(float(distance(*as_batch).max()), rel=1e-5)
    diverse = lpips_diversity(first, network="squeeze", pairs=4)
    pairs = disjoint_pairs(12, 4, seed=2020)
    expected = distance(as_batch[0][pairs[:, 0]], as_batch[0][pairs[:, 1]]).mean()
    assert diverse.value == pytest.approx(float(expected), rel=1e-5)
    assert diverse.higher_is_better


def test_broken_or_foreign_weights(weights: Path) -> None:
    torch.save({"features.0.weight": torch.zeros(2)}, weights)
    with pytest.raises(MetricError, match="SqueezeNet"):
        PerceptualDistance("squeeze")
    weights.write_bytes(b"nonsense")
    with pytest.raises(MetricError, match="SqueezeNet"):
        PerceptualDistance("squeeze")


def test_a_damaged_published_file_counts_as_not_there(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = PublishedWeights("SqueezeNet 1.1", "https://example.org/x.pth", weights.name, "b8a52dc0", 5)
    monkeypatch.setitem(lpips.BACKBONES, "squeeze", real)
    with pytest.raises(MetricError, match="not on disk") as raised:
        PerceptualDistance("squeeze")
    assert "https://example.org/x.pth" in raised.value.hint


def test_unknown_network(weights: Path) -> None:
    with pytest.raises(OptionError, match="vgg19"):
        PerceptualDistance("vgg19")
