"""The feature store: extracted features on disk under a fingerprint of everything that produced them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import platformdirs

from ganeval.errors import OptionError, OutputError
from ganeval.features.chunk_bytes import UNREADABLE, chunk_to_bytes, read_chunk
from ganeval.features.chunks import FeatureChunk, merge_chunks
from ganeval.features.features import ExtractorInfo
from ganeval.files import write_atomically

# Part of every key: raise it whenever decoding, resizing or the layout of shards changes.
FORMAT = 2


def default_cache_dir() -> Path:
    """``$GANEVAL_CACHE_DIR``, else the platform's cache folder for ganeval."""
    named = os.environ.get("GANEVAL_CACHE_DIR")
    return Path(named) if named else Path(platformdirs.user_cache_dir("ganeval"))


def feature_fingerprint(source_fingerprint: str, extractor: ExtractorInfo, code: str | None = None) -> str:
    """Hex SHA-256 of the source's fingerprint, the extractor's identity and code, and the store's format.

    `code` is the digest of the extractor's code where that is not ganeval's own, whose changes raise `FORMAT`.
    """
    identity = asdict(extractor)
    if not identity["spatial"]:
        # Entries without spatial features keep the key that they had before there were any.
        del identity["spatial"]
    inputs = {"format": FORMAT, "source": source_fingerprint, "extractor": identity, "code": code}
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class StoreEntryInfo:
    """What ``ganeval cache ls`` shows of one entry; `bytes` on disk, `used` as seconds since the epoch."""

    key: str
    source: str
    extractor: str
    images: int
    complete: bool
    bytes: int
    used: float


class StoreEntry:
    """The stored features of one set of images under one extractor: consecutive shards in one folder.

    Parameters
    ----------
    folder
        Where the shards are; made on the first write.
    source, extractor
        Names for people, written beside the shards.
    """

    def __init__(self, folder: Path, source: str, extractor: str) -> None:
        self.folder = folder
        self.source = source
        self.extractor = extractor

    def load(self) -> list[FeatureChunk]:
        """All of `chunks` at once."""
        return list(self.chunks())

    def chunks(self) -> Iterator[FeatureChunk]:
        """The chunks from position 0 on, without a gap; a damaged shard and all behind it count as not there.

        Where shards overlap, as after two runs at once, those are taken that reach the furthest.
        """
        spans = _spans(self.folder)
        position = 0
        while (stop := _next_stop(spans, position)) is not None:
            try:
                chunk = read_chunk(spans.pop((position, stop)))
            except UNREADABLE:
                continue
            yield chunk
            position = stop

    def pieces(self, within: Iterable[tuple[int, int]] | None = None) -> Iterator[FeatureChunk]:
        """The chunks that can be read, in order and without overlap, with gaps where there are any.

        Gaps remain where several processes, each with a range of its own, were interrupted. With `within` only shards
        that begin inside one of these ranges (start, stop) are read.
        """
        spans = _spans(self.folder)
        if within is not None:
            ranges = list(within)
            spans = {span: path for span, path in spans.items() if any(a <= span[0] < b for a, b in ranges)}
        position = 0
        while spans:
            stop = _next_stop(spans, position)
            if stop is None:
                spans = {span: path for span, path in spans.items() if span[0] > position}
                position = min((start for start, _ in spans), default=position)
                continue
            try:
                chunk = read_chunk(spans.pop((position, stop)))
            except UNREADABLE:
                continue
            yield chunk
            position = stop

    def spans(self) -> list[tuple[int, int]]:
        """Ranges (start, stop) of the shards, by their names alone, in order; they may overlap."""
        return sorted(_spans(self.folder))

    def gaps(self, positions: int) -> list[tuple[int, int]]:
        """Ranges (start, stop) of the first `positions` that no shard holds, by the shards' names alone."""
        return uncovered(_spans(self.folder), positions)

    def complete_at(self) -> int | None:
        """Number of positions of the finished set, None if the extraction has not finished."""
        try:
            return int(json.loads((self.folder / "complete.json").read_text())["positions"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, chunk: FeatureChunk) -> None:
        """Add a shard, atomically; raises OSError where the disk is full or read-only."""
        if not (self.folder / "entry.json").exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            about = {"source": self.source, "extractor": self.extractor}
            write_atomically(self.folder / "entry.json", json.dumps(about).encode())
        name = f"shard-{chunk.start:012d}-{chunk.stop:012d}.safetensors"
        write_atomically(self.folder / name, chunk_to_bytes(chunk))

    def finish(self, positions: int) -> None:
        """Mark the set as whole; raises OSError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self.folder / "complete.json", json.dumps({"positions": positions}).encode())

    def touch(self) -> None:
        """Remember that the entry was used now; without effect on a read-only disk."""
        try:
            os.utime(self.folder)
        except OSError:
            return


class FeatureStore:
    """All stored features below one folder.

    Parameters
    ----------
    root
        The cache folder; features live in its ``features`` sub-folder.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = (root or default_cache_dir()) / "features"

    def entry(self, key: str, source: str, extractor: str) -> StoreEntry:
        """The entry of that key, whether it exists or not."""
        return StoreEntry(self.root / key[:2] / key, source, extractor)

    def _folders(self) -> Iterator[Path]:
        yield from sorted(path for path in self.root.glob("??/*") if path.is_dir())

    def entries(self) -> list[StoreEntryInfo]:
        """All entries, the most recently used first."""
        entries = []
        for folder in self._folders():
            # Another process may be deleting it.
            with contextlib.suppress(FileNotFoundError):
                entries.append(self._describe(folder))
        return sorted(entries, key=lambda entry: -entry.used)

    def _describe(self, folder: Path) -> StoreEntryInfo:
        try:
            about: dict[str, Any] = dict(json.loads((folder / "entry.json").read_text()))
        except (OSError, ValueError, TypeError):
            about = {}
        complete = StoreEntry(folder, "", "").complete_at()
        spans = _spans(folder)
        furthest = max((stop for _, stop in spans), default=0)
        held = furthest - sum(stop - start for start, stop in uncovered(spans, furthest))
        return StoreEntryInfo(
            key=folder.name,
            source=str(about.get("source", "?")),
            extractor=str(about.get("extractor", "?")),
            images=complete if complete is not None else held,
            complete=complete is not None,
            bytes=sum(_size(path) for path in folder.glob("*")),
            used=folder.stat().st_mtime,
        )

    def remove(self, prefix: str) -> list[StoreEntryInfo]:
        """Delete the entries whose key begins with `prefix`; raises `OptionError` if there is none, or it is empty."""
        if not prefix:
            raise OptionError(
                "an empty key was given, with which all keys begin", hint="Pass --all to delete them all."
            )
        chosen = [entry for entry in self.entries() if entry.key.startswith(prefix)]
        if not chosen:
            raise OptionError(
                f"no stored features with a key that begins with {prefix!r}", hint="See: ganeval cache ls"
            )
        for entry in chosen:
            self._delete(entry)
        return chosen

    def prune(self, *, max_bytes: int | None = None, older_than_seconds: float | None = None) -> list[StoreEntryInfo]:
        """Delete entries unused for that long, then the least recently used ones until `max_bytes` hold the rest."""
        entries = self.entries()
        oldest = time.time() - older_than_seconds if older_than_seconds is not None else None
        doomed = [entry for entry in entries if oldest is not None and entry.used < oldest]
        if max_bytes is not None:
            kept = 0
            for entry in (entry for entry in entries if entry not in doomed):
                kept += entry.bytes
                if kept > max_bytes:
                    doomed.append(entry)
        for entry in doomed:
            self._delete(entry)
        return doomed

    def _delete(self, entry: StoreEntryInfo) -> None:
        folder = self.root / entry.key[:2] / entry.key
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise OutputError(f"can't delete {folder}: {error.strerror or error}") from error


def _spans(folder: Path) -> dict[tuple[int, int], Path]:
    """The shards of an entry by the positions that they begin at and stop before."""
    matches = (
        (re.fullmatch(r"shard-([0-9]+)-([0-9]+)", path.stem), path) for path in folder.glob("shard-*.safetensors")
    )
    return {(int(match[1]), int(match[2])): path for match, path in matches if match and int(match[1]) < int(match[2])}


def uncovered(spans: Iterable[tuple[int, int]], positions: int) -> list[tuple[int, int]]:
    """Ranges (start, stop) of the first `positions` that are in none of the `spans`."""
    found = []
    reached = 0
    for start, stop in sorted(spans):
        if start >= positions:
            break
        if start > reached:
            found.append((reached, start))
        reached = max(reached, stop)
    if reached < positions:
        found.append((reached, positions))
    return found


def _next_stop(spans: Iterable[tuple[int, int]], position: int) -> int | None:
    """Where the shard stops that one should read next to get the furthest, None if there is none at `position`."""
    furthest: dict[int, int] = {}
    for start, stop in sorted(spans, reverse=True):
        furthest[start] = max(furthest.get(start, start), furthest.get(stop, stop))
    ways = [stop for start, stop in spans if start == position]
    return max(ways, key=lambda stop: (furthest.get(stop, stop), stop), default=None)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


class ShardWriter:
    """Gathers chunks and writes them as shards of a sensible size; falls silent once a write has failed.

    Parameters
    ----------
    entry
        Where to write; None writes nowhere.
    images_per_shard, seconds_per_shard
        A shard is written when either is reached, so that an interrupt loses little.
    """

    def __init__(
        self, entry: StoreEntry | None, *, images_per_shard: int = 4096, seconds_per_shard: float = 10
    ) -> None:
        self.entry = entry
        self.failure: OSError | None = None
        self._images = images_per_shard
        self._seconds = seconds_per_shard
        self._pending: list[FeatureChunk] = []
        self._since = time.monotonic()

    def add(self, chunk: FeatureChunk) -> None:
        """Take the next chunk, in order."""
        if self.entry is None or self.failure is not None:
            return
        self._pending.append(chunk)
        waiting = sum(pending.positions for pending in self._pending)
        if waiting >= self._images or time.monotonic() - self._since >= self._seconds:
            self.flush()

    def flush(self) -> None:
        """Write what is waiting."""
        pending, self._pending = self._pending, []
        self._since = time.monotonic()
        if pending:
            self._guarded(lambda entry: entry.write(merge_chunks(pending)))

    def finish(self, positions: int) -> None:
        """Write what is waiting and mark the set as whole."""
        self.flush()
        self._guarded(lambda entry: entry.finish(positions))

    def _guarded(self, write: Callable[[StoreEntry], None]) -> None:
        if self.entry is None or self.failure is not None:
            return
        try:
            write(self.entry)
        except OSError as error:
            self.failure = error
