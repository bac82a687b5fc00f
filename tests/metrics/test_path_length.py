"""Path lengths of generators whose speed is known, and of the bundled one."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from ganeval.errors import MetricError, OptionError
from ganeval.features.extractor import ExtractorRequest
from ganeval.features.features import ExtractorInfo, Features
from ganeval.features.pixels import PixelsExtractor
from ganeval.generators import open_generator
from ganeval.images.opening import open_source
from ganeval.images.source import SourceOptions
from ganeval.metrics import path_length
from ganeval.metrics.path_length import interpolate
from ganeval.metrics.registry import METRICS
from ganeval.scoring.access import with_access


class Linear:
    """Every pixel is its own latent number, scaled: images move as latents do."""

    batch_size = 7

    def __init__(self, geometry: str, scale: float = 1.0, dimensions: int = 48) -> None:
        self.geometry, self.scale, self.dimensions = geometry, scale, dimensions
        self.asked: list[int] = []

    def draw(self, count: int, seed: int) -> torch.Tensor:
        random = torch.Generator().manual_seed(seed)
        if self.geometry == "gaussian":
            return torch.randn(count, self.dimensions, generator=random)
        return torch.rand(count, self.dimensions, generator=random) * 2 - 1

    def render(self, latents: torch.Tensor) -> torch.Tensor:
        self.asked.append(len(latents))
        return self.scale * latents.reshape(len(latents), 3, 4, -1)


def _squared(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    return (second.double() - first.double()).square().flatten(1).sum(1)


def _trimmed(values: np.ndarray) -> float:
    """As torch-fidelity 0.4.0 and StyleGAN's program drop paths."""
    low, high = np.percentile(values, 1, method="lower"), np.percentile(values, 99, method="higher")
    return float(values[(values >= low) & (values <= high)].mean())


def test_straight_paths_have_their_squared_length() -> None:
    sampler = Linear("linear", scale=3.0)
    score = path_length(sampler, _squared, paths=200, step=1e-2, seed=5)
    latents = sampler.draw(400, 5).numpy().astype(float)
    assert score.value == pytest.approx(9 * _trimmed(((latents[200:] - latents[:200]) ** 2).sum(1)), rel=1e-4)
    assert score.n_generated == 400
    assert score.parameters == {"paths": 200, "step": 1e-2, "trimmed": 0.01, "geometry": "linear"}
    assert max(sampler.asked) <= sampler.batch_size


def test_arcs_have_the_squared_speed_of_their_angle() -> None:
    sampler = Linear("gaussian")
    score = path_length(sampler, _squared, paths=200, step=1e-2, seed=5)
    first, second = (x.numpy().astype(float) for x in sampler.draw(400, 5).chunk(2))
    lengths = [np.linalg.norm(x, axis=1) for x in (first, second)]
    angle = np.arccos((first * second).sum(1) / lengths[0] / lengths[1])
    place = np.random.default_rng(5).random(200) + 0.005
    speed = (lengths[1] - lengths[0]) ** 2 + (angle * (lengths[0] + place * (lengths[1] - lengths[0]))) ** 2
    assert score.value == pytest.approx(_trimmed(speed), rel=1e-3)


def test_interpolation_ends_where_it_should() -> None:
    random = torch.Generator().manual_seed(1)
    first, second = (torch.randn(6, 3, 4, generator=random, dtype=torch.float64) for _ in range(2))
    for geometry in ("linear", "gaussian"):
        torch.testing.assert_close(interpolate(first, second, torch.zeros(6).double(), geometry), first)
        torch.testing.assert_close(interpolate(first, second, torch.ones(6).double(), geometry), second)
    same = interpolate(first, first, torch.full((6,), 0.3).double(), "gaussian")
    torch.testing.assert_close(same, first)
    unit = [x / x.flatten(1).norm(dim=1)[:, None, None] for x in (first, second)]
    middle = interpolate(unit[0], unit[1], torch.full((6,), 0.5).double(), "gaussian")
    expected = (unit[0] + unit[1]) / (unit[0] + unit[1]).flatten(1).norm(dim=1)[:, None, None]
    torch.testing.assert_close(middle, expected)
    with pytest.raises(OptionError, match="round"):
        interpolate(first, second, torch.zeros(6), "round")


def test_step_does_not_matter_for_a_smooth_generator() -> None:
    values = [path_length(Linear("gaussian"), _squared, paths=50, step=step).value for step in (1e-2, 1e-3)]
    assert values[0] == pytest.approx(values[1], rel=1e-2)


def test_the_interval_covers_the_trimmed_mean() -> None:
    truth = path_length(Linear("linear", dimensions=12), _squared, paths=60_000, step=0.1, level=None, seed=1).value
    hits = 0
    for seed in range(200):
        interval = path_length(Linear("linear", dimensions=12), _squared, paths=100, step=0.1, seed=seed + 2).interval
        assert interval is not None
        hits += interval.low <= truth <= interval.high
    assert 180 <= hits <= 199


def test_same_seed_same_value() -> None:
    values = [path_length(Linear("gaussian"), _squared, paths=20, seed=seed).value for seed in (1, 1, 2)]
    assert values[0] == values[1] != values[2]


def test_bad_input() -> None:
    with pytest.raises(OptionError, match="paths"):
        path_length(Linear("linear"), _squared, paths=9)
    with pytest.raises(OptionError, match="step"):
        path_length(Linear("linear"), _squared, step=0.0)
    with pytest.raises(MetricError, match="don't change"):
        path_length(Linear("linear", scale=0.0), _squared, paths=10)
    with pytest.raises(MetricError, match="NaN"):
        path_length(Linear("linear", scale=math.inf), _squared, paths=10)


@pytest.fixture(scope="module")
def dcgan() -> Features:
    source = open_generator("dcgan", SourceOptions(count=3))
    extractor = PixelsExtractor(ExtractorRequest())
    pooled = np.stack([item.load().pixels.reshape(-1)[:8] for item in source]).astype(np.float32)
    return with_access(Features(pooled=pooled, extractor=extractor.info), source, extractor)


def test_bundled_generator_renders_its_own_samples_unrounded(dcgan: Features) -> None:
    sampler = dcgan.sampler
    assert sampler is not None
    latents = sampler.draw(20, 1)
    assert latents.shape == (20, 100)
    assert latents.min() >= -1
    assert latents.max() < 1
    assert torch.equal(latents, sampler.draw(20, 1))
    assert not torch.equal(latents, sampler.draw(20, 2))
    images = sampler.render(latents)
    assert images.shape == (20, 3, 28, 28)
    assert images.dtype == torch.float32
    assert 0 <= images.min() < 1 < 240 < images.max() <= 255
    assert (images != images.round()).any()
    # The samples of the source are the same function, rounded.
    random = np.random.SeedSequence([0, 6, 0]).generate_state(2, np.uint64)
    uniform = torch.rand(100, 100, generator=torch.Generator().manual_seed(int(random[0]) >> 1)) * 2 - 1
    source = open_generator("dcgan", SourceOptions(count=3))
    first = next(iter(source)).load().pixels
    rendered = sampler.render(uniform)[0].permute(1, 2, 0).round().numpy()
    np.testing.assert_array_equal(rendered.astype(np.uint8), first)


def test_plain_sets_have_no_sampler() -> None:
    assert open_source(np.zeros((2, 8, 8, 3), np.uint8)).sampler is None


def test_feature_path_length_of_the_bundled_generator(dcgan: Features) -> None:
    metric = METRICS.get("feature_path_length")
    assert metric.needs == "generator"
    assert metric.on_features
    (score,) = metric(None, dcgan, paths=60)
    assert score.name == "feature_path_length"
    # The derivative itself, by central differences of a longer step, in float64 up to the images.
    sampler, embed = dcgan.sampler, dcgan.embed
    assert sampler is not None
    assert embed is not None
    first, second = sampler.draw(120, 2020).double().chunk(2)
    place = torch.from_numpy(np.random.default_rng(2020).random(60))[:, None]
    ends = [embed(sampler.render((first + (second - first) * (place + h)).float())) for h in (-5e-4, 5e-4)]
    speed = ((ends[1].double() - ends[0].double()) / 1e-3).square().sum(1)
    assert score.value == pytest.approx(_trimmed(speed.numpy()), rel=0.03)
    longer = metric(None, dcgan, paths=60, step=1e-3)[0]
    assert longer.value == pytest.approx(score.value, rel=0.02)


def test_feature_path_length_refuses_what_takes_whole_numbers_only(dcgan: Features) -> None:
    native = replace(dcgan, extractor=ExtractorInfo("own", None, "native"))
    with pytest.raises(MetricError, match="uint8"):
        METRICS.get("feature_path_length")(None, native)
    with pytest.raises(MetricError, match="need a generator"):
        METRICS.get("ppl")(None, replace(dcgan, sampler=None))


def test_ppl_is_lpips_at_64_pixels(dcgan: Features, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[str, int | None]] = []

    class Fake:
        def __init__(self, network: str, *, side: int | None, download: bool) -> None:
            made.append((network, side))

        def __call__(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
            assert first.dtype == torch.float32
            return _squared(first, second) / 255**2

    import sys

    monkeypatch.setattr(sys.modules["ganeval.metrics.path_length"], "PerceptualDistance", Fake)
    metric = METRICS.get("ppl")
    assert not metric.on_features
    (score,) = metric(None, dcgan, paths=30)
    assert made == [("vgg", 64)]
    assert (score.name, score.parameters["side"], score.parameters["network"]) == ("ppl", 64, "vgg")
    assert score.interval is not None
    assert score.interval.low < score.value < score.interval.high
    with pytest.raises(OptionError, match="vgg19"):
        metric.fewest({"network": "vgg19"})
