"""A training run in its folder: steps, checkpoints, logs, grids, evaluations, alarms, and an end that loses nothing."""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import torch

from ganeval.errors import OptionError, WeightsError
from ganeval.generators.model import GenerativeModel
from ganeval.generators.training.alarms import Alarms
from ganeval.generators.training.checkpoint import write_result
from ganeval.generators.training.diverged import DivergedError
from ganeval.generators.training.evaluating import Evaluator
from ganeval.generators.training.finishing import finished_model
from ganeval.generators.training.monitoring import Monitoring
from ganeval.generators.training.previews import preview
from ganeval.generators.training.run_folder import SAMPLES, RunFolder
from ganeval.generators.training.run_log import RunLog
from ganeval.generators.training.trainer import Trainer
from ganeval.interrupts import Interrupts
from ganeval.wording import counted


@dataclass(frozen=True)
class RunPlan:
    """How long a run goes, and what it leaves on its way.

    Parameters
    ----------
    steps
        All in all, those of earlier parts of the run included.
    checkpoint_every
        Steps between two checkpoints; the last step and an interrupt make one too.
    samples_every
        Steps between two grids of samples; 0 makes none.
    log_every
        Steps of which the log has one line with the mean losses.
    keep
        Newest checkpoints that are kept, beside the best.
    eval_every
        Steps between two evaluations; 0 for none.

    Raises
    ------
    OptionError
        If a value is out of its range.
    """

    steps: int = 20_000
    checkpoint_every: int = 1000
    samples_every: int = 1000
    log_every: int = 50
    keep: int = 2
    eval_every: int = 0

    def __post_init__(self) -> None:
        least = {"steps": 1, "checkpoint_every": 1, "samples_every": 0, "log_every": 1, "keep": 1, "eval_every": 0}
        for name, value in asdict(self).items():
            if value < least[name]:
                option = name.replace("_", "-")
                raise OptionError(f"--{option} is {value}", hint=f"It has to be {least[name]} or more.")


class RunListener(Protocol):
    """Who is told how a run goes."""

    def step(self, step: int, losses: Mapping[str, float]) -> None:
        """That many steps are done; the last one's losses."""

    def say(self, text: str) -> None:
        """Something happened, in one sentence."""


class SilentListener:
    """Ignores everything."""

    def step(self, step: int, losses: Mapping[str, float]) -> None:
        pass

    def say(self, text: str) -> None:
        pass


@dataclass
class TrainingRun:
    """A trainer at work in a folder; of several processes, the first one alone writes.

    Parameters
    ----------
    trainer
        New, or restored by `resume`.
    folder
        Begun already.
    name
        Of the model in the registry.
    data
        How the user named the training data.
    plan
        How long it goes.
    listener
        Told how it goes.
    evaluator
        Needed where the plan has evaluations.
    alarms
        None watches for nothing but losses that aren't finite.
    monitoring
        Says when samples collapse or are copies of training images, and stops nothing; None looks at none.
    """

    trainer: Trainer
    folder: RunFolder
    name: str
    data: str
    plan: RunPlan
    listener: RunListener = field(default_factory=SilentListener)
    evaluator: Evaluator | None = None
    alarms: Alarms | None = None
    monitoring: Monitoring | None = None

    def resume(self) -> None:
        """Go back to the newest checkpoint; without one the run begins at its beginning.

        Raises
        ------
        WeightsError
            If the checkpoint is damaged, or of a run with other parameters or data.
        """
        newest = self.folder.newest()
        if newest is None:
            return
        state = self.folder.state(newest)
        self.trainer.restore(state)
        if self.alarms is not None:
            self.alarms.restore(state.get("alarms", {}))
        if self.monitoring is not None:
            self.monitoring.restore(state.get("monitoring", {}))
        if self.trainer.steps != newest:
            raise WeightsError(f"{self.folder.checkpoint(newest)} holds step {self.trainer.steps}, not {newest}")

    def run(self) -> int:
        """Train until the plan's last step, or until SIGINT or SIGTERM; either way the state is saved.

        Returns
        -------
        int
            Number of the signal that ended it, 0 where all steps are done.

        Raises
        ------
        DivergedError
            If an alarm goes off; where to go on from is in the message.
        OutputError
            If something can't be written; checkpoints from before are whole.
        """
        trainer, first = self.trainer, self.trainer.processes.first
        log = RunLog(self.folder, trainer.steps) if first else None
        came = 0
        if log is not None and not log.has_board:
            self.listener.say("no TensorBoard here, the log goes to log.jsonl alone: pip install 'ganeval[train]'")
        try:
            with Interrupts() as interrupts:
                while trainer.steps < self.plan.steps and not came:
                    began = time.perf_counter()
                    losses = self._step(log)
                    seconds = time.perf_counter() - began
                    came = trainer.processes.largest(interrupts.came)
                    last = trainer.steps == self.plan.steps or came != 0
                    if log is not None:
                        self._record(log, losses, seconds, last=last)
                        self._watch(log, hurry=came != 0)
                        self._leave(log, last=last, hurry=came != 0)
        finally:
            if log is not None:
                log.close()
        return came

    def _step(self, log: RunLog | None) -> dict[str, float]:
        try:
            losses = self.trainer.step()
            if self.alarms is not None:
                self.alarms.check(losses)
        except DivergedError as error:
            if log is None:
                raise
            log.write_losses(self.trainer.steps)
            raise DivergedError(error.message, hint=f"{error.hint} {self._saved_after_alarm()}") from error
        except RuntimeError as error:
            if "double backward" not in str(error):
                raise
            raise OptionError(
                f"{self.name} can't be trained with --compile as it stands: it differentiates a gradient again "
                "(a gradient penalty, path lengths), which torch.compile can't",
                hint="Leave out --compile, or the penalty.",
            ) from error
        return losses

    def _saved_after_alarm(self) -> str:
        trainer = self.trainer
        newest = self.folder.newest()
        whole_step = newest is None or newest < trainer.steps
        if whole_step and _all_finite(trainer.model) and _all_finite(trainer.averages):
            self._save(finished_model(trainer))
            newest = trainer.steps
        if newest is None:
            return "No checkpoint could be written, as weights aren't finite."
        return f"The checkpoint of step {newest:,} is in {self.folder.checkpoint(newest)}."

    def _record(self, log: RunLog, losses: Mapping[str, float], seconds: float, *, last: bool) -> None:
        step = self.trainer.steps
        log.add(losses, seconds)
        if last or step % self.plan.log_every == 0:
            log.write_losses(step)
        self.listener.step(step, losses)

    def _watch(self, log: RunLog, *, hurry: bool) -> None:
        """Say what the monitor sees; it looks before a checkpoint is written, which counts its looks."""
        if self.monitoring is None or hurry:
            return
        for alarm in self.monitoring.check():
            log.write_alarm(alarm.step, alarm.failure, alarm.sentence)
            self.listener.say(alarm.sentence)

    def _leave(self, log: RunLog, *, last: bool, hurry: bool) -> None:
        """What is due after this step: a checkpoint, a grid, an evaluation (not in a hurry)."""
        step, plan = self.trainer.steps, self.plan
        saves = last or step % plan.checkpoint_every == 0
        shows = plan.samples_every > 0 and (last or step % plan.samples_every == 0)
        scores = plan.eval_every > 0 and self.evaluator is not None and not hurry
        scores = scores and (last or step % plan.eval_every == 0)
        if not (saves or shows or scores):
            return
        model = finished_model(self.trainer)
        if saves:
            # Before all else: what follows may take long, or fail.
            self._save(model)
        if shows:
            self._show(log, model)
        if scores:
            self._evaluate(log, model, saved=saves)
        self.folder.prune(plan.keep)

    def _save(self, model: GenerativeModel) -> None:
        trainer = self.trainer
        state = trainer.state()
        if self.alarms is not None:
            state["alarms"] = self.alarms.state()
        if self.monitoring is not None:
            state["monitoring"] = self.monitoring.state()
        self.folder.save(trainer.steps, self.name, model, self._made(), state)

    def _made(self) -> dict[str, Any]:
        trainer = self.trainer
        names = getattr(trainer.examples, "class_names", ())
        return {
            **({"class_names": list(names)} if names else {}),
            "data": self.data,
            "data_digest": trainer.data_digest,
            "images": trainer.examples.counts[0],
            "steps": trainer.steps,
            "training": trainer.settings.recorded(),
        }

    def _show(self, log: RunLog, model: GenerativeModel) -> None:
        step = self.trainer.steps
        png = preview(model, self.trainer)
        path = self.folder.path / SAMPLES / f"step-{step:08d}.png"
        path.parent.mkdir(exist_ok=True)
        write_result(path, png)
        log.write_image(step, png)

    def _evaluate(self, log: RunLog, model: GenerativeModel, *, saved: bool) -> None:
        assert self.evaluator is not None
        step = self.trainer.steps
        scores = self.evaluator.score(model)
        log.write_scores(step, scores.values)
        best = self.folder.best()
        value = scores.values[scores.deciding]
        is_best = best is None or best.get("metric") != scores.deciding or scores.better_than(best["value"])
        told = ", ".join(f"{name} {score:.4g}" for name, score in scores.values.items())
        self.listener.say(f"step {step:,}: {told}{' (the best so far)' if is_best else ''}")
        if is_best:
            if not saved:
                self._save(model)
            # Only once the checkpoint is there: best.json never names one that isn't.
            self.folder.write_best({"step": step, "metric": scores.deciding, "value": value, "scores": scores.values})

    def stopped_in_words(self, came: int, command: str) -> str:
        """What to say after a signal: where the run stands, and how it goes on."""
        return (
            f"stopped by {signal.Signals(came).name} after {counted(self.trainer.steps, 'step')} of "
            f"{self.plan.steps:,}; all is saved in {self.folder.path}.\nGo on with: {command}"
        )


def _all_finite(module: torch.nn.Module) -> bool:
    return all(bool(values.isfinite().all()) for values in module.state_dict().values())
