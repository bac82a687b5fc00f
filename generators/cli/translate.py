"""``ganeval translate``: images through a trained image-to-image model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganeval.cli.failures import command
from ganeval.cli.options import Device, OnError, Quiet


@command
def translate(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="Run folder of `ganeval train` (or RUN/best), a .safetensors file, or a bundled model's name.",
            show_default=False,
        ),
    ],
    source: Annotated[
        str,
        typer.Option("--input", "-i", help="An image, or a folder, archive or other set of them.", show_default=False),
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder for the translated images, as PNG.", show_default=False)],
    direction: Annotated[
        str | None, typer.Option("--direction", help="a-to-b or b-to-a; the model's first by default.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the model's noise, where it has some.")] = 0,
    on_error: OnError = "raise",
    device: Device = "auto",
    quiet: Quiet = False,
) -> None:
    """Translate images by pix2pix, CycleGAN and the like; file names and sizes are kept.

    Images of any size; grey and colour are converted to what the model has learnt.
    """
    from ganeval.cli.progress import make_progress
    from ganeval.errors import OptionError, did_you_mean
    from ganeval.features.devices import resolve_device
    from ganeval.generators.translating import Translation, open_translator, translate_all
    from ganeval.wording import counted
    from ganeval.writable import require_makeable_folder

    require_makeable_folder(out)
    if on_error not in _ON_ERROR:
        raise OptionError(f"--on-error is {on_error!r}", hint=did_you_mean(on_error, _ON_ERROR))
    model = open_translator(run).to(resolve_device(device))
    translation = Translation(model, direction, seed)
    with make_progress(quiet=quiet) as progress:
        done, skipped = translate_all(translation, source, out, skip_corrupt=on_error == "skip", progress=progress)
    for reason in skipped:
        typer.echo(f"note: skipped {reason}", err=True)
    if not quiet:
        typer.echo(f"translated {counted(done, 'image')} into {out}", err=True)


_ON_ERROR = ("raise", "skip")
