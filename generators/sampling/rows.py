"""Appends rows to an npz file on disk, so that neither memory nor an interrupt is a limit to how many there are."""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

_MEMBER = b"arr_0.npy"
_LOCAL, _CENTRAL, _END64, _LOCATOR, _END = b"PK\3\4", b"PK\1\2", b"PK\6\6", b"PK\6\7", b"PK\5\6"
#: Of the zip format: version that has 64-bit sizes; 1 January 1980; sizes that are told elsewhere.
_VERSION, _DATE, _ELSEWHERE = 45, 0x21, 0xFFFFFFFF
_PIECE = 1 << 22


class NpzRows:
    """An uncompressed npz with one array ``arr_0`` that is written row by row, and can be gone on with.

    Until `finish` the file is no zip yet, as its checksum and table of contents are missing; the rows that are there
    count when it is opened again.

    Parameters
    ----------
    path
        Made, or gone on with if it was begun with the same shape and type.
    shape
        Of the whole array: how many rows, and the shape of one.
    dtype
        Of its values.

    Raises
    ------
    OSError
        If it can't be written.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: npt.DTypeLike = np.uint8) -> None:
        self._header = _npy_header(shape, np.dtype(dtype))
        self._dtype, self._row = np.dtype(dtype), shape[1:]
        self._row_bytes = int(np.prod(shape[1:], dtype=np.int64)) * self._dtype.itemsize
        self._start = len(_local_header(0, 0)) + len(self._header)
        self._total = shape[0]
        self._crc = zlib.crc32(self._header)
        # Not "a": in that mode nothing can be written but at the end.
        self._stream = open(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666), "r+b")  # noqa: SIM115
        self.done = self._recover()

    def append(self, rows: npt.NDArray[Any]) -> None:
        """Add rows [n, ...] of the array's type.

        Raises
        ------
        ValueError
            If they don't fit, or are too many.
        """
        if rows.shape[1:] != self._row or rows.dtype != self._dtype or self.done + len(rows) > self._total:
            raise ValueError(f"rows {rows.shape} of {rows.dtype} don't fit into {self._row} of {self._dtype}")
        data = np.ascontiguousarray(rows).tobytes()
        self._stream.write(data)
        self._crc = zlib.crc32(data, self._crc)
        self.done += len(rows)

    def close(self) -> None:
        """Leave it as it is, to be gone on with."""
        self._stream.close()

    def finish(self, **others: npt.NDArray[Any]) -> None:
        """Complete the zip, with further small arrays by name.

        Raises
        ------
        ValueError
            If rows are missing.
        """
        if self.done != self._total:
            raise ValueError(f"{self.done} of {self._total} rows are there")
        size = len(self._header) + self.done * self._row_bytes
        stream = self._stream
        stream.seek(self._start + self.done * self._row_bytes)
        _write_end(stream, self._crc, size)
        stream.flush()
        with zipfile.ZipFile(stream, "a", allowZip64=True) as archive:
            for name, values in others.items():
                buffer = io.BytesIO()
                np.lib.format.write_array(buffer, values, allow_pickle=False)
                # Without a date the same rows give the same bytes.
                archive.writestr(zipfile.ZipInfo(f"{name}.npy"), buffer.getvalue())
        # Last of all: until then an interrupted file can be gone on with.
        stream.seek(0)
        stream.write(_local_header(self._crc, size))
        stream.flush()
        os.fsync(stream.fileno())
        stream.close()

    def _recover(self) -> int:
        """How many whole rows are there; the file is made ready for the next."""
        stream = self._stream
        stream.seek(0, os.SEEK_END)
        length = stream.tell()
        begun = _local_header(0, 0) + self._header
        stream.seek(0)
        if length < self._start or stream.read(self._start) != begun:
            stream.seek(0)
            stream.truncate()
            stream.write(begun)
            return 0
        done = min((length - self._start) // self._row_bytes, self._total)
        left = done * self._row_bytes
        while left:
            piece = stream.read(min(_PIECE, left))
            self._crc = zlib.crc32(piece, self._crc)
            left -= len(piece)
        stream.truncate()
        return done


def _npy_header(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    buffer = io.BytesIO()
    description = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(buffer, description)
    return buffer.getvalue()


def _local_header(crc: int, size: int) -> bytes:
    extra = struct.pack("<HHQQ", 1, 16, size, size)
    fields = (_VERSION, 0, 0, 0, _DATE, crc, _ELSEWHERE, _ELSEWHERE, len(_MEMBER), len(extra))
    return struct.pack("<4s5H3I2H", _LOCAL, *fields) + _MEMBER + extra


def _write_end(stream: Any, crc: int, size: int) -> None:
    """The zip's table of contents, with 64-bit sizes, where the stream stands."""
    start = stream.tell()
    extra = struct.pack("<HHQQ", 1, 16, size, size)
    fields = (_VERSION, _VERSION, 0, 0, 0, _DATE, crc, _ELSEWHERE, _ELSEWHERE, len(_MEMBER), len(extra))
    stream.write(struct.pack("<4s6H3I5H2I", _CENTRAL, *fields, 0, 0, 0, 0o600 << 16, 0) + _MEMBER + extra)
    end = stream.tell()
    stream.write(struct.pack("<4sQ2H2I4Q", _END64, 44, _VERSION, _VERSION, 0, 0, 1, 1, end - start, start))
    stream.write(struct.pack("<4sIQI", _LOCATOR, 0, end, 1))
    stream.write(struct.pack("<4s4H2IH", _END, 0, 0, 0xFFFF, 0xFFFF, _ELSEWHERE, _ELSEWHERE, 0))
