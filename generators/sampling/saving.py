"""Samples to disk: written as they are made, gone on with after an interrupt, and never mixed with others."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganeval.errors import OptionError, OutputError, did_you_mean
from ganeval.files import write_atomically
from ganeval.generators.sampling.writers import Layout, NpzFile, Pixels, PngFolder, TarShards, Writer, part_of
from ganeval.generators.sources.source import SampleSource
from ganeval.progress import Progress, SilentProgress
from ganeval.wording import counted

Form = type[PngFolder] | type[NpzFile] | type[TarShards]
#: Forms by name, the first for paths that tell nothing.
FORMS: Mapping[str, Form] = {"png": PngFolder, "npz": NpzFile, "shards": TarShards}
RECORD_FORMAT = "ganeval/samples@1"
RECORD = "provenance.json"
# Where weights lie, which is of no account where their checksum is known.
_PLACES = frozenset({"generator", "file", "code"})


def save_samples(
    source: SampleSource,
    out: Path | str,
    *,
    form: str | None = None,
    batch_size: int = 100,
    class_folders: bool = False,
    shard_size: int = 1000,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Write all images of a source; those that an earlier call has written are kept.

    Parameters
    ----------
    source
        The samples.
    out
        A folder, or an npz file. A record of what made the images is written beside: ``provenance.json`` in a folder,
        ``s.provenance.json`` for ``s.npz``.
    form
        ``"png"``, ``"npz"`` or ``"shards"`` (tars in a folder); None goes by the suffix of `out`.
    batch_size
        Images between two writes; changes no picture.
    class_folders
        Sort PNGs into a sub-folder for each class.
    shard_size
        Images in each tar.
    overwrite
        Replace samples of another provenance, which are refused else.

    Returns
    -------
    Path
        The record.

    Raises
    ------
    OutputError
        If there is something else at `out`, or it can't be written; what was written is kept.
    OptionError
        If an option can't be used.
    """
    path = Path(out)
    kind = form_of(path, form)
    if batch_size < 1 or shard_size < 1:
        raise OptionError(f"batch size {batch_size} and shard size {shard_size} have to be 1 or more")
    blocks = source.blocks()
    if class_folders and (kind is not PngFolder or blocks.label(0) is None):
        raise OptionError("there are class folders only for PNGs of a model with classes", hint="Leave them out.")
    first = blocks.image(0)[0]
    layout = Layout(path, source.count, _shape(first), blocks.label, class_folders, shard_size)
    record = _Record(path, kind, layout, source)
    try:
        record.prepare(overwrite=overwrite)
        if record.complete():
            return record.path
        writer: Writer = kind(layout)
        _write(writer, source, layout.count, batch_size, progress or SilentProgress())
        record.write(complete=True)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        reason = "the disk is full" if full else (error.strerror or str(error)).lower()
        raise OutputError(
            f"can't write samples to {path}: {reason}",
            hint="What was written is kept: make room and run the same command again." if full else None,
        ) from error
    return record.path


def form_of(path: Path, form: str | None) -> Form:
    """The form of that name, or the one that fits a path; raises `OptionError` for an unknown name."""
    if form is None:
        return next((one for one in FORMS.values() if path.suffix.lower() in one.suffixes), PngFolder)
    if form not in FORMS:
        raise OptionError(f"unknown format {form!r}", hint=did_you_mean(form, FORMS))
    return FORMS[form]


def _shape(image: Tensor) -> tuple[int, int, int]:
    channels, height, width = image.shape
    return channels, height, width


def _write(writer: Writer, source: SampleSource, count: int, batch_size: int, progress: Progress) -> None:
    blocks = source.blocks()
    missing = [number for number in range(count) if not writer.has(number)]
    task = progress.start("generating", count, done=count - len(missing))
    try:
        for batch in _batches(missing, batch_size):
            for number in batch:
                writer.add(number, _channels_last(blocks.image(number)[0]))
            writer.flush()
            task.advance(len(batch))
        writer.finish()
    except BaseException:
        # An interrupt too.
        writer.stop()
        raise
    finally:
        task.finish()


def _batches(numbers: list[int], size: int) -> Iterator[list[int]]:
    return (numbers[start : start + size] for start in range(0, len(numbers), size))


def _channels_last(image: Tensor) -> Pixels:
    pixels: Pixels = np.ascontiguousarray(image.numpy().transpose(1, 2, 0))
    return pixels


class _Record:
    """What is known of the samples at a path, in a JSON file beside them."""

    def __init__(self, out: Path, kind: Form, layout: Layout, source: SampleSource) -> None:
        self._out, self._kind, self._layout = out, kind, layout
        self.path = out / RECORD if kind.is_folder else out.with_name(f"{out.stem}.{RECORD}")
        name = next(name for name, form in FORMS.items() if form is kind)
        self._content = {
            "format": RECORD_FORMAT,
            "samples": dict(source.provenance),
            "written_as": {"form": name, **kind.parameters(layout)},
            "torch": torch.__version__,
        }
        self._found: dict[str, Any] | None = None

    def prepare(self, *, overwrite: bool) -> None:
        """Make sure that what is at the path are these samples, or nothing."""
        if self._kind.is_folder and self._out.exists() and not self._out.is_dir():
            raise OutputError(f"{self._out} is a file, and a folder is to be made", hint="Choose another --out.")
        if not self._kind.is_folder and self._out.is_dir():
            raise OutputError(f"{self._out} is a folder, and a file is to be made", hint=f"{self._out / 'samples.npz'}")
        self._found = self._read()
        wrong = self._mismatch()
        if wrong is not None and self._found is None:
            # Without a record nobody knows whether they are samples at all, whatever they are called.
            raise OutputError(f"{self._out} holds {wrong}", hint="Choose another --out.")
        if wrong is not None and not overwrite:
            raise OutputError(
                f"{self._out} holds {wrong}", hint="Choose another --out, or replace them with --overwrite."
            )
        if wrong is not None:
            self._clear()
            self._found = None
        if self._found is None:
            # Without a record nobody knows what its rows are.
            part_of(self._out).unlink(missing_ok=True)
        (self._out if self._kind.is_folder else self._out.parent).mkdir(parents=True, exist_ok=True)
        if self._found is None or self._found.get("count") != self._layout.count:
            self.write(complete=False)

    def complete(self) -> bool:
        """Whether all of the samples are there."""
        found = self._found or {}
        whole = found.get("complete") is True and found.get("count") == self._layout.count
        # Of a folder single files may have been deleted, which the writer sees.
        return whole and not self._kind.is_folder and self._out.is_file()

    def write(self, *, complete: bool) -> None:
        """Write the record."""
        content = {**self._content, "count": self._layout.count, "complete": complete}
        write_atomically(self.path, (json.dumps(content, indent=2) + "\n").encode())

    def _read(self) -> dict[str, Any] | None:
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) and found.get("format") == RECORD_FORMAT else None

    def _mismatch(self) -> str | None:
        """What else is there, in words."""
        if self._found is None:
            if not self._kind.is_folder:
                return "other things than samples with their record" if self._out.exists() else None
            there = self._others()
            return f"other things, such as {there[0]}" if there else None
        differing = list(_differences(self._found, json.loads(json.dumps(self._content))))
        if differing:
            return f"samples of another provenance: {'; '.join(differing)}"
        count = self._found.get("count")
        if isinstance(count, int) and count > self._layout.count:
            return f"{counted(count, 'sample')}, more than the {self._layout.count:,} that are asked for"
        return None

    def _others(self) -> list[str]:
        if not self._out.is_dir():
            return []
        return sorted(path.relative_to(self._out).as_posix() for path in self._out.rglob("*") if path.is_file())

    def _clear(self) -> None:
        """Delete earlier samples, and nothing else; nothing at all where there is anything else."""
        there = [name for name in self._others() if name != RECORD] if self._kind.is_folder else []
        foreign = [name for name in there if not any(form.owns(name) for form in FORMS.values())]
        if foreign:
            raise OutputError(
                f"{self._out} holds files that are no samples, such as {foreign[0]}", hint="Choose another --out."
            )
        # The record last: with it the same command can replace what an interrupt left.
        for path in (*(self._out / name for name in there), self._out, part_of(self._out), self.path):
            if path.is_file():
                path.unlink()


def _differences(found: Mapping[str, Any], wanted: Mapping[str, Any], where: str = "") -> Iterator[str]:
    known = wanted.get("weights_sha256") is not None
    for name, value in wanted.items():
        if known and name in _PLACES:
            continue
        before = found.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            yield from _differences(before, value, f"{where}{name} ")
        elif before != value:
            yield f"{where}{name} was {before!r} and is {value!r}"
