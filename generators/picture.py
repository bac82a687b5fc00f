"""Grids of images with a word beside each row and above each column."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from ganeval.errors import OptionError
from ganeval.generators.training.checkpoint import write_result

#: Pictures smaller than this are enlarged by a whole number, pixel by pixel.
SMALLEST_CELL = 64
_GAP = 2
_TEXT = 14


def grid(
    rows: Sequence[Sequence[Tensor | None]],
    row_names: Sequence[str] = (),
    column_names: Sequence[str] = (),
    *,
    smallest: int = SMALLEST_CELL,
) -> Image.Image:
    """Rows of images on white; rows may be of different lengths, and their images of different sizes.

    Parameters
    ----------
    rows
        Images uint8 [C, H, W] with 1 or 3 channels, those of a row all of one size; None leaves a cell free.
    row_names, column_names
        Beside each row and above each column; none leaves no room for them. Columns are as wide as in the first row.
    smallest
        Pixels to which the longer side of the largest image is brought at least, all by one whole number; 1 enlarges
        none.

    Returns
    -------
    Image
        In mode L where all is grey, else RGB.

    Raises
    ------
    OptionError
        If there is no image, one has other channels, or images of a row have different sizes.
    """
    images = [cell for row in rows for cell in row if cell is not None]
    if not images:
        raise OptionError("there are no images to draw")
    sizes = [_size(row) for row in rows]
    if any(image.shape[0] not in (1, 3) for image in images) or any(len(size) > 1 for size in sizes):
        raise OptionError("a grid takes images with 1 or 3 channels, in a row of one size")
    scale = max(1, -(-smallest // max(max(size) for found in sizes for size in found)))
    cells = [(width * scale + _GAP, height * scale + _GAP) for found in sizes for height, width in found or {(0, 0)}]
    left = _text_width(row_names) + (2 * _GAP if any(row_names) else 0)
    top = _TEXT + _GAP if any(column_names) else 0
    wide = max(len(row) * cell[0] for row, cell in zip(rows, cells, strict=True))
    mode = "L" if all(image.shape[0] == 1 for image in images) else "RGB"
    sheet = Image.new(mode, (left + wide + _GAP, top + sum(cell[1] for cell in cells) + _GAP), "white")
    draw = ImageDraw.Draw(sheet)
    for place, name in enumerate(column_names):
        draw.text((left + place * cells[0][0] + _GAP, 1), name, "black", _font())
    y = top + _GAP
    for line, (row, cell) in enumerate(zip(rows, cells, strict=True)):
        if line < len(row_names):
            draw.text((_GAP, y + (cell[1] - _TEXT) // 2), row_names[line], "black", _font())
        for place, image in enumerate(row):
            if image is not None:
                sheet.paste(_pillow(image, scale), (left + place * cell[0] + _GAP, y))
        y += cell[1]
    return sheet


def tiled(images: Sequence[Tensor], columns: int = 8) -> Image.Image:
    """Images uint8 [C, H, W] one after the other, row by row; raises as `grid` does."""
    return grid([images[start : start + columns] for start in range(0, len(images), columns)])


def save_picture(picture: Image.Image, path: Path, provenance: Mapping[str, Any] | None = None) -> None:
    """Write a PNG atomically, with what made it as its text ``ganeval``; raises `OutputError`."""
    text = PngInfo()
    text.add_text("ganeval", json.dumps(dict(provenance or {})))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", pnginfo=text)
    write_result(path, buffer.getvalue())


def _size(row: Sequence[Tensor | None]) -> set[tuple[int, int]]:
    """Height and width of the images in a row: one, unless they differ or there are none."""
    return {(image.shape[1], image.shape[2]) for image in row if image is not None}


def _pillow(image: Tensor, scale: int) -> Image.Image:
    pixels = np.ascontiguousarray(image.numpy().transpose(1, 2, 0))
    small = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    return small.resize((small.width * scale, small.height * scale), Image.Resampling.NEAREST)


def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(_TEXT - 2)


def _text_width(names: Sequence[str]) -> int:
    return max((int(_font().getlength(name)) + 1 for name in names), default=0)
