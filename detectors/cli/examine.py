"""``ganeval detect PATH ...``: pictures, folders or a video in, verdicts out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganeval.cli.failures import command
from ganeval.detectors.cli import options as o

if TYPE_CHECKING:
    from ganeval.detectors.batch.finding import Found

_FAILING = {
    "generated": frozenset({"generated"}),
    "probably-generated": frozenset({"generated", "probably generated"}),
}


@command
@o.with_examining
def examine(
    paths: Annotated[
        list[str],
        typer.Argument(
            help="Images, folders, - for a list on stdin, or one video; ./-x for a name with a dash in front.",
            show_default=False,
        ),
    ],
    csv: Annotated[
        str | None,
        typer.Option("--csv", help="Write a row a file, as they come; the same command goes on where it was stopped."),
    ] = None,
    html_path: o.Html = None,
    json_path: o.Json = None,
    explain: Annotated[
        Path | None,
        typer.Option("--explain", help="Folder for heatmap, spectra, residual and an evidence sheet of each picture."),
    ] = None,
    fail_on: Annotated[
        str | None, typer.Option("--fail-on", help="generated or probably-generated: exit status 1 if there is one.")
    ] = None,
    *,
    examining: dict[str, Any],
    recursive: Annotated[bool, typer.Option("--recursive/--no-recursive", help="Search sub-folders.")] = True,
    resume: Annotated[
        bool,
        typer.Option("--resume/--no-resume", help="Keep rows of the CSV about files that haven't changed since."),
    ] = True,
    time_limit: Annotated[float, typer.Option("--time-limit", help="Seconds for a file of a batch.")] = 30.0,
    frames: Annotated[int, typer.Option("--frames", min=1, max=256, help="Of a video, spread evenly.")] = 16,
    jobs: o.Jobs = None,
    quiet: o.Quiet = False,
) -> None:
    """Examine pictures: generated, probably generated, inconclusive or probably camera, with the evidence.

    One picture is shown in full. Several, a folder or --csv make a batch: worker processes, a row a file, a broken file
    costs its own row and no more. Files of folders count if they end like images.

    Exit status: 0; 1 with --fail-on; 2 for an error that you can mend; 130 after an interrupt.
    """
    from ganeval.detectors.batch.finding import find_files
    from ganeval.errors import OptionError

    if fail_on is not None and fail_on not in _FAILING:
        raise OptionError(f"--fail-on {fail_on!r} is not known", hint="Use generated or probably-generated.")
    if not time_limit > 0:
        raise OptionError(f"--time-limit {time_limit:g} is not above 0")
    _check_outputs(csv, json_path, html_path, explain)
    found = find_files(paths, recursive=recursive)
    make = o.examiner_maker(examining)
    if found.clips:
        labels = _clip(found, make, csv, explain, json_path, html_path, frames=frames, quiet=quiet)
    elif csv is None and not found.folder and len(found.paths) == 1:
        labels = _single(found.paths[0], make, explain, json_path, html_path)
    else:
        labels = _batch(
            found,
            make,
            examining,
            csv,
            explain,
            json_path,
            html_path,
            resume=resume,
            limit=time_limit,
            jobs=o.job_count(jobs),
            quiet=quiet,
        )
    if fail_on is not None and labels & _FAILING[fail_on]:
        # Past the command-line library, which knows no status but its own.
        raise SystemExit(1)


def _check_outputs(csv: str | None, json_path: str | None, html_path: str | None, explain: Path | None) -> None:
    import os

    from ganeval.cli.outputs import check_outputs
    from ganeval.errors import OutputError
    from ganeval.writable import require_makeable_folder, require_writable_file

    check_outputs(json_path, html_path)
    if csv is not None and csv != "-":
        require_writable_file(Path(csv), "--csv")
        for option, path in (("--json", json_path), ("--html", html_path)):
            if path is not None and os.path.realpath(path) == os.path.realpath(csv):
                raise OutputError(f"--csv {csv} and {option} {path} are the same file")
    if csv == "-" and "-" in (json_path, html_path):
        raise OutputError("only one of --csv, --json and --html can go to stdout")
    if explain is not None:
        require_makeable_folder(explain, "--explain")


def _single(path: str, make: Any, explain: Path | None, json_path: str | None, html_path: str | None) -> set[str]:
    from ganeval.cli.outputs import write_outputs
    from ganeval.detectors.explaining.opening import explained, named
    from ganeval.detectors.reporting.console import render_verdict
    from ganeval.detectors.reporting.documents import verdict_document
    from ganeval.detectors.reporting.html import sheet_to_html
    from ganeval.report.serialise import json_text

    specimen = named(path)
    examiner = make()
    verdict = examiner.examine(specimen)
    files: tuple[Path, ...] = ()
    if explain is not None:
        files = explained(examiner, specimen, verdict, explain, o.typed_command())
    document = verdict_document(verdict)
    if files:
        document["files"] = [str(file) for file in files]
    write_outputs(
        [
            (json_path, lambda to=None: json_text(document, to)),
            (html_path, lambda to=None: sheet_to_html(verdict, o.typed_command(), (), to)),
        ],
        lambda console: render_verdict(verdict, console, [str(file) for file in files]),
    )
    return {verdict.label}


def _batch(
    found: Found,
    make: Any,
    examining: dict[str, Any],
    csv: str | None,
    explain: Path | None,
    json_path: str | None,
    html_path: str | None,
    *,
    resume: bool,
    limit: float,
    jobs: int,
    quiet: bool,
) -> set[str]:
    from contextlib import ExitStack

    from rich.console import Console

    from ganeval.cli.progress import make_progress
    from ganeval.detectors.batch.ranking import ranked
    from ganeval.detectors.batch.running import Examination, kept_from, run_batch, run_digest
    from ganeval.detectors.batch.table import VerdictTable
    from ganeval.detectors.explaining.opening import Explaining
    from ganeval.detectors.reporting.console import render_batch
    from ganeval.detectors.reporting.documents import error_document, verdict_document
    from ganeval.detectors.reporting.html import SHOWN_ERRORS, SHOWN_ROWS, batch_to_html
    from ganeval.detectors.reporting.pictures import thumbnails
    from ganeval.detectors.reporting.spool import VerdictSpool

    run = run_digest({**examining, "files": o.states_of_named(examining)})
    file = None if csv == "-" else csv
    # Whole verdicts and sheets aren't in the CSV: those who want them have every file examined.
    going_on = resume and json_path is None and explain is None
    work = Examination(make, None if explain is None else Explaining(str(explain), o.typed_command()))
    with ExitStack() as stack:
        kept = kept_from(file, found.paths, run)
        table = stack.enter_context(VerdictTable(file, kept if going_on else ()))
        spool = stack.enter_context(VerdictSpool()) if json_path is not None else None
        if found.remark and not quiet:
            typer.echo(f"note: {found.remark}", err=True)
        if len(table) and not quiet:
            typer.echo(f"note: going on: {len(table):,} of {len(found.paths):,} files are in {csv} already", err=True)
        progress = stack.enter_context(make_progress(quiet=quiet))
        tally = run_batch(
            found.paths,
            work,
            table,
            run=run,
            jobs=jobs,
            limit=limit,
            progress=progress,
            listen=None if spool is None else lambda place, verdict: spool.add(place, verdict_document(verdict)),
        )
        shown = ranked(table.rows(), SHOWN_ROWS, SHOWN_ERRORS)
        if spool is not None and json_path is not None:
            for position, row in table.rows():
                if row.error:
                    spool.add(position, error_document(found.paths[position], row.error))
            spool.write(json_path)
        if csv == "-":
            table.print()
        if html_path is not None:
            pictures = thumbnails(found.paths, shown.positions, jobs)
            _written(html_path, batch_to_html(tally, shown, pictures, o.typed_command()))
        console = Console(stderr="-" in (csv, json_path, html_path), emoji=False)
        suspicious = [row for row in shown.suspicious if row.verdict in _FAILING["probably-generated"]]
        render_batch(tally, suspicious[:20], shown.errors[:20], console)
        for path in (csv, json_path, html_path, explain):
            if path not in (None, "-"):
                console.print(f"written: {Path(str(path)).absolute()}", soft_wrap=True, highlight=False, markup=False)
    return {label for label, count in tally.labels.items() if count}


def _clip(
    found: Found,
    make: Any,
    csv: str | None,
    explain: Path | None,
    json_path: str | None,
    html_path: str | None,
    *,
    frames: int,
    quiet: bool,
) -> set[str]:
    from ganeval.cli.outputs import write_outputs
    from ganeval.cli.progress import make_progress
    from ganeval.detectors.reporting.clips import clip_document, clip_to_html, render_clip
    from ganeval.detectors.video import examine_clip
    from ganeval.errors import OptionError
    from ganeval.report.serialise import json_text

    if len(found.clips) > 1 or found.paths:
        raise OptionError("a video is examined by itself", hint="Name one video and nothing else.")
    if csv is not None or explain is not None:
        raise OptionError("--csv and --explain aren't for videos", hint="Use --json and --html.")
    with make_progress(quiet=quiet) as progress:
        clip = examine_clip(found.clips[0], make(), frames=frames, progress=progress)
    write_outputs(
        [
            (json_path, lambda to=None: json_text(clip_document(clip), to)),
            (html_path, lambda to=None: clip_to_html(clip, o.typed_command(), to)),
        ],
        lambda console: render_clip(clip, console),
    )
    return {clip.label}


def _written(path: str, page: str) -> None:
    from ganeval.report.writing import write_text

    if path == "-":
        typer.echo(page)
    else:
        write_text(path, page)
