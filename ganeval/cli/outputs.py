"""Where a command's results go: the table on the console, JSON and HTML to files or stdout."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from rich.console import Console

from ganeval.errors import OutputError
from ganeval.report.console import render_report
from ganeval.report.report import Report


def check_outputs(json_path: str | None, html_path: str | None) -> None:
    """Refuse output paths that can't be written, before hours of work rather than after.

    Raises
    ------
    OutputError
        Naming the option, the path and what is wrong.
    """
    for option, path in (("--json", json_path), ("--html", html_path)):
        if path is None or path == "-":
            continue
        target = Path(path)
        if target.is_dir():
            raise OutputError(f"{option} {path} is a folder", hint=f"Name a file: {target / 'report'}{_suffix(option)}")
        if not target.parent.is_dir():
            raise OutputError(
                f"{option} {path}: the folder {target.parent} does not exist", hint=f"mkdir -p {target.parent}"
            )
        if not os.access(target.parent, os.W_OK):
            raise OutputError(f"{option} {path}: no permission to write into {target.parent}")
    if json_path == "-" and html_path == "-":
        raise OutputError("--json - and --html - can't both go to stdout")


def _suffix(option: str) -> str:
    return "." + option.removeprefix("--")


def write_reports(report: Report, json_path: str | None, html_path: str | None) -> None:
    """Write the files first, then show the table; the table goes to stderr if stdout is taken by a report."""
    taken = "-" in (json_path, html_path)
    written = []
    for path, convert in ((json_path, report.to_json), (html_path, report.to_html)):
        if path == "-":
            sys.stdout.write(convert().rstrip("\n") + "\n")
        elif path is not None:
            convert(path)
            written.append(path)
    console = Console(stderr=taken)
    render_report(report, console)
    for path in written:
        console.print(f"report: {Path(path).absolute()}", soft_wrap=True, highlight=False, markup=False)
