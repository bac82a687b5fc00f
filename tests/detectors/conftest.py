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
def write_film() -> Callable[..., Path]:
    """`write_film(path, frames, codec="ffv1", rate=10, tags=None)`: a video of those frames; skips without PyAV."""
    av = pytest.importorskip("av")

    def write(
        path: Path, frames: list[Any], codec: str = "ffv1", rate: int = 10, tags: dict[str, str] | None = None
    ) -> Path:
        with av.open(str(path), "w") as container:
            container.metadata.update(tags or {})
            stream = container.add_stream(codec, rate=rate)
            stream.pix_fmt = {"ffv1": "bgr0"}.get(codec, "yuv420p")
            stream.width, stream.height = frames[0].shape[1], frames[0].shape[0]
            for pixels in frames:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            container.mux(stream.encode())
        return path

    return write


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
