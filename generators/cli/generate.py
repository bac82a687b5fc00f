"""``ganeval generate``: samples of a trained generator, to a folder, an npz file or shards."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ganeval.cli.failures import command
from ganeval.generators.cli import choosing as c
from ganeval.wording import counted


@command
@c.with_drawn
def generate(
    model: c.Model,
    out: Annotated[Path, typer.Option("--out", "-o", help="A folder, or an .npz file.")],
    count: Annotated[int, typer.Option("-n", "--count", help="How many images.")] = 1000,
    *,
    drawn: dict[str, Any],
    batch_size: Annotated[
        int, typer.Option("--batch-size", help="Images between two writes; changes no picture.")
    ] = 100,
    form: Annotated[
        str | None, typer.Option("--format", help="png, npz or shards (.tar); by the suffix of --out otherwise.")
    ] = None,
    class_folders: Annotated[
        bool, typer.Option("--class-folders", help="A sub-folder for each class, as --labels folders reads them.")
    ] = False,
    shard_size: Annotated[int, typer.Option("--shard-size", help="Images in each shard.")] = 1000,
    grid: Annotated[Path | None, typer.Option("--grid", help="Also draw the first 64 into this PNG.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace samples of another provenance.")] = False,
    quiet: c.Quiet = False,
) -> None:
    """Make samples with a trained generator, and write what made them beside.

    Image i depends on the weights, the seed and i alone. The same command again goes on where it stopped, and keeps
    what is there; samples of other weights, seeds or options are never mixed with it.
    """
    from ganeval.cli.progress import make_progress
    from ganeval.generators.picture import save_picture, tiled
    from ganeval.generators.sampling.saving import form_of, save_samples
    from ganeval.writable import require_makeable_folder, require_writable_file

    # What can't be written is told before the model is loaded.
    require_makeable_folder(out if form_of(out, form).is_folder else out.parent)
    if grid is not None:
        require_writable_file(grid, "--grid")
    source = c.chosen_source(model, count=count, **drawn)
    if grid is not None:
        blocks = source.blocks()
        save_picture(tiled([blocks.image(number)[0] for number in range(min(count, 64))]), grid, source.provenance)
    with make_progress(quiet=quiet) as progress:
        record = save_samples(
            source,
            out,
            form=form,
            batch_size=batch_size,
            class_folders=class_folders,
            shard_size=shard_size,
            overwrite=overwrite,
            progress=progress,
        )
    if not quiet:
        typer.echo(f"{counted(count, 'image')}: {out}  (made by: {record})")
