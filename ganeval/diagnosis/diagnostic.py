"""What a diagnostic is to the rest of ganeval, what it reads, and the table of those that exist."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ganeval.errors import MetricError, OptionError
from ganeval.features.features import Features
from ganeval.metrics.registry import Parameter, find_parameter
from ganeval.progress import Progress, SilentProgress
from ganeval.registry import Registry
from ganeval.report.diagnosis import FAILURES, Evidence, Examined

#: What a diagnostic may read beside pooled features of both sides: class labels of the real images, labels of both
#: sides, real images that the generator wasn't trained on, the images' pixels, or the generator itself.
NEEDS = ("real labels", "labels", "held-out", "images", "generator")


@dataclass(frozen=True)
class Subject:
    """What is examined.

    Parameters
    ----------
    generated
        Features of the samples.
    real
        Features of the images on which the generator was trained.
    held_out
        Features of real images on which it wasn't; None where there are none.
    seed
        Of everything random.
    level
        Of intervals.
    block_bytes
        Bound on each temporary array.
    progress
        Told how far the work is.
    """

    generated: Features
    real: Features
    held_out: Features | None = None
    seed: int = 2020
    level: float = 0.95
    block_bytes: int = 256 * 2**20
    progress: Progress = field(default_factory=SilentProgress)


@dataclass(frozen=True)
class Diagnostic:
    """A diagnostic of the table.

    Parameters
    ----------
    name
        Such as ``"class-histogram"``.
    title, paper
        For people.
    failure
        One of `ganeval.report.diagnosis.FAILURES`.
    examine
        ``examine(subject, **parameters)`` gives `Examined`. It raises `MetricError` where it can't be done with these
        images; the report then has the message as the reason.
    needs
        Some of `NEEDS`.
    minimum
        Fewest images a side.
    parameters
        Its options.
    default
        Whether it is among those that are examined unless somebody names others.
    """

    name: str
    title: str
    paper: str
    failure: str
    examine: Callable[..., Examined]
    needs: Sequence[str] = ()
    minimum: int = 2
    parameters: tuple[Parameter, ...] = ()
    default: bool = True

    def __post_init__(self) -> None:
        unknown = [need for need in self.needs if need not in NEEDS]
        if unknown or self.failure not in FAILURES:
            raise MetricError(f"the diagnostic {self.name!r} has an unknown need or failure: {unknown or self.failure}")

    def parameter(self, name: str) -> Parameter:
        """The parameter of that name; raises `OptionError` with the nearest name."""
        return find_parameter(self.parameters, name, f"the diagnostic {self.name!r}")

    def __call__(self, subject: Subject, **parameters: Any) -> Examined:
        """Examine with `parameters` over the defaults; raises `MetricError` and `OptionError`."""
        for name in parameters:
            self.parameter(name)
        return self.examine(subject, **({p.name: p.default for p in self.parameters} | parameters))

    def not_examined(self, reason: str) -> Examined:
        """What stands in the report where nothing could be tested."""
        return Examined(
            Evidence(self.name, self.title, self.failure, "unknown", f"not examined: {reason}", reason=reason)
        )


DIAGNOSTICS: Registry[Diagnostic] = Registry(
    kind="diagnostic",
    group="ganeval.diagnostics",
    builtin={
        "class-histogram": "ganeval.diagnosis.collapse.class_histogram:DIAGNOSTIC",
        "stacked-modes": "ganeval.diagnosis.collapse.stacked_modes:DIAGNOSTIC",
        "bins": "ganeval.diagnosis.collapse.bins:DIAGNOSTIC",
        "birthday": "ganeval.diagnosis.collapse.birthday:DIAGNOSTIC",
        "near-duplicates": "ganeval.diagnosis.collapse.near_duplicates:DIAGNOSTIC",
        "diversity": "ganeval.diagnosis.collapse.diversity:DIAGNOSTIC",
        "class-diversity": "ganeval.diagnosis.collapse.class_diversity:DIAGNOSTIC",
        "latent-collapse": "ganeval.diagnosis.collapse.latent_collapse:DIAGNOSTIC",
        "copies": "ganeval.diagnosis.memorisation.copies:DIAGNOSTIC",
        "authenticity": "ganeval.diagnosis.memorisation.authenticity:DIAGNOSTIC",
        "data-copying": "ganeval.diagnosis.memorisation.data_copying:DIAGNOSTIC",
        "mifid": "ganeval.diagnosis.memorisation.memorisation_distance:DIAGNOSTIC",
        "feature-likelihood": "ganeval.diagnosis.memorisation.feature_likelihood:DIAGNOSTIC",
        "accuracy": "ganeval.diagnosis.usefulness.classification_accuracy:DIAGNOSTIC",
    },
    error=OptionError,
    of=Diagnostic,
)
