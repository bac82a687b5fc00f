"""``ganeval translate``: files and folders of any size through a trained translator, and what's wrong in words."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner, Result

from ganeval.cli.app import _add_plugins, app
from ganeval.generators.configuration import configured
from ganeval.generators.model import GenerativeModel
from ganeval.generators.models.cyclegan import CycleGAN
from ganeval.generators.models.dcgan import DCGAN
from ganeval.generators.models.pix2pix import Pix2Pix
from ganeval.generators.weights_file import load_model, save_model


def saved(path: Path, name: str, kind: type[GenerativeModel], **options: Any) -> str:
    path.parent.mkdir(exist_ok=True)
    save_model(path, name, kind.initialised(configured(kind.Config, options), 0), {})
    return str(path)


@pytest.fixture
def cyclegan(tmp_path: Path) -> str:
    """A run folder of a translator from grey to colour and back."""
    weights = tmp_path / "run" / "generator.safetensors"
    saved(weights, "cyclegan", CycleGAN, size=12, channels=1, other_channels=3, width=2, blocks=1)
    return str(weights.parent)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    for name, shape in (("b.jpg", (9, 14, 3)), ("sub/a.png", (12, 12)), ("sub/c.webp", (31, 5, 3))):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, shape, dtype=np.uint8)).save(tmp_path / "photos" / name)
    return tmp_path / "photos"


@pytest.fixture(scope="module", autouse=True)
def _plugins() -> None:
    _add_plugins()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["translate", *arguments])


def failed(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    return result.output + result.stderr


def size_and_mode(path: Path) -> tuple[tuple[int, int], str]:
    with Image.open(path) as image:
        return image.size, image.mode


def test_a_folder_keeps_names_and_sizes(cyclegan: str, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    result = run(cyclegan, "--input", str(photos), "--out", str(out))
    assert result.exit_code == 0, result.output
    assert "translated 3 images" in result.stderr
    found = {path.relative_to(out).as_posix(): size_and_mode(path) for path in out.rglob("*") if path.is_file()}
    assert found == {
        "b.png": ((14, 9), "RGB"),
        "sub/a.png": ((12, 12), "RGB"),
        "sub/c.png": ((5, 31), "RGB"),
    }


def test_pixels_are_those_of_the_model(cyclegan: str, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(cyclegan, "--input", str(photos / "b.jpg"), "--out", str(out), "--direction", "b-to-a", "--quiet")
    with Image.open(photos / "b.jpg") as image:
        planes = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None] / 127.5 - 1
    model = load_model(Path(cyclegan) / "generator.safetensors")
    assert isinstance(model, CycleGAN)
    expected = ((model.translate(planes, "b-to-a", torch.Generator()) + 1) * 127.5).round().clamp(0, 255)
    with Image.open(out / "b.png") as made:
        assert made.mode == "L"
        np.testing.assert_allclose(np.asarray(made, int), expected[0, 0].numpy(), atol=1)


def test_an_image_is_the_same_alone_and_in_a_set(tmp_path: Path, photos: Path) -> None:
    weights = saved(tmp_path / "p.safetensors", "pix2pix", Pix2Pix, size=16, channels=1, width=4)
    made = []
    for number, (source, seed) in enumerate([("", "3"), ("sub/a.png", "3"), ("sub/a.png", "4")]):
        out = tmp_path / f"out{number}"
        assert run(weights, "--input", str(photos / source), "--out", str(out), "--seed", seed).exit_code == 0
        made.append((out / ("a.png" if source else "sub/a.png")).read_bytes())
    assert made[0] == made[1]
    # pix2pix has noise, which the seed chooses.
    assert made[1] != made[2]


def test_names_that_would_collide_keep_their_endings(cyclegan: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a.png", "a.bmp", "b.png"):
        Image.new("L", (6, 6)).save(tmp_path / "in" / name)
    assert run(cyclegan, "--input", str(tmp_path / "in"), "--out", str(tmp_path / "out")).exit_code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.bmp.png", "a.png.png", "b.png"]


def test_an_archive_cannot_write_outside(cyclegan: str, tmp_path: Path) -> None:
    stream = io.BytesIO()
    Image.new("L", (6, 6)).save(stream, format="PNG")
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("../evil.png", stream.getvalue())
        archive.writestr("good.png", stream.getvalue())
    run(cyclegan, "--input", str(tmp_path / "x.zip"), "--out", str(tmp_path / "deep" / "out"))
    assert not (tmp_path / "deep" / "evil.png").exists()
    assert (tmp_path / "deep" / "out" / "good.png").exists()


def test_corrupt_images_stop_it_or_are_skipped(cyclegan: str, photos: Path, tmp_path: Path) -> None:
    (photos / "broken.png").write_bytes(b"nothing")
    arguments = (cyclegan, "--input", str(photos), "--out", str(tmp_path / "out"))
    assert "broken.png" in failed(*arguments)
    result = run(*arguments, "--on-error", "skip")
    assert result.exit_code == 0
    assert "note: skipped broken.png" in result.stderr
    assert "translated 3 images" in result.stderr


def test_bad_input_is_named(cyclegan: str, photos: Path, tmp_path: Path) -> None:
    out = ("--out", str(tmp_path / "out"))
    some = ("--input", str(photos))
    assert "doesn't go in the direction 'sideways'" in failed(cyclegan, *some, *out, "--direction", "sideways")
    one_way = saved(tmp_path / "p.safetensors", "pix2pix", Pix2Pix, size=16, channels=1, width=2)
    told = failed(one_way, *some, *out, "--direction", "b-to-a")
    assert "doesn't go in the direction 'b-to-a'" in told
    assert "a-to-b" in told
    assert "there is no such image" in failed(cyclegan, "--input", str(tmp_path / "none.png"), *out)
    assert "there is no such file or folder" in failed(cyclegan, "--input", str(tmp_path / "none"), *out)
    assert "there is no run" in failed(str(tmp_path / "nowhere"), *some, *out)
    assert "unknown generator 'cyclegun'" in failed("cyclegun", *some, *out)
    noise = saved(tmp_path / "d.safetensors", "dcgan", DCGAN, size=8, channels=1, width=2)
    assert "makes images from noise" in failed(noise, *some, *out)
    four = saved(tmp_path / "4.safetensors", "pix2pix", Pix2Pix, size=16, channels=4, width=2)
    assert "images of 4 channels" in failed(four, *some, *out)
    assert "--on-error is 'ignore'" in failed(cyclegan, *some, *out, "--on-error", "ignore")
    (tmp_path / "cut.safetensors").write_bytes((Path(cyclegan) / "generator.safetensors").read_bytes()[:500])
    assert "holds no weights" in failed(str(tmp_path / "cut.safetensors"), *some, *out)
    (tmp_path / "out").write_text("a file")
    assert "can't make the folder" in failed(cyclegan, *some, *out)


def test_the_input_is_never_replaced(cyclegan: str, photos: Path) -> None:
    before = (photos / "sub" / "a.png").read_bytes()
    assert "would replace the image" in failed(cyclegan, "--input", str(photos), "--out", str(photos))
    assert (photos / "sub" / "a.png").read_bytes() == before
    assert "would replace" in failed(cyclegan, "--input", str(photos / "sub" / "a.png"), "--out", str(photos / "sub"))


def test_a_place_that_cannot_be_written_is_told_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("no-such-run", "--input", str(tmp_path), "--out", str(tmp_path / "file" / "out"))
    assert (done.exit_code, "is no folder" in done.output) == (2, True)
