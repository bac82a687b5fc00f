"""What is known of every single image as a table in a file, CSV or Parquet: one row an image of either side."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ganeval.errors import OptionError, OutputError
from ganeval.report.drivers import Drivers, ImageRecord
from ganeval.report.serialise import plain_text
from ganeval.report.writing import write_bytes

_Column = tuple[str, str, Callable[[ImageRecord], Any]]


def check_table_path(path: str | Path) -> None:
    """Refuse a name whose ending isn't known, or a Parquet file without pyarrow, before any work.

    Raises
    ------
    OptionError
        For an ending other than ``.csv`` and ``.parquet``.
    OutputError
        If pyarrow isn't installed.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in _WRITERS:
        raise OptionError(
            f"the table {str(path)!r} must end in .csv or .parquet", hint="Name it drivers.csv, for example."
        )
    if suffix == ".parquet":
        _pyarrow(path)


def write_drivers_table(drivers: Drivers, path: str | Path) -> Path:
    """Write all images of `drivers` to `path`, atomically: CSV (UTF-8, empty cells for what isn't known) or Parquet.

    Columns: side, row, id, label, predicted_class, ``influence_NAME`` for each score that has one, realism,
    inside_real_manifold (of generated images), covered and nearest_generated (of real ones; the latter in radii of the
    neighbourhood, where it isn't covered).

    Raises
    ------
    OptionError, OutputError
        As `check_table_path`, or if it can't be written there.
    """
    check_table_path(path)
    names = list(dict.fromkeys(name for image in drivers.images for name in image.influence))
    columns = _columns(names)
    return write_bytes(path, _WRITERS[Path(path).suffix.lower()](drivers.images, columns, path))


def _columns(names: Sequence[str]) -> list[_Column]:
    def influence(name: str) -> _Column:
        return f"influence_{name}", "float64", lambda image: image.influence.get(name)

    return [
        ("side", "string", lambda image: image.side),
        ("row", "int64", lambda image: image.row),
        ("id", "string", lambda image: plain_text(image.id)),
        ("label", "string", lambda image: None if image.label is None else plain_text(image.label)),
        ("predicted_class", "string", lambda image: image.predicted),
        *map(influence, names),
        ("realism", "float64", lambda image: image.realism),
        ("inside_real_manifold", "bool_", lambda image: image.inside if image.side == "generated" else None),
        ("covered", "bool_", lambda image: image.inside if image.side == "real" else None),
        ("nearest_generated", "float64", lambda image: image.distance),
    ]


def _as_csv(images: Sequence[ImageRecord], columns: Sequence[_Column], path: str | Path) -> bytes:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([name for name, _, _ in columns])
    for image in images:
        writer.writerow([_cell(value(image)) for _, _, value in columns])
    return stream.getvalue().encode("utf-8")


def _cell(value: Any) -> Any:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else value


def _as_parquet(images: Sequence[ImageRecord], columns: Sequence[_Column], path: str | Path) -> bytes:
    arrow, parquet = _pyarrow(path)
    table = arrow.table(
        {
            name: arrow.array([value(image) for image in images], type=getattr(arrow, kind)())
            for name, kind, value in columns
        }
    )
    stream = io.BytesIO()
    parquet.write_table(table, stream)
    return stream.getvalue()


def _pyarrow(path: str | Path) -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise OutputError(
            f"{str(path)!r} can't be written: Parquet files need pyarrow, which isn't installed",
            hint="pip install 'ganeval[parquet]', or name a .csv file.",
        ) from error
    return pyarrow, pyarrow.parquet


_WRITERS: dict[str, Callable[[Sequence[ImageRecord], Sequence[_Column], str | Path], bytes]] = {
    ".csv": _as_csv,
    ".parquet": _as_parquet,
}
