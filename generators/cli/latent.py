"""``ganeval latent``: what lies between, beside and behind the samples of a trained generator, as grids."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Annotated, Any

import typer

from ganeval.cli.failures import command
from ganeval.generators.cli import choosing as c

app = typer.Typer(
    help="Look into the latent space of a trained generator. Samples are called by their numbers: 12 is 000012.png of "
    "`ganeval generate` with the same options.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Out = Annotated[Path, typer.Option("--out", "-o", help="The grid, a PNG.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, and no word of where the grid is.")]
Numbers = Annotated[list[int], typer.Argument(help="Numbers of samples.", show_default=False)]


@app.command()
@command
@c.with_drawn
def interpolate(
    model: c.Model,
    samples: Numbers,
    out: Out,
    steps: Annotated[int, typer.Option("--steps", help="Pictures on each path, both ends included.")] = 8,
    within: Annotated[str, typer.Option("--space", help="z, or w: between the styles of a StyleGAN2, straight.")] = "z",
    *,
    drawn: dict[str, Any],
    quiet: Quiet = False,
) -> None:
    """Walk from each sample to the next: spherically where latents are normal, straight where they are uniform."""
    from ganeval.generators.latent.paths import path_images

    space, source = _space(model, out, **drawn)
    paths = path_images(space, samples, steps, within)
    names = [f"{first} to {second}" for first, second in itertools.pairwise(samples)]
    _draw(paths, out, source, rows=names, quiet=quiet)


@app.command()
@command
@c.with_drawn
def arithmetic(
    model: c.Model,
    expression: Annotated[
        str, typer.Argument(help="Such as '3,5,8 - 4 + 1,2': commas stand for a mean.", show_default=False)
    ],
    out: Out,
    *,
    drawn: dict[str, Any],
    quiet: Quiet = False,
) -> None:
    """Add and subtract samples, or means of several: each term's mean, then its samples, and below the result."""
    from ganeval.generators.latent.paths import parse_sum, summed

    terms = parse_sum(expression)
    space, source = _space(model, out, **drawn)
    means, result = summed(space, terms)
    rows = [
        # The mean of one sample is itself.
        [*space.images(mean), *(space.images(space.latents(term.numbers)) if len(term.numbers) > 1 else [])]
        for term, mean in zip(terms, means, strict=True)
    ]
    _draw([*rows, space.images(result)], out, source, rows=[*map(str, terms), "="], quiet=quiet)


@app.command()
@command
@c.with_drawn
def mix(
    model: c.Model,
    out: Out,
    rows: Annotated[str, typer.Option("--rows", help="Samples that give all other styles, such as 1,2,3.")] = "0,1,2",
    columns: Annotated[str, typer.Option("--columns", help="Samples that give the styles of --layers.")] = "3,4,5,6",
    layers: Annotated[
        str | None, typer.Option("--layers", help="Such as 0-3,6; 0 is the coarsest. The finer half by default.")
    ] = None,
    *,
    drawn: dict[str, Any],
    quiet: Quiet = False,
) -> None:
    """Give samples (rows) the styles of others (columns) in some layers: coarse ones for outlines, fine for colours."""
    from ganeval.generators.latent.mixing import mixed_rows
    from ganeval.generators.latent.numbers import parse_numbers

    space, source = _space(model, out, **drawn)
    down, across = parse_numbers(rows, "--rows"), parse_numbers(columns, "--columns")
    chosen = None if layers is None else parse_numbers(layers, "--layers")
    grid = mixed_rows(space, down, across, chosen)
    _draw(grid, out, source, rows=["", *map(str, down)], columns=["", *map(str, across)], quiet=quiet)


@app.command()
@command
@c.with_drawn
def neighbours(
    model: c.Model,
    samples: Numbers,
    real: Annotated[str, typer.Option("--real", help="The training set, in any form that `ganeval score` takes.")],
    out: Out,
    k: Annotated[int, typer.Option("-k", help="Neighbours of each sample.")] = 5,
    by: Annotated[str, typer.Option("--by", help="pixels, or an extractor: see `ganeval extractors`.")] = "pixels",
    *,
    drawn: dict[str, Any],
    quiet: Quiet = False,
) -> None:
    """Show the training images nearest to samples: copies would tell that a generator repeats what it saw."""
    from ganeval.cli.progress import make_progress
    from ganeval.features.store import FeatureStore
    from ganeval.generators.latent.neighbours import nearest
    from ganeval.images.opening import open_source
    from ganeval.writable import require_writable_file

    require_writable_file(out)
    training = open_source(real)
    space, source = _space(model, out, **drawn)
    images = space.images(space.latents(samples))
    with make_progress(quiet=quiet) as progress:
        found = nearest(
            images,
            training,
            k,
            by=by,
            device=drawn["device"],
            store=FeatureStore(),
            progress=progress,
            trust=drawn["trust"],
        )
    for number, row in zip(samples, found, strict=True):
        listed = ", ".join(f"{neighbour.id} ({neighbour.distance:.4g})" for neighbour in row)
        typer.echo(f"{number}: {listed}")
    grid = [
        [image.expand(3, -1, -1), *(neighbour.image for neighbour in row)]
        for image, row in zip(images, found, strict=True)
    ]
    columns = ["sample", *(str(place + 1) for place in range(k))]
    _draw(grid, out, source, rows=[str(number) for number in samples], columns=columns, quiet=quiet)


@app.command()
@command
def truncation(
    model: c.Model,
    out: Out,
    values: Annotated[str, typer.Option("--values", help="Strengths, a row each.")] = "0.2,0.5,0.7,1",
    samples: Annotated[str, typer.Option("--samples", help="Numbers of samples, such as 0-7,12.")] = "0-7",
    truncation_method: c.Method = None,
    seed: c.Seed = 0,
    label: c.Class = None,
    fix: c.Fix = None,
    device: c.Device = "auto",
    trust: c.Trust = False,
    quiet: Quiet = False,
) -> None:
    """The same samples under truncations of several strengths, a row each, and untruncated below."""
    from ganeval.generators.latent.numbers import parse_numbers, parse_strengths
    from ganeval.generators.latent.truncating import truncated_rows

    strengths = parse_strengths(values)
    space, source = _space(model, out, seed=seed, label=label, fix=fix, device=device, trust=trust)
    numbers = parse_numbers(samples, "--samples")
    method, grid = truncated_rows(space, numbers, strengths, truncation_method)
    names = [*(f"{method} {strength:g}" for strength in strengths), "none"]
    _draw(grid, out, source, rows=names, columns=[str(number) for number in numbers], quiet=quiet)


@app.command()
@command
@c.with_drawn
def traverse(
    model: c.Model,
    out: Out,
    along: Annotated[
        str,
        typer.Option(
            "--along", help="A condition of the model, such as c2; class; or a coordinate of z: z0.", show_default=False
        ),
    ],
    values: Annotated[str | None, typer.Option("--values", help="A row each, such as -2,-1,0,1,2.")] = None,
    samples: Annotated[str, typer.Option("--samples", help="Numbers of samples, such as 0-7,12.")] = "0-7",
    *,
    drawn: dict[str, Any],
    quiet: Quiet = False,
) -> None:
    """The same samples with one thing about them at several values, a row each; all else stays as it is."""
    from ganeval.generators.latent.numbers import parse_numbers, parse_strengths
    from ganeval.generators.latent.traversing import traversed_rows

    chosen = None if values is None else parse_strengths(values)
    numbers = parse_numbers(samples, "--samples")
    space, source = _space(model, out, **drawn)
    shown, grid = traversed_rows(space, numbers, along, chosen)
    names = [f"{along} {value:g}" for value in shown]
    _draw(grid, out, source, rows=names, columns=[str(number) for number in numbers], quiet=quiet)


def _space(model: str, out: Path, **drawn: Any) -> tuple[Any, Any]:
    from ganeval.generators.latent.space import LatentSpace
    from ganeval.writable import require_writable_file

    # What can't be written is told before any work.
    require_writable_file(out)
    source = c.chosen_source(model, count=1, **drawn)
    return LatentSpace(source), source


def _draw(grid: Any, out: Path, source: Any, rows: list[str], columns: list[str] | None = None, *, quiet: bool) -> None:
    from ganeval.generators.picture import grid as draw
    from ganeval.generators.picture import save_picture

    save_picture(draw(grid, rows, columns or []), out, source.provenance)
    if not quiet:
        typer.echo(str(out))
