"""pix2pix: its losses are the paper's, it learns a mapping from pairs, and it goes on exactly."""

from __future__ import annotations

import copy
import io
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ganeval.errors import OptionError
from ganeval.generators.configuration import configured
from ganeval.generators.data_kinds import Batch
from ganeval.generators.model import Step
from ganeval.generators.models.dcgan import DCGAN
from ganeval.generators.models.pix2pix import Pix2Pix
from ganeval.generators.training.data import ImageArrays
from ganeval.generators.training.settings import TrainingSettings
from ganeval.generators.training.trainer import Trainer

SMALL = {"size": "16x16", "channels": 1, "width": 4}


def model(**options: Any) -> Pix2Pix:
    return Pix2Pix.initialised(configured(Pix2Pix.Config, SMALL | options), seed=1)


def pairs(count: int = 24, other_channels: int = 1, seed: int = 0) -> ImageArrays:
    """Blocks, and their negatives in as many channels."""
    images = np.random.default_rng(seed).integers(0, 256, (count, 1, 4, 4), dtype=np.uint8)
    images = images.repeat(4, axis=2).repeat(4, axis=3)
    return ImageArrays(images, None, (255 - images).repeat(other_channels, axis=1), "paired")


def step_with(images: Tensor, others: Tensor) -> Step:
    return Step(
        0, len(images), torch.device("cpu"), torch.Generator().manual_seed(0), lambda: Batch(images, None, others)
    )


class Constant(nn.Module):
    """Gives the same value for every image, or every patch."""

    def __init__(self, value: float, channels: int = 1) -> None:
        super().__init__()
        self.value, self.channels = nn.Parameter(torch.tensor(value)), channels
        self.seen: list[Tensor] = []

    def forward(self, images: Tensor, random: torch.Generator | None = None) -> Tensor:
        self.seen.append(images)
        return self.value.expand(len(images), self.channels, *images.shape[2:])


def test_losses_by_hand() -> None:
    translator = model(channels=2, other_channels=1)
    translator.generator, translator.discriminator = Constant(0.5), Constant(0.25)
    images, others = torch.full((3, 2, 16, 16), 0.1), torch.full((3, 1, 16, 16), -0.25)
    others[0] = 1.0
    losses = translator.generator_loss(step_with(images, others))
    # λ = 100 times the mean of 0.5, 0.75 and 0.75; −log σ(0.25).
    assert losses["l1"].item() == pytest.approx(100 * 2 / 3, rel=1e-6)
    assert losses["adversarial"].item() == pytest.approx(np.log1p(np.exp(-0.25)), rel=1e-6)
    found = translator.discriminator_loss(step_with(images, others))
    expected = (np.log1p(np.exp(-0.25)) + np.log1p(np.exp(0.25))) / 2
    assert found["adversarial"].item() == pytest.approx(expected, rel=1e-6)
    # It sees the input beside the output: first real pairs, then translations.
    _, real, fake = translator.discriminator.seen
    assert torch.equal(real, torch.cat([images, others], dim=1))
    assert torch.equal(fake, torch.cat([images, torch.full((3, 1, 16, 16), 0.5)], dim=1))


def test_the_discriminator_gives_the_generator_no_gradient() -> None:
    translator = model()
    data = pairs().read([torch.arange(4)])
    assert data.others is not None
    sum(translator.discriminator_loss(step_with(data.images, data.others)).values()).backward()  # type: ignore[union-attr]
    assert all(parameter.grad is None for parameter in translator.generator.parameters())
    assert any(parameter.grad is not None for parameter in translator.discriminator.parameters())


@pytest.mark.parametrize("direction", ["a-to-b", "b-to-a"])
def test_directions(direction: str) -> None:
    translator = model(channels=1, other_channels=3, direction=direction)
    assert translator.directions == (direction,)
    inputs, outputs = (1, 3) if direction == "a-to-b" else (3, 1)
    made = translator.translate(torch.zeros(2, inputs, 20, 17), direction, torch.Generator())
    assert made.shape == (2, outputs, 20, 17)
    trainer = Trainer(translator, pairs(other_channels=3), TrainingSettings(batch_size=4))
    assert set(trainer.step()) == {"discriminator/adversarial", "generator/adversarial", "generator/l1"}


@pytest.mark.parametrize("size", ["28x28", "32x48", "30x26"])
@pytest.mark.parametrize("norm", ["instance", "batch", "none"])
def test_a_step_at_other_sizes(size: str, norm: str) -> None:
    height, width = (int(part) for part in size.split("x"))
    images = np.random.default_rng(0).integers(0, 256, (4, 3, height, width), dtype=np.uint8)
    translator = model(size=size, channels=3, norm=norm, jitter=0.12)
    losses = Trainer(translator, ImageArrays(images, None, images, "paired"), TrainingSettings(batch_size=2)).step()
    assert all(np.isfinite(value) for value in losses.values())


def test_a_batch_of_one_as_in_the_paper() -> None:
    losses = Trainer(model(), pairs(), TrainingSettings(batch_size=1)).step()
    assert all(np.isfinite(value) for value in losses.values())
    with pytest.raises(OptionError, match="a batch of 1 is too small for this model"):
        Trainer(
            DCGAN.initialised(configured(DCGAN.Config, {"size": 16, "channels": 1, "width": 2}), 0),
            pairs(),
            TrainingSettings(batch_size=1),
        )


def test_it_learns_the_mapping_of_the_pairs() -> None:
    trainer = Trainer(model(width=8, learning_rate=2e-3), pairs(64), TrainingSettings(batch_size=8, average_decay=0.9))
    first = trainer.step()["generator/l1"]
    for _ in range(60):
        last = trainer.step()["generator/l1"]
    assert last < first / 2
    hidden = pairs(16, seed=9).read([torch.arange(16)])
    made = trainer.averaged_model().translate(hidden.images, "a-to-b", torch.Generator().manual_seed(0))  # type: ignore[operator]
    assert hidden.others is not None
    identity = (hidden.images - hidden.others).abs().mean()
    assert (made - hidden.others).abs().mean() < identity / 2


def test_a_resumed_run_goes_on_bit_for_bit() -> None:
    settings = TrainingSettings(batch_size=4, seed=3, flip=True)
    options = {"jitter": 0.2, "decay_after": 2, "decay_steps": 10}
    whole = Trainer(model(**options), pairs(), settings)
    for _ in range(6):
        whole.step()
    first = Trainer(model(**options), pairs(), settings)
    for _ in range(3):
        first.step()
    stream = io.BytesIO()
    torch.save(first.state(), stream)
    torch.manual_seed(77)
    second = Trainer(model(**options), pairs(), settings)
    second.restore(torch.load(io.BytesIO(stream.getvalue()), weights_only=True))
    for _ in range(3):
        second.step()
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, second.model.state_dict()[name]), name


def test_the_learning_rate_falls_to_nothing() -> None:
    trainer = Trainer(model(decay_after=1, decay_steps=2), pairs(), TrainingSettings(batch_size=4))
    weights = []
    for _ in range(5):
        weights.append(copy.deepcopy(trainer.model.generator.state_dict()))  # type: ignore[union-attr]
        trainer.step()
    moved = [not all(torch.equal(after[name], before[name]) for name in before) for before, after in pairwise(weights)]
    # At full height, full height, half, and 0 from then on.
    assert moved == [True, True, True, False]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"direction": "forwards"}, "unknown direction 'forwards'"),
        ({"norm": "layer"}, "unknown norm 'layer'"),
        ({"depth": 9}, "depth 9 is too deep for 16×16"),
        ({"patch_layers": 3}, "can't judge images of 16×16"),
        ({"dropout": 1.0}, "dropout of the model is 1.0"),
        ({"loss": "lsgam"}, "unknown adversarial loss 'lsgam'"),
        ({"l1_weight": -1.0}, "l1_weight of the model is -1.0"),
        ({"other_channels": 0}, "other_channels of the model is 0"),
        ({"learning_rate": 0.0}, "the learning rate is 0.0"),
        ({"decay_steps": -1}, "falls after 0, over -1"),
    ],
)
def test_bad_options_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        model(**options)
