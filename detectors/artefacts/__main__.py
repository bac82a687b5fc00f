"""``python -m ganeval.detectors.artefacts IN OUT``: a photograph with a simulated trace, to try detectors on."""

from __future__ import annotations

import shutil
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image

from ganeval.cli.failures import command
from ganeval.detectors.artefacts.simulators import SIMULATORS, simulate
from ganeval.detectors.specimen import open_specimen
from ganeval.errors import OptionError, did_you_mean

app = typer.Typer(help="Pictures with simulated traces of up-sampling.", no_args_is_help=True)

_SAMPLE = "flower.jpg"


@app.command()
@command
def trace(
    photograph: Annotated[Path, typer.Argument(help="An image file.")],
    out: Annotated[Path, typer.Argument(help="PNG to write.")],
    simulator: Annotated[str, typer.Option(help=f"One of {', '.join(SIMULATORS)}.")] = "transposed",
    seed: Annotated[int, typer.Option(min=0)] = 3,
) -> None:
    """Shrink a photograph by 0.7, which takes its own traces away, and put a simulated one in."""
    if simulator not in SIMULATORS:
        raise OptionError(f"there is no simulator {simulator!r}", hint=did_you_mean(simulator, SIMULATORS))
    image = Image.fromarray(open_specimen(photograph).pixels)
    small = image.resize((round(image.width * 0.7), round(image.height * 0.7)), Image.Resampling.LANCZOS)
    if min(small.size) < 16:
        raise OptionError(f"{photograph} is too small: {image.width} x {image.height} pixels")
    made, _ = simulate(np.asarray(small), np.random.default_rng(seed), simulator)
    Image.fromarray(made).save(out)
    typer.echo(f"{out}: {made.shape[1]} x {made.shape[0]} pixels, trace of {simulator}")


@app.command()
@command
def sample(out: Annotated[Path, typer.Argument(help="Folder to write into.")]) -> None:
    """Write a sample photograph (scikit-learn's) and the same with a simulated trace."""
    out.mkdir(parents=True, exist_ok=True)
    with as_file(files("sklearn.datasets.images").joinpath(_SAMPLE)) as found:
        shutil.copyfile(found, out / "photograph.jpg")
    trace(out / "photograph.jpg", out / "simulated.png", "transposed", 3)


if __name__ == "__main__":
    app()
