"""The log of a training run: lines of JSON, and the same for TensorBoard where it is installed."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ganeval.errors import OutputError
from ganeval.generators.training.checkpoint import write_result
from ganeval.generators.training.run_folder import LOG, TENSORBOARD, RunFolder


class RunLog:
    """Appends to the log of a run; what a stopped run wrote after its last checkpoint is dropped.

    Parameters
    ----------
    folder
        Of the run.
    steps
        Done before; lines of later steps are removed.

    Raises
    ------
    OutputError
        If the log can't be written.
    """

    def __init__(self, folder: RunFolder, steps: int) -> None:
        self._path = folder.path / LOG
        self._drop_after(steps)
        self._board = _open_board(folder.path / TENSORBOARD, steps)
        self._sums: dict[str, tuple[float, int]] = {}
        self._seconds, self._counted = 0.0, 0

    @property
    def has_board(self) -> bool:
        """Whether TensorBoard's events are written too."""
        return self._board is not None

    def add(self, losses: Mapping[str, float], seconds: float) -> None:
        """Take note of one step's losses, and how long it took."""
        for name, value in losses.items():
            total, count = self._sums.get(name, (0.0, 0))
            self._sums[name] = (total + value, count + 1)
        self._seconds, self._counted = self._seconds + seconds, self._counted + 1

    def write_losses(self, step: int) -> dict[str, float]:
        """Write the means of the losses since this was last done, and return them."""
        means = {name: total / count for name, (total, count) in self._sums.items()}
        if not self._counted:
            return means
        rate = self._counted / max(self._seconds, 1e-9)
        self._append({"step": step, "losses": means, "steps_per_second": round(rate, 3)})
        self._scalars(step, {**means, "steps_per_second": rate})
        self._sums, self._seconds, self._counted = {}, 0.0, 0
        return means

    def write_scores(self, step: int, scores: Mapping[str, float]) -> None:
        """Write what an evaluation gave."""
        self._append({"step": step, "scores": dict(scores)})
        self._scalars(step, {f"scores/{name}": value for name, value in scores.items()})

    def write_alarm(self, step: int, failure: str, sentence: str) -> None:
        """What the monitor saw."""
        self._append({"step": step, "alarm": failure, "sentence": sentence})
        if self._board is not None:
            self._board.add_text(f"alarm/{failure}", sentence, step)

    def write_image(self, step: int, png: bytes) -> None:
        """Show a grid of samples in TensorBoard."""
        if self._board is not None:
            pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
            self._board.add_image("samples", pixels, step, dataformats="HWC")

    def close(self) -> None:
        """Write out all that is held back."""
        if self._board is not None:
            self._board.close()

    def _append(self, line: Mapping[str, Any]) -> None:
        try:
            with self._path.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(line) + "\n")
        except OSError as error:
            raise OutputError(
                f"can't write {self._path}: {error.strerror}",
                hint="Make room, and go on from the last checkpoint with --resume.",
            ) from error

    def _scalars(self, step: int, values: Mapping[str, float]) -> None:
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name, value, step)

    def _drop_after(self, steps: int) -> None:
        if not self._path.is_file():
            return
        lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines()
        kept = [line for line in lines if _step_of(line) <= steps]
        if len(kept) < len(lines):
            write_result(self._path, "".join(f"{line}\n" for line in kept).encode())


def _step_of(line: str) -> float:
    """The step of a line; infinite for one that was cut off."""
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")


def _open_board(path: Path, steps: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    writer: Any = SummaryWriter(str(path), purge_step=steps + 1 if steps else None)
    return writer
