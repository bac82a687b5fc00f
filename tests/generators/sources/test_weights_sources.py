"""Models that `ganeval train` wrote, as sources: what they give, what reports say of them, what they refuse."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ganeval
from ganeval.errors import ImageSourceError, OptionError, WeightsError
from ganeval.generators import open_generator
from ganeval.generators.sampling.blocks import Blocks, Drawing
from ganeval.generators.weights_file import load_model
from ganeval.images.source import ImageSource, SourceOptions

Pixels = Callable[[ImageSource], npt.NDArray[np.uint8]]
Weights = Callable[..., Path]


def mean_colour(images: torch.Tensor) -> torch.Tensor:
    """An extractor that takes no time."""
    return images.float().mean((2, 3))


def test_labels_are_those_of_the_images(weights: Weights, pixels: Pixels) -> None:
    path = weights("cgan", classes=3)
    source = open_generator(str(path), SourceOptions(count=150))
    labels = [item.label for item in source]
    assert set(labels) == {0, 1, 2}
    # An image whose class is asked for is that of the same latents: the one of its own class is the same picture.
    for label in range(3):
        chosen = open_generator(f"{path}?class={label}", SourceOptions(count=150))
        assert {item.label for item in chosen} == {label}
        same = (pixels(chosen) == pixels(source)).all(axis=(1, 2, 3))
        assert same.tolist() == [one == label for one in labels]


@pytest.fixture(scope="module")
def blocks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Blocks, Blocks]:
    """The same samples twice: to be asked in any order, and in order once."""
    from ganeval.generators.configuration import configured
    from ganeval.generators.registry import MODELS

    kind = MODELS.get("cgan")
    model = kind.initialised(configured(kind.Config, {"size": [8, 8], "channels": 1, "classes": 4}), seed=3).eval()
    return Blocks(model, Drawing(5)), Blocks(model, Drawing(5))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(numbers=st.lists(st.integers(0, 1200), min_size=1, max_size=10))
def test_an_image_and_its_label_hang_on_its_number_alone(blocks: tuple[Blocks, Blocks], numbers: list[int]) -> None:
    asked, fresh = blocks
    expected = {number: fresh.image(number) for number in sorted(set(numbers))}
    with ThreadPoolExecutor(3) as pool:
        for number, (image, label) in zip(numbers, pool.map(asked.image, numbers), strict=True):
            assert torch.equal(image, expected[number][0])
            assert label == expected[number][1] == asked.label(number)


def test_large_pictures_take_smaller_passes_and_are_the_same_in_any_order(weights: Weights) -> None:
    model = load_model(weights("dcgan", size=[256, 512], width=1))
    assert model.pass_size == 16
    first = Blocks(model, Drawing(0))
    backwards = [first.image(number)[0] for number in (40, 17, 15)]
    again = Blocks(model, Drawing(0))
    for image, number in zip(reversed(backwards), (15, 17, 40), strict=True):
        assert torch.equal(image, again.image(number)[0])


def test_truncation_by_name_is_that_of_the_model(weights: Weights) -> None:
    path = weights("biggan", size=[16, 16], width=4, classes=3)
    source = open_generator(f"{path}?truncation=0.4", SourceOptions(count=3))
    assert source.blocks().latents(0)["z"].abs().max() <= 0.4
    assert source.blocks().raw_latents(0)["z"].abs().max() > 1
    assert source.provenance["truncation"] == {"method": "threshold", "value": 0.4}
    assert source.name.endswith("biggan.safetensors?truncation=0.4")


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ("class=4", "class 4 is asked for"),
        ("class=-1", "class -1 is asked for"),
        ("truncation=0", "threshold is 0"),
        ("truncation=-1", "threshold is -1"),
        ("truncation=0.5&truncation-method=psi", "can't truncate by 'psi'"),
        ("truncation-method=threshold", "there is no truncation"),
        ("trunkation=0.5", "no option 'trunkation'"),
    ],
)
def test_what_a_model_cannot_do_is_told_when_it_is_opened(weights: Weights, options: str, error: str) -> None:
    path = weights("biggan", size=[16, 16], width=4, classes=4)
    with pytest.raises(OptionError, match=error):
        open_generator(f"{path}?{options}", SourceOptions())


def test_no_classes_and_no_truncation_to_choose() -> None:
    with pytest.raises(OptionError, match="no classes"):
        open_generator("dcgan?class=1", SourceOptions())
    with pytest.raises(OptionError, match="no truncation"):
        open_generator("dcgan?truncation=0.5", SourceOptions())


def test_run_and_checkpoint_folders(weights: Weights, tmp_path: Path, pixels: Pixels) -> None:
    path = weights("dcgan", width=4)
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "generator.safetensors").write_bytes(path.read_bytes())
    some = SourceOptions(count=3)
    np.testing.assert_array_equal(pixels(open_generator(str(folder), some)), pixels(open_generator(str(path), some)))
    assert open_generator(str(folder), some).provenance["made"] == {"steps": 7, "data": "test"}


def test_missing_and_damaged_weights(weights: Weights, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="there is no"):
        open_generator(str(tmp_path / "missing.safetensors"), SourceOptions())
    (tmp_path / "empty").mkdir()
    with pytest.raises(WeightsError, match="empty"):
        open_generator(str(tmp_path / "empty"), SourceOptions())
    path = weights("dcgan", width=4)
    whole = path.read_bytes()
    for damaged in (b"", whole[:5], whole[:200], whole[:-10], b"\xff" * 100):
        path.write_bytes(damaged)
        with pytest.raises(WeightsError, match=r"dcgan\.safetensors"):
            next(iter(open_generator(str(path), SourceOptions())))


def test_a_file_of_no_known_kind_and_a_model_from_image_to_image(tmp_path: Path, weights: Weights) -> None:
    (tmp_path / "w.bin").touch()
    with pytest.raises(ImageSourceError, match="Files that can"):
        open_generator(str(tmp_path / "w.bin"), SourceOptions())
    with pytest.raises(WeightsError, match="ganeval translate"):
        next(iter(open_generator(str(weights("pix2pix", size=[16, 16], width=4)), SourceOptions())))


def test_provenance_is_in_every_form_of_the_report(weights: Weights) -> None:
    path = weights("cgan", classes=2, size=[32, 32])
    made = open_generator(f"{path}?class=1", SourceOptions(count=60, seed=9))
    report = ganeval.score(made, metrics=["vendi"], extractor=mean_colour, level=None, cache=False)
    side = json.loads(report.to_json())["generated"]
    assert side["provenance"] == {
        "origin": "weights",
        "generator": str(path),
        "weights_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "seed": 9,
        "class": 1,
        "fixed": None,
        "truncation": None,
        "device": "cpu",
        "sampling": 2,
        "file": str(path),
        "model": "cgan",
        "made": {"steps": 7, "data": "test"},
    }
    assert side["labels"] == {"1": 60}
    assert side["provenance"]["weights_sha256"] in report.to_html()


def test_reports_of_other_sources_have_no_provenance(weights: Weights) -> None:
    images = torch.randint(256, (40, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    report = ganeval.score(images, metrics=["vendi"], extractor=mean_colour, level=None, cache=False)
    assert "provenance" not in report.to_dict()["generated"]
    assert "Made by" not in report.to_html()
