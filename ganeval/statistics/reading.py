"""Statistics out of a file: ganeval's own, and those that torch-fidelity, pytorch-fid, ADM and clean-fid write."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ganeval.errors import MetricError, StatisticsError
from ganeval.features.features import ExtractorInfo
from ganeval.images.source import ImageInfo
from ganeval.images.urls import is_url
from ganeval.metrics.moments import Moments
from ganeval.notices import Notice
from ganeval.statistics.arrays import StatisticsArrays, broken, checked_moments, load_tensors
from ganeval.statistics.statistics import STAND_IN_COUNT, KeptRows, Statistics
from ganeval.statistics.writing import FORMAT

#: Files that torch.save wrote.
TORCH_SUFFIXES = (".pt", ".pth")
#: Of all files that are read here.
SUFFIXES = (".npz", *TORCH_SUFFIXES)


def read_statistics(path: str | os.PathLike[str]) -> Statistics:
    """The statistics in a file.

    Read are ganeval's own (``ganeval stats``, `write_statistics`), and by others: ``mu`` and ``sigma`` in an npz
    (pytorch-fid, clean-fid, and with ``mu_s`` and ``sigma_s`` ADM's evaluator), the same two in a dictionary that
    torch.save wrote (torch-fidelity's cache), and ``feats`` in an npz (clean-fid's features for KID). Files of others
    don't say of how many images they are, nor which network made them: `Statistics.notices` says what is missing.

    Parameters
    ----------
    path
        ``.npz``, ``.pt`` or ``.pth``, on disk or the URL of one.

    Raises
    ------
    StatisticsError
        If there is no such file, it isn't one of these, is damaged or holds Python objects, or if its arrays have the
        wrong shapes, aren't finite or are no covariance.
    ImageSourceError
        If a URL can't be read.
    """
    text = str(os.fspath(path))
    if is_url(text):
        from ganeval.images.remote.fetching import Fetched

        fetched = Fetched(text)
        return _read(fetched.path, str(fetched.file))
    file = Path(path).expanduser()
    if not file.is_file():
        raise StatisticsError(f"{file}: there is no such file", hint="Make one: ganeval stats DATA --out FILE.npz")
    return _read(file, str(file))


def _read(file: Path, name: str) -> Statistics:
    """What a file holds that is called `name`."""
    if file.suffix.lower() in TORCH_SUFFIXES:
        return _of_torch_fidelity(file, name)
    arrays = StatisticsArrays(file, name)
    for keys, reader in _NPZ_FORMS:
        if keys <= arrays.names:
            return reader(arrays)
    # Says which array is missing.
    arrays.read("sigma" if "mu" in arrays.names else "mu", 1)
    raise AssertionError("one of the two is missing")


def _own(arrays: StatisticsArrays) -> Statistics:
    about = _json(arrays, "ganeval")
    if not isinstance(about, dict) or not isinstance(about.get("format"), int):
        raise StatisticsError(f"{arrays.name}: what it says of itself isn't what ganeval writes")
    if about["format"] > FORMAT:
        raise StatisticsError(
            f"{arrays.name} has the format {about['format']}, and this ganeval reads up to {FORMAT}",
            hint="Update ganeval.",
        )
    mean, covariance = checked_moments(arrays.name, arrays.read("mu", 1), arrays.read("sigma", 2))
    try:
        count = int(about["count"])
        if count < 2:
            raise ValueError(f"{count} images")
        kinds = about["kinds"]
        return Statistics(
            moments=_moments(count, mean, covariance),
            count=count,
            extractor=ExtractorInfo(**about["extractor"]),
            code=about["code"],
            kept=_kept(arrays, len(mean), count),
            source=str(about["source"]),
            kind=str(about["kind"]),
            content=about["content"],
            fingerprint=about["fingerprint"],
            skipped=int(about["skipped"]),
            labels={str(label): int(number) for label, number in about["labels"].items()},
            kinds=None if kinds is None else {_image_kind(entry): int(entry[5]) for entry in kinds},
            version=str(about["version"]),
            path=arrays.name,
        )
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise StatisticsError(
            f"{arrays.name}: what it says of itself isn't what ganeval writes: {error}", hint="Make it again."
        ) from error


def _image_kind(entry: list[Any]) -> tuple[str, str, int, int, int]:
    return str(entry[0]), str(entry[1]), int(entry[2]), int(entry[3]), int(entry[4])


def _kept(arrays: StatisticsArrays, dimension: int, count: int) -> KeptRows | None:
    if "features" not in arrays.names:
        return None
    pooled = _finite_rows(arrays, "features")
    rows = _json(arrays, "rows")
    geometry, digests = arrays.read("geometry", 2, "iu"), arrays.read("digests", 2, "u")
    logits = arrays.read("logits", 2) if "logits" in arrays.names else None
    lengths = {len(rows["ids"]), len(pooled), *([] if logits is None else [len(logits)])}
    if rows["labels"] is not None:
        lengths.add(len(rows["labels"]))
    if len(lengths) != 1 or pooled.shape[1] != dimension or len(pooled) > count:
        raise StatisticsError(
            f"{arrays.name}: features of shape {pooled.shape} don't belong to {count} images and {dimension} dimensions"
        )
    images = tuple(
        ImageInfo(form, mode, int(width), int(height), int(quality), digest.tobytes())
        for form, mode, (width, height, quality), digest in zip(
            rows["formats"], rows["modes"], geometry, digests, strict=True
        )
    )
    labels = None if rows["labels"] is None else tuple(rows["labels"])
    return KeptRows(pooled, logits, tuple(rows["ids"]), labels, images)


def _finite_rows(arrays: StatisticsArrays, name: str) -> npt.NDArray[np.float32]:
    rows = arrays.read(name, 2)
    narrow: npt.NDArray[np.float32] = rows if rows.dtype == np.float32 else rows.astype(np.float32)
    if not np.isfinite(narrow.sum(dtype=np.float64)):
        raise StatisticsError(f"{arrays.name}: {name} holds values that are NaN or infinite")
    return narrow


def _json(arrays: StatisticsArrays, name: str) -> Any:
    try:
        return json.loads(arrays.read(name, 1, "u").tobytes())
    except ValueError as error:
        raise broken(arrays.name, error) from error


def _of_others(arrays: StatisticsArrays) -> Statistics:
    return _without_origin(arrays.name, arrays.read("mu", 1), arrays.read("sigma", 2), "pytorch-fid or clean-fid")


def _of_adm(arrays: StatisticsArrays) -> Statistics:
    return _without_origin(arrays.name, arrays.read("mu", 1), arrays.read("sigma", 2), "ADM (guided-diffusion)")


def _of_clean_fid(arrays: StatisticsArrays) -> Statistics:
    """clean-fid's features for KID: nothing but the extractor and the images' names is unknown."""
    rows = _finite_rows(arrays, "feats")
    try:
        moments = Moments.of(np.asarray(rows))
        moments.covariance()
    except MetricError as error:
        raise StatisticsError(f"{arrays.name}: feats: {error.message}", hint=error.hint) from error
    return Statistics(
        moments=moments,
        count=len(rows),
        kept=KeptRows(rows, ids=tuple(f"{arrays.path.name}[{row}]" for row in range(len(rows)))),
        source=arrays.name,
        kind="features",
        fingerprint=_digest(np.ascontiguousarray(rows)),
        form="clean-fid, features",
        path=arrays.name,
        notices=(_unknown(arrays.name, "which network and resizing made them, or from which images they are"),),
    )


def _of_torch_fidelity(path: Path, name: str) -> Statistics:
    content = load_tensors(path, name)
    if not isinstance(content, Mapping) or not {"mu", "sigma"} <= set(content):
        kind = f"a dictionary of {', '.join(map(str, content))}" if isinstance(content, Mapping) else "no dictionary"
        raise StatisticsError(
            f"{name} holds {kind}, and statistics are a dictionary of mu and sigma",
            hint="torch-fidelity's cached statistics end in -stat-fid-2048.pt.",
        )
    mu, sigma = (_array(name, array, content[array]) for array in ("mu", "sigma"))
    return _without_origin(name, mu, sigma, "torch-fidelity")


def _array(path: str, name: str, values: Any) -> npt.NDArray[Any]:
    if isinstance(values, torch.Tensor):
        dense = values.layout == torch.strided
        # NumPy has no bfloat16.
        values = values.detach().cpu().double().numpy() if dense and values.is_floating_point() else values
    try:
        array = np.asarray(values)
    except (TypeError, ValueError) as error:
        raise StatisticsError(f"{path}: {name} is no array of numbers") from error
    if array.dtype.kind != "f":
        raise StatisticsError(f"{path}: {name} is of the type {array.dtype}, and must hold real numbers")
    return array


def _without_origin(path: str, mu: npt.NDArray[Any], sigma: npt.NDArray[Any], form: str) -> Statistics:
    mean, covariance = checked_moments(path, mu, sigma)
    lacking = "of how many images they are, from which images, or which network and resizing made them"
    return Statistics(
        moments=_moments(STAND_IN_COUNT, mean, covariance),
        count=None,
        source=path,
        kind="moments",
        fingerprint=_digest(mean, covariance),
        form=form,
        path=path,
        notices=(_unknown(path, lacking),),
    )


def _digest(*arrays: npt.NDArray[Any]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str} {array.shape}".encode())
        digest.update(array.data)
    return digest.hexdigest()


def _unknown(path: str, what: str) -> Notice:
    return Notice(
        "statistics-of-unknown-origin",
        f"{path} holds statistics that don't say {what}",
        "Inception-v3's published weights are assumed, and nothing can check it: with another network or resizing "
        "(clean-fid's needs --preprocessing clean) the value means nothing. `ganeval stats` writes files that say it.",
    )


def _moments(count: int, mean: npt.NDArray[np.float64], covariance: npt.NDArray[np.float64]) -> Moments:
    return Moments.from_covariance(count, torch.from_numpy(mean), torch.from_numpy(covariance))


#: By the arrays that a form has, the most particular first.
_NPZ_FORMS: tuple[tuple[frozenset[str], Callable[[StatisticsArrays], Statistics]], ...] = (
    (frozenset({"ganeval", "mu", "sigma"}), _own),
    (frozenset({"mu", "sigma", "mu_s", "sigma_s"}), _of_adm),
    (frozenset({"mu", "sigma"}), _of_others),
    (frozenset({"feats"}), _of_clean_fid),
)
