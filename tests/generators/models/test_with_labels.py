"""Models of labelled images: labels are needed, reach the networks, and are learned."""

from __future__ import annotations

import copy
import io
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from ganeval.errors import ImageSourceError, OptionError
from ganeval.generators.adversarial import AdversarialModel
from ganeval.generators.configuration import configured
from ganeval.generators.data_kinds import Batch
from ganeval.generators.model import Step
from ganeval.generators.models.acgan import ACGAN
from ganeval.generators.models.cgan import CGAN
from ganeval.generators.networks.dropout import drawing_masks
from ganeval.generators.networks.maxout import Maxout
from ganeval.generators.registry import MODELS
from ganeval.generators.streams import random_stream
from ganeval.generators.training.data import ImageArrays
from ganeval.generators.training.settings import TrainingSettings
from ganeval.generators.training.trainer import Trainer

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "cgan": ("cgan", {"width": 4}),
    "cgan-perceptron": ("cgan", {"architecture": "perceptron"}),
    "acgan": ("acgan", {"width": 4}),
    "biggan": ("biggan", {"width": 2, "shared": 6, "latent": 8}),
    "biggan-attentive": ("biggan", {"width": 4, "shared": 6, "latent": 8, "attention": 8}),
}


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def built(case: str, **options: Any) -> Any:
    name, sizes = CASES[case]
    kind = MODELS.get(name)
    values = {"size": (16, 16), "channels": 1, "classes": 3, **sizes, **options}
    return kind.initialised(configured(kind.Config, values), seed=1)


def grey_levels(classes: int = 3, count: int = 48, side: int = 16) -> ImageArrays:
    """Noisy plain pictures, whose brightness is their class."""
    random = np.random.default_rng(0)
    labels = np.arange(count) % classes
    images = 40 + 80 * labels[:, None, None, None] + random.integers(-30, 31, (count, 1, side, side))
    return ImageArrays(images.astype(np.uint8), labels.astype(np.int64), kind="labelled")


def step_of(data: ImageArrays, size: int = 12, number: int = 0) -> Step:
    batch = data.read([torch.arange(size)])
    return Step(number, size, torch.device("cpu"), random_stream(5, number), lambda: batch)


@pytest.mark.parametrize("case", CASES)
def test_labels_are_needed(case: str) -> None:
    with pytest.raises(OptionError, match="needs labels"):
        built(case, classes=0)
    with pytest.raises(ImageSourceError, match="no labels"):
        ImageArrays(np.zeros((4, 1, 16, 16), np.uint8), kind=MODELS.get(CASES[case][0]).info.data)


@pytest.mark.parametrize("case", ["cgan", "acgan", "biggan"])
def test_a_batch_without_labels_is_named(case: str) -> None:
    model = built(case)
    step = Step(0, 2, torch.device("cpu"), random_stream(0), lambda: Batch(torch.zeros(2, 1, 16, 16)))
    with pytest.raises(OptionError, match="needs labels"):
        model.discriminator_loss(step)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("case", CASES)
def test_images(case: str, channels: int) -> None:
    size = (16, 32)
    model = built(case, size=size, channels=channels).eval()
    latents = model.draw(5, random_stream(2))
    assert latents["label"].dtype == torch.int64
    images = model.render(latents)
    assert images.shape == (5, channels, *size)
    assert images.abs().max() <= 1
    assert model.judge(images, latents["label"]).shape == (5,)


@pytest.mark.parametrize("case", CASES)
def test_the_label_changes_the_image(case: str) -> None:
    model = built(case).eval()
    latents = model.draw(1, random_stream(2))
    pictures = [model.render(latents | {"label": torch.tensor([label])}) for label in range(3)]
    for first, second in ((0, 1), (0, 2), (1, 2)):
        assert (pictures[first] - pictures[second]).abs().max() > 1e-4


@pytest.mark.parametrize("case", ["cgan", "cgan-perceptron", "biggan", "biggan-attentive"])
def test_the_label_changes_the_judgement(case: str) -> None:
    model = built(case).eval()
    images = torch.rand(1, 1, 16, 16, generator=random_stream(0)) * 2 - 1
    outputs = [model.judge(images, torch.tensor([label])).item() for label in range(3)]
    # Exactly the same, if labels didn't reach the network.
    assert min(abs(outputs[first] - outputs[second]) for first, second in ((0, 1), (0, 2), (1, 2))) > 1e-6


@pytest.mark.parametrize("case", CASES)
def test_labels_are_drawn_uniformly_or_as_asked(case: str) -> None:
    model = built(case)
    drawn = torch.bincount(model.draw(3000, random_stream(3))["label"], minlength=3)
    assert drawn.sum() == 3000
    # Six standard deviations of a binomial count.
    assert bool(((drawn - 1000).abs() < 6 * math.sqrt(3000 * 2 / 9)).all())
    asked = torch.tensor([2, 0, 2, 1])
    free, told = model.draw(4, random_stream(3)), model.draw(4, random_stream(3), asked)
    assert torch.equal(told["label"], asked)
    assert torch.equal(free["z"], told["z"])


@pytest.mark.parametrize("case", CASES)
def test_the_discriminator_sees_generated_images_of_the_batchs_classes(case: str) -> None:
    step = step_of(grey_levels())
    images, latents = built(case).generated(step)
    assert torch.equal(latents["label"], step.batch.labels)
    assert len(images) == len(step.batch.images)
    assert not images.requires_grad


@pytest.mark.parametrize("case", CASES)
def test_some_steps_move_both_networks(case: str) -> None:
    model = built(case)
    before = copy.deepcopy(model.state_dict())
    trainer = Trainer(model, grey_levels(), TrainingSettings(batch_size=12))
    losses = [trainer.step() for _ in range(3)]
    assert np.isfinite([value for step in losses for value in step.values()]).all()
    moved = {
        name.split(".")[0]
        for name, _ in model.named_parameters()
        if not torch.equal(before[name], model.get_parameter(name))
    }
    assert moved == {"generator", "discriminator"}


@pytest.mark.parametrize("case", CASES)
def test_a_resumed_run_goes_on_bit_for_bit(case: str) -> None:
    settings = TrainingSettings(batch_size=12, seed=3)
    straight = Trainer(built(case), grey_levels(), settings)
    for _ in range(2):
        straight.step()
    stored = io.BytesIO()
    torch.save(straight.state(), stored)
    losses = [straight.step() for _ in range(2)]
    resumed = Trainer(built(case), grey_levels(), settings)
    resumed.restore(torch.load(io.BytesIO(stored.getvalue()), weights_only=True))
    torch.randn(7)
    assert [resumed.step() for _ in range(2)] == losses
    for part in ("networks", "averages"):
        first, second = straight.state()[part], resumed.state()[part]
        assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("case", ["cgan", "acgan", "biggan"])
def test_augmentation_and_the_spectral_loss_reach_the_networks(case: str) -> None:
    plain, changed = built(case).eval(), built(case, augment="diffaugment", spectral_weight=2.0).eval()
    for which in ("discriminator_loss", "generator_loss"):
        first, second = (getattr(model, which)(step_of(grey_levels())) for model in (plain, changed))
        assert first["adversarial"].item() != second["adversarial"].item()
    assert set(second) - set(first) == {"spectral"}


def test_an_adaptive_augmentation_watches_the_class_models() -> None:
    model = built("acgan", augment="ada", norm="none")
    model.discriminator_loss(step_of(grey_levels()))
    assert model.augment_watched[1].item() == 12


class TestACGAN:
    """Odena et al. (2017), equations 2 and 3."""

    def test_losses_are_the_papers(self) -> None:
        model: ACGAN = built("acgan", class_weight=1.0)
        # Batch norms would make the outputs depend on which images come together.
        model.eval()
        losses = model.discriminator_loss(step_of(grey_levels()))
        step = step_of(grey_levels())
        fake, latents = model.generated(step)
        (real_out, real_scores), (fake_out, fake_scores) = (
            model.discriminator(step.batch.images),
            model.discriminator(fake),
        )
        source = torch.sigmoid(real_out).log().mean() + (1 - torch.sigmoid(fake_out)).log().mean()
        named = real_scores.log_softmax(1).gather(1, step.batch.labels[:, None]).mean()
        named += fake_scores.log_softmax(1).gather(1, latents["label"][:, None]).mean()
        assert losses["adversarial"].item() == pytest.approx(-source.item(), rel=1e-5)
        assert losses["class"].item() == pytest.approx(-named.item(), rel=1e-5)

    def test_the_generators_class_term_is_of_its_own_labels(self) -> None:
        model: ACGAN = built("acgan").eval()
        losses = model.generator_loss(step_of(grey_levels(), number=4))
        latents = model.draw(12, step_of(grey_levels(), number=4).random)
        outputs, scores = model.discriminator(model.render(latents))
        assert losses["class"].item() == pytest.approx(cross_entropy(scores, latents["label"]).item(), rel=1e-5)
        assert losses["adversarial"].item() == pytest.approx(-torch.sigmoid(outputs).log().mean().item(), rel=1e-5)

    def test_the_weight(self) -> None:
        losses = [
            built("acgan", class_weight=weight).eval().discriminator_loss(step_of(grey_levels())) for weight in (0.5, 2)
        ]
        assert losses[1]["class"].item() == pytest.approx(4 * losses[0]["class"].item())
        assert losses[1]["adversarial"].item() == losses[0]["adversarial"].item()

    def test_classes_are_learned(self) -> None:
        trainer = Trainer(built("acgan", discriminator_rate=2e-3), grey_levels(), TrainingSettings(batch_size=12))
        losses = [trainer.step()["discriminator/class"] for _ in range(40)]
        assert losses[0] > 1.5
        assert min(losses[-5:]) < 0.75 * losses[0]

    def test_a_penalty_is_added(self) -> None:
        losses = built("acgan", penalty="r1", norm="none").discriminator_loss(step_of(grey_levels()))
        assert set(losses) == {"adversarial", "class", "penalty"}


class TestCGAN:
    """Mirza and Osindero (2014)."""

    def test_perceptrons_have_the_papers_sizes(self) -> None:
        model: CGAN = built("cgan-perceptron", size=(28, 28), classes=10)
        shapes = {tuple(p.shape) for p in model.generator.parameters() if p.ndim == 2}
        assert shapes == {(200, 100), (10, 1000), (1200, 1200), (784, 1200)}
        maxouts = [module for module in model.discriminator.modules() if isinstance(module, Maxout)]
        assert [(m.linear.in_features, m._shape) for m in maxouts] == [(784, (240, 5)), (10, (50, 5)), (290, (240, 4))]

    def test_maxout_by_hand(self) -> None:
        layer = Maxout(1, 2, 3)
        layer.linear.weight.data = torch.tensor([[1.0], [-1.0], [0.0], [2.0], [3.0], [-4.0]])
        layer.linear.bias.data = torch.tensor([0.0, 0.0, 0.5, 0.0, -1.0, 0.0])
        assert layer(torch.tensor([[2.0], [-1.0]])).tolist() == [[2.0, 5.0], [1.0, 4.0]]

    def test_dropout_follows_the_step_and_stops_in_sampling(self) -> None:
        model: CGAN = built("cgan-perceptron")
        step = lambda number: model.generator_loss(step_of(grey_levels(), number=number))["adversarial"].item()  # noqa: E731
        assert step(1) == step(1)
        latents = model.draw(4, random_stream(0))
        with drawing_masks(model, random_stream(1)):
            dropped = model.render(latents)
        assert not torch.equal(dropped, model.render(latents))
        assert torch.equal(model.render(latents), model.eval().render(latents))

    def test_perceptrons_take_any_size_and_convolutions_do_not(self) -> None:
        assert built("cgan-perceptron", size=(9, 13)).draw(1, random_stream(0))["z"].shape == (1, 100)
        with pytest.raises(OptionError, match="9×13"):
            built("cgan", size=(9, 13))

    def test_bad_options(self) -> None:
        with pytest.raises(OptionError, match="convolutionall"):
            built("cgan", architecture="convolutionall")
        for option, value in {"embedding": 0, "dropout": 1.0}.items():
            with pytest.raises(OptionError, match=option):
                built("cgan", **{option: value})
        with pytest.raises(OptionError, match="class_weight"):
            built("acgan", class_weight=-1.0)


@pytest.mark.parametrize(("case", "rate", "steps"), [("cgan", 2e-3, 50), ("acgan", 2e-3, 50), ("biggan", 1e-3, 20)])
def test_generators_learn_what_classes_look_like(case: str, rate: float, steps: int) -> None:
    model: AdversarialModel = built(case, generator_rate=rate, discriminator_rate=rate, latent=4, width=4)
    trainer = Trainer(model, grey_levels(count=96), TrainingSettings(batch_size=24, average_decay=0.9))
    for _ in range(steps):
        trainer.step()
    sampler: Any = trainer.averaged_model()
    latents = sampler.draw(30, random_stream(9), torch.arange(30) % 3)
    brightness = sampler.render(latents).mean(dim=(1, 2, 3))
    means = [brightness[label::3].mean().item() for label in range(3)]
    assert means[0] + 0.1 < means[1] < means[2] - 0.1
