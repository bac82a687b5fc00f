"""Reads npy and npz files without unpickling anything, and without loading what can be mapped."""

from __future__ import annotations

import math
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from ganeval.errors import ImageSourceError

_PIECE = 1 << 22

#: All that a npz raises which can't be read, is broken, or encrypted.
BROKEN_NPZ = (
    OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, KeyError, RuntimeError,
)  # fmt: skip


@dataclass(frozen=True)
class ArrayHeader:
    """What an npz says about one of its arrays; `start` is where its values begin within the npy member."""

    name: str
    member: zipfile.ZipInfo
    shape: tuple[int, ...]
    fortran_order: bool
    dtype: np.dtype[Any]
    start: int


def open_npy(path: Path) -> npt.NDArray[Any]:
    """The array of a npy file, memory-mapped, read-only.

    Raises
    ------
    ImageSourceError
        If it is an array of Python objects.
    OSError, ValueError, EOFError
        If the file can't be read or is no npy file, or a truncated one.
    """
    with open(path, "rb") as stream:
        _, _, dtype = _read_header(stream)
    _refuse_objects(str(path), dtype)
    mapped: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return mapped


def read_npz_headers(file: Path | IO[bytes]) -> dict[str, ArrayHeader]:
    """Name, shape and type of each array in a npz, in file order, without reading their values.

    Raises
    ------
    BROKEN_NPZ
        If the file can't be read or is broken.
    """
    headers = {}
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            if member.filename.endswith(".npy"):
                name = member.filename.removesuffix(".npy")
                with archive.open(member) as stream:
                    shape, fortran_order, dtype = _read_header(stream)
                    headers[name] = ArrayHeader(name, member, shape, fortran_order, dtype, stream.tell())
    return headers


def open_npz_member(path: Path, header: ArrayHeader) -> npt.NDArray[Any]:
    """One array of a npz: memory-mapped if it is stored as it is, else unpacked into memory.

    Raises
    ------
    ImageSourceError
        If it is an array of Python objects.
    BROKEN_NPZ
        If the file is broken; the checksum of the array is checked in both cases.
    """
    _refuse_objects(f"{path}: {header.name}", header.dtype)
    _check_size(header)
    with zipfile.ZipFile(path) as archive:
        if header.member.compress_type != zipfile.ZIP_STORED or 0 in header.shape:
            with archive.open(header.member) as stream:
                unpacked: npt.NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
                return unpacked
        # Reading to the end makes zipfile compare the checksum, which the memory map would not.
        with archive.open(header.member) as stream:
            while stream.read(_PIECE):
                pass
    order = "F" if header.fortran_order else "C"
    offset = _data_offset(path, header.member) + header.start
    return np.memmap(path, dtype=header.dtype, mode="r", offset=offset, shape=header.shape, order=order)  # type: ignore[call-overload,no-any-return]


def _check_size(header: ArrayHeader) -> None:
    expected = header.start + header.dtype.itemsize * math.prod(header.shape)
    if header.member.file_size != expected:
        raise ValueError(f"{header.name} has {header.member.file_size} bytes where its shape asks for {expected}")


def _data_offset(path: Path, member: zipfile.ZipInfo) -> int:
    with open(path, "rb") as stream:
        stream.seek(member.header_offset)
        local = stream.read(30)
    # A zip's local header is 30 bytes, then name and extra field, whose lengths are at 26 and 28.
    return member.header_offset + 30 + int.from_bytes(local[26:28], "little") + int.from_bytes(local[28:30], "little")


def _read_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(stream)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"npy format version {version} isn't supported")
    header: tuple[tuple[int, ...], bool, np.dtype[Any]] = readers[version](stream)
    return header


def _refuse_objects(what: str, dtype: np.dtype[Any]) -> None:
    if dtype.hasobject:
        raise ImageSourceError(
            f"{what} is an array of Python objects, which is never loaded: it could run any code",
            hint="Save images of one size as a uint8 array [N, height, width, 3], or as image files in a folder.",
        )
