"""CycleGAN: its losses are the paper's, cycles close, and it goes on exactly with its history of images."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ganeval.errors import OptionError
from ganeval.generators.configuration import configured
from ganeval.generators.data_kinds import Batch
from ganeval.generators.model import Step
from ganeval.generators.models.cyclegan import CycleGAN
from ganeval.generators.training.data import ImageArrays
from ganeval.generators.training.settings import TrainingSettings
from ganeval.generators.training.trainer import Trainer
from ganeval.generators.weights_file import load_model, save_model

SMALL = {"size": "12x12", "channels": 1, "width": 4, "blocks": 1, "history": 5}


def model(**options: Any) -> CycleGAN:
    return CycleGAN.initialised(configured(CycleGAN.Config, SMALL | options), seed=1)


def domains(count: int = 20, others: int = 14, channels: int = 1) -> ImageArrays:
    """Bright squares on black, and dark squares on white."""
    random = np.random.default_rng(0)
    images = np.zeros((count + others, 1, 12, 12), np.uint8)
    for image, (top, left) in zip(images, random.integers(0, 6, (len(images), 2)), strict=True):
        image[0, top : top + 6, left : left + 6] = random.integers(128, 256)
    return ImageArrays(images[:count], None, (255 - images[count:]).repeat(channels, axis=1), "unpaired")


def step_with(images: Tensor, others: Tensor) -> Step:
    return Step(
        0, len(images), torch.device("cpu"), torch.Generator().manual_seed(0), lambda: Batch(images, None, others)
    )


class Affine(nn.Module):
    """a·x + b."""

    def __init__(self, factor: float, shift: float) -> None:
        super().__init__()
        self.factor, self.shift = nn.Parameter(torch.tensor(factor)), nn.Parameter(torch.tensor(shift))

    def forward(self, images: Tensor) -> Tensor:
        return self.factor * images + self.shift


def by_hand() -> CycleGAN:
    translator = model()
    translator.generator_ab, translator.generator_ba = Affine(0.5, 0.25), Affine(1.0, -0.5)
    translator.discriminator_a, translator.discriminator_b = Affine(1.0, 0.0), Affine(0.0, 0.75)
    return translator


def test_generators_losses_by_hand() -> None:
    a, b = torch.full((2, 1, 12, 12), 0.5), torch.full((2, 1, 12, 12), -0.25)
    found = {name: value.item() for name, value in by_hand().generators_loss(step_with(a, b)).items()}
    assert found == {
        # G(a) = 0.5, F(b) = −0.75; D_A(F(b)) = −0.75 and D_B = 0.75: squared distances to 1.
        "adversarial_a": pytest.approx(1.75**2),
        "adversarial_b": pytest.approx(0.25**2),
        # F(G(a)) = 0 and G(F(b)) = −0.125, ten times the distances.
        "cycle_a": pytest.approx(10 * 0.5),
        "cycle_b": pytest.approx(10 * 0.125),
        # F(a) = 0 and G(b) = 0.125, five times the distances.
        "identity_a": pytest.approx(5 * 0.5),
        "identity_b": pytest.approx(5 * 0.375),
    }


def test_discriminators_losses_by_hand() -> None:
    a, b = torch.full((2, 1, 12, 12), 0.5), torch.full((2, 1, 12, 12), -0.25)
    found = by_hand().discriminators_loss(step_with(a, b))
    # The history is empty, so that all is new; in eight bits.
    assert found["adversarial_a"].item() == pytest.approx((0.5**2 + 0.75**2) / 2, abs=0.01)
    assert found["adversarial_b"].item() == pytest.approx((0.25**2 + 0.75**2) / 2)


def test_discriminators_see_earlier_images() -> None:
    translator = model(history=2)
    a, b = torch.full((2, 1, 12, 12), 0.5), torch.full((2, 1, 12, 12), -0.25)
    translator.discriminators_loss(step_with(a, b))
    assert int(translator.history_a.count) == int(translator.history_b.count) == 2
    with torch.no_grad():
        expected = ((translator.generator_ab(a) + 1) * 127.5).round().clamp(0, 255)
    assert torch.equal(translator.history_b.images.float(), expected)


def test_domains_of_different_channels() -> None:
    translator = model(other_channels=3)
    assert translator.config.identity == 0
    losses = Trainer(translator, domains(channels=3), TrainingSettings(batch_size=4)).step()
    assert not any("identity" in name for name in losses)
    assert translator.translate(torch.zeros(1, 1, 9, 14), "a-to-b", torch.Generator()).shape == (1, 3, 9, 14)
    assert translator.translate(torch.zeros(1, 3, 9, 14), "b-to-a", torch.Generator()).shape == (1, 1, 9, 14)


def test_directions_use_their_generators() -> None:
    translator, image = by_hand(), torch.full((1, 1, 8, 8), 0.5)
    assert translator.directions == ("a-to-b", "b-to-a")
    assert translator.translate(image, "a-to-b", torch.Generator()).unique().item() == 0.5
    assert translator.translate(image, "b-to-a", torch.Generator()).unique().item() == 0.0


def test_cycle_loss_falls() -> None:
    trainer = Trainer(model(width=8, learning_rate=1e-3), domains(64, 48), TrainingSettings(batch_size=4))
    cycles = []
    for _ in range(50):
        losses = trainer.step()
        cycles.append(losses["generators/cycle_a"] + losses["generators/cycle_b"])
    assert np.mean(cycles[-5:]) < np.mean(cycles[:5]) / 2


def test_a_resumed_run_goes_on_bit_for_bit_with_its_history() -> None:
    settings = TrainingSettings(batch_size=4, seed=3, accumulate=2)
    options = {"jitter": 0.2, "decay_after": 1, "decay_steps": 20}
    whole = Trainer(model(**options), domains(), settings)
    first = Trainer(model(**options), domains(), settings)
    for trainer, steps in ((whole, 6), (first, 3)):
        for _ in range(steps):
            trainer.step()
    stream = io.BytesIO()
    torch.save(first.state(), stream)
    torch.manual_seed(77)
    second = Trainer(model(**options), domains(), settings)
    second.restore(torch.load(io.BytesIO(stream.getvalue()), weights_only=True))
    assert int(second.model.history_a.count) == 5  # type: ignore[union-attr,arg-type]
    for _ in range(3):
        second.step()
    before, expected, found = first.model.state_dict(), whole.model.state_dict(), second.model.state_dict()
    assert all(torch.equal(value, found[name]) for name, value in expected.items())
    assert not torch.equal(before["history_a.images"], found["history_a.images"])


def test_a_resumed_run_without_its_history_would_differ() -> None:
    # Otherwise the test above would pass without a history.
    settings = TrainingSettings(batch_size=4, seed=3)
    runs = [Trainer(model(), domains(), settings) for _ in range(2)]
    for _ in range(3):
        for trainer in runs:
            trainer.step()
    runs[1].model.history_a.images.zero_()  # type: ignore[union-attr,operator]
    for _ in range(2):
        for trainer in runs:
            trainer.step()
    one, other = (trainer.model.discriminator_a.state_dict() for trainer in runs)  # type: ignore[union-attr]
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_weights_hold_both_generators_and_no_history(tmp_path: Any) -> None:
    translator = model(other_channels=3)
    save_model(tmp_path / "c.safetensors", "cyclegan", translator, {})
    loaded = load_model(tmp_path / "c.safetensors")
    assert {name.split(".")[0] for name in loaded.state_dict()} == {"generator_ab", "generator_ba"}
    image = torch.rand(1, 3, 10, 11)
    assert isinstance(loaded, CycleGAN)
    assert torch.equal(
        loaded.translate(image, "b-to-a", torch.Generator()),
        translator.eval().translate(image, "b-to-a", torch.Generator()),
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"other_channels": 3, "identity_weight": 0.5}, "identity loss compares images of 1 and 3 channels"),
        ({"blocks": -1}, "blocks of the model is -1"),
        ({"history": -1}, "history of the model is -1"),
        ({"cycle_weight": -1.0}, "cycle_weight of the model is -1.0"),
        ({"patch_layers": 3}, "can't judge images of 12×12"),
        ({"norm": "batches"}, "unknown norm"),
        ({"jitter": 2.0}, "jitter of the model is 2.0"),
    ],
)
def test_bad_options_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        model(**options)
