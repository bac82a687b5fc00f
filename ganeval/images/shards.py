"""Tar shards in WebDataset layout, or any tar of image files."""

from __future__ import annotations

import contextlib
import gzip
import json
import re
import tarfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass
from functools import partial
from itertools import product
from pathlib import Path, PurePosixPath
from typing import Any

from ganeval.errors import CorruptImageError, ImageSourceError
from ganeval.images.decode import decode_bytes
from ganeval.images.digest import set_fingerprint
from ganeval.images.names import folder_label, has_image_suffix, is_clutter, without_dot
from ganeval.images.places import DISK, Place, StoredFile
from ganeval.images.source import DecodedImage, ImageItem, ImageSource, Label, SourceOptions
from ganeval.wording import counted

_RANGE = re.compile(r"(\d+)\.\.(\d+)")
_BRACES = re.compile(r"\{([^{}]*)\}")
_COMPRESSED = (".gz", ".tgz")
_BROKEN_TAR = (tarfile.TarError, EOFError, OSError, zlib.error)


@dataclass(frozen=True)
class _Member:
    id: str
    name: str
    offset: int
    size: int
    label: Label


class ShardSource(ImageSource):
    """All images of one or more tars, shard by shard, in the order in which each tar has them.

    Members that share a path up to the first dot of the file name form one sample: ``0001.png`` with ``0001.cls`` (its
    class) or ``0001.json`` (its class under the key ``"label"``). Uncompressed tars are read by offset, from any
    thread; compressed ones (``.tar.gz``, ``.tgz``) are unpacked once to list them and once more on each pass.

    Parameters
    ----------
    pattern
        A tar, or a pattern such as ``shard-{000000..000009}.tar`` or ``{train,test}.tar``.
    options
        `recursive` and ``labels="folders"`` are heeded; the latter takes precedence over ``.cls`` and ``.json``.
    place
        Where the tars are.

    Raises
    ------
    ImageSourceError
        If a shard is missing (it is named) or broken, or there is no image in any.
    """

    kind = "tar"

    def __init__(self, pattern: str | Path, options: SourceOptions | None = None, *, place: Place = DISK) -> None:
        self._options = options or SourceOptions()
        text = str(pattern)
        self.name = place.title(text)
        whole = place.file(text)
        as_named = "{" not in text or whole.exists()
        self._shards = [whole] if as_named else [place.file(path) for path in expand_braces(text)]
        present = place.each(self._shards, lambda shard: shard.exists())
        missing = [shard for shard, is_there in zip(self._shards, present, strict=True) if not is_there]
        if missing:
            raise ImageSourceError(
                f"{self.name}: {len(missing):,} of {counted(self._shards, 'shard')} missing, the first is {missing[0]}",
                hint="Fetch the missing shards, or narrow the range in the braces.",
            )
        self.random_access = not any(_is_compressed(shard) for shard in self._shards)
        listed = place.each(self._shards, self._listed)
        self._states = [str(state) for state, _ in listed]
        self._by_shard = [[_Member(*about) for about in members] for _, members in listed]
        self._members = [member for members in self._by_shard for member in members]
        if not self._members:
            raise ImageSourceError(
                f"{self.name}: no image in {'this tar' if len(self._shards) == 1 else 'these tars'}",
                hint="Images end in png, jpg, jpeg, webp, bmp, tif, tiff or gif.",
            )
        if self._options.labels == "folders" and all(member.label is None for member in self._members):
            raise ImageSourceError(
                f"{self.name}: class labels are to come from sub-folders, but no image lies in one",
                hint="Leave out --labels folders: labels are then read from .cls or .json members.",
            )

    def __iter__(self) -> Iterator[ImageItem]:
        for shard, members in zip(self._shards, self._by_shard, strict=True):
            for member, read in self._readers(shard, members):
                yield ImageItem(member.id, partial(_decode, member.id, read), member.label)

    def between(self, start: int, stop: int) -> Iterator[ImageItem]:
        # Shards that lie outside are never opened.
        first = 0
        for shard, members in zip(self._shards, self._by_shard, strict=True):
            before, first = first, first + len(members)
            if before < stop and first > start:
                inside = slice(max(0, start - before), stop - before)
                for member, read in self._readers(shard, members[inside]):
                    yield ImageItem(member.id, partial(_decode, member.id, read), member.label)

    @property
    def count(self) -> int:
        return len(self._members)

    def fingerprint(self) -> str | None:
        if not all(self._states):
            return None
        states = (f"{shard.name}\0{state}" for shard, state in zip(self._shards, self._states, strict=True))
        return set_fingerprint(self.kind, (*states, *(f"{member.id}\0{member.label}" for member in self._members)))

    def _readers(self, shard: StoredFile, members: list[_Member]) -> Iterator[tuple[_Member, Callable[[], bytes]]]:
        if not _is_compressed(shard):
            yield from ((each, partial(shard.read, each.offset, each.size)) for each in members)
            return
        wanted = iter(members)
        member: _Member | None = next(wanted, None)
        with _open_tar(shard) as archive:
            for info in archive:
                if member is not None and info.name == member.name and info.isfile():
                    stream = archive.extractfile(info)
                    data = b"" if stream is None else stream.read()
                    yield member, partial(bytes, data)
                    member = next(wanted, None)

    def _listed(self, shard: StoredFile) -> tuple[str, list[tuple[Any, ...]]]:
        """The file's state, and what `_Member` takes of each image: JSON can hold both."""
        state = shard.state()
        return state, [astuple(member) for member in self._index(shard)]

    def _index(self, shard: StoredFile) -> list[_Member]:
        images: list[tarfile.TarInfo] = []
        links: list[str] = []
        labels: dict[str, Label] = {}
        try:
            with _open_tar(shard) as archive:
                for info in archive:
                    if any(is_clutter(part) for part in info.name.split("/") if part != "."):
                        continue
                    if has_image_suffix(info.name):
                        if info.isfile():
                            images.append(info)
                        elif info.issym() or info.islnk():
                            links.append(info.name)
                    elif info.isfile():
                        self._note_label(archive, info, labels)
                _check_end(archive)
        except _BROKEN_TAR as error:
            raise ImageSourceError(
                f"{shard}: not a tar archive, or a broken one: {error}", hint="Download or pack it again."
            ) from error
        if links:
            raise ImageSourceError(
                f"{shard}: {counted(links, 'entry is a link', 'entries are links')} to others, the first is {links[0]}",
                hint="Pack the files themselves: tar --dereference --hard-dereference.",
            )
        several = len(self._shards) > 1
        return [
            _Member(
                id=f"{shard.name}/{without_dot(info.name)}" if several else without_dot(info.name),
                name=info.name,
                offset=info.offset_data,
                size=info.size,
                label=self._label(info.name, labels),
            )
            for info in images
            if self._options.recursive or "/" not in without_dot(info.name)
        ]

    def _note_label(self, archive: tarfile.TarFile, info: tarfile.TarInfo, labels: dict[str, Label]) -> None:
        parse = _LABEL_PARSERS.get(PurePosixPath(info.name).suffix.lower())
        if parse is None or self._options.labels == "folders":
            return
        stream = archive.extractfile(info)
        try:
            label = parse(b"" if stream is None else stream.read())
        except (ValueError, TypeError) as error:
            raise ImageSourceError(f"{info.name} holds no readable class label: {error}") from error
        if label is not None:
            labels[_key(info.name)] = label

    def _label(self, name: str, labels: dict[str, Label]) -> Label:
        return folder_label(without_dot(name)) if self._options.labels == "folders" else labels.get(_key(name))


def expand_braces(pattern: str) -> list[str]:
    """The names that a pattern with braces stands for, in order, as a shell would expand it.

    ``{08..11}`` counts, with the leading zeros of its first number; ``{a,b}`` lists. Several braces multiply, the last
    one running fastest.
    """
    pieces = _BRACES.split(pattern)
    choices = [_alternatives(piece) if i % 2 else [piece] for i, piece in enumerate(pieces)]
    return ["".join(chosen) for chosen in product(*choices)]


def _alternatives(inside: str) -> list[str]:
    counted = _RANGE.fullmatch(inside)
    if counted is None:
        return inside.split(",")
    first, last = counted[1], counted[2]
    step = 1 if int(first) <= int(last) else -1
    width = max(len(first), len(last)) if first.startswith("0") or last.startswith("0") else 0
    return [str(number).zfill(width) for number in range(int(first), int(last) + step, step)]


def _is_compressed(shard: StoredFile) -> bool:
    return shard.name.lower().endswith(_COMPRESSED)


@contextlib.contextmanager
def _open_tar(shard: StoredFile) -> Iterator[tarfile.TarFile]:
    with contextlib.ExitStack() as opened:
        stream: Any = opened.enter_context(shard.open())
        if _is_compressed(shard):
            stream = opened.enter_context(gzip.GzipFile(fileobj=stream))
        yield opened.enter_context(tarfile.open(fileobj=stream, mode="r:"))


def _check_end(archive: tarfile.TarFile) -> None:
    """Raise if the archive lacks the zero block that ends every tar: tarfile takes a cut-off one for a smaller one."""
    stream = archive.fileobj
    if stream is not None:
        stream.seek(archive.offset)
        if stream.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise tarfile.ReadError("truncated: its end-of-archive mark is missing")


def _key(name: str) -> str:
    folder, _, file_name = without_dot(name).rpartition("/")
    return f"{folder}/{file_name.partition('.')[0]}"


def _label_from_cls(data: bytes) -> Label:
    text = data.decode("utf-8").strip()
    return int(text) if re.fullmatch(r"-?\d+", text) else text


def _label_from_json(data: bytes) -> Label:
    content = json.loads(data)
    label = content.get("label") if isinstance(content, dict) else None
    return label if isinstance(label, int | str) else None


_LABEL_PARSERS: dict[str, Callable[[bytes], Label]] = {".cls": _label_from_cls, ".json": _label_from_json}


def _decode(image_id: str, read: Callable[[], bytes]) -> DecodedImage:
    try:
        data = read()
    except OSError as error:
        raise CorruptImageError([(image_id, f"can't be read: {error.strerror or error}")]) from error
    return decode_bytes(data, image_id)
