"""ONNX Runtime reports nothing: its published builds would write an identifier of the machine and a cache of events."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

WAYS = {
    "imported": "from ganeval.quiet_onnxruntime import import_onnxruntime; import_onnxruntime()",
    "compiler": (
        "import numpy as np; from ganeval.features.engine import extract\n"
        "from ganeval.features.resolving import resolve_extractor; from ganeval.images.opening import open_source\n"
        "images = np.zeros((9, 32, 32, 3), np.uint8); images[::2] = 255\n"
        "made = extract(open_source(images), resolve_extractor('efficientnet-lite0')[0], compile='onnxruntime')\n"
        "assert not made.notices, made.notices"
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_written_for_microsoft(tmp_path: Path, way: str) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime isn't installed")
    pytest.importorskip("onnxscript", reason="onnxscript isn't installed")
    # A CI service's variable would switch it off as well.
    kept = {name: value for name, value in os.environ.items() if name not in ("CI", "ORT_DISABLE_TELEMETRY")}
    homes = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "TMPDIR", "LOCALAPPDATA"), str(tmp_path))
    subprocess.run([sys.executable, "-c", WAYS[way]], env=kept | homes, check=True)
    assert [str(path) for path in tmp_path.rglob("*") if "Microsoft" in path.parts or "onnxruntime" in path.name] == []


def test_it_is_imported_in_one_place_only() -> None:
    imports = [
        path.relative_to(ROOT).as_posix()
        for folder in ("ganeval", "generators", "detectors", "benchmarks", "examples")
        for path in (ROOT / folder).rglob("*.py")
        if 'import_module("onnxruntime")' in (text := path.read_text(encoding="utf-8"))
        or "import onnxruntime\n" in text
    ]
    assert imports == ["ganeval/quiet_onnxruntime.py"]
