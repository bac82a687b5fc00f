"""``ganeval stats``: statistics of real images into a file, and what such a file holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganeval.cli import options as o
from ganeval.cli.failures import all_processes, shared_command

if TYPE_CHECKING:
    from ganeval.statistics.statistics import Statistics


@shared_command
@o.with_settings
def stats(
    data: Annotated[
        str, typer.Argument(help=f"Real images: {o.SETS} Or a file of statistics, to see it.", show_default=False)
    ],
    out: Annotated[Path | None, typer.Option("--out", help="The .npz file to write.", show_default=False)] = None,
    features: Annotated[
        str, typer.Option("--features", help="Keep the features of so many images, drawn at random; all, or none.")
    ] = "none",
    *,
    settings: dict[str, Any],
    json_path: o.Json = None,
    quiet: o.Quiet = False,
) -> None:
    """Compute statistics of real images once: `ganeval score samples/ --real stats.npz` takes them in their place.

    A file has the mean and covariance of the features of all images, enough for the Fréchet distance; memory doesn't
    grow with their number. Kernel and neighbour metrics, and the real side's part of intervals, need features of single
    images too: --features 10000, or all. Given a file of statistics, of ganeval or of torch-fidelity, pytorch-fid,
    clean-fid or ADM, it says what that holds. Under torchrun, all processes share the work (docs/scale.md).
    """
    from ganeval.cli.outputs import check_outputs, write_outputs
    from ganeval.cli.progress import make_progress
    from ganeval.cli.values import check_count, parse_how_many
    from ganeval.errors import OptionError
    from ganeval.report.statistics_view import render_statistics, statistics_to_json
    from ganeval.statistics.computing import compute_statistics
    from ganeval.statistics.reading import SUFFIXES, read_statistics
    from ganeval.statistics.source import statistics_of
    from ganeval.statistics.writing import require_out, write_statistics

    check_outputs(json_path, None)
    known = statistics_of(data)
    if known is not None:
        own = [("--out", out is not None), ("--features", features != "none")]
        superfluous = [flag for flag, given in own if given] + o.changed(settings)
        if superfluous:
            raise OptionError(
                f"{data} is a file of statistics already; only for sets of images: {', '.join(superfluous)}",
                hint=f"Leave out what is for sets to see the file, or use it: --real {data}",
            )
        shown = known.statistics
        with all_processes() as ranks:
            if not ranks.is_first:
                return
    else:
        if out is None:
            if Path(data).suffix.lower() in SUFFIXES and not Path(data).expanduser().exists():
                # Says that there is no such file.
                read_statistics(data)
            raise OptionError("--out is missing", hint="Name the file to write: --out stats.npz")
        check_count(settings["count"], data)
        kept = parse_how_many(features, "--features")
        target = require_out(out, data)
        with all_processes() as ranks:
            with make_progress(quiet=quiet or not ranks.is_first) as progress:
                shown = compute_statistics(data, features=kept, **settings, progress=progress)
            if not ranks.is_first:
                return
            shown = _written(shown, write_statistics(target, shown))
    write_outputs(
        [(json_path, lambda path=None: statistics_to_json(shown, path))],
        lambda console: render_statistics(shown, console),
    )


def _written(statistics: Statistics, path: Path) -> Statistics:
    from dataclasses import replace

    return replace(statistics, path=str(path))
