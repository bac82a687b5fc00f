"""Thumbnails of pictures for pages; those of a batch are made by workers, so that a hostile file costs one of them."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from ganeval.detectors.batch.crew import Crew
from ganeval.images.decode import decode_file

Pixels = npt.NDArray[np.uint8]

_LONGEST = 128
_QUALITY = 85


def thumbnail(pixels: Pixels) -> Pixels:
    """The picture reduced to at most 128 pixels on its longer side, uint8 [height, width, 3]."""
    from PIL import Image

    # Whole steps first: what is left to the good filter is small.
    step = max(1, max(pixels.shape[:2]) // (4 * _LONGEST))
    image = Image.fromarray(np.ascontiguousarray(pixels[::step, ::step]))
    image.thumbnail((_LONGEST, _LONGEST))
    return np.asarray(image)


def thumbnail_uri(pixels: Pixels) -> str:
    """A picture as a ``data:`` URI of its thumbnail, a JPEG."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(thumbnail(pixels)).save(stream, "JPEG", quality=_QUALITY, subsampling=0)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def make_thumbnailer() -> Callable[[str], str]:
    """What gives the ``data:`` URI of the thumbnail of the picture at a path."""
    return lambda path: thumbnail_uri(decode_file(path).pixels)


def thumbnails(paths: Sequence[str], positions: Sequence[int], jobs: int) -> dict[int, str]:
    """Position to the ``data:`` URI of a thumbnail, for those of `positions` whose file still has a picture in it."""
    if not positions:
        return {}
    with Crew[str, str](make_thumbnailer, min(jobs, len(positions))) as crew:
        done = crew.work(paths[position] for position in positions)
        return {positions[one.position]: one.result for one in done if one.result is not None}
