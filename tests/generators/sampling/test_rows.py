"""npz files that are written row by row, and gone on with."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganeval.generators.sampling.rows import NpzRows

ROWS = np.random.default_rng(0).integers(0, 256, (11, 2, 3, 3), dtype=np.uint8)


def written(path: Path, *stops: int) -> bytes:
    """The file after all rows, in one go or with a stop before each of `stops`."""
    for first, last in zip((0, *stops), (*stops, len(ROWS)), strict=True):
        rows = NpzRows(path, ROWS.shape)
        assert rows.done == first
        rows.append(ROWS[first:last])
        if last < len(ROWS):
            rows.close()
    rows.finish(arr_1=np.arange(len(ROWS)))
    return path.read_bytes()


@settings(max_examples=20, deadline=None)
@given(stops=st.lists(st.integers(0, len(ROWS)), max_size=4).map(sorted))
def test_stops_change_no_byte(tmp_path_factory: pytest.TempPathFactory, stops: list[int]) -> None:
    folder = tmp_path_factory.mktemp("rows")
    stops = [stop for stop in stops if stop < len(ROWS)]
    assert written(folder / "a.npz", *stops) == written(folder / "b.npz")


def test_numpy_and_zipfile_read_it(tmp_path: Path) -> None:
    written(tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as found:
        np.testing.assert_array_equal(found["arr_0"], ROWS)
        np.testing.assert_array_equal(found["arr_1"], np.arange(len(ROWS)))
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["arr_0.npy", "arr_1.npy"]


@pytest.mark.parametrize("garbage", [b"x", b"x" * 17, b"x" * 18, b"x" * 1000])
def test_half_a_row_is_written_anew(tmp_path: Path, garbage: bytes) -> None:
    whole = written(tmp_path / "a.npz")
    path = tmp_path / "b.npz"
    rows = NpzRows(path, ROWS.shape)
    rows.append(ROWS[:4])
    rows.close()
    path.write_bytes(path.read_bytes() + garbage)
    again = NpzRows(path, ROWS.shape)
    assert again.done == min(11, 4 + len(garbage) // 18)
    again.done = 4
    again.close()
    # Whatever had been appended: cut to what was known to be whole, it goes on to the same file.
    path.write_bytes(path.read_bytes()[: -18 * (min(11, 4 + len(garbage) // 18) - 4) or None])
    last = NpzRows(path, ROWS.shape)
    assert last.done == 4
    last.append(ROWS[4:])
    last.finish(arr_1=np.arange(len(ROWS)))
    assert path.read_bytes() == whole


@pytest.mark.parametrize("begun", [b"", b"PK", b"something else that was here before" * 20])
def test_another_file_is_begun_anew(tmp_path: Path, begun: bytes) -> None:
    (tmp_path / "a.npz").write_bytes(begun)
    rows = NpzRows(tmp_path / "a.npz", ROWS.shape)
    assert rows.done == 0
    rows.append(ROWS)
    rows.finish()
    with np.load(tmp_path / "a.npz") as found:
        np.testing.assert_array_equal(found["arr_0"], ROWS)


def test_a_file_of_another_shape_is_begun_anew(tmp_path: Path) -> None:
    rows = NpzRows(tmp_path / "a.npz", (5, 2, 3, 3))
    rows.append(ROWS[:5])
    rows.close()
    again = NpzRows(tmp_path / "a.npz", ROWS.shape)
    assert again.done == 0
    again.close()


def test_rows_that_do_not_fit_and_rows_that_are_missing(tmp_path: Path) -> None:
    rows = NpzRows(tmp_path / "a.npz", ROWS.shape)
    for wrong in (ROWS[:, :1], ROWS.astype(np.float32), np.concatenate([ROWS, ROWS])):
        with pytest.raises(ValueError, match="don't fit"):
            rows.append(wrong)
    with pytest.raises(ValueError, match="0 of 11 rows"):
        rows.finish()
    rows.close()
