"""When a training no longer improves: a score counts as better only where it is so beyond chance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from ganeval.comparing.judging import estimate_of
from ganeval.errors import MetricError, OptionError, did_you_mean
from ganeval.metrics.options import require_count
from ganeval.metrics.score import Score
from ganeval.uncertainty.differences import Estimate, difference
from ganeval.uncertainty.influence import Influence, StandardError
from ganeval.uncertainty.interval import DEFAULT_LEVEL, Interval, critical_value, require_level


@dataclass(frozen=True)
class Best:
    """The evaluation that later ones have to beat.

    Parameters
    ----------
    step
        Of the training.
    value
        The score.
    interval
        Of the score; None where it has none.
    """

    step: int
    value: float
    interval: Interval | None


class StopWhenNotImproving:
    """Says when `patience` evaluations in a row haven't improved on the best one.

    An evaluation is an improvement if the interval of its difference from the best one, at `level`, leaves out zero on
    the better side. The difference is that of the estimates (without the bias of finite samples where a score has one
    removed), and its standard error that of `ganeval.uncertainty.differences`: what a lucky draw of real images does to
    both alike cancels, and what the generated images do is added up as if both evaluations had their own, which errs
    on the side of patience's end where they share latent vectors. Every evaluation is held against the last certain
    improvement, so that steps too small to be seen add up until they are. Scores without an interval improve by any
    difference in their favour. NaN improves on nothing.

    A level of 0.95 takes an equally good generator for a better one in one evaluation of 40. Many evaluations give
    chance many occasions; raise `level` where that costs more than patience.

    Parameters
    ----------
    metric
        Name of the score, by any name under which the scores find it, such as ``"fid"``. Which direction is better is
        the score's own.
    patience
        Evaluations without an improvement after which to stop, 1 or more.
    level
        Of the interval of the difference, such as 0.95.
    same_real
        Whether all evaluations compare with the same real images in the same order, as a suite with ``real=...`` does.

    Raises
    ------
    OptionError
        For a patience or level that can't be used.

    Examples
    --------
    >>> from ganeval.integrations.early_stopping import StopWhenNotImproving
    >>> from ganeval.metrics import Score
    >>> stop = StopWhenNotImproving("fid", patience=2)
    >>> for step, value in enumerate([30.0, 20.0, 21.0, 22.0]):
    ...     if stop(step, {"fid": Score("fid", value, 100, 100, higher_is_better=False)}):
    ...         print(f"stopped at {step}, best at {stop.best.step}")
    stopped at 3, best at 1
    """

    def __init__(self, metric: str, patience: int = 5, *, level: float = DEFAULT_LEVEL, same_real: bool = True) -> None:
        self.metric = metric
        self.patience = require_count("patience", patience)
        if require_level(level) is None:
            raise OptionError("an improvement has to be told from chance at some level", hint="For example 0.95.")
        self.level, self.same_real = level, same_real
        #: Evaluations since the best one.
        self.waited = 0
        #: Whether the last evaluation was an improvement: the time to save a checkpoint.
        self.improved = False
        self._best: tuple[int, Score] | None = None

    def __call__(self, step: int, scores: Mapping[str, Score]) -> bool:
        """Take an evaluation, and say whether to stop.

        Parameters
        ----------
        step
            Of the training.
        scores
            By name; others than that of the metric don't matter.

        Raises
        ------
        MetricError
            If there is no such score.
        """
        try:
            score = scores[self.metric]
        except KeyError as error:
            raise MetricError(
                f"there is no score {self.metric!r} to stop by", hint=did_you_mean(self.metric, scores)
            ) from error
        self.improved = self._improves(score)
        if self.improved:
            self._best, self.waited = (step, _lean(score)), 0
        else:
            self.waited += 1
        return self.waited >= self.patience

    @property
    def best(self) -> Best | None:
        """The last certain improvement; None before the first evaluation."""
        if self._best is None:
            return None
        step, score = self._best
        return Best(step, score.value, score.interval)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint has to keep: numbers, words and one tensor, as ``torch.load(weights_only=True)`` reads."""
        state: dict[str, Any] = {"waited": self.waited, "improved": self.improved, "best": None}
        if self._best is not None:
            step, score = self._best
            interval, error, influence = score.interval, score.standard_error, score.influence
            real = None if influence is None or influence.real is None else torch.tensor(influence.real)
            state["best"] = {
                "step": step,
                "score": {name: getattr(score, name) for name in _KEPT},
                "interval": None if interval is None else vars(interval).copy(),
                "standard_error": None if error is None else vars(error).copy(),
                "influence_of_real": real,
            }
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was taken.

        Raises
        ------
        MetricError
            If it isn't a state of this class; nothing is changed then.
        """
        try:
            waited, improved = int(state["waited"]), bool(state["improved"])
            best = None if state["best"] is None else self._restored(state["best"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise MetricError(
                "this is no state of StopWhenNotImproving, or of another version",
                hint="Give what its state_dict() returned, or start without one.",
            ) from error
        self.waited, self.improved, self._best = waited, improved, best

    @staticmethod
    def _restored(best: Mapping[str, Any]) -> tuple[int, Score]:
        interval, error, real = (best[name] for name in ("interval", "standard_error", "influence_of_real"))
        score = Score(
            **best["score"],
            interval=None if interval is None else Interval(**interval),
            standard_error=None if error is None else StandardError(**error),
            influence=None if real is None else Influence(np.asarray(real.cpu(), dtype=np.float64), None),
        )
        return int(best["step"]), score

    def _improves(self, score: Score) -> bool:
        if not math.isfinite(score.value):
            return False
        if self._best is None:
            return True
        best = self._best[1]
        first, second = estimate_of(score), estimate_of(best)
        if (score.corrected is None) != (best.corrected is None):
            first, second = _uncorrected(first, score), _uncorrected(second, best)
        found = difference(first, second, same_real=self.same_real)
        gain = (first.value - second.value) * (1 if score.higher_is_better else -1)
        if found is None or not math.isfinite(found.standard_error):
            return gain > 0
        return gain > critical_value(self.level) * found.standard_error


class StoppingInCheckpoints:
    """What Lightning and ignite ask of a callback for their checkpoints: the state of its rule, if it has one.

    To be inherited from before a library's own class.
    """

    stop: StopWhenNotImproving | None

    def state_dict(self) -> dict[str, Any]:
        """What checkpoints keep."""
        return {} if self.stop is None else {"stop": self.stop.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where a checkpoint was saved."""
        if self.stop is not None and "stop" in state_dict:
            self.stop.load_state_dict(state_dict["stop"])


#: Of the best score, what a state keeps of its plain numbers.
_KEPT = ("name", "value", "n_real", "n_generated", "higher_is_better", "corrected")


def _lean(score: Score) -> Score:
    """Without what no comparison needs, so that no features or large arrays are held and a state restores all."""
    influence = score.influence
    kept = None if influence is None or influence.real is None else Influence(influence.real, None)
    return replace(score, parameters={}, details={}, influence=kept)


def _uncorrected(estimate: Estimate, score: Score) -> Estimate:
    return replace(estimate, value=score.value)
