"""StyleGAN2: style mixing, truncation, noise, lazy regularisation, and training that resumes bit for bit."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ganeval.errors import OptionError
from ganeval.generators.configuration import configured
from ganeval.generators.data_kinds import Batch
from ganeval.generators.model import Step, Truncation
from ganeval.generators.models.stylegan2 import StyleConfig, StyleGAN2
from ganeval.generators.optimisers import Optimiser
from ganeval.generators.streams import random_stream
from ganeval.generators.training.data import ImageArrays
from ganeval.generators.training.run_config import merged
from ganeval.generators.training.settings import TrainingSettings
from ganeval.generators.training.starting import built_model, opened_examples
from ganeval.generators.training.trainer import Trainer
from ganeval.generators.weights_file import load_model, save_model

SMALL: dict[str, Any] = {
    "size": (16, 16), "channels": 1, "latent": 8, "style": 12, "mapping_layers": 2, "width": 4, "widest": 8
}  # fmt: skip


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def model_of(**values: Any) -> StyleGAN2:
    return StyleGAN2.initialised(StyleConfig(**{**SMALL, **values}), seed=1)


def spread(model: StyleGAN2) -> StyleGAN2:
    """With noise and a mean of w that do something, as after training, in evaluation mode."""
    for layer in (model.generator.synthesis.first, *model.generator.synthesis.ups, *model.generator.synthesis.flats):
        layer.strength.data.fill_(0.3)
    model.generator.mapping.average.normal_(generator=torch.Generator().manual_seed(4))
    return model.eval().requires_grad_(False)


def examples(shape: tuple[int, ...] = (32, 1, 16, 16), classes: int = 0) -> ImageArrays:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, shape, dtype=np.uint8)
    if not classes:
        return ImageArrays(images)
    return ImageArrays(images, labels=np.arange(len(images)) % classes, kind="labelled")


def step_of(images: torch.Tensor, seed: int = 0) -> Step:
    return Step(0, len(images), torch.device("cpu"), random_stream(seed), lambda: Batch(images))


def test_psi_0_gives_one_image_whatever_z_and_1_changes_nothing() -> None:
    model = spread(model_of())
    latents = model.draw(3, random_stream(0))
    latents["noise"] = latents["noise"][:1].expand(3, -1)
    images = model.render(latents)
    assert (images[0] - images[1]).abs().mean() > 0.01
    one = model.render(model.truncated(latents, Truncation("psi", 0.0)))
    torch.testing.assert_close(one, one[:1].expand_as(one), rtol=0, atol=1e-6)
    mean = model.render({"w": model.generator.mapping.average.expand(1, model.style_count, -1), **_noise(latents)})
    torch.testing.assert_close(one[:1], mean, rtol=0, atol=1e-5)
    same = model.render(model.truncated(latents, Truncation("psi", 1.0)))
    torch.testing.assert_close(same, images, rtol=0, atol=1e-5)
    half = model.styles(model.truncated(latents, Truncation("psi", 0.5)))
    average = model.generator.mapping.average
    torch.testing.assert_close(half - average, (model.styles(latents) - average) / 2)


def _noise(latents: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {"noise": latents["noise"][:1]}


@pytest.mark.parametrize(("method", "value"), [("psi", 2.5), ("psi", -3.0), ("psi", float("nan")), ("threshold", 0.5)])
def test_truncation_outside_its_meaning_is_refused(method: str, value: float) -> None:
    model = model_of()
    with pytest.raises(OptionError):
        model.truncated(model.draw(2, random_stream(0)), Truncation(method, value))


def test_mixing_takes_the_named_layers_of_b_and_all_else_of_a() -> None:
    model = spread(model_of())
    a, b = model.draw(3, random_stream(0)), model.draw(3, random_stream(1))
    count = model.style_count
    torch.testing.assert_close(model.render(model.mix(a, b, [])), model.render(a))
    everything = model.mix(a, b, range(count))
    torch.testing.assert_close(model.render(everything), model.render({**b, "noise": a["noise"]}))
    mixed = model.mix(a, b, range(3, count))
    torch.testing.assert_close(mixed["w"][:, :3], model.styles(a)[:, :3])
    torch.testing.assert_close(mixed["w"][:, 3:], model.styles(b)[:, 3:])
    by_crossover = {**a, "z_2": b["z"], "crossover": torch.full((3,), 3)}
    torch.testing.assert_close(model.render(mixed), model.render(by_crossover))
    with pytest.raises(OptionError, match=f"layer {count}"):
        model.mix(a, b, [count])


def test_mixing_keeps_the_truncation_of_each() -> None:
    model = spread(model_of())
    a, b = model.draw(2, random_stream(0)), model.draw(2, random_stream(1))
    near = model.truncated(a, Truncation("psi", 0.4))
    mixed = model.mix(near, b, [4, 5])
    torch.testing.assert_close(model.styles(mixed)[:, :4], model.styles(near)[:, :4])
    torch.testing.assert_close(model.styles(mixed)[:, 4:], model.styles(b)[:, 4:])


def test_the_first_layers_move_coarse_content_and_the_last_fine() -> None:
    """At the start already: a late style can't change the map that the early layers made at low resolution."""
    model = spread(model_of(size=(32, 32)))
    a, b = model.draw(16, random_stream(0)), model.draw(16, random_stream(1))
    synthesis, count = model.generator.synthesis, model.style_count
    seen: list[torch.Tensor] = []
    handle = synthesis.ups[0].register_forward_hook(lambda *parts: seen.append(parts[2]))
    model.render(a)
    model.render(model.mix(a, b, range(3, count)))
    model.render(model.mix(a, b, range(2)))
    handle.remove()
    torch.testing.assert_close(seen[1], seen[0])
    assert (seen[2] - seen[0]).abs().mean() > 0.01


def test_latents_hold_all_that_is_random() -> None:
    model = spread(model_of(classes=3))
    latents = model.draw(4, random_stream(0))
    torch.manual_seed(0)
    first = model.render(latents)
    torch.manual_seed(1)
    torch.testing.assert_close(model.render(latents), first, rtol=0, atol=0)
    other = {**latents, "noise": model.draw(4, random_stream(2))["noise"]}
    assert not torch.allclose(model.render(other), first)
    torch.testing.assert_close(
        model.render({name: values[2:3] for name, values in latents.items()}), first[2:3], atol=1e-5, rtol=1e-5
    )
    assert first.abs().max() <= 1


def test_phases_are_lazy_with_shared_optimisers() -> None:
    phases = {phase.name: phase for phase in model_of().phases()}
    assert list(phases) == ["discriminator", "penalty", "generator", "path-length"]
    assert (phases["penalty"].every, phases["path-length"].every) == (16, 4)
    assert (phases["penalty"].optimiser, phases["path-length"].optimiser) == ("discriminator", "generator")
    judging, making = phases["discriminator"].optimiser, phases["generator"].optimiser
    assert isinstance(judging, Optimiser)
    assert isinstance(making, Optimiser)
    assert judging.learning_rate == pytest.approx(0.002 * 16 / 17)
    assert making.learning_rate == pytest.approx(0.002 * 4 / 5)
    assert judging.betas == pytest.approx((0.0, 0.99 ** (16 / 17)))
    assert making.betas == pytest.approx((0.0, 0.99 ** (4 / 5)))
    assert len(model_of(path_weight=0.0).phases()) == 3


def test_r1_is_half_gamma_times_the_interval_times_the_squared_slope() -> None:
    model = model_of(penalty_weight=3.0)
    images = torch.rand(4, 1, 16, 16) * 2 - 1
    penalty = next(phase for phase in model.phases() if phase.name == "penalty")
    inputs = images.clone().requires_grad_()
    (slopes,) = torch.autograd.grad(model.judge(inputs, None).sum(), inputs)
    expected = 16 * 3.0 / 2 * slopes.square().sum(dim=(1, 2, 3)).mean()
    torch.testing.assert_close(penalty.loss(step_of(images))["penalty"], expected, rtol=1e-4, atol=1e-6)


def test_path_penalty_has_the_weight_of_its_interval_and_moves_the_mean() -> None:
    model = model_of(path_weight=5.0, path_every=4, path_decay=1.0)
    losses = [model_of(path_weight=weight, path_every=every).path_loss(step_of(torch.zeros(8, 1, 16, 16)))["penalty"]
              for weight, every in ((5.0, 4), (1.0, 1))]  # fmt: skip
    torch.testing.assert_close(losses[0], 20 * losses[1])
    model.path_loss(step_of(torch.zeros(8, 1, 16, 16)))
    assert model.path_mean.item() > 0


def test_the_mean_of_w_follows_the_generators_training_and_nothing_else() -> None:
    model = model_of()
    images = torch.zeros(6, 1, 16, 16)
    model.discriminator_loss(step_of(images))
    assert model.generator.mapping.average.abs().sum() == 0
    latents = model.drawn(step_of(images), 6)
    model.generator_loss(step_of(images))
    expected = 0.005 * model.generator.mapping(latents["z"]).mean(dim=0)
    torch.testing.assert_close(model.generator.mapping.average, expected)


def test_training_draws_two_styles_with_the_given_probability() -> None:
    step = step_of(torch.zeros(2, 1, 16, 16))
    model = model_of()
    crossover = model.drawn(step, 4000)["crossover"]
    assert (crossover < model.style_count).float().mean().item() == pytest.approx(0.9, abs=0.02)
    assert set(crossover.tolist()) == set(range(1, model.style_count + 1))
    assert (model_of(mixing=0.0).drawn(step, 50)["crossover"] == model.style_count).all()


@pytest.mark.parametrize(
    ("values", "shape", "classes"),
    [
        ({}, (32, 1, 16, 16), 0),
        ({"size": (16, 24), "channels": 3, "augment": "ada", "augment_images": 100}, (32, 3, 16, 24), 0),
        ({"classes": 3, "augment": "diffaugment", "spectral_weight": 0.1}, (33, 1, 16, 16), 3),
    ],
)
def test_training_resumes_bit_for_bit(values: dict[str, Any], shape: tuple[int, ...], classes: int) -> None:
    data = examples(shape, classes)
    settings = TrainingSettings(batch_size=8, seed=2)
    through = Trainer(model_of(**values), data, settings)
    for _ in range(6):
        losses = through.step()
    assert all(np.isfinite(value) for value in losses.values())
    stopped = Trainer(model_of(**values), data, settings)
    for _ in range(3):
        stopped.step()
    state = copy.deepcopy(stopped.state())
    resumed = Trainer(model_of(**values), data, settings)
    resumed.restore(state)
    for _ in range(3):
        resumed.step()
    expected = through.model.state_dict()
    assert expected["path_mean"] > 0
    for name, tensor in resumed.model.state_dict().items():
        assert torch.equal(tensor, expected[name]), name
    for name, tensor in resumed.averages.state_dict().items():
        assert torch.equal(tensor, through.averages.state_dict()[name]), name


def test_every_weight_learns() -> None:
    trainer = Trainer(model_of(classes=2), examples(classes=2), TrainingSettings(batch_size=8))
    before = {name: values.clone() for name, values in trainer.model.named_parameters()}
    for _ in range(2):
        trainer.step()
    for name, values in trainer.model.named_parameters():
        assert not torch.equal(values, before[name]), name


def test_bf16_trains() -> None:
    trainer = Trainer(model_of(), examples(), TrainingSettings(batch_size=8, precision="bf16"))
    assert all(np.isfinite(value) for _ in range(2) for value in trainer.step().values())


def test_weights_ship_with_the_mean_of_w(tmp_path: Path) -> None:
    model = model_of(augment="ada")
    spread(model)
    save_model(tmp_path / "w.safetensors", "stylegan2", model, {})
    loaded = load_model(tmp_path / "w.safetensors")
    assert isinstance(loaded, StyleGAN2)
    latents = model.draw(2, random_stream(0))
    latents = model.truncated(latents, Truncation("psi", 0.5))
    torch.testing.assert_close(loaded.render(latents), model.render(latents), rtol=0, atol=0)


@pytest.mark.parametrize(
    "values",
    [
        {"size": (30, 30)},
        {"mixing": 1.5},
        {"path_every": 0},
        {"mapping_layers": 0},
        {"path_weight": -1.0},
        {"width": 0},
    ],
)
def test_bad_values_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        StyleConfig(**{**SMALL, **values})


def test_labels_are_asked_for_where_there_are_classes() -> None:
    with pytest.raises(OptionError, match="no labels"):
        model_of(classes=2).judge(torch.zeros(2, 1, 16, 16), None)


def test_it_is_registered_and_configured_from_text() -> None:
    config = configured(StyleGAN2.Config, {"size": "64x32", "augment": "ada", "betas": "0,0.99"})
    assert (config.size, config.augment, config.betas) == ((64, 32), "ada", (0.0, 0.99))


def test_labels_are_read_where_classes_were_asked_for(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (12, 16, 16, 1), dtype=np.uint8)
    np.savez(tmp_path / "set.npz", arr_0=pixels, arr_1=np.arange(12) % 3)
    layer = {"model": "stylegan2", "data": {"data": str(tmp_path / "set.npz")}}
    without = merged([layer], ["width=4"])
    assert opened_examples(without).kind == "images"
    asked = merged([layer], ["width=4", "widest=8", "classes=3"])
    examples = opened_examples(asked)
    assert (examples.kind, examples.classes) == ("labelled", 3)
    assert built_model(asked, examples).config.classes == 3
    few = merged([layer], ["width=4", "classes=2"])
    with pytest.raises(OptionError, match="2 classes and the training images 3"):
        built_model(few, opened_examples(few))
