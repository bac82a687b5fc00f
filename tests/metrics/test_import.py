"""Importing the metrics stays light: a training loop pays nothing for the rest of ganeval."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

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


#: What a score of stored features has no use for: networks, pictures of results, other commands, compilers.
UNUSED = {
    "scipy", "sklearn", "torchvision", "torch_fidelity", "efficientnet_lite_pytorch", "torchmetrics", "matplotlib",
    "jinja2", "sympy", "fsspec", "onnxruntime",
}  # fmt: skip
UNUSED_PARTS = ("ganeval.generators", "ganeval.detectors", "ganeval.streaming", "torch._dynamo", "torch._inductor")


def test_a_score_of_stored_features_imports_no_network(ganeval, tmp_path: Path) -> None:
    # So few that there is no interval: that of FID interpolates with scipy.
    pixels = np.random.default_rng(0).integers(0, 256, (24, 16, 16, 3), dtype=np.uint8)
    np.save(tmp_path / "a.npy", pixels)
    arguments = [
        "score", str(tmp_path / "a.npy"), "--real", str(tmp_path / "a.npy"), "--extractor", "efficientnet-lite0",
        "--metrics", "fd", "--device", "cpu", "--quiet",
    ]  # fmt: skip
    assert ganeval(*arguments).code == 0
    program = (
        "import sys; from ganeval.cli.app import main\n"
        "try: main()\n"
        "except SystemExit as stop: assert not stop.code\n"
        "print('loaded', *sorted(sys.modules))"
    )
    output = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    assert "24 from the store" in output.stdout
    loaded = output.stdout.rpartition("loaded ")[2].split()
    assert "ganeval.metrics.frechet_distance" in loaded
    assert [name for name in loaded if name.split(".")[0] in UNUSED or name.startswith(UNUSED_PARTS)] == []
