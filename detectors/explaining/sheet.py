"""All evidence about one picture in one folder: exhibits, the verdict as JSON, and a sheet as HTML and as a picture."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from ganeval.detectors.evidence import Heatmap
from ganeval.detectors.explaining.figures import (
    drawing,
    overlay_png,
    picture_png,
    png_of,
    profile_png,
    residual_png,
    spectrum_png,
)
from ganeval.detectors.explaining.naming import evidence_folder
from ganeval.detectors.explaining.spectra import TILE, mean_spectrum, photographs
from ganeval.detectors.reporting.documents import verdict_document
from ganeval.detectors.reporting.html import Exhibit, sheet_to_html
from ganeval.detectors.reporting.words import conditions_text, headline, says, sentence, signed
from ganeval.detectors.specimen import Pixels, Specimen
from ganeval.detectors.verdict import Verdict
from ganeval.errors import OutputError
from ganeval.report.serialise import json_text
from ganeval.report.writing import write_bytes

_COLUMNS = 96
_LINES = 60


def explain(
    specimen: Specimen, verdict: Verdict, heatmaps: Mapping[str, Heatmap], root: str | os.PathLike[str], command: str
) -> tuple[Path, ...]:
    """Write everything that speaks for the verdict into a folder of its own below `root`.

    Parameters
    ----------
    specimen
        The picture.
    verdict
        On it.
    heatmaps
        Of those detectors that can tell where.
    root
        Made if it doesn't exist; the picture's folder is `evidence_folder` in it.
    command
        How to repeat it, for the sheet.

    Returns
    -------
    The files: ``sheet.html``, ``sheet.png``, ``verdict.json`` and a PNG for each exhibit.

    Raises
    ------
    OutputError
        If they can't be written.
    """
    folder = evidence_folder(root, specimen.name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"--explain: the folder {folder} can't be made: {(error.strerror or str(error)).lower()}"
        ) from error
    exhibits = exhibits_of(specimen.pixels, heatmaps)
    written = [folder / "sheet.html", folder / "sheet.png", folder / "verdict.json"]
    sheet_to_html(verdict, command, exhibits, str(written[0]))
    write_bytes(written[1], sheet_png(verdict, exhibits))
    json_text(verdict_document(verdict), written[2])
    for one in exhibits:
        written.append(write_bytes(folder / f"{one.name}.png", one.png))
    return tuple(written)


def exhibits_of(pixels: Pixels, heatmaps: Mapping[str, Heatmap]) -> tuple[Exhibit, ...]:
    """The picture, where each detector sees something, its residual, and its spectrum against photographs."""
    found = [
        Exhibit("The picture", "Reduced for this page; detectors saw the original.", picture_png(pixels), "picture")
    ]
    for name, heatmap in heatmaps.items():
        overlay = overlay_png(pixels, heatmap)
        if overlay is not None:
            caption = (
                "Red speaks for generated, blue against; uncoloured parts hold nothing to judge by. A lone strong spot "
                "in an otherwise blue picture hints at something pasted or painted in."
            )
            found.append(Exhibit(f"Where {name} sees it", caption, overlay, f"heatmap-{name}"))
    caption = "Luma minus the mean of its four neighbours, from the middle of the picture; a regular grid is a trace."
    found.append(Exhibit("Residual", caption, residual_png(pixels), "residual"))
    spectrum = mean_spectrum(pixels)
    if spectrum is not None:
        reference = photographs()
        caption = (
            f"Mean over tiles of {TILE} pixels. Lone bright points off the middle, at halves, quarters or eighths, are "
            "left by up-sampling; those of JPEG lie on eighths along the axes."
        )
        found.append(
            Exhibit("Spectrum of the residual", caption, spectrum_png(spectrum, reference), "residual-spectrum")
        )
        caption = "Mean over all directions (Durall 2020). A rise or drop at the right end is typical of up-sampling."
        found.append(Exhibit("Radial profile", caption, profile_png(spectrum, reference), "radial-profile"))
    return tuple(found)


def sheet_png(verdict: Verdict, exhibits: Sequence[Exhibit]) -> bytes:
    """The sheet as one picture, for a document or a slide."""
    import io

    import numpy as np
    from PIL import Image

    words = [
        verdict.path,
        headline(verdict),
        "",
        *textwrap.wrap(sentence(verdict.reason), _COLUMNS),
        "",
        conditions_text(verdict),
        "",
    ]
    for one in verdict.evidence:
        ratio = "" if one.abstains else f" (log ratio {signed(one.log_likelihood_ratio)}, weight {one.weight:.2g})"
        words += textwrap.wrap(
            f"{one.detector}: {says(one)}{ratio}. {sentence(one.sentence)}", _COLUMNS, subsequent_indent="    "
        )
    for what, why in verdict.not_checked:
        words += textwrap.wrap(f"Not checked: {what}: {why}", _COLUMNS, subsequent_indent="    ")
    words += ["", *textwrap.wrap(sentence(verdict.limits), _COLUMNS)]
    shown = ["".join(c if c.isprintable() else "�" for c in line) for line in words[:_LINES]]
    rows = -(-len(exhibits) // 2)
    text_inches = 0.19 * len(shown) + 0.3
    with drawing(11.0, text_inches + 3.9 * rows) as figure:
        top, *rest = figure.subfigures(
            1 + (rows > 0), 1, height_ratios=[text_inches, 3.9 * rows][: 1 + (rows > 0)], squeeze=False
        ).ravel()
        top.text(0.02, 0.98, "\n".join(shown), va="top", ha="left", family="monospace", fontsize=9.5)
        for part in rest:
            for place, exhibit in enumerate(exhibits):
                axes = part.add_subplot(rows, 2, place + 1)
                axes.imshow(np.asarray(Image.open(io.BytesIO(exhibit.png)).convert("RGB")))
                axes.set_title(exhibit.title, fontsize=10)
                axes.set_axis_off()
        return png_of(figure)
