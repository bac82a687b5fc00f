"""Where a command's results go: the table on the console, JSON and HTML to files or stdout."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from ganeval.errors import OutputError
from ganeval.images.urls import without_secrets
from ganeval.report.console import render_report
from ganeval.report.report import Report
from ganeval.report.writing import is_device


def command_line() -> str:
    """The command as it was typed, for the report, but for what gives access to a URL."""
    return shlex.join(["ganeval", *map(without_secrets, sys.argv[1:])])


def check_outputs(json_path: str | None, html_path: str | None, table_path: str | None = None) -> None:
    """Refuse output paths that can't be written, before hours of work rather than after.

    Raises
    ------
    OutputError
        Naming the option, the path and what is wrong.
    """
    for option, path in (("--json", json_path), ("--html", html_path), ("--top-table", table_path)):
        if path is None or _is_stdout(path):
            continue
        if is_device(path):
            continue  # Written to as it is; its folder doesn't matter.
        target = Path(os.path.realpath(path))
        if target.is_dir():
            raise OutputError(f"{option} {path} is a folder", hint=f"Name a file: {target / 'report'}{_suffix(option)}")
        if not target.parent.is_dir():
            raise OutputError(
                f"{option} {path}: the folder {target.parent} does not exist", hint=f"mkdir -p {target.parent}"
            )
        if not os.access(target.parent, os.W_OK):
            raise OutputError(f"{option} {path}: no permission to write into {target.parent}")
    if json_path is not None and html_path is not None and _is_stdout(json_path) and _is_stdout(html_path):
        raise OutputError(f"--json {json_path} and --html {html_path} can't both go to stdout")
    if json_path is not None and html_path is not None and _same_file(json_path, html_path):
        raise OutputError(f"--json {json_path} and --html {html_path} are the same file")


def _same_file(one: str, other: str) -> bool:
    """Whether both name one file, that is neither stdout nor a device."""
    if any(_is_stdout(path) or is_device(path) for path in (one, other)):
        return False
    return os.path.realpath(one) == os.path.realpath(other)


def _suffix(option: str) -> str:
    return ".csv" if option == "--top-table" else "." + option.removeprefix("--")


def write_reports(report: Report, json_path: str | None, html_path: str | None, table_path: str | None = None) -> None:
    """Write a report's files and show its table; see `write_outputs`."""
    forms: list[tuple[str | None, Callable[..., Any]]] = [(json_path, report.to_json), (html_path, report.to_html)]
    if report.drivers is not None:
        forms.append((table_path, report.drivers.to_table))
    write_outputs(forms, lambda console: render_report(report, console))


def write_outputs(forms: Sequence[tuple[str | None, Callable[..., Any]]], render: Callable[[Console], None]) -> None:
    """Write the files first, then show the table; the table goes to stderr if stdout is taken by a report.

    A report that can't be written is an error, but only after the table: the scores may have taken hours.

    Parameters
    ----------
    forms
        Pairs of a path (None where the form isn't wanted) and a method that gives the text, and writes it to a path.
    render
        Shows the table.
    """
    taken = any(path is not None and _is_stdout(path) for path, _ in forms)
    written = []
    failed: OutputError | None = None
    for path, convert in forms:
        if path is None:
            continue
        try:
            if _is_stdout(path):
                _print(convert())
            else:
                convert(path)
                written.append(path)
        except OutputError as error:
            failed = failed or error
    console = Console(stderr=taken, emoji=False)
    render(console)
    for path in written:
        console.print(f"report: {Path(path).absolute()}", soft_wrap=True, highlight=False, markup=False)
    if failed is not None:
        raise failed


def _is_stdout(path: str) -> bool:
    return path in ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")


def _print(text: str) -> None:
    """Write a report to stdout, all of it, or fail here and not when the process ends."""
    try:
        sys.stdout.flush()
        # Bytes, because a report is UTF-8 whatever the console's encoding.
        sys.stdout.buffer.write((text.rstrip("\n") + "\n").encode())
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"the report can't be written to stdout: {(error.strerror or str(error)).lower()}") from error
