"""The developers' command that makes the weights: what it refuses before it begins."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from ganeval.detectors.bundling.__main__ import app


@pytest.mark.parametrize("detector", ["lattice", "dct", "peaks", "spectral"])
def test_steps_are_for_networks(detector: str, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.fromarray(np.zeros((256, 256, 3), np.uint8)).save(photos / "a.png")
    done = CliRunner().invoke(
        app, ["train", detector, "--photos", str(photos), "--out", str(tmp_path), "--count", "2", "--steps", "5"]
    )
    assert done.exit_code == 2
    assert f"{detector} is no network" in done.output
    assert not list(tmp_path.glob("*.safetensors"))
