"""The trainer on models made for the purpose: what it moves, when, on which data, and that it goes on exactly."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ganeval.errors import ImageSourceError, WeightsError
from ganeval.generators.configuration import ModelConfig, configured
from ganeval.generators.model import GenerativeModel, Losses, ModelInfo, Phase, Step
from ganeval.generators.models.dcgan import DCGAN
from ganeval.generators.optimisers import Optimiser
from ganeval.generators.training.data import ImageArrays, Order
from ganeval.generators.training.diverged import DivergedError
from ganeval.generators.training.settings import TrainingSettings
from ganeval.generators.training.trainer import Trainer


@dataclass(frozen=True)
class TinyConfig(ModelConfig):
    """Two numbers that descend towards the mean of the data."""


class Tiny(GenerativeModel):
    """Each network is one number; phases are recorded."""

    info = ModelInfo("Tiny", "nobody", "unconditional", "images")
    Config: ClassVar[type[ModelConfig]] = TinyConfig
    networks = ("generator", "discriminator")
    sampled = ("generator",)

    def __init__(self, config: ModelConfig, only: Sequence[str] | None = None) -> None:
        super().__init__(config, only)
        self.seen: list[tuple[str, int, Tensor]] = []
        self.plan: list[Phase] = []

    def build(self, name: str) -> nn.Module:
        layer = nn.Linear(1, 1, bias=False)
        nn.init.ones_(layer.weight)
        return layer

    def phases(self) -> Sequence[Phase]:
        return self.plan

    def towards_mean(self, name: str, other: str) -> Callable[[Step], Losses]:
        def loss(step: Step) -> Losses:
            images = step.batch.images
            self.seen.append((name, step.number, images.flatten(1)[:, 0].clone()))
            mine, theirs = self.get_submodule(name).weight, self.get_submodule(other).weight  # type: ignore[union-attr]
            return {"distance": ((mine - images.mean()) ** 2).sum() + 0 * theirs.sum()}

        return loss


def levels(count: int = 10) -> ImageArrays:
    """Images that are all of one level, their number times 10."""
    return ImageArrays(np.arange(count, dtype=np.uint8)[:, None, None, None].repeat(4, 2) * 10)


def tiny(*phases: dict[str, Any], settings: TrainingSettings | None = None, count: int = 10) -> tuple[Tiny, Trainer]:
    model = Tiny.initialised(TinyConfig(channels=1, size=(4, 1)), seed=0)
    for phase in phases:
        other = {"generator": "discriminator", "discriminator": "generator"}[phase["modules"][0]]
        model.plan.append(Phase(loss=model.towards_mean(phase["modules"][0], other), **phase))
    return model, Trainer(model, levels(count), settings or TrainingSettings(batch_size=4))


SGD = Optimiser("sgd", 0.25, (0.0, 0.0))


def test_a_phase_moves_its_networks_alone_and_by_the_mean_gradient() -> None:
    model, trainer = tiny({"name": "d", "modules": ("discriminator",), "optimiser": SGD})
    losses = trainer.step()
    mean = model.seen[0][2].mean().item()
    assert losses == {"d/distance": pytest.approx((1 - mean) ** 2)}
    assert model.discriminator.weight.item() == pytest.approx(1 - 0.25 * 2 * (1 - mean))
    assert model.generator.weight.item() == 1
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_repeats_and_intervals_and_each_image_once_an_epoch() -> None:
    model, trainer = tiny(
        {"name": "d", "modules": ("discriminator",), "optimiser": SGD, "repeats": 2},
        {"name": "lazy", "modules": ("discriminator",), "optimiser": "d", "every": 3},
        {"name": "g", "modules": ("generator",), "optimiser": SGD},
        settings=TrainingSettings(batch_size=2),
    )
    for _ in range(6):
        trainer.step()
    ran = [[name for name, step, _ in model.seen if step == number] for number in range(6)]
    lazy, plain = ["discriminator"] * 3 + ["generator"], ["discriminator"] * 2 + ["generator"]
    assert ran == [lazy, plain, plain, lazy, plain, plain]
    # Twenty batches of 2 out of 10 images: every five hold each image once.
    batches = [levels for _, _, levels in model.seen]
    assert len(batches) == 20
    for epoch in range(4):
        seen = torch.cat(batches[5 * epoch : 5 * epoch + 5])
        assert sorted(((seen + 1) * 12.75).round().int().tolist()) == list(range(10))
    assert trainer.steps_per_epoch == pytest.approx(5 / (2 + 1 / 3 + 1))


def test_accumulated_micro_batches_are_the_whole_batch() -> None:
    found = []
    for accumulate in (1, 2, 4):
        model, trainer = tiny(
            {"name": "d", "modules": ("discriminator",), "optimiser": SGD},
            settings=TrainingSettings(batch_size=4, accumulate=accumulate),
        )
        trainer.step()
        found.append(sorted(torch.cat([levels for _, _, levels in model.seen]).tolist()))
        assert len(model.seen) == accumulate
    assert found[0] == found[1] == found[2]


def test_the_average_follows_with_the_decay_of_its_step() -> None:
    model, trainer = tiny({"name": "g", "modules": ("generator",), "optimiser": SGD})
    expected = 1.0
    for step in range(5):
        trainer.step()
        decay = min(0.999, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * model.generator.weight.item()
        assert trainer.averages["generator"].weight.item() == pytest.approx(expected, rel=1e-5)
    assert trainer.averaged_model().generator is trainer.averages["generator"]
    assert not trainer.averages.training


def test_a_loss_that_is_not_finite_stops_before_it_moves_anything() -> None:
    model, trainer = tiny({"name": "d", "modules": ("discriminator",), "optimiser": SGD})
    with torch.no_grad():
        model.discriminator.weight.fill_(float("inf"))
    with pytest.raises(DivergedError, match="step 1: the loss d/distance is inf"):
        trainer.step()
    assert model.discriminator.weight.item() == float("inf")


def images(count: int = 60) -> ImageArrays:
    return ImageArrays(np.random.default_rng(0).integers(0, 256, (count, 1, 28, 28), dtype=np.uint8))


def dcgan(settings: TrainingSettings | None = None, **options: Any) -> Trainer:
    config = configured(DCGAN.Config, {"size": 28, "channels": 1, "width": 4, "latent": 5, **options})
    return Trainer(DCGAN.initialised(config, seed=3), images(), settings or TrainingSettings(batch_size=8))


def through_a_file(state: dict[str, Any]) -> dict[str, Any]:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    loaded: dict[str, Any] = torch.load(file, weights_only=True)
    return loaded


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"loss": "wasserstein", "penalty": "gradient-penalty", "critic_steps": 2, "norm": "none", "betas": "0,0.9"},
        {"loss": "hinge", "penalty": "r1", "penalty_every": 3, "norm": "instance", "optimiser": "rmsprop"},
    ],
)
def test_a_resumed_run_is_the_uninterrupted_one_bit_for_bit(options: dict[str, Any]) -> None:
    settings = TrainingSettings(batch_size=8, flip=True, accumulate=2)
    straight, first, second = (dcgan(settings, **options) for _ in range(3))
    losses = [straight.step() for _ in range(8)][-1]
    for _ in range(5):
        first.step()
    torch.manual_seed(99)
    second.restore(through_a_file(first.state()))
    assert [second.step() for _ in range(3)][-1] == losses
    for whole, resumed in ((straight.model, second.model), (straight.averages, second.averages)):
        for name, values in whole.state_dict().items():
            assert torch.equal(values, resumed.state_dict()[name]), name


def test_first_weights_follow_from_the_seed_and_leave_torch_alone() -> None:
    config = configured(DCGAN.Config, {"size": 28, "channels": 1, "width": 4})
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one, two, other = (DCGAN.initialised(config, seed) for seed in (0, 0, 1))
    assert torch.equal(before, torch.get_rng_state())
    weights = [model.generator.layers[0].weight for model in (one, two, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_resuming_another_run_is_refused_with_what_differs() -> None:
    state = dcgan().state()
    other = dcgan(TrainingSettings(batch_size=10), loss="hinge")
    with pytest.raises(WeightsError, match=r"loss was 'non-saturating' and is 'hinge'; batch_size was 8 and is 10"):
        other.restore(state)
    with pytest.raises(WeightsError, match="of another run: the training images are others"):
        dcgan().restore({**state, "data": "0"})
    with pytest.raises(WeightsError, match="not complete"):
        dcgan().restore({key: value for key, value in state.items() if key != "averages"})


def test_fewer_images_than_a_batch() -> None:
    with pytest.raises(ImageSourceError, match="60 training images are fewer than one batch of 64"):
        dcgan(TrainingSettings(batch_size=64))


def test_order_is_a_permutation_each_epoch_and_follows_from_the_number() -> None:
    order = Order(10, 3, seed=1)
    batches = [order.batch(number) for number in range(6)]
    for epoch in range(2):
        seen = torch.cat(batches[3 * epoch : 3 * epoch + 3]).tolist()
        assert len(set(seen)) == 9
    assert torch.equal(Order(10, 3, seed=1).batch(5), batches[5])
    assert not torch.equal(batches[0], batches[3])
