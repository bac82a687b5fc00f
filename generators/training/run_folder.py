"""The folder of a training run: configuration, checkpoints, weights and best score, each written whole or not at all.

::

    config.yaml                         what was asked for
    generator.safetensors               weights of the newest checkpoint, to sample from
    best.json                           the best checkpoint by the first metric of the evaluations
    log.jsonl                           a line for every few steps and every evaluation
    checkpoints/step-00001000/          generator.safetensors and state.pt
    samples/step-00001000.png           grids of samples
    tensorboard/                        the log for TensorBoard
"""

from __future__ import annotations

import errno
import json
import re
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ganeval.errors import OutputError, WeightsError
from ganeval.generators.model import GenerativeModel
from ganeval.generators.training.checkpoint import load_checkpoint, save_checkpoint, write_result
from ganeval.generators.weights_file import save_model
from ganeval.writable import require_makeable_folder

CONFIG, WEIGHTS, STATE, BEST, LOG = "config.yaml", "generator.safetensors", "state.pt", "best.json", "log.jsonl"
CHECKPOINTS, SAMPLES, TENSORBOARD = "checkpoints", "samples", "tensorboard"
#: What config.yaml says it is.
CONFIG_FORMAT = "ganeval/run@1"

_STEP = re.compile(r"step-(\d{8,})")
_UNFINISHED = ".unfinished-"


def weights_of(path: Path | str) -> Path:
    """The weights file that a user means.

    Parameters
    ----------
    path
        A run folder (its newest checkpoint), ``RUN/best`` (its best one by the evaluations), a checkpoint folder of a
        run, or a safetensors file.

    Raises
    ------
    WeightsError
        If there is nothing at `path`, or it is none of these, or no checkpoint has been written yet.
    """
    path = Path(path)
    if path.is_file():
        if path.suffix != ".safetensors":
            raise WeightsError(
                f"{path} is no weights file of a generator",
                hint=f"Give a run folder of `ganeval train`, one of its checkpoints, or a {WEIGHTS} of theirs.",
            )
        return path
    if not path.is_dir():
        if path.name == "best" and (path.parent / CONFIG).is_file():
            return _best_weights(RunFolder(path.parent))
        raise WeightsError(f"there is no run, checkpoint or weights file {path}")
    if (path / WEIGHTS).is_file():
        return path / WEIGHTS
    folder = RunFolder(path)
    newest = folder.newest()
    if newest is not None:
        return folder.checkpoint(newest) / WEIGHTS
    if (path / CONFIG).is_file():
        raise WeightsError(
            f"the run {path} has no checkpoint yet",
            hint="`ganeval train` writes one every --checkpoint-every steps, and when it is interrupted.",
        )
    if path.name == CHECKPOINTS and (path.parent / CONFIG).is_file():
        raise WeightsError(f"the run {path.parent} has no checkpoint yet", hint=f"Give {path.parent} itself.")
    raise WeightsError(
        f"{path} is no run folder: it has neither {CONFIG} nor {WEIGHTS}",
        hint="Give the folder that `ganeval train --out` wrote.",
    )


def _best_weights(folder: RunFolder) -> Path:
    best = folder.best()
    weights = None if best is None else folder.checkpoint(best["step"]) / WEIGHTS
    if weights is None or not weights.is_file():
        raise WeightsError(
            f"the run {folder.path} has no best checkpoint",
            hint="Train with --eval-every N to have checkpoints scored.",
        )
    return weights


class RunFolder:
    """Where a training run keeps what it makes.

    Parameters
    ----------
    path
        The folder; made by `begin`.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    def is_run(self) -> bool:
        """Whether a run was begun here."""
        return (self.path / CONFIG).is_file()

    def begin(self, config: Mapping[str, Any]) -> None:
        """Make the folder, with a run's configuration in it; raises as `require_new`, or if it can't be written."""
        self.require_new()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"can't make the folder {self.path}: {error.strerror}") from error
        self.write_config(config)

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Write a run's configuration in place of what was there; raises `OutputError` if it can't be written."""
        text = yaml.safe_dump({"format": CONFIG_FORMAT, **config}, sort_keys=False, allow_unicode=True)
        write_result(self.path / CONFIG, text.encode())

    def require_new(self) -> None:
        """Check that a run may begin here.

        Raises
        ------
        OutputError
            If another run or anything else is there, or the folder can't be made.
        """
        if self.is_run():
            raise OutputError(
                f"{self.path} holds a training run already",
                hint="Go on with it by --resume, or choose another --out.",
            )
        if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            raise OutputError(f"{self.path} exists and is no training run", hint="Choose another --out.")
        require_makeable_folder(self.path)

    def require_run(self) -> None:
        """Check that a run can go on here; raises `WeightsError` without one, `OutputError` without permission."""
        self.config()
        require_makeable_folder(self.path)

    def config(self) -> dict[str, Any]:
        """What `begin` wrote.

        Raises
        ------
        WeightsError
            If no run was begun here, or the file can't be read.
        """
        path = self.path / CONFIG
        if not path.is_file():
            raise WeightsError(
                f"there is no training run in {self.path} to resume", hint="Leave out --resume to start one."
            )
        try:
            found = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise WeightsError(f"can't read {path}: {error}") from error
        if not isinstance(found, dict) or found.pop("format", None) != CONFIG_FORMAT:
            raise WeightsError(f"{path} is no configuration of a training run")
        return found

    def checkpoint(self, step: int) -> Path:
        """The folder of the checkpoint after so many steps."""
        return self.path / CHECKPOINTS / f"step-{step:08d}"

    def steps(self) -> list[int]:
        """Steps of which there are whole checkpoints, in order."""
        folder = self.path / CHECKPOINTS
        found = (_STEP.fullmatch(entry.name) for entry in folder.iterdir()) if folder.is_dir() else ()
        steps = sorted(int(match[1]) for match in found if match)
        return [step for step in steps if (self.checkpoint(step) / WEIGHTS).is_file()]

    def newest(self) -> int | None:
        """The step of the newest checkpoint, None where there is none."""
        return max(self.steps(), default=None)

    def state(self, step: int) -> dict[str, Any]:
        """The training state of the checkpoint after so many steps; raises `WeightsError` if it can't be read."""
        return load_checkpoint(self.checkpoint(step) / STATE)

    def save(self, step: int, name: str, model: GenerativeModel, made: dict[str, Any], state: dict[str, Any]) -> Path:
        """Write the checkpoint after `step` steps; those before it stay as they are if that fails.

        Parameters
        ----------
        step
            How many steps were done.
        name
            Of the model in the registry.
        model
            To sample from: the averages.
        made
            Of the weights file's header.
        state
            From which training goes on.

        Returns
        -------
        Path
            The checkpoint's folder.

        Raises
        ------
        OutputError
            If it can't be written.
        """
        final = self.checkpoint(step)
        unfinished = final.parent / f"{_UNFINISHED}{secrets.token_hex(4)}"
        try:
            unfinished.mkdir(parents=True)
            save_model(unfinished / WEIGHTS, name, model, made)
            save_checkpoint(unfinished / STATE, state)
            if final.exists():
                shutil.rmtree(final)
            unfinished.rename(final)
            # The copy on top is what people sample from; it is as whole as the checkpoint, and comes after it.
            write_result(self.path / WEIGHTS, (final / WEIGHTS).read_bytes())
        except (OSError, OutputError) as error:
            raise OutputError(self._not_saved(error), hint=self._how_to_go_on()) from error
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        return final

    def _not_saved(self, error: Exception) -> str:
        cause = error.__cause__ if isinstance(error, OutputError) else error
        number = getattr(cause, "errno", None)
        reason = "the disk is full" if number in (errno.ENOSPC, errno.EDQUOT) else getattr(cause, "strerror", error)
        return f"can't save the training run in {self.path}: {reason}"

    def _how_to_go_on(self) -> str:
        newest = self.newest()
        if newest is None:
            return "Nothing was saved yet."
        return f"The checkpoint of step {newest:,} is whole: make room and go on from it with --resume."

    def prune(self, keep: int) -> None:
        """Delete all checkpoints but the newest `keep` and the best one, and what a killed run left unfinished."""
        best = self.best()
        kept = {*self.steps()[-keep:], *([] if best is None else [best["step"]])}
        for step in self.steps():
            if step not in kept:
                shutil.rmtree(self.checkpoint(step), ignore_errors=True)
        for left in (self.path / CHECKPOINTS).glob(f"{_UNFINISHED}*"):
            shutil.rmtree(left, ignore_errors=True)

    def best(self) -> dict[str, Any] | None:
        """Step, metric, value and all scores of the best checkpoint; None where none was scored."""
        try:
            found = json.loads((self.path / BEST).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) and isinstance(found.get("step"), int) else None

    def write_best(self, best: Mapping[str, Any]) -> None:
        """Record which checkpoint is the best, after it was saved; raises `OutputError` if that can't be written."""
        write_result(self.path / BEST, (json.dumps(dict(best), indent=2) + "\n").encode())
