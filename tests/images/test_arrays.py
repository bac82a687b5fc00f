"""Arrays in files and in memory: layouts, channels, ranges, and the arrays that are refused."""

from __future__ import annotations

import io
import os
import pickle
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ganeval.errors import GanevalError, ImageRangeError, ImageSourceError
from ganeval.images.opening import open_source
from ganeval.images.source import ImageSource, SourceOptions

SYMMETRIC = SourceOptions(value_range=(-1.0, 1.0))
UNIT = SourceOptions(value_range=(0.0, 1.0))


def pixels(source: ImageSource) -> npt.NDArray[np.uint8]:
    return np.stack([item.load().pixels for item in source])


def message(spec: object, options: SourceOptions | None = None, error: type[GanevalError] = ImageRangeError) -> str:
    with pytest.raises(error) as caught:
        open_source(spec, options)
    return str(caught.value)


@pytest.fixture
def batch(rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    return rng.integers(0, 256, (5, 6, 7, 3), dtype=np.uint8)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_in_the_adm_convention(save: Any, batch: npt.NDArray[np.uint8], tmp_path: Path) -> None:
    path = tmp_path / "samples.npz"
    save(path, batch, np.array([3, 1, 4, 1, 5]))
    source = open_source(path)
    np.testing.assert_array_equal(pixels(source), batch)
    assert [item.label for item in source] == [3, 1, 4, 1, 5]
    assert [item.id for item in source] == [f"samples.npz[{i}]" for i in range(5)]
    assert (source.count, source.kind, source.repeatable) == (5, "npz", True)
    info = next(iter(source)).load().info
    assert (info.format, info.mode, info.width, info.height, len(info.digest)) == ("array", "RGB", 7, 6, 16)


def test_npz_stored_in_fortran_order(batch: npt.NDArray[np.uint8], tmp_path: Path) -> None:
    np.savez(tmp_path / "f.npz", np.asfortranarray(batch))
    np.testing.assert_array_equal(pixels(open_source(tmp_path / "f.npz")), batch)


def test_npz_with_other_names(batch: npt.NDArray[np.uint8], tmp_path: Path) -> None:
    path = tmp_path / "named.npz"
    np.savez(path, images=batch, labels=np.array(list("abcde")))
    source = open_source(path)
    np.testing.assert_array_equal(pixels(source), batch)
    assert [item.label for item in source] == list("abcde")
    np.savez(path, x=batch, z=batch)
    assert "several arrays that could be the images" in message(path, error=ImageSourceError)
    np.savez(path, mu=np.zeros(8), sigma=np.eye(8))
    assert "statistics of features (mu, sigma)" in message(path, error=ImageSourceError)
    np.savez(path, v=np.zeros(8))
    assert "no array of images; it has: v (8,)" in message(path, error=ImageSourceError)
    np.savez(path, batch, np.zeros(4, int))
    assert "arr_1 has shape (4,)" in message(path, error=ImageSourceError)


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_objects_are_never_unpickled(suffix: str, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return (os.mkdir, (str(tmp_path / "executed"),))

    path = tmp_path / f"bomb.{suffix}"
    (np.save if suffix == "npy" else np.savez)(path, np.array([Bomb()] * 3, dtype=object))
    assert "Python objects, which is never loaded" in message(path, error=ImageSourceError)
    (tmp_path / "raw.npy").write_bytes(pickle.dumps(Bomb()))
    assert "not a NumPy file" in message(tmp_path / "raw.npy", error=ImageSourceError)
    assert not (tmp_path / "executed").exists()


def test_object_labels_are_refused(batch: npt.NDArray[np.uint8], tmp_path: Path) -> None:
    np.savez(tmp_path / "o.npz", batch, np.array([None] * 5, dtype=object))
    assert "Python objects" in message(tmp_path / "o.npz", error=ImageSourceError)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_broken_npz(save: Any, batch: npt.NDArray[np.uint8], tmp_path: Path) -> None:
    path = tmp_path / "s.npz"
    save(path, batch)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert "not a NumPy file, or a broken one" in message(path, error=ImageSourceError)
    garbled = bytearray(whole)
    garbled[len(whole) // 2] ^= 0xFF
    path.write_bytes(bytes(garbled))
    assert "not a NumPy file, or a broken one" in message(path, error=ImageSourceError)
    path.write_bytes(b"")
    assert "not a NumPy file, or a broken one" in message(path, error=ImageSourceError)


def test_an_encrypted_npz_is_named(batch: npt.NDArray[np.uint8], tmp_path: Path) -> None:
    path = tmp_path / "s.npz"
    np.savez(path, batch)
    data = bytearray(path.read_bytes())
    # The flag of encryption in the member's header and in the list of members.
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(data))
    assert "not a NumPy file, or a broken one" in message(path, error=ImageSourceError)


def test_one_flipped_bit_deep_in_a_large_stored_npz(tmp_path: Path) -> None:
    path = tmp_path / "s.npz"
    np.savez(path, np.zeros((40, 64, 64, 3), np.uint8))
    garbled = bytearray(path.read_bytes())
    garbled[-5000] ^= 1
    path.write_bytes(bytes(garbled))
    assert "Bad CRC-32" in message(path, error=ImageSourceError)


def test_npz_that_claims_more_than_it_has(batch: npt.NDArray[np.uint8], tmp_path: Path) -> None:
    stream = io.BytesIO()
    np.save(stream, batch)
    with zipfile.ZipFile(tmp_path / "s.npz", "w") as archive:
        archive.writestr("arr_0.npy", stream.getvalue().replace(b"(5, 6, 7, 3)", b"(9, 6, 7, 3)"))
    assert "where its shape asks for" in message(tmp_path / "s.npz", error=ImageSourceError)


def test_npy_is_mapped_and_truncation_seen(batch: npt.NDArray[np.uint8], tmp_path: Path) -> None:
    path = tmp_path / "s.npy"
    np.save(path, batch)
    source = open_source(path)
    np.testing.assert_array_equal(pixels(source), batch)
    item = next(iter(source)).load()
    item.pixels[:] = 0
    np.testing.assert_array_equal(pixels(source), batch)
    path.write_bytes(path.read_bytes()[:-10])
    assert "broken" in message(path, error=ImageSourceError)


def test_fingerprint_of_a_rewritten_npz(batch: npt.NDArray[np.uint8], tmp_path: Path) -> None:
    path = tmp_path / "s.npz"
    np.savez(path, batch)
    before, state = open_source(path).fingerprint(), path.stat()
    assert open_source(path).fingerprint() == before
    time.sleep(0.02)
    np.savez(path, batch[::-1])
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert path.stat().st_size == state.st_size
    assert open_source(path).fingerprint() != before


@settings(max_examples=50, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 4), st.integers(5, 9), st.integers(5, 9), st.sampled_from([1, 3]))))
def test_layouts_give_the_same_images(values: npt.NDArray[np.uint8]) -> None:
    expected = np.broadcast_to(values, (*values.shape[:3], 3))
    np.testing.assert_array_equal(pixels(open_source(values)), expected)
    np.testing.assert_array_equal(pixels(open_source(values.transpose(0, 3, 1, 2))), expected)
    if values.shape[3] == 1 and values.shape[0] != 3:
        np.testing.assert_array_equal(pixels(open_source(values[..., 0])), expected)


@settings(max_examples=50, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 3), st.integers(4, 6), st.integers(4, 6), st.just(3))))
def test_floats_made_from_bytes_come_back_as_those_bytes(values: npt.NDArray[np.uint8]) -> None:
    for dtype in (np.float32, np.float64):
        unit = (values / 255).astype(dtype)
        np.testing.assert_array_equal(pixels(open_source(unit, UNIT)), values)
        np.testing.assert_array_equal(pixels(open_source(unit * 2 - 1, SYMMETRIC)), values)


def test_range_is_found_and_kept(batch: npt.NDArray[np.uint8]) -> None:
    unit = (batch / 255).astype(np.float32)
    np.testing.assert_array_equal(pixels(open_source(unit)), batch)
    np.testing.assert_array_equal(pixels(open_source(unit * 2 - 1)), batch)
    dark = np.zeros((2, 4, 4, 3), np.float32)
    assert pixels(open_source(dark)).max() == 0
    assert set(pixels(open_source(dark, SYMMETRIC)).ravel()) == {128}


def test_rounding_is_to_the_nearest_level() -> None:
    values = np.full((1, 4, 4, 3), 0.5 / 255 + 1e-4, np.float64)
    assert pixels(open_source(values)).max() == 1
    assert pixels(open_source(values - 2e-4)).max() == 0
    edges = np.full((1, 4, 4, 3), 1 + 5e-7)
    assert pixels(open_source(edges)).min() == 255


def test_float_images_outside_any_range(batch: npt.NDArray[np.uint8]) -> None:
    unit = batch / 255
    assert "from -3 to 2" in message(np.clip(unit * 10 - 5, -3, 2))
    assert "outside both [0, 1] and [-1, 1]" in message(batch.astype(np.float32))
    assert "outside [0, 1]" in message(unit * 2 - 1, UNIT)
    for bad in (np.nan, np.inf, -np.inf):
        unit[3, 2, 1, 0] = bad
        assert "NaN or infinite" in message(unit)


def test_nan_in_the_last_piece_of_a_large_array(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganeval.images.pixels._CHUNK_VALUES", 100)
    values = np.zeros((50, 5, 5, 1), np.float32)
    values[-1, -1, -1] = np.nan
    assert "NaN" in message(values)
    values[-1, -1, -1] = 7
    assert "from 0 to 7" in message(values)


def test_16_bit_boolean_and_integer_arrays(rng: np.random.Generator) -> None:
    wide = rng.integers(0, 65536, (2, 5, 5, 3)).astype(np.uint16)
    np.testing.assert_array_equal(pixels(open_source(wide)), np.rint(wide / 257))
    assert next(iter(open_source(wide))).load().info.mode == "RGB;16"
    assert next(iter(open_source(wide[..., :1]))).load().info.mode == "I;16"
    np.testing.assert_array_equal(pixels(open_source(wide.astype(">u2"))), np.rint(wide / 257))
    bits = wide > 30_000
    np.testing.assert_array_equal(pixels(open_source(bits)), bits * 255)
    narrow = rng.integers(0, 256, (2, 5, 5, 3))
    np.testing.assert_array_equal(pixels(open_source(narrow)), narrow)
    assert "integers from -1 to 255" in message(np.array([-1, 255] * 24).reshape(1, 4, 4, 3))
    assert "outside 0..255" in message(narrow * 2 + 255)


@pytest.mark.parametrize(
    ("shape", "part"),
    [
        ((5, 6, 7, 2), "no axis is that of 1 (grey) or 3 (RGB) channels"),
        ((5, 6, 7, 4), "no axis"),
        ((5, 4, 6, 7), "no axis"),
        ((5, 3, 6, 3), "come first or last can't be told"),
        ((5, 1, 6, 3), "come first or last can't be told"),
        ((6, 7, 3), "one colour image or several grey ones"),
        ((3, 6, 7), "one colour image or several grey ones"),
        ((5, 7), "2 dimensions"),
        ((5,), "1 dimension "),
        ((0, 6, 7, 3), "holds no images"),
        ((1, 1, 2, 6, 7, 3), "6 dimensions"),
    ],
)
def test_shapes_that_are_no_images(shape: tuple[int, ...], part: str) -> None:
    assert part in message(np.zeros(shape, np.uint8))


def test_types_that_are_no_pixels() -> None:
    assert "complex128" in message(np.zeros((2, 4, 4, 3), complex))
    assert "object" in message(np.zeros((2, 4, 4, 3), object))
    assert "<U1" in message(np.full((2, 4, 4, 3), "x"))


def test_arrays_in_memory_are_fingerprinted_by_content(batch: npt.NDArray[np.uint8]) -> None:
    source = open_source(batch)
    before = source.fingerprint()
    assert open_source(batch.copy()).fingerprint() == before
    assert open_source(batch[::-1]).fingerprint() != before
    assert open_source(batch.astype(np.int64)).fingerprint() != before
    batch[4, 5, 6, 2] ^= 1
    assert source.fingerprint() != before
    dark = np.zeros((2, 4, 4, 3), np.float32)
    assert open_source(dark).fingerprint() != open_source(dark, SYMMETRIC).fingerprint()
