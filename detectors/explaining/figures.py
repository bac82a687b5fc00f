"""Pictures for the evidence sheet, as PNG files: overlay of a heatmap, residual, spectrum, radial profile."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ganeval.detectors.evidence import Heatmap
from ganeval.detectors.explaining.spectra import TILE, Floats, Photographs, radial_profile, residual

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Pixels = npt.NDArray[np.uint8]

#: Longer side of pictures on the sheet, in pixels.
LONGEST = 900
_DPI = 110


@contextmanager
def drawing(width: float, height: float) -> Iterator[Figure]:
    """A figure of that many inches, with matplotlib's own settings and no display."""
    from matplotlib import rc_context, rcdefaults, rcParams
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context():
        # A user's own matplotlibrc could ask for LaTeX or another canvas.
        rcdefaults()
        rcParams.update({"font.size": 10.5, "font.family": "sans-serif", "text.parse_math": False})
        figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
        FigureCanvasAgg(figure)
        yield figure


def png_of(figure: Figure) -> bytes:
    """The figure as a PNG file; the same figure gives the same bytes."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=_DPI, metadata={"Software": None})
    return stream.getvalue()


def reduced(pixels: Pixels) -> Pixels:
    """The picture with at most `LONGEST` pixels on its longer side: for looking at, never for judging."""
    from PIL import Image

    step = max(1, max(pixels.shape[:2]) // (3 * LONGEST))
    image = Image.fromarray(np.ascontiguousarray(pixels[::step, ::step]))
    image.thumbnail((LONGEST, LONGEST))
    return np.asarray(image)


def picture_png(pixels: Pixels) -> bytes:
    """The picture, reduced, as a PNG file."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(reduced(pixels)).save(stream, "PNG")
    return stream.getvalue()


def heat_in_pixels(heatmap: Heatmap, height: int, width: int) -> npt.NDArray[np.float32]:
    """The heatmap's value at every pixel: the mean of the tiles that cover it; NaN where none does.

    Returns
    -------
    float32 [height, width].
    """
    sums = np.zeros((height + 1, width + 1), dtype=np.float64)
    counts = np.zeros((height + 1, width + 1), dtype=np.float64)
    for i, j in zip(*np.nonzero(np.isfinite(heatmap.values)), strict=True):
        top, left = heatmap.top + int(i) * heatmap.step, heatmap.left + int(j) * heatmap.step
        bottom, right = min(height, top + heatmap.size), min(width, left + heatmap.size)
        top, left = max(0, top), max(0, left)
        if bottom <= top or right <= left:
            continue
        # Corners of each tile; two running sums then fill all tiles at once.
        for table, value in ((sums, float(heatmap.values[i, j])), (counts, 1.0)):
            table[top, left] += value
            table[bottom, right] += value
            table[top, right] -= value
            table[bottom, left] -= value
    covered = counts.cumsum(0).cumsum(1)[:-1, :-1]
    total = sums.cumsum(0).cumsum(1)[:-1, :-1]
    mean = np.full((height, width), np.nan, dtype=np.float32)
    inside = covered > 0.5
    mean[inside] = (total[inside] / covered[inside]).astype(np.float32)
    return mean


def shrunk(heatmap: Heatmap, factor: float) -> Heatmap:
    """The heatmap of a picture reduced by `factor`, its tiles rounded to whole pixels."""
    step = max(1, round(heatmap.step * factor))
    return Heatmap(
        heatmap.values,
        round(heatmap.top * factor),
        round(heatmap.left * factor),
        step,
        max(step, round(heatmap.size * factor)),
    )


def overlay_png(pixels: Pixels, heatmap: Heatmap, unit: str = "raw score of each part") -> bytes | None:
    """The picture in grey with the heatmap over it, red for generated and blue against; None if it has no value."""
    shown = reduced(pixels)
    factor = shown.shape[0] / pixels.shape[0]
    heat = heat_in_pixels(shrunk(heatmap, factor) if factor != 1 else heatmap, *shown.shape[:2])
    if not np.isfinite(heat).any():
        return None
    limit = max(float(np.nanmax(np.abs(heat))), 1e-6)
    height, width = shown.shape[:2]
    inches = 6.2
    with drawing(inches, max(2.2, min(9.0, inches * height / width + 0.3))) as figure:
        axes = figure.add_subplot()
        axes.imshow(shown.mean(axis=2), cmap="gray", vmin=0, vmax=255)
        drawn = axes.imshow(
            np.ma.masked_invalid(heat), cmap="RdBu_r", vmin=-limit, vmax=limit, alpha=0.5, interpolation="nearest"
        )
        axes.set_axis_off()
        figure.colorbar(drawn, ax=axes, label=unit, shrink=0.8)
        return png_of(figure)


def residual_png(pixels: Pixels) -> bytes:
    """The residual of the middle of the picture, at one pixel a pixel, grey where there is none."""
    from PIL import Image

    height, width = pixels.shape[:2]
    side_rows, side_columns = min(height, LONGEST // 2), min(width, LONGEST // 2)
    top, left = (height - side_rows) // 2, (width - side_columns) // 2
    part = residual(pixels[top : top + side_rows, left : left + side_columns])
    scale = max(float(np.percentile(np.abs(part), 99)), 1.0)
    stream = io.BytesIO()
    Image.fromarray(np.clip(np.rint(127.5 + 127.5 * part / scale), 0, 255).astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def spectrum_png(spectrum: Floats, reference: Photographs | None) -> bytes:
    """The averaged spectrum of the residual beside that of photographs, and how far it lies above theirs."""
    panels: dict[str, tuple[Floats, dict[str, Any]]] = {"this picture": (spectrum, {"cmap": "magma"})}
    if reference is not None:
        low, high = (float(np.percentile(reference.spectrum, q)) for q in (1, 99.9))
        panels["this picture"] = (spectrum, {"cmap": "magma", "vmin": low - 1, "vmax": high + 1})
        panels[f"mean of {reference.count} photographs"] = (
            reference.spectrum,
            {"cmap": "magma", "vmin": low - 1, "vmax": high + 1},
        )
        panels["difference, in standard deviations"] = (
            (spectrum - reference.spectrum) / np.maximum(reference.spread, 0.05),
            {"cmap": "RdBu_r", "vmin": -6, "vmax": 6},
        )
    with drawing(3.6 * len(panels), 3.7) as figure:
        for place, (title, (values, style)) in enumerate(panels.items()):
            axes = figure.add_subplot(1, len(panels), place + 1)
            drawn = axes.imshow(values, extent=(-0.5, 0.5, 0.5, -0.5), interpolation="nearest", **style)
            axes.set_title(title, fontsize=10)
            axes.set_xlabel("cycles a pixel")
            axes.set_xticks([-0.5, -0.25, 0, 0.25, 0.5])
            axes.set_yticks([-0.5, -0.25, 0, 0.25, 0.5])
            figure.colorbar(drawn, ax=axes, shrink=0.75)
        return png_of(figure)


def profile_png(spectrum: Floats, reference: Photographs | None) -> bytes:
    """The radial profile of the residual's spectrum over the band of photographs."""
    frequencies = np.arange(TILE // 2 + 1) / TILE
    with drawing(6.2, 3.7) as figure:
        axes = figure.add_subplot()
        if reference is not None:
            axes.fill_between(
                frequencies, reference.low, reference.high, color="#0072b2", alpha=0.2, label="9 of 10 photographs"
            )
            axes.plot(frequencies, reference.middle, color="#0072b2", linewidth=1, label="median photograph")
        axes.plot(frequencies, radial_profile(spectrum), color="#c65102", label="this picture")
        axes.set_xlabel("cycles a pixel")
        axes.set_ylabel("log power of the residual")
        axes.legend(frameon=False)
        axes.grid(color="#e2e5ec", linewidth=0.6)
        return png_of(figure)
