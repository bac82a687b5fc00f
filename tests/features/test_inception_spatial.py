"""sFID's spatial Inception features against torch-fidelity's layers, and what they do to the feature store's key."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from ganeval.errors import MetricError
from ganeval.features.extractor import ExtractorRequest
from ganeval.features.features import ExtractorInfo, Features
from ganeval.features.inception import InceptionV3Extractor
from ganeval.features.store import feature_fingerprint
from ganeval.metrics import frechet_distance
from ganeval.metrics.registry import METRICS
from ganeval.metrics.spatial_frechet_distance import needs_spatial


def test_spatial_features_are_the_first_channels_of_mixed_6_conv(random_inception, photograph_crops) -> None:
    images = torch.from_numpy(photograph_crops(2, 64, 64, seed=1)).permute(0, 3, 1, 2).contiguous()
    with_spatial = InceptionV3Extractor(ExtractorRequest(weights=random_inception, spatial=True))
    output = with_spatial(images)
    reference = FeatureExtractorInceptionV3(
        "inception-v3-compat", ["2048"], feature_extractor_weights_path=str(random_inception)
    )
    seen = {}
    reference.Mixed_6d.branch1x1.register_forward_hook(lambda module, inputs, out: seen.update(branch=out))
    (pooled,) = reference(images)
    expected = seen["branch"][:, :7].permute(0, 2, 3, 1).reshape(2, 2023)
    assert output.spatial.shape == (2, 2023)
    assert float((output.spatial - expected).norm() / expected.norm()) < 1e-5
    assert float((output.pooled - pooled).norm() / pooled.norm()) < 1e-5
    assert float((expected[0] - expected[1]).norm()) > 0.1 * float(expected.norm())
    plain = InceptionV3Extractor(ExtractorRequest(weights=random_inception))
    without = plain(images)
    assert without.spatial is None
    torch.testing.assert_close(without.pooled, output.pooled)
    torch.testing.assert_close(without.logits, output.logits)
    assert with_spatial.info == replace(plain.info, spatial=True)


def test_the_stores_key_tells_them_apart_and_stays_what_it_was_without_them() -> None:
    info = ExtractorInfo("inception-v3", "ab", "tf1", "float32", False, 2048, 1008)
    assert feature_fingerprint("s", info) != feature_fingerprint("s", replace(info, spatial=True))
    # The key of before there were spatial features.
    assert feature_fingerprint("s", info) == "39d89664ad07f938548f6b7f5e603699aa41746e20edc7be9b956ed56d52aadd"


def test_the_metric_is_the_distance_of_the_spatial_features() -> None:
    random = np.random.default_rng(0)
    sides = [Features(random.random((60, 3), np.float32), spatial=random.random((60, 8), np.float32)) for _ in range(2)]
    metric = METRICS.get("sfd")
    (score,) = metric(*sides)
    assert score.name == "sfd"
    assert score.details["dimensions"] == 8
    plain = frechet_distance(sides[0].spatial, sides[1].spatial)
    assert replace(score, details=plain.details) == plain.renamed("sfd")
    assert needs_spatial([METRICS.get("fd"), metric])
    assert not needs_spatial([METRICS.get("fd")])
    with pytest.raises(MetricError, match="needs spatial features, which these features on the generated side don't"):
        metric(sides[0], replace(sides[1], spatial=None))
    with pytest.raises(MetricError, match="needs real images"):
        metric(None, sides[1])
