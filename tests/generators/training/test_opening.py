"""Training data of each kind from files, in memory and on demand alike, and what's wrong with it in words."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image
from torch import Tensor

from ganeval.errors import ImageSourceError, OptionError
from ganeval.generators.configuration import configured
from ganeval.generators.models.cyclegan import CycleGAN
from ganeval.generators.models.dcgan import DCGAN
from ganeval.generators.training.data import Examples, ImageArrays
from ganeval.generators.training.images import SourcePictures, TrainingImages
from ganeval.generators.training.on_demand import ImagesOnDemand
from ganeval.generators.training.opening import open_examples, options_from
from ganeval.generators.training.settings import TrainingSettings
from ganeval.generators.training.trainer import Trainer
from ganeval.images.opening import open_source

Pixels = npt.NDArray[np.uint8]


def picture(seed: int, size: tuple[int, int] = (12, 10), channels: int = 3) -> Pixels:
    shape = size if channels == 1 else (*size, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def save(path: Path, pixels: Pixels) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def folder(path: Path, names: list[str], size: tuple[int, int] = (12, 10), channels: int = 3, seed: int = 0) -> str:
    for number, name in enumerate(names):
        save(path / name, picture(100 * seed + number, size, channels))
    return str(path)


def first_batch(examples: Examples, size: int = 3) -> tuple[Tensor, Tensor | None, Tensor | None]:
    batch = examples.read([torch.arange(size) for _ in examples.counts])
    return batch.images, batch.labels, batch.others


def test_images_of_a_folder(tmp_path: Path) -> None:
    data = folder(tmp_path / "x", ["b.png", "a.png", "sub/c.png"])
    examples = open_examples("images", data, size=None, channels=None, resize="none", labels=None, progress=None)
    assert (examples.kind, examples.counts, examples.shape) == ("images", (3,), (3, 12, 10))
    assert (examples.classes, examples.class_names, examples.other_shape) == (0, (), None)
    images, labels, others = first_batch(examples)
    # Sorted by path: a.png was written second.
    expected = torch.from_numpy(picture(1)).permute(2, 0, 1) / 127.5 - 1
    torch.testing.assert_close(images[0], expected)
    assert labels is None
    assert others is None


def test_labels_from_folders_and_arrays(tmp_path: Path) -> None:
    data = folder(tmp_path / "x", ["shoe/1.png", "bag/1.png", "shoe/2.png"])
    examples = open_examples("labelled", data, labels="folders")
    assert (examples.classes, examples.class_names) == (2, ("bag", "shoe"))
    assert first_batch(examples)[1] is not None
    assert first_batch(examples)[1].tolist() == [0, 1, 1]  # type: ignore[union-attr]
    np.savez(tmp_path / "x.npz", np.zeros((3, 12, 10, 3), np.uint8), np.array([10, 2, 10]))
    examples = open_examples("labelled", str(tmp_path / "x.npz"))
    assert examples.class_names == ("2", "10")
    assert first_batch(examples)[1].tolist() == [1, 0, 1]  # type: ignore[union-attr]
    digits = open_examples("labelled", "digits")
    assert digits.class_names == tuple("0123456789")
    assert open_examples("images", "digits").classes == 0


def test_missing_labels_are_told(tmp_path: Path) -> None:
    data = folder(tmp_path / "x", ["shoe/1.png", "2.png"])
    with pytest.raises(ImageSourceError, match="no labels, and this model needs them") as caught:
        open_examples("labelled", data)
    assert "--labels folders" in str(caught.value)
    with pytest.raises(ImageSourceError, match=r"2\.png has no label, and others of .* have one"):
        open_examples("labelled", data, labels="folders")


def test_pairs_by_file_name(tmp_path: Path) -> None:
    a = folder(tmp_path / "a", ["1.png", "2.png", "sub/3.png"], channels=1)
    b = folder(tmp_path / "b", ["3.jpg", "2.bmp", "1.png"], seed=1)
    examples = open_examples("paired", None, a, b)
    assert examples.remarks == ()
    assert (examples.counts, examples.shape, examples.other_shape) == ((3,), (1, 12, 10), (3, 12, 10))
    images, _, others = first_batch(examples)
    assert others is not None
    # b was written in the opposite order: the second of both is the second.
    torch.testing.assert_close(images[1, 0], torch.from_numpy(picture(1, channels=1)) / 127.5 - 1)
    torch.testing.assert_close(others[1], torch.from_numpy(picture(101)).permute(2, 0, 1) / 127.5 - 1)
    torch.testing.assert_close(others[0], torch.from_numpy(picture(102)).permute(2, 0, 1) / 127.5 - 1)


def test_what_has_no_partner_is_listed(tmp_path: Path) -> None:
    a = folder(tmp_path / "a", ["1.png", "2.png", "3.png"])
    b = folder(tmp_path / "b", ["2.png", "4.png"], seed=1)
    for limit in (10**9, 1):
        examples = open_examples("paired", None, a, b, memory_limit=limit)
        assert examples.counts == (1,)
        assert examples.remarks == (
            f"2 images of {a} without a partner are left out: 1.png, 3.png",
            f"1 image of {b} without a partner is left out: 4.png",
        )
    none = folder(tmp_path / "c", ["x.png"])
    with pytest.raises(ImageSourceError, match=r"no data-a image has the name of a data-b one: .* begin with 1\.png"):
        open_examples("paired", None, a, none)
    several = folder(tmp_path / "d", ["x/1.png", "y/1.png"])
    with pytest.raises(ImageSourceError, match="2 data-b images are called '1'"):
        open_examples("paired", None, a, several)


def test_pairs_side_by_side(tmp_path: Path) -> None:
    data = folder(tmp_path / "ab", ["1.png", "2.png"], size=(12, 20))
    examples = open_examples("paired", data)
    assert (examples.counts, examples.shape, examples.other_shape) == ((2,), (3, 12, 10), (3, 12, 10))
    images, _, others = first_batch(examples, 2)
    whole = torch.from_numpy(np.stack([picture(0, (12, 20)), picture(1, (12, 20))])).permute(0, 3, 1, 2) / 127.5 - 1
    torch.testing.assert_close(images, whole[..., :10])
    torch.testing.assert_close(others, whole[..., 10:])
    odd = folder(tmp_path / "odd", ["1.png"], size=(12, 21))
    with pytest.raises(ImageSourceError, match=r"1\.png is 21 pixels wide"):
        open_examples("paired", odd)


def test_pairs_of_named_sets_go_by_number() -> None:
    examples = open_examples("paired", None, "edges:digits", "digits")
    assert examples.counts == (1797,)


def test_unpaired_domains_have_counts_and_channels_of_their_own(tmp_path: Path) -> None:
    a = folder(tmp_path / "a", ["1.png", "2.png"], channels=1)
    b = folder(tmp_path / "b", ["x.png", "y.png", "z.png"], size=(24, 20))
    examples = open_examples("unpaired", None, a, b, resize="squash")
    assert (examples.counts, examples.shape, examples.other_shape) == ((2, 3), (1, 12, 10), (3, 12, 10))
    assert open_examples("unpaired", None, a, b, resize="crop", channels=3).shape[0] == 3
    assert open_examples("unpaired", None, a, b, resize="crop", channels=3, other_channels=1).other_shape == (1, 12, 10)
    with pytest.raises(ImageSourceError, match=r"x\.png is 20×24 pixels, training needs 10×12"):
        open_examples("unpaired", None, a, b)


def test_size_channels_and_resize_are_as_asked(tmp_path: Path) -> None:
    data = folder(tmp_path / "x", ["1.png", "2.png"])
    save(tmp_path / "x" / "3.png", picture(3, (40, 33)))
    with pytest.raises(ImageSourceError, match=r"3\.png is 33×40 pixels, training needs 10×12 throughout") as caught:
        open_examples("images", data)
    assert "--resize" in str(caught.value)
    for resize in ("crop", "squash"):
        assert open_examples("images", data, size=(9, 31), channels=1, resize=resize).shape == (1, 9, 31)
        assert open_examples("images", data, resize=resize).shape == (3, 12, 10)


def test_models_options_from_examples(tmp_path: Path) -> None:
    a = folder(tmp_path / "a", ["1.png"], channels=1)
    b = folder(tmp_path / "b", ["x.png"])
    examples = open_examples("unpaired", None, a, b)
    options = options_from(CycleGAN, examples)
    assert options == {"size": (12, 10), "channels": 1, "other_channels": 3}
    assert configured(CycleGAN.Config, options).both_channels == (1, 3)  # type: ignore[attr-defined]
    assert options_from(DCGAN, open_examples("images", a)) == {"size": (12, 10), "channels": 1}


@pytest.mark.parametrize(
    ("kind", "sets", "message"),
    [
        ("pictures", ("digits", None, None), "unknown kind of training data 'pictures'"),
        ("images", (None, None, None), "learns from one set of images"),
        ("images", ("digits", "digits", None), "learns from one set of images"),
        ("unpaired", (None, "digits", None), "learns from two sets of images"),
        ("unpaired", ("digits", None, None), "learns from two sets of images"),
        ("paired", ("digits", "digits", "digits"), "learns from two sets of images"),
    ],
)
def test_sets_that_do_not_fit_the_kind(kind: str, sets: tuple[str | None, ...], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        open_examples(kind, *sets)


def test_bad_data_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageSourceError, match="there is no such file or folder"):
        open_examples("unpaired", None, str(tmp_path / "nowhere"), "digits")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageSourceError, match="the folder is empty"):
        open_examples("images", str(tmp_path / "empty"))
    data = folder(tmp_path / "x", ["1.png", "2.png"])
    (tmp_path / "x" / "2.png").write_bytes(b"no image")
    with pytest.raises(ImageSourceError, match=r"a training image can't be decoded: 2\.png"):
        open_examples("images", data)
    with pytest.raises(OptionError, match="unknown way to resize 'stretch'"):
        open_examples("images", data, resize="stretch")


CASES: list[dict[str, Any]] = [
    {"kind": "images", "data": "a"},
    {"kind": "labelled", "data": "a", "labels": "folders"},
    {"kind": "paired", "data_a": "a", "data_b": "b"},
    {"kind": "paired", "data": "a"},
    {"kind": "unpaired", "data_a": "a", "data_b": "b"},
]


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    names = [f"{'xy'[number % 2]}/{number:02d}.png" for number in range(12)]
    folder(tmp_path / "a", names)
    folder(tmp_path / "b", [*names, *(f"z/{number}.png" for number in range(70, 75))], size=(24, 26), seed=1)
    return tmp_path


@pytest.mark.parametrize("case", CASES)
def test_on_demand_gives_the_batches_of_memory(case: dict[str, Any], sets: Path) -> None:
    spec = {name: str(sets / value) if name.startswith("data") else value for name, value in case.items()}
    spec = {"data": None} | spec
    held = open_examples(**spec, resize="crop")
    demanded = open_examples(**spec, resize="crop", memory_limit=100)
    assert isinstance(held, ImageArrays)
    assert isinstance(demanded, ImagesOnDemand)
    for name in ("kind", "counts", "shape", "other_shape", "classes", "class_names"):
        assert getattr(held, name) == getattr(demanded, name), name
    seen: dict[str, list[Any]] = {"held": [], "demanded": []}
    for name, examples in (("held", held), ("demanded", demanded)):
        trainer = Trainer(_watching(seen[name], examples), examples, TrainingSettings(batch_size=4, accumulate=2))
        for _ in range(7):
            trainer.step()
    assert len(seen["held"]) == 14
    for one, other in zip(seen["held"], seen["demanded"], strict=True):
        assert torch.equal(one.images, other.images)
        assert (one.labels is None and other.labels is None) or torch.equal(one.labels, other.labels)
        assert (one.others is None and other.others is None) or torch.equal(one.others, other.others)


def _watching(seen: list[Any], examples: Examples) -> Any:
    """A model that only looks at its batches."""
    from ganeval.generators.model import GenerativeModel, Losses, Phase, Step
    from ganeval.generators.optimisers import Optimiser

    class Watching(DCGAN):
        def phases(self) -> list[Phase]:
            return [Phase("g", ("generator",), self.look, Optimiser())]

        def look(self, step: Step) -> Losses:
            seen.append(step.batch)
            return {"nothing": next(self.generator.parameters()).sum() * 0}

    model: GenerativeModel = Watching.initialised(configured(DCGAN.Config, {"size": 8, "width": 1}), 0)
    return model


def test_expected_images_are_decoded_ahead_and_once(sets: Path) -> None:
    pictures = SourcePictures(open_source(str(sets / "a")))
    loaded: list[int] = []
    came = threading.Event()
    decode = pictures.load

    def load(number: int, channels: int) -> Pixels:
        loaded.append(number)
        if len(loaded) == 4:
            came.set()
        return decode(number, channels)

    pictures.load = load  # type: ignore[method-assign]
    examples = ImagesOnDemand("images", [TrainingImages(pictures, (12, 10), 3)])
    examples.expect([torch.tensor([3, 1, 7, 5])])
    assert came.wait(10), "nothing was decoded ahead"
    batch = examples.read([torch.tensor([5, 3, 7, 1])])
    assert sorted(loaded) == [1, 3, 5, 7]
    torch.testing.assert_close(batch.images[2], torch.from_numpy(decode(7, 3)).permute(2, 0, 1) / 127.5 - 1)
    # What was expected and never asked for is forgotten.
    for start in range(0, 12, 2):
        examples.expect([torch.tensor([start, start + 1])])
    assert len(examples._expected) <= 6


def test_digest_on_demand_changes_with_the_data(sets: Path) -> None:
    def digest(**options: Any) -> str:
        return open_examples("images", str(sets / "a"), memory_limit=1, **options).digest()

    before = digest()
    assert digest() == before
    assert digest(channels=1) != before
    assert digest(size=(6, 5), resize="squash") != before
    save(sets / "a" / "x" / "00.png", picture(77))
    assert digest() != before


def test_a_file_that_breaks_later_is_named(sets: Path) -> None:
    examples = open_examples("images", str(sets / "a"), memory_limit=1)
    (sets / "a" / "y" / "03.png").unlink()
    with pytest.raises(ImageSourceError, match=r"a training image can't be decoded: y/03\.png"):
        examples.read([torch.arange(12)])
