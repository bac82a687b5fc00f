"""Weights files: where they lie, whether they are the published ones, and how they are read without running code."""

from __future__ import annotations

import contextlib
import hashlib
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganeval.errors import WeightsError
from ganeval.features.downloading import fetch, reason_of, weights_folder
from ganeval.progress import Progress
from ganeval.wording import counted

_CHUNK = 1 << 20


@dataclass(frozen=True)
class PublishedWeights:
    """A weights file that its authors published.

    Parameters
    ----------
    network
        Name of the extractor it belongs to.
    url
        Where it is published.
    filename
        Under which it is kept.
    sha256
        Its hex checksum, or as many of its first digits as are published (torch.hub puts eight into the file name);
        empty where its authors published none, and then no file counts as the published one.
    megabytes
        Size, for messages.
    """

    network: str
    url: str
    filename: str
    sha256: str
    megabytes: int

    def matches(self, checksum: str) -> bool:
        """Whether a full hex checksum is that of the published file."""
        return bool(self.sha256) and checksum.startswith(self.sha256)


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file, read in pieces.

    Raises
    ------
    WeightsError
        If the file can't be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise _unreadable(path, error) from error
    return digest.hexdigest()


def find_on_disk(published: PublishedWeights) -> Path | None:
    """The published file with the right checksum in ganeval's or torch.hub's folder, None if it isn't there."""
    for folder in (weights_folder(), Path(torch.hub.get_dir()) / "checkpoints"):
        path = folder / published.filename
        with contextlib.suppress(OSError, WeightsError):
            if path.is_file() and (not published.sha256 or published.matches(sha256_of(path))):
                return path
    return None


def obtain(published: PublishedWeights, *, download: bool = True, progress: Progress | None = None) -> Path:
    """The published file from the disk, else fetched into :func:`weights_folder`.

    Raises
    ------
    WeightsError
        If it is not on disk and can't be, or shall not be, downloaded.
    """
    found = find_on_disk(published)
    if found is not None:
        return found
    return fetch(
        published.url,
        published.sha256,
        published.filename,
        network=published.network,
        download=download,
        progress=progress,
    )


def load_state_dict(
    path: Path, *, network: str, published: PublishedWeights | None = None, trust: bool = False
) -> dict[str, Tensor]:
    """The tensors of a weights file by name, on the CPU; nothing in the file is run.

    Safetensors and PyTorch files of tensors are read. A TorchScript archive holds code: it is opened only if it is the
    `published` file to the last bit, or with `trust`.

    Raises
    ------
    WeightsError
        If the file is missing, unreadable, no weights file, or holds code that is not trusted.
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "doesn't exist"
        raise WeightsError(f"the weights file {path} {what}", hint="Pass the path of a weights file with --weights.")
    try:
        with path.open("rb") as file:
            head = file.read(9)
    except OSError as error:
        raise _unreadable(path, error) from error
    if path.suffix == ".safetensors" or head[8:] == b"{":
        loaded: Any = _load_safetensors(path, network)
    elif _is_torchscript(path):
        loaded = _load_torchscript(path, network, published, trust)
    else:
        loaded = _load_pytorch(path, network)
    return _tensors_of(loaded, path, network)


def _load_safetensors(path: Path, network: str) -> Any:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise _not_weights(path, network, error) from error


def _load_pytorch(path: Path, network: str) -> Any:
    try:
        with warnings.catch_warnings():
            # About pickle protocols, for PyTorch's developers.
            warnings.simplefilter("ignore", UserWarning)
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the unpickler raises whatever the bytes lead it to
        raise _not_weights(path, network, error) from error


def _is_torchscript(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any("/code/" in name for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError):
        return False


def _load_torchscript(path: Path, network: str, published: PublishedWeights | None, trust: bool) -> Any:
    genuine = published is not None and published.matches(sha256_of(path))
    if not (genuine or trust):
        raise WeightsError(
            f"{path} is a TorchScript archive, which holds code, and not the published file of {network}",
            hint="Save its state dict as .safetensors, or pass --trust if you know where it comes from.",
        )
    try:
        with warnings.catch_warnings():
            # TorchScript is deprecated, and still the format in which CLIP is published.
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            return dict(torch.jit.load(path, map_location="cpu").state_dict())  # type: ignore[no-untyped-call]
    except Exception as error:
        raise _not_weights(path, network, error) from error


def _tensors_of(loaded: Any, path: Path, network: str) -> dict[str, Tensor]:
    if isinstance(loaded, Mapping) and isinstance(loaded.get("state_dict"), Mapping):
        loaded = loaded["state_dict"]
    if not isinstance(loaded, Mapping) or not loaded:
        raise _not_weights(path, network, f"it holds {type(loaded).__name__}, not named tensors")
    wrong = [str(key) for key, value in loaded.items() if not (isinstance(key, str) and isinstance(value, Tensor))]
    if wrong:
        raise _not_weights(path, network, f"its entry {wrong[0]!r} is no tensor")
    return dict(loaded)


def check_state_dict(state: Mapping[str, Tensor], expected: Mapping[str, Tensor], *, path: Path, network: str) -> None:
    """Check that `state` has the names and shapes of `expected` and finite values.

    Raises
    ------
    WeightsError
        Naming the file, the network and the first few entries that don't fit.
    """
    # Counters of batches that training saw: old files lack them and inference never reads them.
    needed = {key: value for key, value in expected.items() if not key.endswith("num_batches_tracked")}
    problems = [f"{key}: missing, {tuple(value.shape)} expected" for key, value in needed.items() if key not in state]
    problems += [f"{key}: not part of {network}" for key in state if key not in expected]
    problems += [
        f"{key}: {tuple(state[key].shape)}, {tuple(value.shape)} expected"
        for key, value in needed.items()
        if key in state and state[key].shape != value.shape
    ]
    if not problems:
        problems = [f"{key}: NaN or infinite values" for key in needed if not bool(state[key].isfinite().all())]
    if problems:
        shown = "\n".join(f"  {problem}" for problem in problems[:5])
        more = f"\n  and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise WeightsError(
            f"{path} doesn't hold the weights of {network} ({counted(needed, 'tensor')}):\n{shown}{more}",
            hint=f"Pass a file of {network}, or name the extractor that the file belongs to with --extractor.",
        )


def availability_reason(published: PublishedWeights) -> tuple[bool, str]:
    """Whether the published file is on disk, and where it is or would come from, in a sentence; no network touched."""
    found = find_on_disk(published)
    if found is not None:
        return True, f"weights on disk at {found}"
    return False, (
        f"weights not on disk; would be downloaded ({published.megabytes} MB) from {published.url}, "
        "or pass a file with --weights"
    )


def _not_weights(path: Path, network: str, reason: object) -> WeightsError:
    first_line = (str(reason).strip().splitlines() or [type(reason).__name__])[0][:200]
    return WeightsError(
        f"{path} is not a readable weights file of {network}: {first_line}",
        hint="A .safetensors file, or a PyTorch file of tensors only (torch.save of a state dict), is needed.",
    )


def _unreadable(path: Path, error: OSError) -> WeightsError:
    return WeightsError(
        f"the weights file {path} can't be read: {reason_of(error)}", hint="Check the path and its rights."
    )
