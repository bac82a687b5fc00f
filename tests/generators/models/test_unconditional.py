"""Each unconditional model trains, resumes without a trace, is stored and makes the samples it made before."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ganeval.errors import OptionError
from ganeval.generators.adversarial import AdversarialModel
from ganeval.generators.configuration import configured, plain
from ganeval.generators.registry import MODELS
from ganeval.generators.streams import random_stream
from ganeval.generators.training.data import ImageArrays
from ganeval.generators.training.settings import TrainingSettings
from ganeval.generators.training.trainer import Trainer
from ganeval.generators.weights_file import load_model, save_model

NAMES = ("gan", "lsgan", "dragan", "ebgan", "began", "wgan", "wgan-gp", "sngan", "sagan")
TINY: dict[str, dict[str, Any]] = {name: {"latent": 6, "width": 4} for name in NAMES} | {
    "gan": {"latent": 6, "width": 12, "units": 5, "pieces": 2},
}
SIZES = (((28, 28), 1), ((16, 24), 3), ((8, 8), 5))


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def built(name: str, size: tuple[int, int] = (8, 8), channels: int = 1, **options: Any) -> AdversarialModel:
    kind = MODELS.get(name)
    config = configured(kind.Config, {**TINY[name], "size": list(size), "channels": channels, **options})
    model = kind.initialised(config, seed=0)
    assert isinstance(model, AdversarialModel)
    return model


def trainer_of(model: AdversarialModel, batch_size: int = 8, **settings: Any) -> Trainer:
    channels, size = model.config.channels, model.config.size
    images = np.random.default_rng(1).integers(0, 256, (20, channels, *size), dtype=np.uint8)
    return Trainer(model, ImageArrays(images), TrainingSettings(batch_size=batch_size, **settings))


def samples(model: AdversarialModel, count: int = 3) -> torch.Tensor:
    with torch.inference_mode():
        return model.render(model.draw(count, random_stream(0)))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("size", "channels"), SIZES)
def test_a_step_moves_both_networks_at_any_size(name: str, size: tuple[int, int], channels: int) -> None:
    model = built(name, size, channels)
    before = {key: value.clone() for key, value in model.named_parameters()}
    trainer = trainer_of(model, batch_size=2)
    losses = [trainer.step() for _ in range(2)][-1]
    assert np.isfinite(list(losses.values())).all()
    assert {key.split("/")[0] for key in losses} == {"discriminator", "generator"}
    moved = {key.split(".")[0] for key, value in model.named_parameters() if not torch.equal(before[key], value)}
    assert moved == {"generator", "discriminator"}
    images = samples(trainer.averaged_model())  # type: ignore[arg-type]
    assert images.shape == (3, channels, *size)
    assert images.dtype == torch.float32
    assert images.abs().max() <= 1


@pytest.mark.parametrize("name", NAMES)
def test_a_resumed_run_goes_on_bit_for_bit(name: str) -> None:
    whole = trainer_of(built(name))
    half = trainer_of(built(name))
    for _ in range(2):
        whole.step(), half.step()
    stored = io.BytesIO()
    torch.save(half.state(), stored)
    torch.manual_seed(99)
    resumed = trainer_of(built(name))
    resumed.restore(torch.load(io.BytesIO(stored.getvalue()), weights_only=True))
    for _ in range(2):
        assert whole.step() == resumed.step()
    for key, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[key]), key
    for key, value in whole.averages.state_dict().items():
        assert torch.equal(value, resumed.averages.state_dict()[key]), key
    assert torch.equal(torch.get_rng_state(), torch.manual_seed(99).get_state()), "global randomness was drawn from"


@pytest.mark.parametrize("name", NAMES)
def test_the_sampled_networks_are_stored_alone_and_make_the_same_images(name: str, tmp_path: Path) -> None:
    trainer = trainer_of(built(name, (16, 16)))
    trainer.step()
    model = trainer.averaged_model()
    assert isinstance(model, AdversarialModel)
    save_model(tmp_path / "g", name, model, {})
    loaded = load_model(tmp_path / "g")
    assert isinstance(loaded, AdversarialModel)
    assert not hasattr(loaded, "discriminator")
    assert torch.equal(samples(loaded), samples(model))
    assert torch.equal(samples(loaded, 3), samples(loaded, 3)), "something moved between two renderings"


@pytest.mark.parametrize("name", NAMES)
def test_accumulated_gradients_and_penalties_of_other_models_go_with_all(name: str) -> None:
    options = {"penalty": "r1", "penalty_every": 2} | ({"norm": "none"} if name in ("lsgan", "wgan") else {})
    trainer = trainer_of(built(name, **options), accumulate=2)
    losses = [trainer.step(), trainer.step()]
    assert "penalty/penalty" in losses[0]
    assert "penalty/penalty" not in losses[1]
    assert np.isfinite([*losses[0].values(), *losses[1].values()]).all()


PAPERS: dict[str, dict[str, Any]] = {
    "gan": {"loss": "non-saturating", "width": 1200, "units": 240, "pieces": 5, "critic_steps": 1},
    "lsgan": {"loss": "lsgan", "betas": (0.5, 0.999)},
    "dragan": {"loss": "non-saturating", "penalty": "dragan", "penalty_weight": None, "critic_steps": 1},
    "ebgan": {"generator_rate": 1e-3, "discriminator_rate": 1e-3, "pulling_away": 0.1},
    "began": {"gamma": 0.5, "gain": 1e-3, "generator_rate": 1e-4, "latent": 64, "prior": "uniform"},
    "wgan": {"loss": "wasserstein", "optimiser": "rmsprop", "generator_rate": 5e-5, "discriminator_rate": 5e-5}
    | {"clip": 0.01, "critic_steps": 5},
    "wgan-gp": {"penalty": "gradient-penalty", "critic_steps": 5, "generator_rate": 1e-4, "betas": (0.0, 0.9)}
    | {"norm": "none"},
    "sngan": {"loss": "hinge", "generator_rate": 2e-4, "discriminator_rate": 2e-4, "architecture": "residual"},
    "sagan": {"loss": "hinge", "generator_rate": 1e-4, "discriminator_rate": 4e-4, "betas": (0.0, 0.9)},
}


@pytest.mark.parametrize("name", NAMES)
def test_defaults_are_the_papers(name: str) -> None:
    kind = MODELS.get(name)
    found = vars(kind.Config())
    assert {key: found[key] for key in PAPERS[name]} == PAPERS[name]
    assert (kind.info.task, kind.info.data) == ("unconditional", "images")
    assert configured(kind.Config, plain(kind.Config())) == kind.Config()


@pytest.mark.parametrize(
    ("name", "option", "value", "hint"),
    [
        ("gan", "dropout", 1.0, "gan"),
        ("gan", "pieces", 0, ""),
        ("wgan", "clip", 0.0, ""),
        ("ebgan", "margin", -1.0, ""),
        ("ebgan", "loss", "hinge", "Leave out"),
        ("began", "loss", "hinge", "Leave out"),
        ("began", "gamma", 1.5, ""),
        ("sngan", "architecture", "residuel", "residual"),
        ("sngan", "norm", "bacth", "batch"),
        ("lsgan", "widest", 0, ""),
        ("dragan", "discriminator_width", 0, ""),
        ("sagan", "size", [30, 30], "28"),
        ("sngan", "size", [4, 4], "28"),
        ("began", "size", [9, 9], "28"),
    ],
)
def test_impossible_options_are_named(name: str, option: str, value: Any, hint: str) -> None:
    with pytest.raises(OptionError) as refusal:
        configured(MODELS.get(name).Config, {option: value})
    assert option in refusal.value.message or "30×30" in refusal.value.message or "pixels" in refusal.value.message
    assert hint in str(refusal.value)
