"""Whole verdicts of a batch, kept on disk while it runs, and written in order as one JSON document."""

from __future__ import annotations

import json
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from typing_extensions import Self

from ganeval.detectors.reporting.documents import BATCH_SCHEMA
from ganeval.errors import OutputError


class VerdictSpool:
    """Documents by position, on disk; only their places are held in memory."""

    def __init__(self) -> None:
        self._stream: IO[bytes] = tempfile.TemporaryFile("w+b", prefix="ganeval-")  # noqa: SIM115
        self._places: dict[int, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()

    def __contains__(self, position: object) -> bool:
        return position in self._places

    def add(self, position: int, document: dict[str, Any]) -> None:
        """Put down one document."""
        self._stream.seek(0, os.SEEK_END)
        self._places[position] = self._stream.tell()
        self._stream.write(json.dumps(document, ensure_ascii=False, allow_nan=False).encode("utf-8") + b"\n")

    def lines(self) -> Iterator[bytes]:
        """The documents in order of position, each on one line."""
        for position in sorted(self._places):
            self._stream.seek(self._places[position])
            yield self._stream.readline().rstrip(b"\n")

    def write(self, path: str) -> None:
        """Write all as one document of ``ganeval/verdicts@1`` to `path`, ``-`` being stdout.

        Raises
        ------
        OutputError
            If it can't be written there.
        """
        if path == "-":
            sys.stdout.flush()
            self._write_to(sys.stdout.buffer)
            sys.stdout.buffer.flush()
            return
        target = Path(os.path.realpath(path))
        temporary = target.parent / f".ganeval-{secrets.token_hex(8)}.tmp"
        try:
            with open(temporary, "xb") as stream:
                self._write_to(stream)
            os.replace(temporary, target)
        except OSError as error:
            raise OutputError(f"--json {path} can't be written: {(error.strerror or str(error)).lower()}") from error
        finally:
            temporary.unlink(missing_ok=True)

    def _write_to(self, stream: IO[bytes]) -> None:
        stream.write(f'{{"schema": "{BATCH_SCHEMA}", "verdicts": ['.encode())
        for number, line in enumerate(self.lines()):
            stream.write((b",\n" if number else b"\n") + line)
        stream.write(b"\n]}\n")
