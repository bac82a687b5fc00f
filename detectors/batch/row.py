"""One row of a batch's table: what is said of one file, and which file it was when it was said."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields

from ganeval.detectors.verdict import Verdict

# Spreadsheets take cells that begin with one of these for formulas, and run them.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


@dataclass(frozen=True)
class Row:
    """One file's row; all cells are text.

    Parameters
    ----------
    path
        As the command was given it, or below a folder that it was given.
    verdict
        One of `ganeval.detectors.verdict.LABELS`; empty where there is an error.
    probability, low, high
        Of being generated, and its interval.
    reason
        One sentence.
    error
        Why there is no verdict; empty where there is one.
    format, width, height
        Of the file.
    quality
        JPEG quality of the last compression, as far as known.
    size, modified
        Bytes, and nanoseconds since 1970: an unchanged file keeps its row when a batch goes on.
    run
        Digest of the options that verdicts depend on.
    """

    path: str
    verdict: str = ""
    probability: str = ""
    low: str = ""
    high: str = ""
    reason: str = ""
    error: str = ""
    format: str = ""
    width: str = ""
    height: str = ""
    quality: str = ""
    size: str = ""
    modified: str = ""
    run: str = ""

    @property
    def sort_probability(self) -> float:
        """The probability; below all others where there is none."""
        return float(self.probability) if self.probability else -1.0


COLUMNS: tuple[str, ...] = tuple(one.name for one in fields(Row))


def row_of(path: str, verdict: Verdict | None, error: str, state: tuple[str, str], run: str) -> Row:
    """The row of one file."""
    size, modified = state
    if verdict is None:
        return Row(path, error=error or "no verdict", size=size, modified=modified, run=run)
    here = verdict.conditions
    return Row(
        path=path,
        verdict=verdict.label,
        probability=_number(verdict.probability),
        low=_number(verdict.low),
        high=_number(verdict.high),
        reason=verdict.reason,
        format=here.format,
        width=str(here.width),
        height=str(here.height),
        quality="" if here.quality is None else str(here.quality),
        size=size,
        modified=modified,
        run=run,
    )


def state_of(path: str) -> tuple[str, str]:
    """Size and modification time of a file; empty where it can't be looked at."""
    try:
        state = os.stat(path)
    except OSError:
        return "", ""
    return str(state.st_size), str(state.st_mtime_ns)


def safe_cell(text: str) -> str:
    """`text` as a cell that no spreadsheet runs: what would begin a formula gets an apostrophe before it.

    Bytes of file names that are no UTF-8 appear as backslash escapes, line breaks as spaces.
    """
    shown = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    shown = " ".join(shown.splitlines()) if "\n" in shown or "\r" in shown else shown
    return f"'{shown}" if shown.startswith(_FORMULA) else shown


def cells_of(row: Row) -> list[str]:
    """The cells in the order of `COLUMNS`, safe for spreadsheets."""
    return [safe_cell(getattr(row, name)) for name in COLUMNS]


def row_from_cells(cells: Mapping[str, str | None]) -> Row:
    """The row of a line of a CSV file; cells stay as `cells_of` wrote them."""
    return Row(**{name: cells.get(name) or "" for name in COLUMNS})


def _number(value: float | None) -> str:
    return "" if value is None or value != value else f"{value:.6g}"
