"""Importing the metrics stays light: a training loop pays nothing for the rest of ganeval."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("typer", "rich", "jinja2", "matplotlib", "scipy", "sklearn", "torchvision", "torch_fidelity", "torchmetrics")


def test_importing_the_metrics_imports_no_other_room() -> None:
    program = (
        "import sys, torch; before = set(sys.modules); import ganeval.metrics; import ganeval.metrics.selection; "
        "print(*sorted(set(sys.modules) - before))"
    )
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = output.stdout.split()
    assert "ganeval.metrics.frechet_distance" in loaded
    assert [name for name in loaded if name.split(".")[0] in HEAVY] == []
    assert [n for n in loaded if n.startswith(("ganeval.generators", "ganeval.detectors", "ganeval.cli"))] == []
