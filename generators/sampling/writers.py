"""The forms in which samples are written: a folder of PNGs, one npz, or tar shards; all atomic, and resumable."""

from __future__ import annotations

import contextlib
import io
import os
import re
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from ganeval.errors import OutputError
from ganeval.generators.sampling.rows import NpzRows

Pixels = npt.NDArray[np.uint8]
#: Gives the class of an image by its number; None where there are no classes.
LabelOf = Callable[[int], "int | None"]

_DIGITS = 6


@dataclass(frozen=True)
class Layout:
    """What is written where.

    Parameters
    ----------
    path
        The folder or file.
    count
        How many images.
    shape
        Channels, height and width of one.
    label_of
        Their classes.
    class_folders
        Whether PNGs are sorted into a sub-folder for each class.
    shard_size
        Images in a shard.
    """

    path: Path
    count: int
    shape: tuple[int, int, int]
    label_of: LabelOf
    class_folders: bool = False
    shard_size: int = 1000


class Writer(Protocol):
    """Writes images in ascending order of their numbers; those that it has are left out."""

    def has(self, number: int) -> bool:
        """Whether that image is there already."""

    def add(self, number: int, pixels: Pixels) -> None:
        """Write one image, uint8 [H, W, C]; raises `OSError`."""

    def flush(self) -> None:
        """Called after each batch."""

    def finish(self) -> None:
        """Complete it; raises `OSError`."""

    def stop(self) -> None:
        """End early, and leave what is whole."""


class PngFolder:
    """``000000.png``, ``000001.png``, ...; with class folders ``3/000000.png``."""

    suffixes: ClassVar[tuple[str, ...]] = ()
    #: What it is made of, for the provenance: other values would give other files.
    is_folder: ClassVar[bool] = True

    def __init__(self, layout: Layout) -> None:
        require_picture(layout.shape)
        self._layout = layout
        self._made: set[Path] = set()

    @staticmethod
    def parameters(layout: Layout) -> Mapping[str, Any]:
        """What decides the files' names."""
        return {"class_folders": layout.class_folders}

    @staticmethod
    def owns(relative: str) -> bool:
        """Whether a file of that path is one that such a writer writes."""
        return re.fullmatch(r"(\d+/)?\.?\d{6,}\.png(\.part)?", relative) is not None

    def has(self, number: int) -> bool:
        return self._path(number).is_file()

    def add(self, number: int, pixels: Pixels) -> None:
        path = self._path(number)
        if path.parent not in self._made:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._made.add(path.parent)
        part = path.with_name(f".{path.name}.part")
        part.write_bytes(png_bytes(pixels))
        os.replace(part, path)

    def flush(self) -> None:
        pass

    def finish(self) -> None:
        pass

    def stop(self) -> None:
        pass

    def _path(self, number: int) -> Path:
        folder = self._layout.path
        if self._layout.class_folders:
            folder = folder / str(self._layout.label_of(number))
        return folder / f"{number:0{_DIGITS}d}.png"


class NpzFile:
    """``arr_0`` uint8 [N, H, W, 3] and, of models with classes, ``arr_1`` int64 [N], as the evaluator of Dhariwal and
    Nichol (2021) reads them; grey images have three equal channels."""

    suffixes: ClassVar[tuple[str, ...]] = (".npz",)
    is_folder: ClassVar[bool] = False

    def __init__(self, layout: Layout) -> None:
        channels, height, width = layout.shape
        self._layout = layout
        self._repeats = 3 if channels == 1 else 1
        self._part = part_of(layout.path)
        self._rows = NpzRows(self._part, (layout.count, height, width, channels * self._repeats))
        self._waiting: list[Pixels] = []

    @staticmethod
    def parameters(layout: Layout) -> Mapping[str, Any]:
        """The array's length is part of the file."""
        return {"count": layout.count}

    @staticmethod
    def owns(relative: str) -> bool:
        return False

    def has(self, number: int) -> bool:
        return number < self._rows.done

    def add(self, number: int, pixels: Pixels) -> None:
        self._waiting.append(pixels.repeat(self._repeats, axis=2))

    def flush(self) -> None:
        if self._waiting:
            self._rows.append(np.stack(self._waiting))
            self._waiting = []

    def finish(self) -> None:
        labels = [self._layout.label_of(number) for number in range(self._layout.count)]
        known = {} if None in labels else {"arr_1": np.array(labels, dtype=np.int64)}
        self._rows.finish(**known)
        os.replace(self._part, self._layout.path)

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self.flush()
        self._rows.close()


class TarShards:
    """``000000.tar``, ``000001.tar``, ... with ``0000000.png`` and, of models with classes, ``0000000.cls`` in them."""

    suffixes: ClassVar[tuple[str, ...]] = (".tar",)
    is_folder: ClassVar[bool] = True

    def __init__(self, layout: Layout) -> None:
        require_picture(layout.shape)
        self._layout = layout
        layout.path.mkdir(parents=True, exist_ok=True)
        self._there = {shard for shard in range(self._shard(layout.count - 1) + 1) if self._path(shard).is_file()}
        self._open: tuple[int, tarfile.TarFile] | None = None

    @staticmethod
    def parameters(layout: Layout) -> Mapping[str, Any]:
        """What decides the shards; the last one's length hangs on the count."""
        return {"shard_size": layout.shard_size, "count": layout.count}

    @staticmethod
    def owns(relative: str) -> bool:
        return re.fullmatch(r"\.?\d{6}\.tar(\.part)?", relative) is not None

    def has(self, number: int) -> bool:
        return self._shard(number) in self._there

    def add(self, number: int, pixels: Pixels) -> None:
        shard = self._shard(number)
        if self._open is None or self._open[0] != shard:
            self._complete()
            self._open = shard, tarfile.open(part_of(self._path(shard)), "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115
        archive = self._open[1]
        _add_member(archive, f"{number:07d}.png", png_bytes(pixels))
        label = self._layout.label_of(number)
        if label is not None:
            _add_member(archive, f"{number:07d}.cls", str(label).encode())

    def flush(self) -> None:
        pass

    def finish(self) -> None:
        self._complete()

    def stop(self) -> None:
        if self._open is not None:
            shard, archive = self._open
            with contextlib.suppress(OSError):
                archive.close()
            part_of(self._path(shard)).unlink(missing_ok=True)

    def _complete(self) -> None:
        if self._open is not None:
            shard, archive = self._open
            archive.close()
            os.replace(part_of(self._path(shard)), self._path(shard))
            self._open = None

    def _shard(self, number: int) -> int:
        return number // self._layout.shard_size

    def _path(self, shard: int) -> Path:
        return self._layout.path / f"{shard:06d}.tar"


def part_of(path: Path) -> Path:
    """Where a file is written before it is whole."""
    return path.with_name(f".{path.name}.part")


def png_bytes(pixels: Pixels) -> bytes:
    """A PNG of uint8 [H, W, 1] or [H, W, 3]."""
    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def require_picture(shape: tuple[int, int, int]) -> None:
    """Check that images are grey or RGB; raises `OutputError`."""
    if shape[0] not in (1, 3):
        raise OutputError(
            f"images of {shape[0]} channels can't be written as PNG", hint="Write them as .npz, or choose --format npz."
        )


def _add_member(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), 0o644
    archive.addfile(member, io.BytesIO(data))
