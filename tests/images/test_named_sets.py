"""The named sets, and the table in which they are found."""

from __future__ import annotations

import gzip
import hashlib
import struct
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from ganeval.errors import ImageSourceError
from ganeval.images.fashion_mnist import main, read_idx
from ganeval.images.opening import open_source
from ganeval.images.registry import SOURCES
from ganeval.images.source import SourceOptions

DATA = resources.files("ganeval.images") / "data"


def idx(values: np.ndarray) -> bytes:  # type: ignore[type-arg]
    return struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape) + values.astype(np.uint8).tobytes()


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No data set of this machine is to be found, and no download succeeds."""
    monkeypatch.delenv("GANEVAL_DATA", raising=False)
    monkeypatch.setattr("ganeval.images.fashion_mnist._DEBIAN", tmp_path / "debian")
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: str(tmp_path / "cache"))

    def refuse(*_: object, **__: object) -> None:
        raise OSError("Network is unreachable")

    monkeypatch.setattr("urllib.request.urlopen", refuse)


def test_digits() -> None:
    source = open_source("digits")
    items = list(source)
    assert source.count == len(items) == 1797
    original = load_digits()
    assert [item.label for item in items] == original.target.tolist()
    first = items[5].load()
    np.testing.assert_array_equal(first.pixels[..., 2], np.floor(original.images[5] * 255 / 16 + 0.5))
    assert first.pixels.shape == (8, 8, 3)
    assert first.info.mode == "L"
    assert source.fingerprint() == open_source("digits").fingerprint()
    with pytest.raises(ImageSourceError, match="no parts"):
        open_source("digits:test")


def test_embedded_fashion_mnist_is_what_its_card_says() -> None:
    card = (DATA / "fashion-mnist-test.md").read_text(encoding="utf-8")
    file = (DATA / "fashion-mnist-test.npz").read_bytes()
    assert len(file) < 8 << 20
    assert hashlib.sha256(file).hexdigest() in card
    assert "MIT License" in card
    assert "Zalando SE" in card
    source = open_source("fashion-mnist")
    items = list(source)
    assert source.count == len(items) == 10_000
    labels = np.array([item.label for item in items], np.uint8)
    assert hashlib.sha256(labels.tobytes()).hexdigest() in card
    assert np.bincount(labels).tolist() == [1000] * 10
    grey = np.stack([item.load().pixels[..., 0] for item in items])
    assert grey.shape == (10_000, 28, 28)
    assert hashlib.sha256(grey.tobytes()).hexdigest() in card
    assert open_source("fashion-mnist:test").fingerprint() == source.fingerprint()


@pytest.mark.parametrize("layout", ["", "fashion-mnist", "FashionMNIST/raw"])
@pytest.mark.parametrize("packed", [True, False])
def test_installed_training_images(layout: str, packed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "data" / layout
    folder.mkdir(parents=True)
    images = np.arange(3 * 28 * 28).reshape(3, 28, 28) % 256
    for name, values in (("images-idx3", images), ("labels-idx1", np.array([2, 0, 1]))):
        data = idx(values)
        path = folder / f"train-{name}-ubyte{'.gz' if packed else ''}"
        path.write_bytes(gzip.compress(data) if packed else data)
    monkeypatch.setenv("GANEVAL_DATA", str(tmp_path / "data"))
    source = open_source("fashion-mnist:train")
    assert [item.label for item in source] == [2, 0, 1]
    np.testing.assert_array_equal(next(iter(source)).load().pixels[..., 1], images[0])
    assert open_source("fashion-mnist:all").count == 10_003


@pytest.mark.parametrize("name", ["fashion-mnist:train", "fashion-mnist:all", "cifar10", "cifar10:test"])
def test_no_network(name: str) -> None:
    with pytest.raises(ImageSourceError, match="can't be downloaded") as caught:
        open_source(name)
    assert "GANEVAL_DATA" in str(caught.value)


@pytest.mark.parametrize("name", ["fashion-mnist:tests", "cifar10:tests"])
def test_unknown_parts(name: str) -> None:
    with pytest.raises(ImageSourceError, match="Did you mean 'test'"):
        open_source(name)


def test_broken_idx(tmp_path: Path) -> None:
    path = tmp_path / "x-ubyte"
    for data in (b"", b"\0\0\x08", b"text that is no idx", idx(np.zeros((2, 3, 3)))[:-1]):
        path.write_bytes(data)
        with pytest.raises(ImageSourceError, match="not an idx file"):
            read_idx(path)
    packed = tmp_path / "x.gz"
    packed.write_bytes(gzip.compress(idx(np.zeros((2, 3, 3))))[:-9])
    with pytest.raises(ImageSourceError, match="can't be read"):
        read_idx(packed)


def test_the_command_that_builds_the_embedded_file(tmp_path: Path) -> None:
    images = np.arange(2 * 28 * 28).reshape(2, 28, 28) % 251
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images)))
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(np.array([7, 8]))))
    main(["--build", str(tmp_path), "--to", str(tmp_path / "out.npz")])
    source = open_source(tmp_path / "out.npz")
    assert [item.label for item in source] == [7, 8]
    np.testing.assert_array_equal(next(iter(source)).load().pixels[..., 0], images[0])


def test_registered_schemes_get_their_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[str, SourceOptions]] = []

    def factory(argument: str, options: SourceOptions) -> object:
        given.append((argument, options))
        return open_source(np.zeros((2, 4, 4, 3), np.uint8))

    monkeypatch.setitem(SOURCES._loaded, "mine", factory)  # type: ignore[arg-type]
    options = SourceOptions(count=3)
    assert open_source("mine:a:b", options).count == 2
    open_source("mine")
    assert given == [("a:b", options), ("", SourceOptions())]
