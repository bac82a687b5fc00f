"""``ganeval detect fingerprint``: residual averages of generators, and which of them made a picture."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from ganeval.cli.failures import command
from ganeval.detectors.cli import options as o

app = typer.Typer(
    help="Fingerprints of generators: fit them on samples, attribute pictures to them, or to none of these.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command("fit")
@command
def fit(
    generators: Annotated[
        list[str], typer.Argument(help="Samples of a generator each: SET or NAME=SET.", show_default=False)
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder for the fingerprints.", show_default=False)],
    real: Annotated[
        str | None, typer.Option("--real", help="Photographs, so that `none of these` means something for them.")
    ] = None,
    size: Annotated[int, typer.Option("--size", help="Of a fingerprint in pixels, a multiple of 8.")] = 128,
    search: Annotated[
        bool, typer.Option("--search", help="Try all shifts: for pictures that may have been cropped.")
    ] = False,
    false_attributions: Annotated[
        float, typer.Option("--false-attributions", help="Share of foreign pictures that may be attributed.")
    ] = 0.05,
    seed: o.Seed = 2020,
    quiet: o.Quiet = False,
) -> None:
    """Make fingerprints of generators from samples of each.

    Exit status: 0; 2 for an error that you can mend; 130 after an interrupt.
    """
    from ganeval.cli.progress import make_progress
    from ganeval.detectors.fingerprints import Fingerprints
    from ganeval.images.opening import open_source
    from ganeval.writable import require_makeable_folder

    require_makeable_folder(out, "--out")
    named = _named(generators)
    with make_progress(quiet=quiet) as progress:
        made = Fingerprints.fit(
            {name: _pictures(open_source(spec)) for name, spec in named.items()},
            photographs=() if real is None else _pictures(open_source(real)),
            size=size,
            search=search,
            level=false_attributions,
            seed=seed,
            progress=progress,
        )
    made.save(out)
    for name, found in made.recognised.items():
        typer.echo(
            f"{name}: {made.generators[name].count:,} images, {found.right} of {found.of} held back are recognised"
        )
    for notice in made.notices:
        typer.echo(f"note: {notice}", err=True)
    typer.echo(f"written: {out}")


@app.command("attribute")
@command
def attribute(
    paths: Annotated[list[str], typer.Argument(help="Images, folders, or - for a list on stdin.", show_default=False)],
    fingerprints: Annotated[
        Path, typer.Option("--fingerprints", "-f", help="Folder made by `fingerprint fit`.", show_default=False)
    ],
    json_path: o.Json = None,
) -> None:
    """Say which of the known generators made a picture, or none of these.

    Exit status: 0; 2 for an error that you can mend; 130 after an interrupt.
    """
    from rich.console import Console

    from ganeval.cli.outputs import check_outputs, write_outputs
    from ganeval.detectors.batch.crew import reason_of
    from ganeval.detectors.batch.finding import find_files
    from ganeval.detectors.fingerprints import Fingerprints
    from ganeval.detectors.reporting.documents import plain_values
    from ganeval.detectors.specimen import open_specimen
    from ganeval.errors import ImageSourceError
    from ganeval.report.lines import Lines
    from ganeval.report.serialise import json_text

    check_outputs(json_path, None)
    known = Fingerprints.load(fingerprints)
    found = find_files(paths)
    rows: list[dict[str, Any]] = []
    failed = 0
    for path in found.paths:
        try:
            said = known.attribute(open_specimen(path).pixels)
        except ImageSourceError as error:
            failed += 1
            rows.append({"path": path, "error": reason_of(error)})
        else:
            rows.append({"path": path, "error": None, "sentence": said.sentence, **said.as_dict()})
    if failed and len(rows) == 1:
        raise ImageSourceError(f"{rows[0]['path']} can't be attributed: {rows[0]['error']}")

    def render(console: Console) -> None:
        lines = Lines(console)
        for row in rows:
            lines.line("", f"{row['path']}: {row['error'] or row['sentence']}")

    document = plain_values({"schema": "ganeval/attributions@1", "attributions": rows})
    write_outputs([(json_path, lambda to=None: json_text(document, to))], render)


def _named(entries: list[str]) -> dict[str, str]:
    from ganeval.errors import OptionError

    found: dict[str, str] = {}
    for text in entries:
        name, equals, spec = text.partition("=")
        if not equals or os.path.exists(text):
            name, spec = os.path.basename(os.path.normpath(text)), text
        if name in found:
            raise OptionError(f"two generators are called {name!r}", hint="Name them: NAME=SET.")
        found[name] = spec
    return found


def _pictures(source: Any) -> Any:
    """Pixels of the images of a source that can be decoded, one by one."""
    from ganeval.errors import CorruptImageError

    for item in source:
        try:
            yield item.load().pixels
        except CorruptImageError as error:
            typer.echo(f"note: passed over: {item.id}: {error.failures[0][1]}", err=True)
