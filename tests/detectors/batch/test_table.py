"""The table on disk: flushed rows, order, cells that no spreadsheet runs, and what an earlier run's rows are worth."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganeval.detectors.batch.ranking import ranked
from ganeval.detectors.batch.row import COLUMNS, Row, row_of, safe_cell
from ganeval.detectors.batch.table import VerdictTable, kept_rows, table_rows
from ganeval.errors import OutputError


def rows_in(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_rows_are_there_before_the_end_and_in_order_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    with VerdictTable(str(path)) as table:
        for position in (2, 0, 1):
            table.append(position, Row(f"{position}.png", verdict="generated", probability="0.5"))
        assert [row["path"] for row in rows_in(path)] == ["2.png", "0.png", "1.png"]
        table.finish()
        assert [row.path for _, row in table.rows()] == ["0.png", "1.png", "2.png"]
    assert [row["path"] for row in rows_in(path)] == ["0.png", "1.png", "2.png"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t.csv"]


@given(st.text(max_size=30))
def test_any_text_makes_one_cell_that_is_no_formula(text: str) -> None:
    cell = safe_cell(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert "\n" not in cell
    assert safe_cell(cell) == cell


def test_bytes_in_a_name_that_are_no_utf8_can_be_written() -> None:
    assert safe_cell("a\udcff.png") == "a\\xff.png"


def test_names_with_commas_quotes_and_line_breaks_come_back(tmp_path: Path) -> None:
    names = ["a,b.png", 'c"d.png', "=1+2.png", "zeile\nzwei.png", "ü.png", " .png"]
    path = tmp_path / "t.csv"
    with VerdictTable(str(path)) as table:
        for position, name in enumerate(names):
            table.append(position, row_of(name, None, "broken", ("1", "2"), "r"))
        assert [row.path for _, row in table.rows()] == [safe_cell(name) for name in names]
    assert [row["path"] for row in rows_in(path)] == [safe_cell(name) for name in names]


def table_of(path: Path, *rows: Row) -> None:
    with VerdictTable(str(path)) as table:
        for position, row in enumerate(rows):
            table.append(position, row)


def good(path: str, **changed: str) -> Row:
    values = {"verdict": "inconclusive", "size": "5", "modified": "7", "run": "r"} | changed
    return Row(path, **values)


def test_rows_are_kept_for_unchanged_files_of_the_same_options_without_error(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    table_of(
        path,
        good("a"),
        good("b", size="6"),
        good("c", modified="8"),
        good("d", run="other"),
        good("e", error="broken"),
        good("gone"),
        good("a"),
    )
    names = ["x", "e", "d", "c", "b", "a"]
    kept = list(kept_rows(str(path), names, lambda _: ("5", "7"), "r"))
    assert [(position, row.path) for position, row in kept] == [(5, "a")]


def test_a_table_continues_from_itself(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    table_of(path, good("a"), good("b"))
    with VerdictTable(str(path), kept_rows(str(path), ["b", "c", "a"], lambda _: ("5", "7"), "r")) as table:
        assert len(table) == 2
        table.append(1, good("c"))
        table.finish()
    assert [row["path"] for row in rows_in(path)] == ["b", "c", "a"]


def test_a_last_line_that_was_cut_short_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    table_of(path, good("a"), good("b"))
    path.write_bytes(path.read_bytes()[:-12])
    assert [row.path for row in table_rows(str(path))] == ["a"]


@pytest.mark.parametrize("content", ["name,size\na,1\n", "\x00\x01\x02", "just text"])
def test_a_file_that_is_no_such_table_is_not_overwritten(tmp_path: Path, content: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(content)
    with pytest.raises(OutputError, match="table of verdicts"):
        kept_rows(str(path), ["a"], lambda _: ("", ""), "r")
    assert path.read_text() == content


def test_a_table_of_other_files_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    table_of(path, good("other/a"))
    with pytest.raises(OutputError, match="on other files"):
        kept_rows(str(path), ["a"], lambda _: ("5", "7"), "r")


@given(st.lists(st.floats(0, 1), max_size=40), st.integers(0, 8))
def test_ranking_agrees_with_sorting_everything(values: list[float], most: int) -> None:
    rows = [(position, good(str(position), probability=f"{value:.6g}")) for position, value in enumerate(values)]
    found = ranked(rows, most, 3)
    expected = sorted(rows, key=lambda one: (-float(one[1].probability), one[0]))[:most]
    assert list(found.positions) == [position for position, _ in expected]
    assert list(found.suspicious) == [row for _, row in expected]


def test_columns_that_others_read_are_there() -> None:
    assert COLUMNS[:7] == ("path", "verdict", "probability", "low", "high", "reason", "error")
