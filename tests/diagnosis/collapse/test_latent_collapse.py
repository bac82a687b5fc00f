"""Generators whose response to their latent vectors is known: linear ones, ones that ignore it, and bundled ones."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from ganeval.diagnosis.collapse.latent_collapse import DIAGNOSTIC
from ganeval.diagnosis.collapse.latent_response import latent_pairs, local_dimensions
from ganeval.diagnosis.diagnostic import Subject
from ganeval.errors import MetricError, OptionError
from ganeval.features.features import ExtractorInfo, Features
from ganeval.images.arrays import ArraySource
from ganeval.images.reading import ImageReader
from ganeval.report.diagnosis import Examined


class Linear:
    """Pixels are latent numbers times known factors, around grey; some latents may be ignored."""

    geometry, batch_size = "gaussian", 6

    def __init__(self, factors: np.ndarray, places: int = 1) -> None:
        self.factors, self.places = torch.from_numpy(factors).float(), places

    def draw(self, count: int, seed: int) -> torch.Tensor:
        return torch.randn(count, len(self.factors), generator=torch.Generator().manual_seed(seed))

    def render(self, latents: torch.Tensor) -> torch.Tensor:
        assert len(latents) <= self.batch_size
        images = 128 + self.factors * latents
        return images.reshape(len(latents), 3, 4, -1)


class Collapsed(Linear):
    """Only the sign of the first latent number matters."""

    def render(self, latents: torch.Tensor) -> torch.Tensor:
        return super().render(torch.sign(latents[:, :1]).expand(-1, len(self.factors)))


def _features(images: np.ndarray) -> Features:
    source = ArraySource(images, None, name="test", kind="array")
    flat = images.reshape(len(images), -1).astype(np.float32)
    return Features(flat, reader=ImageReader(source, len(images)))


def _real(count: int = 200) -> Features:
    random = np.random.default_rng(1)
    return _features(np.clip(128 + 20 * random.normal(size=(count, 4, 4, 3)), 0, 255).astype(np.uint8))


def test_distances_of_a_linear_generator() -> None:
    found = latent_pairs(Linear(np.full(48, 20.0)), pairs=40, seed=3)
    np.testing.assert_allclose(found.image, 20 * found.latent / math.sqrt(48), rtol=1e-5)
    assert found.features is None
    assert found.far.sum() == 20
    assert found.latent[found.far].min() >= np.median(found.latent)
    embedded = latent_pairs(Linear(np.full(48, 20.0)), pairs=40, seed=3, embed=lambda images: images.flatten(1) / 20)
    assert embedded.features is not None
    np.testing.assert_allclose(embedded.features, embedded.latent, rtol=1e-4)


@pytest.mark.parametrize(("factors", "expected"), [(np.ones(48), 48.0), (np.r_[np.ones(5), np.zeros(43)], 5.0)])
def test_local_dimension_of_alike_directions(factors: np.ndarray, expected: float) -> None:
    found = local_dimensions(Linear(30 * factors), places=60, directions=16, seed=1)
    assert found.mean() == pytest.approx(expected, rel=0.1)


def test_local_dimension_of_a_spectrum() -> None:
    factors = 1 / np.arange(1, 49)
    expected = (factors**2).sum() ** 2 / (factors**4).sum()
    found = local_dimensions(Linear(30 * factors), places=200, directions=24, seed=2)
    assert np.median(found) == pytest.approx(expected, rel=0.15)
    assert local_dimensions(Linear(np.zeros(48)), places=3, directions=4, seed=2).tolist() == [0, 0, 0]


def _examined(sampler: Linear, **options: int) -> Examined:
    generated = replace(_real(5), sampler=sampler)
    return DIAGNOSTIC(Subject(generated, _real()), **options)


def test_a_generator_that_uses_its_latents() -> None:
    found = _examined(Linear(np.full(48, 20.0)), pairs=100)
    assert found.evidence.severity == "none"
    assert found.evidence.p_value is None
    assert found.evidence.effect == 0
    assert found.evidence.details["space"] == "pixels"
    assert found.evidence.details["distance_of_real_pairs"] == pytest.approx(1, abs=0.05)
    assert found.scores["latent_image_ratio"].value == pytest.approx(20 / math.sqrt(48), rel=1e-4)
    dimension = found.scores["latent_dimension"]
    assert dimension.value == pytest.approx(48, rel=0.2)
    assert dimension.interval is not None


def test_a_generator_of_two_images_is_found_out() -> None:
    found = _examined(Collapsed(np.full(48, 20.0)), pairs=200)
    assert found.evidence.effect == pytest.approx(0.5, abs=0.1)
    assert found.evidence.severity in ("partial", "severe")
    assert "nearly the same image" in found.evidence.sentence
    constant = _examined(Linear(np.zeros(48)), pairs=20)
    assert constant.evidence.severity == "severe"
    assert constant.evidence.sentence == "the generator gives the same image whatever its latent vector is"
    assert constant.scores["latent_same_share"].value == 1


def test_features_are_used_where_the_extractor_takes_unrounded_images() -> None:
    def embed(images: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.adaptive_avg_pool2d(images, 2).flatten(1)

    images = np.clip(128 + 20 * np.random.default_rng(2).normal(size=(300, 4, 4, 3)), 0, 255).astype(np.uint8)
    pooled = embed(torch.from_numpy(images).permute(0, 3, 1, 2).float()).numpy()
    labels = tuple(int(i % 3) for i in range(300))
    real = replace(_features(images), pooled=pooled, labels=labels)
    generated = Features(pooled[:5], sampler=Linear(np.full(48, 20.0)), embed=embed)
    details = DIAGNOSTIC(Subject(generated, real), pairs=100).evidence.details
    assert details["space"] == "features"
    assert details["real_pairs_of_one_class"]
    assert details["distance_of_real_pairs"] == pytest.approx(1, abs=0.15)
    rounded = ExtractorInfo("mine", None, "native")
    details = DIAGNOSTIC(Subject(replace(generated, extractor=rounded), real), pairs=20).evidence.details
    assert details["space"] == "pixels"


def test_same_seed_same_numbers() -> None:
    values = [_examined(Linear(np.full(48, 20.0)), pairs=20).scores["latent_image_ratio"].value for _ in range(2)]
    assert values[0] == values[1]


def test_bad_input() -> None:
    with pytest.raises(MetricError, match="don't come from a generator"):
        DIAGNOSTIC(Subject(_real(5), _real()))
    with pytest.raises(OptionError, match="pairs"):
        _examined(Linear(np.ones(48)), pairs=3)
    with pytest.raises(MetricError, match="NaN"):
        _examined(Linear(np.full(48, np.inf)), pairs=20)
