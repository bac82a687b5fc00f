"""The command that trains a DCGAN and writes its generator's weights: ``python -m ganeval.generators.train_dcgan``."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import torch
import typer

from ganeval.errors import GanevalError, OptionError, OutputError
from ganeval.generators.models.dcgan import DCGANConfig
from ganeval.generators.training.checkpoint import load_checkpoint, save_checkpoint
from ganeval.generators.training.dcgan import DCGANTrainer, StepLosses, TrainingConfig
from ganeval.generators.training.images import read_training_images
from ganeval.generators.weights_file import save_generator
from ganeval.images.opening import open_source

SECONDS_BETWEEN_LINES = 5.0


class TrainingLog:
    """Tells every few seconds how far training is, what the losses are and how long it will take yet."""

    def __init__(self, first_step: int, steps: int) -> None:
        self._first_step, self._steps = first_step, steps
        self._started = self._printed = time.monotonic()

    def report(self, losses: StepLosses) -> None:
        """Print a line if the last one is some seconds old, or training is done."""
        now = time.monotonic()
        if now - self._printed < SECONDS_BETWEEN_LINES and losses.step < self._steps:
            return
        self._printed = now
        per_step = (now - self._started) / (losses.step - self._first_step)
        left = per_step * (self._steps - losses.step)
        typer.echo(
            f"step {losses.step}/{self._steps}  discriminator {losses.discriminator:.3f}  "
            f"generator {losses.generator:.3f}  {1 / per_step:.1f} steps/s  {left:.0f} s left",
            err=True,
        )


def check_device(name: str) -> torch.device:
    """The torch device of that name.

    Raises
    ------
    OptionError
        If torch has no such device, or can't use it here.
    """
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        # A torch built without CUDA asserts instead of raising.
        raise OptionError(f"--device {name} can't be used here: {error}", hint="Choose cpu, cuda or mps.") from error
    return device


def train(
    data: Annotated[str, typer.Option(help="Square images of one size: a named set, folder, zip, npz, ...")],
    out: Annotated[Path, typer.Option(help="The safetensors file for the generator's weights.")],
    steps: Annotated[int, typer.Option(min=1, help="Steps in all, those before --resume included.")] = 5000,
    seed: Annotated[int, typer.Option(min=0, help="Of weights, order of images and latent vectors.")] = 0,
    width: Annotated[int, typer.Option(help="Channels next to the image.")] = 32,
    latent: Annotated[int, typer.Option(help="Dimensions of the latent vector.")] = 100,
    channels: Annotated[int | None, typer.Option(help="1 for grey, 3 for RGB; by default as the data is.")] = None,
    batch_size: Annotated[int, typer.Option(min=2, help="Images in each step.")] = 128,
    learning_rate: Annotated[float, typer.Option(help="Of Adam.")] = 2e-4,
    average_decay: Annotated[float, typer.Option(min=0, max=1, help="Of the average of the generator.")] = 0.999,
    device: Annotated[str, typer.Option(help="cpu, cuda, mps.")] = "cpu",
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; by default torch's choice.")] = None,
    checkpoint: Annotated[Path | None, typer.Option(help="Default: OUT with .checkpoint after it.")] = None,
    checkpoint_every: Annotated[int, typer.Option(min=1, help="Steps between checkpoints.")] = 500,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print errors only.")] = False,
) -> None:
    """Train a DCGAN and write its averaged generator."""
    if threads is not None:
        torch.set_num_threads(threads)
    state_file = checkpoint or out.with_name(out.name + ".checkpoint")
    for path in (out, state_file):
        if not path.parent.is_dir():
            raise OutputError(f"there is no folder {path.parent} for {path.name}", hint="Make it first.")
    if state_file.exists() and not resume:
        raise OptionError(
            f"{state_file} is the checkpoint of an earlier run",
            hint="Pass --resume to go on from it, or delete it, or name another with --checkpoint.",
        )
    source = open_source(data)
    images = read_training_images(source, channels)
    model = DCGANConfig(resolution=images.shape[-1], channels=images.shape[1], latent=latent, width=width)
    training = TrainingConfig(batch_size, learning_rate, average_decay=average_decay, seed=seed)
    trainer = DCGANTrainer(images, model, training, check_device(device))
    if resume:
        trainer.restore(load_checkpoint(state_file))
    if trainer.step > steps:
        raise OptionError(
            f"the checkpoint is at step {trainer.step}, after --steps {steps}", hint="Choose more --steps."
        )
    log = TrainingLog(trainer.step, steps)

    def after_step(losses: StepLosses) -> None:
        if not quiet:
            log.report(losses)
        if losses.step % checkpoint_every == 0 or losses.step == steps:
            save_checkpoint(state_file, trainer.state())

    trainer.run(steps, after_step)
    save_generator(out, trainer.finished_generator(), trainer.made_of(source.name))
    if not quiet:
        typer.echo(f"wrote {out} after {trainer.step} steps; the checkpoint stays in {state_file}", err=True)


def main() -> None:
    """Run the command; problems that the user can mend are told in words, with exit status 2."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(train)
    try:
        app(prog_name="python -m ganeval.generators.train_dcgan")
    except GanevalError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
