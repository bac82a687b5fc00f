"""Alarms go off on what was made to fail, and on nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from ganeval.errors import OptionError
from ganeval.generators.configuration import configured
from ganeval.generators.models.dcgan import DCGAN
from ganeval.generators.training.alarms import Alarms, AlarmSettings, Variety
from ganeval.generators.training.data import ImageArrays
from ganeval.generators.training.diverged import DivergedError
from ganeval.generators.training.settings import TrainingSettings
from ganeval.generators.training.trainer import Trainer

NOW = AlarmSettings(every=1, first=0, patience=2, saturated_for=3)


def trainer() -> Trainer:
    config = configured(DCGAN.Config, {"size": 8, "channels": 1, "width": 4, "latent": 5})
    images = np.random.default_rng(0).integers(0, 256, (64, 1, 8, 8), dtype=np.uint8)
    return Trainer(DCGAN.initialised(config, seed=0), ImageArrays(images), TrainingSettings(batch_size=8))


def render(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DCGAN, "render", lambda self, latents: made(latents["z"]))


def test_variety_by_hand() -> None:
    images = torch.zeros(3, 1, 2, 2)
    images[1, 0, 0, 0], images[2, 0, 0, 0] = 8.0, 20.0
    # Distances 8, 12 and 20 over four pixels; standard deviations 0, 8·√(3/16) and 20·√(3/16).
    variety = Variety.of(images)
    assert variety.between == pytest.approx(12 / 2)
    assert variety.within == pytest.approx(28 / 3 * (3 / 16) ** 0.5)


def test_a_constant_generator_is_collapsed(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(1)) * 2 - 1
    render(lambda z: picture.expand(len(z), -1, -1, -1), monkeypatch)
    alarms = Alarms(trainer(), NOW)
    alarms.check({})
    with pytest.raises(DivergedError, match=r"nearly identical, 0\.0% as far apart"):
        alarms.check({})


def test_almost_the_same_image_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(1)) * 2 - 1
    for share, collapsed in ((0.02, True), (0.3, False)):
        render(lambda z, share=share: picture + share * _noise(z), monkeypatch)
        alarms = Alarms(trainer(), NOW)
        alarms.check({})
        if collapsed:
            with pytest.raises(DivergedError, match="nearly identical"):
                alarms.check({})
        else:
            alarms.check({})


def _noise(z: torch.Tensor) -> torch.Tensor:
    return torch.rand(len(z), 1, 8, 8, generator=torch.Generator().manual_seed(2)) * 2 - 1


def test_images_of_one_colour_each_are_collapsed(monkeypatch: pytest.MonkeyPatch) -> None:
    render(lambda z: z[:, :1, None, None].expand(-1, 1, 8, 8), monkeypatch)
    alarms = Alarms(trainer(), NOW)
    alarms.check({})
    with pytest.raises(DivergedError, match="each is of one colour"):
        alarms.check({})


def test_it_has_to_last_and_not_to_be_early(monkeypatch: pytest.MonkeyPatch) -> None:
    flat, varied = (lambda z: torch.zeros(len(z), 1, 8, 8)), _noise
    alarms = Alarms(trainer(), NOW)
    for made in (flat, varied, flat, varied, flat):
        render(made, monkeypatch)
        alarms.check({})
    other = Alarms(trainer(), NOW)
    other.restore(alarms.state())
    for one in (alarms, other):
        with pytest.raises(DivergedError):
            one.check({})
    patient = Alarms(trainer(), AlarmSettings(every=1, first=1, patience=1))
    patient.check({})


def test_honest_training_raises_none() -> None:
    running = trainer()
    alarms = Alarms(running, AlarmSettings(every=1, first=10, patience=1, narrowest=1e-3))
    for _ in range(14):
        alarms.check(running.step())


def test_a_discriminator_that_never_errs() -> None:
    alarms = Alarms(trainer(), AlarmSettings(saturated_for=3))
    sure, unsure = {"discriminator/adversarial": 1e-5}, {"discriminator/adversarial": 0.5}
    for losses in (sure, sure, unsure, sure, sure):
        alarms.check(losses | {"generator/adversarial": 0.0, "discriminator/penalty": 0.0})
    with pytest.raises(
        DivergedError, match=r"saturated: discriminator/adversarial has stayed below 0\.001 for 3 steps"
    ):
        alarms.check(sure)
    wasserstein = Alarms(trainer(), AlarmSettings(saturated_for=3))
    for _ in range(9):
        wasserstein.check({"discriminator/adversarial": -3.0})


@pytest.mark.parametrize("name", ["every", "patience", "saturated_for"])
def test_settings_are_checked(name: str) -> None:
    with pytest.raises(OptionError, match=f"{name} of the alarms is 0"):
        AlarmSettings(**{name: 0})
