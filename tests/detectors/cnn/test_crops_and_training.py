"""Training keeps groups apart and classes balanced, sees every phase, stops at its best, and repeats itself."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from ganeval.detectors.cnn.crops import BalancedCrops, Region, collect_regions, fixed_crops, random_crop, split_by_group
from ganeval.detectors.cnn.training import Recipe, _loss, one_cycle, train
from ganeval.detectors.detector import Example
from ganeval.errors import OptionError

Pixels = npt.NDArray[np.uint8]


def noise(height: int, width: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def region(generated: bool, group: str) -> Region:
    return Region(np.zeros((1, 1, 3), dtype=np.uint8), generated, group)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(st.booleans(), st.integers(0, 12)), min_size=2, max_size=60).filter(
        lambda rows: {row[0] for row in rows} == {True, False}
    ),
    share=st.sampled_from([0.0, 0.15, 0.5]),
    seed=st.integers(0, 100),
)
def test_no_group_is_on_both_sides(rows: list[tuple[bool, int]], share: float, seed: int) -> None:
    regions = [region(generated, f"group {number}") for generated, number in rows]
    training, validation = split_by_group(regions, share, seed)
    assert len(training) + len(validation) == len(regions)
    assert not {r.group for r in training} & {r.group for r in validation}
    for side in (training, validation):
        assert not side or {r.generated for r in side} == {True, False}
    assert training


def test_the_share_of_groups_is_held_back_of_each_kind() -> None:
    pairs = [region(generated, f"pair {i}") for i in range(40) for generated in (True, False)]
    single = [region(False, f"real {i}") for i in range(20)]
    training, validation = split_by_group(pairs + single, 0.2, seed=1)
    held = {r.group for r in validation}
    assert (sum(g.startswith("pair") for g in held), sum(g.startswith("real") for g in held)) == (8, 4)
    assert {r.group for r in split_by_group(pairs + single, 0.2, seed=2)[1]} != held
    assert split_by_group(pairs + single, 0.2, seed=1)[0] == training


def test_regions_hold_what_has_texture_and_no_more_than_asked() -> None:
    flat = np.full((300, 300, 3), 90, dtype=np.uint8)
    half = flat.copy()
    half[:, 150:] = noise(300, 150)
    found = collect_regions(
        [Example(half, False, "a"), Example(noise(300, 300), True), Example(flat, True), Example(noise(40, 90), False)],
        crop=64,
        regions=2,
        detector="test",
    )
    assert [(r.generated, r.group) for r in found] == [(False, "a")] * 2 + [(True, "1")] * 2
    assert all(r.pixels.shape == (96, 96, 3) for r in found)
    assert all(r.pixels.std() > 30 for r in found)
    # Copies: the pictures themselves can be forgotten.
    assert all(r.pixels.base is None for r in found)


def test_crops_lie_at_every_phase_and_in_every_turn() -> None:
    rows, columns = np.meshgrid(np.arange(48), np.arange(48), indexing="ij")
    pixels = np.stack([rows, columns, np.zeros_like(rows)], axis=2).astype(np.uint8)
    random = np.random.default_rng(0)
    phases, turns = set(), set()
    for _ in range(600):
        crop = random_crop(pixels, 32, random).astype(int)
        assert crop.shape == (32, 32, 3)
        phases.add((crop[..., 0].min() % 8, crop[..., 1].min() % 8))
        turns.add(tuple((crop[1, 0] - crop[0, 0])[:2]) + tuple((crop[0, 1] - crop[0, 0])[:2]))
    assert len(phases) == 64
    assert len(turns) == 8


def test_batches_are_balanced_and_repeatable() -> None:
    regions = [Region(noise(40, 40, i), i < 2, f"{i}") for i in range(12)]
    crops, labels = BalancedCrops(regions, 32, seed=4).batch(7, 10)
    again, _ = BalancedCrops(regions, 32, seed=4).batch(7, 10)
    assert crops.shape == (10, 32, 32, 3)
    assert labels.tolist() == [0.0] * 5 + [1.0] * 5
    assert np.array_equal(crops, again)
    assert not np.array_equal(crops, BalancedCrops(regions, 32, seed=4).batch(8, 10)[0])
    assert not np.array_equal(crops, BalancedCrops(regions, 32, seed=5).batch(7, 10)[0])


def test_fixed_crops_are_the_middle() -> None:
    r = Region(noise(41, 40), False, "")
    assert np.array_equal(fixed_crops([r], 32)[0], r.pixels[4:36, 4:36])


@pytest.mark.parametrize(
    ("examples", "message"),
    [
        ([Example(noise(80, 80), False)], "without generated images"),
        ([Example(noise(80, 80), True)], "without real images"),
        ([], "without generated images"),
        ([Example(noise(80, 80), False), Example(noise(40, 80), True)], "none of the 1 generated images has 64 x 64"),
        ([Example(np.zeros((80, 80, 3), np.uint8), False), Example(noise(80, 80), True)], "none of the 1 real images"),
    ],
)
def test_says_what_is_missing(examples: list[Example], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        collect_regions(examples, crop=64, regions=2, detector="test")


@pytest.mark.parametrize(
    "wrong",
    [
        {"crop": 0},
        {"batch": 5},
        {"batch": 2},
        {"validation": 0.9},
        {"learning_rate": float("nan")},
        {"precision": "f8"},
    ],
)
def test_recipes_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    name = next(iter(wrong))
    with pytest.raises(OptionError, match=name):
        Recipe(**wrong)  # type: ignore[arg-type]


def test_the_loss_of_patches_is_their_mean_with_their_pictures_label() -> None:
    logits = torch.tensor([[[0.0, 2.0]], [[-1.0, 3.0]]])
    found = _loss(logits, torch.tensor([1.0, 0.0]))
    expected = [(np.log(2) + np.log1p(np.exp(-2))) / 2, (np.log1p(np.exp(-1)) + np.log1p(np.exp(3))) / 2]
    assert found.tolist() == pytest.approx(expected, rel=1e-5)
    assert _loss(torch.tensor([0.0, 2.0]), torch.tensor([1.0, 1.0])).tolist() == pytest.approx([np.log(2), 0.126928])


@pytest.mark.parametrize("steps", [1, 2, 4, 5, 9, 10, 1000])
def test_the_rate_rises_and_falls_once(steps: int) -> None:
    rates = [one_cycle(done, steps) for done in range(steps)]
    assert max(rates) == 1.0
    top = rates.index(1.0)
    steps_between = np.diff(rates)
    assert (steps_between[:top] > 0).all()
    assert (steps_between[top:] <= 0).all()
    assert min(rates) > 0


class Contrast(nn.Module):
    """One logit from the mean absolute difference of neighbours: learns noise against halved noise at once."""

    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Linear(1, 1)

    def forward(self, pixels: Tensor) -> Tensor:
        roughness = (pixels[..., 1:] - pixels[..., :-1]).abs().mean(dim=(1, 2, 3))
        return self.line(roughness[:, None] / 50 - 1).squeeze(1)  # type: ignore[no-any-return]


def pairs(count: int) -> list[Example]:
    made = []
    for i in range(count):
        x = noise(48, 48, i)
        made += [Example(x, False, f"{i}"), Example(x // 2, True, f"{i}")]
    return made


def test_keeps_the_best_network_and_stops_when_it_gets_no_better() -> None:
    torch.manual_seed(0)
    network = Contrast()
    # So high a rate that the loss swings: the last network is not the best one.
    recipe = Recipe(crop=32, batch=4, steps=200, learning_rate=3.0, evaluations=100, patience=5)
    course = train(network, pairs(20), recipe, detector="test", seed=1)
    # It looks every other step, and counts looks without gain from the middle on.
    assert course.steps == max(course.best_step, 100) + 2 * 5 < 200
    regions = collect_regions(pairs(20), 32, recipe.regions, "test")
    _, validation = split_by_group(regions, recipe.validation, 1)
    crops = torch.from_numpy(fixed_crops(validation, 32)).permute(0, 3, 1, 2).float()
    labels = torch.tensor([float(r.generated) for r in validation])
    with torch.no_grad():
        loss = nn.functional.binary_cross_entropy_with_logits(network(crops), labels)
    assert course.validation_loss == pytest.approx(loss.item(), rel=1e-4)
    assert loss.item() < 0.1


@pytest.mark.parametrize("precision", ["auto", "bf16"])
def test_trains_without_groups_held_back(precision: str) -> None:
    network = Contrast()
    recipe = Recipe(crop=32, batch=8, steps=12, validation=0.0, precision=precision)
    course = train(network, pairs(4), recipe, detector="test", seed=1)
    assert (course.steps, course.best_step, course.validation_loss) == (12, 12, None)
    assert all(bool(p.isfinite().all()) for p in network.parameters())


def test_says_that_it_diverged() -> None:
    class Infinite(Contrast):
        def forward(self, pixels: Tensor) -> Tensor:
            return super().forward(pixels) * torch.inf

    with pytest.raises(OptionError, match="the detector test diverged"):
        train(Infinite(), pairs(4), Recipe(crop=32, batch=4, steps=3), detector="test", seed=1)


def test_unknown_devices_are_refused() -> None:
    with pytest.raises(OptionError, match="unknown device"):
        train(Contrast(), pairs(2), Recipe(crop=32), detector="test", seed=1, device="abacus")


def test_reads_the_examples_once_and_reports() -> None:
    class Counting:
        def __init__(self) -> None:
            self.count, self.total, self.finished = 0, None, False

        def start(self, label: str, total: int | None, unit: str = "images", done: int = 0) -> Counting:
            self.total = total  # type: ignore[assignment]
            return self

        def advance(self, count: int) -> None:
            self.count += count

        def finish(self) -> None:
            self.finished = True

    progress = Counting()
    train(Contrast(), iter(pairs(4)), Recipe(crop=32, batch=4, steps=5), detector="test", seed=1, progress=progress)
    assert (progress.count, progress.total, progress.finished) == (5, 5, True)
