"""Takes a training to its end with checkpoints on the way, so that an interrupt loses nothing."""

from __future__ import annotations

import signal
import time
from pathlib import Path

from ganeval.diagnosis.usefulness.classifiers.checkpoint import load_checkpoint, require_same, save_checkpoint
from ganeval.diagnosis.usefulness.classifiers.training import Training
from ganeval.errors import OptionError, OutputError
from ganeval.interrupts import Interrupts, Terminated
from ganeval.progress import Progress, SilentProgress

#: Seconds after which the next end of an epoch makes a checkpoint: for small sets an epoch is over in no time.
CHECKPOINT_SECONDS = 60.0


def open_run(folder: Path, *, resume: bool) -> None:
    """Make the folder of a run.

    Raises
    ------
    OptionError
        If it holds a run already and that isn't to go on, or none and one is to.
    OutputError
        If it can't be made.
    """
    there = next(folder.glob("classifier-*.pt"), None) is not None
    if there and not resume:
        raise OptionError(
            f"{folder} holds classifiers of an earlier run", hint="Go on with --resume, or name another folder."
        )
    if resume and not there:
        raise OptionError(f"there is no run in {folder} to resume", hint="Leave out --resume to start one.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"can't make the folder {folder}: {(error.strerror or str(error)).lower()}") from error


def finish_training(
    training: Training,
    name: str,
    *,
    folder: Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> None:
    """Train to the end.

    Parameters
    ----------
    training
        At its beginning.
    name
        What it is trained on, ``"generated"``, ``"real"`` or ``"both"``: its checkpoint is called so.
    folder
        Where checkpoints are; None makes none.
    resume
        Whether to go on from the checkpoint, where there is one.
    progress
        Told how far it is.
    checkpoint_seconds
        Least time between two checkpoints, but for that at the end and at an interrupt.

    Raises
    ------
    KeyboardInterrupt
        After SIGINT or SIGTERM (`Terminated`), with a checkpoint if there is a folder; it says how to go on.
    WeightsError
        If the checkpoint is damaged or of another training.
    MetricError
        If the training diverges.
    """
    path = None if folder is None else folder / f"classifier-{name}.pt"
    if path is not None and resume and path.exists():
        state = load_checkpoint(path)
        require_same(path, state["identity"], training.identity)
        training.restore(state)
    if training.done == training.steps:
        return
    task = (progress or SilentProgress()).start(f"training on {name}", training.steps, unit="steps", done=training.done)
    saved = time.monotonic()
    try:
        with Interrupts() as interrupts:
            for done in training.run():
                task.advance(1)
                # One process's signal stops all of them, at the same step.
                stop = training.processes.any(interrupts.came != 0, training.device)
                ended = done == training.steps
                epoch_over = done % training.steps_per_epoch == 0
                due = training.processes.any(time.monotonic() - saved >= checkpoint_seconds, training.device)
                if path is not None and (stop or ended or (epoch_over and due)):
                    if training.processes.first:
                        save_checkpoint(path, training.state())
                    training.processes.wait()
                    saved = time.monotonic()
                if stop:
                    kind = Terminated if interrupts.came == signal.SIGTERM else KeyboardInterrupt
                    raise kind(_kept(folder))
    finally:
        task.finish()


def _kept(folder: Path | None) -> str:
    if folder is None:
        return "no classifier is kept, as no folder was named for checkpoints (--out)"
    return f"what was trained so far is kept in {folder}, and the same command with --resume goes on from there"
