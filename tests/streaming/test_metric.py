"""The torchmetrics classes: values, states, and everything that torchmetrics and Lightning do with a metric."""

from __future__ import annotations

import copy
import doctest
import pickle

import pytest
import torch
from torch import nn
from torchmetrics import Metric, MetricCollection
from torchmetrics.image.fid import FrechetInceptionDistance

import ganeval
from ganeval.errors import ImageRangeError, MetricError, NotEnoughImagesError, OptionError, StatisticsError
from ganeval.metrics import PRDC, FrechetDistance, InceptionScore, KernelDistance, streaming
from ganeval.metrics.moments import Moments
from ganeval.statistics import compute_statistics, write_statistics

CLASSES = [FrechetDistance, InceptionScore, KernelDistance, PRDC]
#: Splits and subsets that don't need many images.
FEW = {KernelDistance: {"subsets": 5, "subset_size": 30}, InceptionScore: {"splits": 3}}


def made(kind, network, real=None, **options):
    return kind(network, real, cache=False, **FEW.get(kind, {}), **options)


def values(metric: Metric) -> dict[str, float]:
    found = metric.compute()
    return {name: float(value) for name, value in (found if isinstance(found, dict) else {"value": found}).items()}


class Pooled(nn.Module):
    """The network as torchmetrics takes one."""

    num_features = 6

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.network(images)[0].double()


def test_frechet_distance_is_that_of_torchmetrics(network, real_images, generated_images) -> None:
    ours, theirs = FrechetDistance(network), FrechetInceptionDistance(feature=Pooled(network))
    for metric in (ours, theirs):
        for batch in real_images.split(50):
            metric.update(batch, real=True)
        for batch in generated_images.split(17):
            metric.update(batch, real=False)
    assert float(ours.compute()) == pytest.approx(float(theirs.compute()), rel=1e-6)


@pytest.mark.parametrize("kind", CLASSES)
def test_batches_and_order_do_not_matter(kind, network, real_images, generated_images) -> None:
    whole, split = made(kind, network, real_images), made(kind, network)
    whole.update(generated_images)
    shuffled = torch.randperm(len(real_images), generator=torch.Generator().manual_seed(9))
    for batch in real_images[shuffled].split(13):
        split.update(batch, real=True)
    for batch in (*generated_images.flip(0).split(7), generated_images[:0]):
        split.update(batch)
    assert values(split) == pytest.approx(values(whole), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("kind", CLASSES)
def test_values_are_those_of_score(kind, network, real_images, generated_images) -> None:
    """Metrics with random parts draw them from images in another order, so that here each part is the whole set."""
    whole = {KernelDistance: {"subsets": 1, "subset_size": 90}, InceptionScore: {"splits": 1}}.get(kind, {})
    metric = kind(network, real_images[:90], cache=False, **whole)
    metric.update(generated_images)
    names = {"kd": "kd", "inception_score": "inception_score"}
    options = {names[metric.names[0]]: whole} if whole else None
    report = ganeval.score(
        generated_images, real_images[:90], extractor=network, metrics=list(metric.names), options=options, cache=False
    )
    expected = {score.name: score.value for score in report.scores.values()}
    assert {name: score.value for name, score in metric.scores().items()} == pytest.approx(expected, rel=1e-9)
    assert sorted(values(metric).values()) == pytest.approx(sorted(expected.values()), rel=1e-9)


def test_classes_are_declared_for_any_metric_on_features(network, real_images, generated_images) -> None:
    metric = made(streaming("vendi"), network)
    metric.update(generated_images)
    report = ganeval.score(generated_images, extractor=network, metrics="vendi", cache=False)
    assert float(metric.compute()) == pytest.approx(report["vendi"].value, rel=1e-9)
    assert type(pickle.loads(pickle.dumps(metric))) is streaming("vendi")
    with pytest.raises(MetricError, match="needs images"):
        streaming("ms_ssim")


def test_only_moments_are_held_for_the_frechet_distance(network, real_images, generated_images) -> None:
    metric = made(FrechetDistance, network, real_images)
    metric.update(generated_images)
    assert sum(state.numel() for state in metric.metric_state.values() if isinstance(state, torch.Tensor)) < 150
    assert all(not state for state in metric.metric_state.values() if isinstance(state, list))
    score = metric.score()
    assert score.interval is None
    assert "moments" in score.no_interval_reason
    held = made(FrechetDistance, network, real_images, keep_features=True)
    held.update(generated_images)
    assert held.score().interval is not None
    assert held.score().value == pytest.approx(score.value, rel=1e-9)


def test_a_capacity_bounds_features_but_not_moments(network, real_images, generated_images) -> None:
    whole, bounded = (
        made(FrechetDistance, network, real_images, keep_features=True, capacity=capacity) for capacity in (None, 40)
    )
    kernel = KernelDistance(network, real_images, capacity=40, subsets=5, cache=False)
    for metric in (whole, bounded, kernel):
        for batch in generated_images.split(20):
            metric.update(batch)
    assert float(bounded.compute()) == pytest.approx(float(whole.compute()), rel=1e-9)
    score = kernel.score()
    assert (score.n_real, score.n_generated) == (40, 40)


def test_features_in_a_folder(network, real_images, generated_images, tmp_path) -> None:
    in_memory, on_disk = (made(PRDC, network, real_images, folder=folder) for folder in (None, tmp_path / "kept"))
    for metric in (in_memory, on_disk):
        metric.update(generated_images)
    assert values(on_disk) == values(in_memory)


def test_real_sides_of_all_kinds_agree(network, real_images, generated_images, tmp_path) -> None:
    statistics = compute_statistics(real_images, extractor=network, cache=False, features="all")
    path = tmp_path / "real.npz"
    write_statistics(path, statistics)
    pooled = network(real_images)[0]
    sides = [real_images, statistics, path, str(path), Moments.of(pooled), (batch for batch in real_images.split(64))]
    found = []
    for side in sides:
        metric = made(FrechetDistance, network, side)
        metric.update(generated_images)
        found.append(float(metric.compute()))
    assert found == pytest.approx([found[0]] * len(found), rel=1e-6)
    kernel = made(KernelDistance, network, path)
    kernel.update(generated_images)
    assert kernel.score().n_real == len(real_images)
    with pytest.raises(StatisticsError, match="pixels"):
        made(FrechetDistance, "pixels", path)._real_features()


def test_moments_alone_will_not_do_for_kernels(network, real_images, generated_images) -> None:
    metric = made(KernelDistance, network, Moments.of(network(real_images)[0]))
    metric.update(generated_images)
    with pytest.raises(MetricError, match="features of single real images"):
        metric.compute()


def test_one_pass_feeds_a_collection(network, real_images, generated_images) -> None:
    collection = MetricCollection({kind.__name__: made(kind, network, real_images) for kind in CLASSES})
    for batch in generated_images.split(30):
        collection.update(batch)
    assert network.images == len(generated_images)
    assert sorted(map(sorted, collection.compute_groups.values())) == [
        ["FrechetDistance"],
        ["InceptionScore"],
        ["KernelDistance", "PRDC"],
    ]
    found = collection.compute()
    assert network.images == len(generated_images) + len(real_images)
    for kind in CLASSES:
        alone = made(kind, network, real_images)
        alone.update(generated_images)
        expected = {kind.__name__ if name == "value" else name: value for name, value in values(alone).items()}
        assert {name: float(found[name]) for name in expected} == pytest.approx(expected, rel=1e-6)


def test_what_is_gathered_differently_is_no_group(network, generated_images) -> None:
    collection = MetricCollection(
        {
            "all": PRDC(network),
            "some": KernelDistance(network, capacity=50),
            "seed": KernelDistance(network, capacity=50, seed=1),
        }
    )
    collection.update(generated_images[:5])
    assert len(collection.compute_groups) == 3


def test_reals_survive_a_reset_of_a_group(network, real_images, generated_images) -> None:
    collection = MetricCollection({"z": made(PRDC, network), "a": made(KernelDistance, network)})
    collection.update(real_images, real=True)
    results = []
    for _ in range(2):
        collection.update(generated_images)
        results.append({name: float(value) for name, value in collection.compute().items()})
        collection.reset()
    assert results[0] == results[1]
    with pytest.warns(UserWarning, match="before"), pytest.raises(NotEnoughImagesError, match="no generated images"):
        collection["a"].compute()


def test_reset_can_forget_the_reals(network, real_images, generated_images) -> None:
    metric = made(FrechetDistance, network, reset_real_features=True)
    metric.update(real_images, real=True)
    metric.reset()
    metric.update(generated_images)
    with pytest.raises(MetricError, match="no real images"):
        metric.compute()


def test_forward_gives_the_batch_and_gathers_it(network, real_images, generated_images) -> None:
    metric, first = made(FrechetDistance, network), made(FrechetDistance, network)
    for one in (metric, first):
        one.update(real_images, real=True)
    first.update(generated_images[:40])
    assert float(metric(generated_images[:40])) == float(first.compute())
    metric(generated_images[40:])
    first.update(generated_images[40:])
    assert float(metric.compute()) == pytest.approx(float(first.compute()), rel=1e-12)


@pytest.mark.parametrize("kind", CLASSES)
def test_pickles_copies_and_state_dicts_go_on(kind, network, real_images, generated_images) -> None:
    metric, loaded = made(kind, network, real_images), made(kind, network, real_images)
    metric.update(generated_images[:50])
    metric.persistent(True)
    others = [pickle.loads(pickle.dumps(metric)), copy.deepcopy(metric), metric.clone(), loaded]
    loaded.load_state_dict(copy.deepcopy(metric.state_dict()))
    for one in (metric, *others):
        one.update(generated_images[50:])
    for one in others:
        assert values(one) == pytest.approx(values(metric), rel=1e-12)


@pytest.mark.parametrize("kind", [FrechetDistance, KernelDistance])
def test_loaded_states_are_the_metrics_own_and_what_was_computed_before_is_forgotten(
    kind, network, real_images, generated_images
) -> None:
    metric, first, second = (made(kind, network, real_images) for _ in range(3))
    metric.update(generated_images[:60])
    metric.persistent(True)
    saved, expected = metric.state_dict(), values(metric)
    first.update(generated_images[40:])
    assert values(first) != expected
    first.load_state_dict(saved)
    assert values(first) == pytest.approx(expected, rel=1e-12)
    # Going on changes neither the dictionary nor another that is loaded from it.
    first.update(generated_images[60:])
    second.load_state_dict(saved)
    assert values(second) == pytest.approx(expected, rel=1e-12)


def test_states_of_another_kind_are_refused(network, real_images, generated_images) -> None:
    metric = made(KernelDistance, network, real_images)
    metric.update(generated_images)
    metric.persistent(True)
    others = [
        made(FrechetDistance, network, real_images),
        made(KernelDistance, "pixels", real_images),
        made(KernelDistance, network, real_images, capacity=50),
        made(KernelDistance, network, real_images, seed=1),
    ]
    for other in others:
        with pytest.raises(MetricError, match="can't be loaded"):
            other.load_state_dict(metric.state_dict())
        with pytest.raises(MetricError, match="can't be merged"):
            other.merge_state(metric)
        assert not int(other.generated_count)
    # How floats would be read and where rows lie are no part of what was gathered.
    same = made(KernelDistance, network, real_images, value_range=(0, 1))
    same.load_state_dict(metric.state_dict())
    assert values(same) == values(metric)


@pytest.mark.parametrize("kind", CLASSES)
def test_states_merge(kind, network, real_images, generated_images) -> None:
    whole, first, second = (made(kind, network, real_images) for _ in range(3))
    whole.update(generated_images)
    first.update(generated_images[:40])
    second.update(generated_images[40:])
    values(first)
    first.merge_state(second)
    assert values(first) == pytest.approx(values(whole), rel=1e-9)


def test_a_value_is_drawn(network, real_images, generated_images) -> None:
    metric = made(FrechetDistance, network, real_images)
    metric.update(generated_images)
    figure, axes = metric.plot()
    assert float(metric.compute()) in {float(y) for line in axes.lines for y in line.get_ydata()}
    figure.clf()


def test_examples_in_docstrings() -> None:
    from ganeval.streaming import classes, suite

    for module in (classes, suite):
        assert doctest.testmod(module).failed == 0


def test_states_stay_in_float64(network, real_images, generated_images) -> None:
    metric = made(FrechetDistance, network, real_images)
    module = nn.ModuleDict({"metric": metric})
    metric.update(generated_images[:45])
    module.half()
    module.to(torch.bfloat16)
    metric.set_dtype(torch.float16)
    assert metric.generated_scatter.dtype == torch.float64
    metric.update(generated_images[45:])
    metric.reset()
    assert metric.generated_scatter.dtype == torch.float64
    assert network.mix.dtype == torch.float64


def test_states_move_with_the_device(network, generated_images) -> None:
    metric = made(PRDC, network)
    metric.update(generated_images)
    moved = metric.to("meta")
    assert {state.device.type for state in moved.generated_pooled} == {"meta"}
    assert moved.generated_count.device.type == "meta"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_images_under_autocast_and_inference_mode(dtype, network, real_images) -> None:
    plain, around = (made(PRDC, network, real_images, value_range=(-1, 1)) for _ in range(2))
    images = (torch.rand(60, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1).to(dtype)
    plain.update(images)
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.inference_mode():
        around.update(images[:30])
        around.update(images[30:])
    around.generated_pooled[0].add_(0.0)
    assert values(around) == values(plain)


def test_images_that_fit_no_declaration_change_nothing(network, generated_images) -> None:
    metric = made(FrechetDistance, network, value_range=(0, 1))
    metric.update(generated_images)
    with pytest.raises(ImageRangeError, match=r"from -3 to -3"):
        metric.update(torch.full((4, 3, 8, 8), -3.0))
    assert int(metric.generated_count) == len(generated_images)


def test_grey_images_of_any_size(network, real_images) -> None:
    metric = made(FrechetDistance, network, real_images)
    for side in (5, 9):
        metric.update(torch.randint(0, 256, (6, 1, side, side + 1), dtype=torch.uint8))
    assert int(metric.generated_count) == 12
    assert float(metric.compute()) > 0


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"subset_sise": 5}, OptionError, "subset_size"),
        ({"capacity": 1}, OptionError, "capacity"),
        ({"value_range": (0, 255)}, OptionError, "value_range"),
        ({"level": 2.0}, OptionError, "level"),
        ({"subset_size": 1}, OptionError, "subset_size"),
        ({"extractor": "efficientnet-lite9"}, ganeval.GanevalError, "efficientnet-lite0"),
    ],
)
def test_bad_options(options, error, said, network) -> None:
    with pytest.raises(error, match=said):
        KernelDistance(**{"extractor": network, **options})


def test_logits_are_missed_at_once() -> None:
    with pytest.raises(MetricError, match="logits"):
        InceptionScore("pixels")


def test_real_images_come_one_way(network, real_images) -> None:
    with pytest.raises(OptionError, match="named when"):
        made(FrechetDistance, network, real_images).update(real_images, real=True)
