"""The monitor in a training run: it sees constructed collapses, leaves training alone, and counts on when resumed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from ganeval.errors import OptionError
from ganeval.generators.configuration import configured
from ganeval.generators.registry import MODELS
from ganeval.generators.training.data import ImageArrays
from ganeval.generators.training.monitoring import Monitoring, MonitorSettings
from ganeval.generators.training.settings import TrainingSettings
from ganeval.generators.training.trainer import Trainer


def trainer(name: str = "gan", images: int = 1200, **options: Any) -> Trainer:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (images, 1, 8, 8), dtype=np.uint8)
    kind = MODELS.get(name)
    config = configured(kind.Config, {"size": (8, 8), "channels": 1, **options})
    others = pixels[:, :, ::-1].copy() if name == "pix2pix" else None
    data = ImageArrays(pixels, others=others, kind="images" if others is None else "paired")
    return Trainer(kind.initialised(config, 0), data, TrainingSettings(batch_size=8), torch.device("cpu"))


SMALL = {"width": 8, "units": 4, "latent": 4}


def test_an_untrained_generator_is_seen_as_collapsed_when_a_look_is_due() -> None:
    run = trainer(**SMALL)
    watch = Monitoring(run, MonitorSettings(every=2, first=2))
    run.step()
    assert watch.check() == ()
    run.step()
    alarms = watch.check()
    assert {one.failure for one in alarms} == {"mode-collapse"}
    assert all(one.step == 2 for one in alarms)
    assert watch.state() == {"looks": 1}


def test_it_changes_nothing_of_the_training() -> None:
    alone, watched = trainer(**SMALL), trainer(**SMALL)
    watch = Monitoring(watched, MonitorSettings(every=1, first=0))
    for _ in range(3):
        alone.step()
        watched.step()
        watch.check()
    ours, theirs = alone.model.state_dict(), watched.model.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_resumed_run_counts_on_and_says_the_same() -> None:
    run = trainer(**SMALL)
    straight = Monitoring(run, MonitorSettings(every=1, first=0))
    run.step()
    straight.check()
    resumed = Monitoring(run, MonitorSettings(every=1, first=0))
    resumed.restore(straight.state())
    run.step()
    assert straight.check() == resumed.check() != ()
    assert resumed.state() == {"looks": 2}


@pytest.mark.parametrize(("name", "images"), [("pix2pix", 1200), ("gan", 500)])
def test_translators_and_small_sets_are_left_alone(name: str, images: int) -> None:
    run = trainer(name, images, **(SMALL if name == "gan" else {"width": 2, "depth": 2}))
    run.step()
    watch = Monitoring(run, MonitorSettings(every=1, first=0))
    assert not watch.active
    assert watch.check() == ()
    assert watch.state() == {"looks": 0}


def test_settings_out_of_range() -> None:
    with pytest.raises(OptionError, match="every -1 steps"):
        MonitorSettings(every=-1)
