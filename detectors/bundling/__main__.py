"""``python -m ganeval.detectors.bundling list|train|reference``: makes what lies in ``detectors/weights``."""

from __future__ import annotations

import inspect
import io
import json
import time
from collections import Counter
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from safetensors.numpy import save

from ganeval.cli.progress import make_progress
from ganeval.detectors.artefacts.training_set import pairs
from ganeval.detectors.bundled import shipped_detector, shipped_reference
from ganeval.detectors.bundling.photographs import Photograph, as_table, find_photographs
from ganeval.detectors.bundling.referencing import Draws, reference_scores
from ganeval.detectors.cnn.training import Recipe
from ganeval.detectors.detector import PIXEL_DETECTORS
from ganeval.version import __version__

app = typer.Typer(help="Make the detectors' weights that ship.", no_args_is_help=True)

Photos = Annotated[list[Path], typer.Option("--photos", help="Folder of unrelated photographs; repeat.")]
Sources = Annotated[
    list[Path] | None, typer.Option("--sources-in", help="Folder of folders, each of few cameras; repeat.")
]
Out = Annotated[Path, typer.Option("--out", help="Folder of the weights.")]


def _with_role(photos: list[Path], sources_in: list[Path] | None, role: str) -> list[Photograph]:
    return [one for one in find_photographs(photos, sources_in or []) if one.role == role]


@app.command("list")
def list_photographs(photos: Photos, out: Out, sources_in: Sources = None) -> None:
    """Write the list of photographs with checksums and roles."""
    found = find_photographs(photos, sources_in or [])
    (out / "photographs.tsv").write_text(as_table(found), encoding="utf-8")
    typer.echo(f"{len(found)} photographs: {dict(Counter(one.role for one in found))}")


@app.command()
def train(
    detector: str,
    photos: Photos,
    out: Out,
    sources_in: Sources = None,
    count: int = 8000,
    seed: int = 2020,
    workers: int = 2,
    steps: Annotated[int | None, typer.Option("--steps", help="Of a network, instead of its recipe's.")] = None,
) -> None:
    """Train one detector on the training photographs and simulated fakes of them."""
    chosen = _with_role(photos, sources_in, "train")
    order = np.random.default_rng(seed).permutation(len(chosen))
    paths = [chosen[index].path for index in order]
    began = time.monotonic()
    kind = PIXEL_DETECTORS.get(detector)
    if steps is not None and "recipe" not in inspect.signature(kind.fit).parameters:
        raise typer.BadParameter(f"{detector} is no network: it has no steps", param_hint="--steps")
    with make_progress(quiet=False) as progress:
        examples = (one for pair in pairs(paths, count, seed, workers=workers) for one in pair.examples())
        recipe = {} if steps is None else {"recipe": Recipe(steps=steps)}
        trained = kind.fit(examples, seed=seed, progress=progress, **recipe)
    state = trained.state()
    document = {
        "detector": detector,
        "settings": state.settings,
        "trained_on": {
            "photographs": len(chosen),
            "sources": len({one.source for one in chosen}),
            "pairs": count,
            "generated": "simulated traces of up-sampling on the same photographs",
        },
        "seed": seed,
        "ganeval": __version__,
        "command": f"python -m ganeval.detectors.bundling train {detector} --count {count} --seed {seed} "
        f"{'' if steps is None else f'--steps {steps} '}"
        "--photos ... --sources-in ... --out detectors/weights",
    }
    (out / f"{detector}.safetensors").write_bytes(
        save({name: np.ascontiguousarray(values) for name, values in state.arrays.items()})
    )
    (out / f"{detector}.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    typer.echo(f"{detector}: {count} pairs of {len(chosen)} photographs, {time.monotonic() - began:.0f} s")


@app.command()
def reference(
    detectors: list[str],
    photos: Photos,
    out: Out,
    sources_in: Sources = None,
    draws: Annotated[int, typer.Option("--draws", help="Pairs of each photograph.")] = 16,
    clips: Annotated[int, typer.Option("--clips", help="Pairs of frames of films of each.")] = 4,
    workers: int = 2,
    add: Annotated[bool, typer.Option("--add", help="Keep the columns of detectors that are there.")] = False,
) -> None:
    """Score the calibration photographs, and simulated fakes of them, by detectors that were trained before."""
    chosen = _with_role(photos, sources_in, "calibrate")
    loaded = {name: shipped_detector(name) for name in detectors}
    with make_progress(quiet=False) as progress:
        table = reference_scores(
            chosen, loaded, draws=Draws(pairs=draws, clips=clips), workers=workers, progress=progress
        )
    if add:
        table = shipped_reference().beside(table)
    stored = io.BytesIO()
    np.savez_compressed(stored, **table.arrays())  # type: ignore[arg-type]
    (out / "reference.npz").write_bytes(stored.getvalue())
    typer.echo(f"{len(table.scores)} references: {dict(Counter(table.bins.tolist()))}")


if __name__ == "__main__":
    app()
