"""Arrays out of files that others may have made: named, of the expected shape, finite, and never unpickled."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ganeval.errors import StatisticsError
from ganeval.images.npz import BROKEN_NPZ, ArrayHeader, open_npz_member, read_npz_headers

#: What a covariance may lack in symmetry, and have below 0, relative to its largest entry: it may come from float32.
_ROUNDING = 1e-5


class StatisticsArrays:
    """The arrays of an npz of statistics; each is read when it is asked for.

    Parameters
    ----------
    path
        The file.
    name
        How it is called.

    Raises
    ------
    StatisticsError
        If it can't be read, is no npz, or a broken one.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.path, self.name = path, name
        self._headers: Mapping[str, ArrayHeader] = {}
        try:
            self._headers = read_npz_headers(path)
        except BROKEN_NPZ as error:
            raise broken(name, error) from error

    @property
    def names(self) -> frozenset[str]:
        """Of all arrays."""
        return frozenset(self._headers)

    def read(self, name: str, dimensions: int, kinds: str = "f") -> npt.NDArray[Any]:
        """The array of that name.

        Parameters
        ----------
        name
            As in the file.
        dimensions
            How many it must have.
        kinds
            NumPy's letters for the types that it may have.

        Raises
        ------
        StatisticsError
            If there is none, it holds Python objects, is of another shape or type, or is damaged.
        """
        header = self._headers.get(name)
        if header is None:
            raise StatisticsError(
                f"{self.name} has no array {name!r}; it has: {', '.join(sorted(self._headers)) or 'nothing'}",
                hint="Statistics are arrays mu [D] and sigma [D, D], as pytorch-fid and ADM write them.",
            )
        if header.dtype.hasobject:
            raise StatisticsError(
                f"{self.name}: {name} is an array of Python objects, which is never loaded: it could run any code",
                hint="Save mu and sigma as plain float64 arrays.",
            )
        if header.dtype.kind not in kinds or len(header.shape) != dimensions:
            raise StatisticsError(
                f"{self.name}: {name} has the shape {header.shape} and type {header.dtype}, and must have "
                f"{dimensions} dimension{'s' if dimensions > 1 else ''} of {_KINDS[kinds]}"
            )
        try:
            return open_npz_member(self.path, header)
        except BROKEN_NPZ as error:
            raise broken(self.name, error) from error


_KINDS = {"f": "real numbers", "fiu": "numbers", "iu": "whole numbers", "u": "bytes"}


def broken(name: str, error: Exception) -> StatisticsError:
    """For a file that can't be read as what its name says."""
    if isinstance(error, OSError) and error.strerror:
        return StatisticsError(f"{name}: can't be read: {error.strerror.lower()}")
    return StatisticsError(
        f"{name}: not an npz of statistics, or a broken one: {error}", hint="Make or download it again."
    )


def checked_moments(
    file: str, mu: npt.NDArray[Any], sigma: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """A mean [D] and a covariance [D, D] in float64 that can be those of features.

    Raises
    ------
    StatisticsError
        If their shapes don't fit together, a value isn't finite, or the covariance isn't symmetric or has a variance
        below 0.
    """
    mean, covariance = np.array(mu, dtype=np.float64), np.array(sigma, dtype=np.float64)
    if mean.ndim != 1 or covariance.shape != (len(mean), len(mean)) or len(mean) == 0:
        raise StatisticsError(
            f"{file}: mu has the shape {mean.shape} and sigma {covariance.shape}, and must be [D] and [D, D]"
        )
    for name, values in (("mu", mean), ("sigma", covariance)):
        bad = values.size - int(np.isfinite(values).sum())
        if bad:
            raise StatisticsError(f"{file}: {name} has {bad:,} values that are NaN or infinite")
    largest = float(np.abs(covariance).max())
    asymmetry = float(np.abs(covariance - covariance.T).max())
    if asymmetry > _ROUNDING * largest:
        raise StatisticsError(
            f"{file}: sigma isn't symmetric, entries across its diagonal differ by {asymmetry:.3g}: no covariance"
        )
    lowest = float(covariance.diagonal().min())
    if lowest < -_ROUNDING * largest or not math.isfinite(largest):
        raise StatisticsError(f"{file}: sigma has the variance {lowest:.3g}, and a covariance has none below 0")
    return mean, (covariance + covariance.T) / 2


def load_tensors(path: Path, name: str) -> Any:
    """What ``torch.save`` wrote, without running any code: tensors, NumPy arrays of numbers, and containers of them.

    Raises
    ------
    StatisticsError
        If it can't be read, or holds anything else.
    """
    reconstruct = np.zeros(0).__reduce__()[0]
    number_types = [type(np.dtype(kind)) for kind in ("f4", "f8")]
    # NumPy 1 and 2 keep the function that rebuilds arrays at different places; files of either are read by both.
    allowed: list[Any] = [(reconstruct, f"numpy.{core}.multiarray._reconstruct") for core in ("core", "_core")]
    try:
        with torch.serialization.safe_globals([*allowed, np.ndarray, np.dtype, *number_types]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise StatisticsError(f"{name}: can't be read: {(error.strerror or str(error)).lower()}") from error
    except AttributeError as error:
        raise StatisticsError(
            f"{name} can't be read safely by torch {torch.__version__}", hint="Use torch 2.6 or later, or an .npz."
        ) from error
    except Exception as error:  # torch raises its own, pickle's, zipfile's and plain RuntimeErrors.
        raise StatisticsError(
            f"{name}: not a file of tensors, a broken one, or one with Python objects, which are never loaded",
            hint="torch-fidelity's cached statistics end in -stat-fid-2048.pt.",
        ) from error
