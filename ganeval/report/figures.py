"""Pictures of a report as text that goes into the page itself: previews as data URIs, the projection as SVG."""

from __future__ import annotations

import base64
import io
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ganeval.features.features import Preview

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: 96 previews of this size are 2 MiB of page.
_PREVIEW_BYTES = 16 * 1024
_JPEG_QUALITIES = (92, 85, 75, 60)
#: Beyond this number of points the cloud is drawn as pixels, which keeps the page small and quick.
_VECTOR_POINTS = 3000
_PROJECTION_INCHES = (5.4, 4.3)

# Drawn in these colours and then put into the hands of the page's style sheet, so that they follow light and dark.
_REAL, _GENERATED, _INK, _LINE = "#0072b2", "#c65102", "#1a1c24", "#d9dce4"
_THEMED = {_REAL: "var(--real)", _GENERATED: "var(--generated)", _INK: "var(--muted)", _LINE: "var(--line)"}


def preview_uri(preview: Preview) -> str:
    """The preview as a ``data:`` URI: PNG, exact, or JPEG without chroma subsampling where PNG would be large.

    Parameters
    ----------
    preview
        uint8 [height, width, 3], RGB.
    """
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(preview.pixels))
    data, kind = _encoded(image, "PNG", optimize=True), "png"
    if len(data) > _PREVIEW_BYTES:
        kind = "jpeg"
        for quality in _JPEG_QUALITIES:
            data = _encoded(image, "JPEG", quality=quality, subsampling=0, optimize=True)
            if len(data) <= _PREVIEW_BYTES:
                break
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


def _encoded(image: Any, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def projection_svg(
    real: npt.NDArray[np.float64] | None,
    generated: npt.NDArray[np.float64] | None,
    variance: tuple[float, float] | None,
) -> str | None:
    """Scatter plot of both sides as an ``<svg>`` element whose colours are variables of the page's style sheet.

    Parameters
    ----------
    real, generated
        float [n, 2] positions; points that aren't finite are left out. None, or nothing to draw, where a side has none.
    variance
        Fraction of the variance on each axis, for the axes' labels.

    Returns
    -------
    str or None
        None if there is no point to draw.
    """
    sides = {
        colour: points
        for colour, points in ((_REAL, _drawable(real)), (_GENERATED, _drawable(generated)))
        if len(points) > 0
    }
    if not sides:
        return None
    from matplotlib import rc_context, rcdefaults, rcParams
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    style: Any = {"svg.fonttype": "none", "svg.hashsalt": "ganeval", "font.size": 11.5, "font.family": "sans-serif"}
    with rc_context():
        # A user's own matplotlibrc could ask for LaTeX or another canvas.
        rcdefaults()
        rcParams.update(style)
        figure = Figure(figsize=_PROJECTION_INCHES, layout="constrained", facecolor="none")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        _scatter(axes, sides)
        _dress(axes, variance)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", dpi=200, metadata={"Date": None}, transparent=True)
    return _themed(stream.getvalue())


def _drawable(points: npt.NDArray[np.float64] | None) -> npt.NDArray[np.float64]:
    if points is None:
        return np.zeros((0, 2))
    points = np.asarray(points, dtype=np.float64)
    kept: npt.NDArray[np.float64] = points[np.isfinite(points).all(axis=1)]
    return kept


def _scatter(axes: Axes, sides: dict[str, npt.NDArray[np.float64]]) -> None:
    total = sum(map(len, sides.values()))
    size = float(np.clip(6000 / total, 5, 26))
    # In turns, a slice of each: neither side then hides the other.
    turns = 8 if len(sides) > 1 else 1
    for turn in range(turns):
        for colour, points in sides.items():
            axes.scatter(
                points[turn::turns, 0],
                points[turn::turns, 1],
                s=size,
                c=colour,
                marker="o" if colour == _REAL else "^",
                alpha=0.55,
                linewidths=0,
                zorder=2 + turn,
                rasterized=total > _VECTOR_POINTS,
            )


def _dress(axes: Axes, variance: tuple[float, float] | None) -> None:
    shares = ("", "") if variance is None else tuple(f" ({v:.1%} of the variance)" for v in variance)
    axes.set_xlabel(f"principal axis 1{shares[0]}", color=_INK)
    axes.set_ylabel(f"principal axis 2{shares[1]}", color=_INK)
    axes.set_aspect("equal", adjustable="datalim")
    axes.grid(color=_LINE, linewidth=0.6, zorder=0)
    axes.set_axisbelow(True)
    axes.tick_params(colors=_INK, length=0, labelsize=10)
    axes.locator_params(nbins=6)
    axes.patch.set_visible(False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _themed(document: str) -> str:
    svg = document[document.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<svg[^>]*?(viewBox="[^"]*")[^>]*>', r'<svg \1 aria-hidden="true" focusable="false">', svg, count=1)
    # Text takes the page's font; the size stays.
    svg = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", svg)
    for colour, variable in _THEMED.items():
        svg = svg.replace(colour, variable)
    return svg.strip()
