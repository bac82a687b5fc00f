"""Evaluate generative image models, and judge whether a picture is real.

The few names that people use stand here and are imported on first use, so that ``import ganeval`` costs nothing:
`score`, `compare`, `diagnose`, `plan`, `Report`, `Comparison`, `Score`, `Interval`, `open_source`, `GanevalError`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ganeval.errors import GanevalError
from ganeval.version import __version__

if TYPE_CHECKING:
    from ganeval.comparing.comparing import compare
    from ganeval.comparing.planning import plan
    from ganeval.diagnosis.diagnosing import diagnose
    from ganeval.images.opening import open_source
    from ganeval.metrics.score import Interval, Score
    from ganeval.report.comparison import Comparison
    from ganeval.report.report import Report
    from ganeval.scoring.scoring import score

__all__ = [
    "Comparison",
    "GanevalError",
    "Interval",
    "Report",
    "Score",
    "__version__",
    "compare",
    "diagnose",
    "open_source",
    "plan",
    "score",
]

_HOMES = {
    "score": "ganeval.scoring.scoring",
    "compare": "ganeval.comparing.comparing",
    "plan": "ganeval.comparing.planning",
    "diagnose": "ganeval.diagnosis.diagnosing",
    "Comparison": "ganeval.report.comparison",
    "Report": "ganeval.report.report",
    "Score": "ganeval.metrics.score",
    "Interval": "ganeval.metrics.score",
    "open_source": "ganeval.images.opening",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'ganeval' has no attribute {name!r}")
