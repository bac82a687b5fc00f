"""Downloads of weights: with progress and checksum, whole or not at all, and quick to give up without a network."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Any

import platformdirs

from ganeval.errors import WeightsError
from ganeval.progress import Progress, SilentProgress

#: Seconds without an answer after which there is no network, as far as a user waits for it.
CONNECT_SECONDS = 6.0
_CHUNK = 1 << 20
_OFFLINE = "--extractor efficientnet-lite0 needs no download."


def weights_folder() -> Path:
    """The folder of downloaded weights, in the user's cache; it need not exist."""
    return platformdirs.user_cache_path("ganeval", appauthor=False) / "weights"


def fetch(
    url: str,
    sha256: str,
    filename: str,
    *,
    network: str = "the network",
    download: bool = True,
    progress: Progress | None = None,
) -> Path:
    """Download `url` into :func:`weights_folder` as `filename` and return its path.

    The file appears only when it is whole and its checksum is right; an interrupted download leaves nothing behind.

    Raises
    ------
    WeightsError
        If `download` is false, there is no network, the disk refuses, or the checksum is wrong.
    """
    hint = f"Get the file from {url} on a machine with network and pass --weights PATH. Or: {_OFFLINE}"
    if not download:
        raise WeightsError(f"the weights of {network} ({filename}) are not on disk and downloads are off", hint=hint)
    try:
        response = _open(url)
    except urllib.error.HTTPError as error:
        answer = f"HTTP {error.code} {error.reason}"
        raise WeightsError(
            f"the server refuses the download of the weights of {network}: {answer}", hint=hint
        ) from error
    except (OSError, HTTPException, ValueError) as error:
        raise WeightsError(
            f"no network for the download of the weights of {network}: {reason_of(error)}", hint=hint
        ) from error
    folder = weights_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor, partial_name = tempfile.mkstemp(prefix=f"{filename}.", suffix=".part", dir=folder)
    except OSError as error:
        response.close()
        raise WeightsError(
            f"the weights of {network} can't be kept in {folder}: {reason_of(error)}", hint=hint
        ) from error
    partial = Path(partial_name)
    try:
        with os.fdopen(descriptor, "wb") as file, response:
            checksum = _copy(response, file, filename, progress or SilentProgress())
        if not checksum.startswith(sha256):
            raise WeightsError(
                f"the download of {filename} has the SHA-256 {checksum}, not {sha256}…",
                hint=f"It was damaged or replaced on the way; nothing was kept. {hint}",
            )
        target = folder / filename
        partial.replace(target)
    except (OSError, HTTPException) as error:
        raise WeightsError(f"the download of {filename} broke off: {reason_of(error)}", hint=hint) from error
    finally:
        partial.unlink(missing_ok=True)
    return target


def _open(url: str) -> Any:
    """An open response, or an OSError within :data:`CONNECT_SECONDS`: a dead name server ignores socket timeouts."""
    outcome: list[Any] = []
    abandoned = threading.Event()

    def connect() -> None:
        try:
            response = urllib.request.urlopen(url, timeout=CONNECT_SECONDS)
        except Exception as error:
            outcome.append(error)
            return
        outcome.append(response)
        if abandoned.is_set():
            response.close()

    thread = threading.Thread(target=connect, name="ganeval-download", daemon=True)
    thread.start()
    thread.join(CONNECT_SECONDS)
    if not outcome:
        abandoned.set()
        raise TimeoutError(f"no answer within {CONNECT_SECONDS:.0f} seconds")
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    return outcome[0]


def _copy(response: Any, file: Any, label: str, progress: Progress) -> str:
    digest = hashlib.sha256()
    length = response.headers.get("Content-Length")
    expected = int(length) if length is not None and length.isdigit() else None
    task = progress.start(f"download {label}", expected, unit="bytes")
    received = 0
    try:
        while chunk := response.read(_CHUNK):
            file.write(chunk)
            digest.update(chunk)
            received += len(chunk)
            task.advance(len(chunk))
    finally:
        task.finish()
    if expected is not None and received != expected:
        raise OSError(f"{received} of {expected} bytes arrived")
    return digest.hexdigest()


def reason_of(error: Exception) -> str:
    """What went wrong in the network or on the disk, in the system's words."""
    inner = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(inner, OSError) and inner.strerror:
        return inner.strerror
    return str(inner) or type(inner).__name__
