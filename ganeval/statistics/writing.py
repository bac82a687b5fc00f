"""Statistics to a file: an npz of plain arrays, whose ``mu`` and ``sigma`` other packages read too."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ganeval.errors import OutputError, StatisticsError
from ganeval.files import written_atomically
from ganeval.statistics.statistics import KeptRows, Statistics
from ganeval.writable import require_writable_file

#: Of the layout below; a reader refuses a higher one than it knows.
FORMAT = 1
DIGEST_BYTES = 16


def write_statistics(path: str | os.PathLike[str], statistics: Statistics) -> Path:
    """Write `statistics` to `path`, atomically; an existing file is replaced.

    The arrays are ``mu`` float64 [D] and ``sigma`` float64 [D, D] (unbiased), as pytorch-fid, clean-fid and ADM's
    evaluator name theirs, ``ganeval`` (JSON as uint8), and where features are kept ``features`` float32 [n, D],
    ``logits`` float32 [n, C], ``rows`` (JSON as uint8: ids, labels and how each image was stored), ``geometry`` int64
    [n, 3] and ``digests`` uint8 [n, 16]. Nothing is pickled.

    Parameters
    ----------
    path
        Ends in ``.npz``.
    statistics
        Of a known number of images.

    Returns
    -------
    Path
        Where they are.

    Raises
    ------
    StatisticsError
        If the number of images or the extractor isn't known: files of others stay as they are.
    OutputError
        If the file can't be written or isn't called ``.npz``; nothing is left behind.
    """
    target = _checked_name(Path(path).expanduser())
    if statistics.count is None or statistics.extractor is None:
        raise StatisticsError(
            f"statistics of {statistics.path or 'an unknown source'} don't say of how many images and of which "
            "extractor they are, and aren't written anew",
            hint="Use the file as it is.",
        )
    arrays: dict[str, npt.NDArray[Any]] = {
        "mu": statistics.moments.mean.cpu().numpy(),
        "sigma": statistics.moments.covariance().cpu().numpy(),
        "ganeval": _json_array(_about(statistics)),
    }
    if statistics.kept is not None:
        arrays |= _kept_arrays(statistics.kept)
    try:
        with written_atomically(Path(os.path.realpath(target))) as stream:
            np.savez(stream, **arrays)  # type: ignore[arg-type]
    except OSError as error:
        raise OutputError(
            f"statistics can't be written to {target}: {(error.strerror or str(error)).lower()}"
        ) from error
    return target


def require_out(path: Path, data: str) -> Path:
    """Refuse, before hours of work, a file that can't be written or that holds the images themselves.

    Raises
    ------
    OutputError
        Naming the path and what is wrong.
    """
    target = _checked_name(path.expanduser())
    require_writable_file(target)
    if os.path.realpath(target) == os.path.realpath(os.path.expanduser(data)):
        raise OutputError(f"--out {path} is the file of the images themselves", hint="Name another one.")
    return target


def _checked_name(target: Path) -> Path:
    if target.suffix.lower() != ".npz":
        raise OutputError(
            f"statistics are written as .npz, not {target.name!r}",
            hint=f"For example: {target.with_name(target.name + '.npz')}",
        )
    return target


def _about(statistics: Statistics) -> dict[str, Any]:
    assert statistics.extractor is not None
    kinds = statistics.kinds
    return {
        "format": FORMAT,
        "version": statistics.version,
        "count": statistics.count,
        "source": statistics.source,
        "kind": statistics.kind,
        "content": statistics.content,
        "fingerprint": statistics.fingerprint,
        "skipped": statistics.skipped,
        "labels": dict(statistics.labels),
        "kinds": None if kinds is None else [[*kind, number] for kind, number in kinds.items()],
        "extractor": asdict(statistics.extractor),
        "code": statistics.code,
    }


def _kept_arrays(kept: KeptRows) -> dict[str, npt.NDArray[Any]]:
    images = kept.images
    rows = {
        "ids": kept.ids,
        "labels": kept.labels,
        "formats": [info.format for info in images],
        "modes": [info.mode for info in images],
    }
    geometry = [(info.width, info.height, info.jpeg_quality) for info in images]
    digests = b"".join(info.digest.ljust(DIGEST_BYTES, b"\0")[:DIGEST_BYTES] for info in images)
    arrays: dict[str, npt.NDArray[Any]] = {
        "features": np.ascontiguousarray(kept.pooled, dtype=np.float32),
        "rows": _json_array(rows),
        "geometry": np.array(geometry, dtype=np.int64).reshape(-1, 3),
        "digests": np.frombuffer(digests, np.uint8).reshape(-1, DIGEST_BYTES),
    }
    if kept.logits is not None:
        arrays["logits"] = np.ascontiguousarray(kept.logits, dtype=np.float32)
    return arrays


def _json_array(content: Any) -> npt.NDArray[np.uint8]:
    return np.frombuffer(json.dumps(content).encode(), np.uint8)
