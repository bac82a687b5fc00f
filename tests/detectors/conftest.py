"""An examiner that a test can foresee, for commands and workers."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

STAND_INS = Path(__file__).parent / "stand_ins"


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module `stand_in_examiner`, which worker processes find too."""
    monkeypatch.syspath_prepend(str(STAND_INS))
    import stand_in_examiner

    return stand_in_examiner


@pytest.fixture
def red(stand_in: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Commands examine with the stand-in: a picture's redness is its probability."""
    from ganeval.detectors.cli import options

    def maker(examining: dict[str, Any]) -> Callable[[], Any]:
        given = dict(examining)
        return functools.partial(stand_in.Examiner, detectors=tuple(given.pop("detector") or ()) or None, **given)

    monkeypatch.setattr(options, "examiner_maker", maker)
    return stand_in


@pytest.fixture
def paint() -> Callable[..., Path]:
    """`paint(path, redness, size=48)`: a noisy picture whose red channel has that mean, 0 to 1."""

    def write(path: Path, redness: float, size: int | tuple[int, int] = 48, **options: Any) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        width, height = (size, size) if isinstance(size, int) else size
        rng = np.random.default_rng(zlib.crc32(path.name.encode("utf-8", "replace")))
        pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        pixels[..., 0] = round(255 * redness)
        Image.fromarray(pixels).save(path, **options)
        return path

    return write
