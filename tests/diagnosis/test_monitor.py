"""The monitor: quiet on real images, loud on constructed collapses and copies, cheap, and exact in what it resumes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import chi2
from torch import Tensor

from ganeval.diagnosis.monitor import Alarm, GeneratorMonitor, _within, level_of_look, small_grey
from ganeval.errors import NotEnoughImagesError, OptionError
from ganeval.images.opening import open_source


@pytest.fixture(scope="module")
def digits() -> Tensor:
    """The 1,797 digits, float32 [N, 1, 8, 8] in [-1, 1]."""
    planes = [item.load().pixels[..., 0] for item in open_source("digits")]
    return torch.from_numpy(np.stack(planes)[:, None]).float() / 127.5 - 1


def clothes(count: int, seed: int) -> Tensor:
    """Smooth random pictures, float32 [count, 1, 16, 16]: as many as one likes of one distribution."""
    random = torch.Generator().manual_seed(seed)
    coarse = torch.randn(count, 1, 5, 5, generator=random)
    return torch.nn.functional.interpolate(coarse, (16, 16), mode="bicubic").clamp(-2, 2) / 2


def monitor(training: Tensor, **options: int) -> GeneratorMonitor:
    return GeneratorMonitor(training, **{"every": 100, "samples": 128, "first": 0, **options})


def failures(alarms: tuple[Alarm, ...]) -> set[str]:
    return {one.failure for one in alarms}


def test_fresh_images_raise_no_alarm_over_many_looks() -> None:
    alarmed = 0
    for run in range(6):
        watch = monitor(clothes(1000, seed=run), seed=run)
        alarmed += any(watch.look(step, clothes(128, seed=1000 * run + step)) for step in range(1, 25))
    # With a bound of 5 % a run, two of six runs would come about once in thirty cases.
    assert alarmed <= 1


def test_held_out_digits_raise_no_alarm(digits: Tensor) -> None:
    watch = monitor(digits[:1500])
    assert not any(watch.look(step, digits[1500 + 16 * step :][:128]) for step in range(8))


@pytest.mark.parametrize(("share", "severity"), [(0.05, "partial"), (0.5, "severe"), (1.0, "severe")])
def test_copies_are_found_with_noise_and_as_they_are(share: float, severity: str) -> None:
    training = clothes(3000, seed=0)
    samples = clothes(256, seed=1)
    copies = round(share * 256)
    random = torch.Generator().manual_seed(2)
    noisy = training[100 : 100 + copies] + 0.02 * torch.randn(copies, 1, 16, 16, generator=random)
    samples[:copies] = noisy
    (alarm,) = monitor(training, samples=256).look(7, samples)
    assert (alarm.failure, alarm.severity, alarm.step) == ("memorisation", severity, 7)
    assert alarm.share == pytest.approx(share, abs=0.02)
    assert "near-copies of training images" in alarm.sentence


def test_blurry_samples_are_no_copies() -> None:
    blurred = torch.nn.functional.avg_pool2d(clothes(256, seed=1), 5, stride=1, padding=2)
    assert "memorisation" not in failures(monitor(clothes(3000, seed=0), samples=256).look(1, blurred))


def test_collapse_to_few_images_with_noise_is_found() -> None:
    random = torch.Generator().manual_seed(3)
    modes = clothes(4, seed=1)[torch.arange(128) % 4]
    alarms = monitor(clothes(2000, seed=0)).look(1, modes + 0.01 * torch.randn(modes.shape, generator=random))
    repeated = [one for one in alarms if "near-duplicate" in one.sentence]
    assert (repeated[0].severity, repeated[0].share) == ("severe", 1.0)


def test_collapse_to_a_narrow_region_is_found_by_how_far_samples_are_apart() -> None:
    training = clothes(2000, seed=0)
    narrow = training.mean(dim=0) + 0.2 * clothes(128, seed=1)
    (alarm,) = (one for one in monitor(training).look(1, narrow) if "far apart" in one.sentence)
    assert alarm.severity == "severe"
    assert alarm.share == pytest.approx(0.2, abs=0.03)


def test_it_looks_only_when_due_and_draws_as_many_as_it_says() -> None:
    asked: list[int] = []

    def draw(count: int) -> Tensor:
        asked.append(count)
        return clothes(count, seed=5)

    watch = monitor(clothes(1000, seed=0), first=200)
    for step in range(0, 401, 50):
        watch(step, draw)
    assert asked == [128, 128, 128]
    assert watch.looks == 3


def test_a_late_look_still_sees_a_collapse() -> None:
    watch = monitor(clothes(1000, seed=0))
    watch.load_state_dict({"looks": 350})
    assert failures(watch.look(1, clothes(4, seed=1)[torch.arange(128) % 4])) == {"mode-collapse"}


def test_the_tail_beyond_the_permutations_is_no_lighter_than_the_true_one() -> None:
    # Of one feature alone the statistic is as skewed as it gets; its distribution is drawn at length for comparison.
    random = np.random.default_rng(0)
    x = torch.from_numpy(random.standard_normal(64)).float()
    matrix = torch.outer(x, x)

    def statistic(labels: Tensor) -> Tensor:
        return _within(matrix, labels)

    labels = np.zeros((300_000, 64), dtype=np.float32)
    labels[:, :32] = 1
    drawn = statistic(torch.from_numpy(random.permuted(labels, axis=1))).numpy()
    standard = (drawn - drawn.mean()) / drawn.std()
    for z in (6.0, 8.0):
        assert (standard > z).mean() <= 1.3 * chi2.sf(1 + math.sqrt(2) * z, df=1)


def test_levels_of_all_looks_add_up_to_the_bound() -> None:
    levels = [level_of_look(look, 0.05) for look in range(1, 100 * (2**10 - 1) + 1)]
    assert levels[0] == levels[99] == pytest.approx(0.05 / 2 / 100)
    assert levels[100] == levels[299] == pytest.approx(0.05 / 4 / 200)
    assert sum(levels) == pytest.approx(0.05 * (1 - 2**-10))


def test_a_resumed_monitor_says_what_an_uninterrupted_one_says() -> None:
    training, samples = clothes(1000, seed=0), clothes(4, seed=1)[torch.arange(128) % 4]
    straight = monitor(training)
    straight.look(1, clothes(128, seed=9))
    resumed = monitor(training)
    resumed.load_state_dict(straight.state_dict())
    assert straight.look(2, samples) == resumed.look(2, samples) != ()


def test_bytes_and_floats_colours_and_sizes_are_the_same_pictures() -> None:
    grey = torch.randint(0, 256, (3, 1, 32, 48), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    small = small_grey(grey)
    assert small.shape == (3, 256)
    assert small.abs().max() <= 1
    assert torch.allclose(small, small_grey(grey.float() / 127.5 - 1), atol=1e-6)
    assert torch.allclose(small, small_grey(grey.expand(3, 3, 32, 48)), atol=1e-6)
    by_hand = grey[0, 0, :2, :3].float().mean() / 127.5 - 1
    assert small[0, 0] == pytest.approx(float(by_hand), abs=1e-6)


@pytest.mark.parametrize("options", [{"every": 0}, {"samples": 8}, {"first": -1}, {"false_alarms": 1.0}])
def test_options_out_of_range(options: dict[str, float]) -> None:
    with pytest.raises(OptionError, match="a monitor can't"):
        GeneratorMonitor(torch.zeros(2000, 1, 8, 8), **options)  # type: ignore[arg-type]


def test_too_few_images_and_other_shapes() -> None:
    with pytest.raises(NotEnoughImagesError, match="512 training images"):
        GeneratorMonitor(torch.zeros(100, 1, 8, 8), samples=128)
    with pytest.raises(OptionError, match="shape"):
        GeneratorMonitor(torch.zeros(2000, 64))
    with pytest.raises(OptionError, match="int64"):
        GeneratorMonitor(torch.zeros(2000, 1, 8, 8, dtype=torch.int64))


def test_constant_training_images_break_nothing() -> None:
    watch = monitor(torch.zeros(1000, 1, 8, 8))
    assert watch.look(1, torch.zeros(128, 1, 8, 8)) == ()
