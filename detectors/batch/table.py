"""The table of a batch on disk: a row is written and flushed when it is known, and put in order at the end."""

from __future__ import annotations

import csv
import io
import os
import secrets
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO

from typing_extensions import Self

from ganeval.detectors.batch.row import COLUMNS, Row, cells_of, row_from_cells, safe_cell
from ganeval.errors import OutputError


class VerdictTable:
    """Rows in a CSV file, of which only the places are held in memory.

    The file is UTF-8 with a header, readable at any moment. `finish` sorts it.

    Parameters
    ----------
    path
        The CSV file; None keeps the rows in a temporary one.
    kept
        Pairs of position and row of an earlier run, which begin the table. They may be read from the file at `path`
        itself, which is replaced only after the last of them.

    Raises
    ------
    OutputError
        If the file can't be written.
    """

    def __init__(self, path: str | None, kept: Iterable[tuple[int, Row]] = ()) -> None:
        self.path = path
        self._places: dict[int, int] = {}
        if path is None:
            self._stream: IO[bytes] = tempfile.TemporaryFile("w+b", prefix="ganeval-")  # noqa: SIM115
            self._begin(kept)
            return
        target = os.path.realpath(path)
        temporary = Path(target).parent / f".ganeval-{secrets.token_hex(8)}.tmp"
        try:
            self._stream = open(temporary, "x+b")  # noqa: SIM115
            self._begin(kept)
            os.replace(temporary, target)
        except OSError as error:
            raise OutputError(f"--csv {path} can't be written: {(error.strerror or str(error)).lower()}") from error
        finally:
            temporary.unlink(missing_ok=True)

    def _begin(self, kept: Iterable[tuple[int, Row]]) -> None:
        self._write(COLUMNS)
        for position, row in kept:
            self.append(position, row)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()

    def __len__(self) -> int:
        return len(self._places)

    def append(self, position: int, row: Row) -> None:
        """Write the row of the file at `position` among those examined, and flush it to the operating system."""
        self._stream.seek(0, os.SEEK_END)
        self._places[position] = self._stream.tell()
        self._write(cells_of(row))

    def rows(self) -> Iterator[tuple[int, Row]]:
        """Pairs of position and row in order of position."""
        for position in sorted(self._places):
            self._stream.seek(self._places[position])
            cells = next(csv.reader([self._stream.readline().decode("utf-8")]))
            yield position, row_from_cells(dict(zip(COLUMNS, cells, strict=True)))

    def finish(self) -> None:
        """Put the rows of the file in order of position, in one step that nothing can interrupt halfway."""
        if self.path is None or list(self._places) == sorted(self._places):
            return
        target = os.path.realpath(self.path)
        temporary = Path(target).parent / f".ganeval-{secrets.token_hex(8)}.tmp"
        try:
            with open(temporary, "wb") as stream:
                stream.write(_line(COLUMNS))
                for _, row in self.rows():
                    stream.write(_line([getattr(row, name) for name in COLUMNS]))
            os.replace(temporary, target)
        except OSError as error:
            raise OutputError(f"--csv {self.path} can't be put in order: {error.strerror or error}") from error
        finally:
            temporary.unlink(missing_ok=True)

    def print(self) -> None:
        """Write the table to stdout, in order."""
        sys.stdout.flush()
        sys.stdout.buffer.write(_line(COLUMNS))
        for _, row in self.rows():
            sys.stdout.buffer.write(_line(cells_of(row)))
        sys.stdout.buffer.flush()

    def _write(self, cells: Sequence[str]) -> None:
        try:
            self._stream.write(_line(cells))
            self._stream.flush()
        except OSError as error:
            raise OutputError(
                f"--csv {self.path} can't be written: {(error.strerror or str(error)).lower()}"
            ) from error


def _line(cells: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode("utf-8")


def table_rows(path: str) -> Iterator[Row]:
    """Rows of an earlier run; a last line that was cut short is left out.

    Raises
    ------
    OutputError
        If the file exists and isn't such a table: it is somebody else's, and isn't overwritten.
    """
    if not os.path.exists(path) or os.path.getsize(path) == 0:
        return
    try:
        with open(path, encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            if tuple(reader.fieldnames or ()) != COLUMNS:
                raise OutputError(
                    f"--csv {path} exists and isn't a table of verdicts", hint="Name another file, or remove it."
                )
            for cells in reader:
                if None not in cells and None not in cells.values():
                    yield row_from_cells(cells)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise OutputError(
            f"--csv {path} exists and can't be read as a table of verdicts: {error}",
            hint="Name another file, or remove it.",
        ) from error


def kept_rows(
    path: str, paths: Sequence[str], state: Callable[[str], tuple[str, str]], run: str
) -> Iterator[tuple[int, Row]]:
    """Rows of an earlier run that still hold, each once with its position: same file, size, time and options, no error.

    Raises
    ------
    OutputError
        If the file is no such table, or is one of other files altogether.
    """
    positions = {safe_cell(one): position for position, one in enumerate(paths)}
    rows = matching = 0
    for row in table_rows(path):
        rows += 1
        matching += row.path in positions
    if rows and not matching:
        raise OutputError(
            f"--csv {path} holds verdicts on other files, and none on these", hint="Name another file, or remove it."
        )
    return _holding(path, paths, positions, state, run)


def _holding(
    path: str, paths: Sequence[str], positions: dict[str, int], state: Callable[[str], tuple[str, str]], run: str
) -> Iterator[tuple[int, Row]]:
    for row in table_rows(path):
        position = positions.get(row.path)
        if position is None or row.error or row.run != run or not row.size:
            continue
        if (row.size, row.modified) == state(paths[position]):
            del positions[row.path]
            yield position, row
