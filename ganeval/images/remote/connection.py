"""Asks a remote file system for what is wanted, again where the network fails, and says in words what went wrong."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, TypeVar

from ganeval.errors import ImageSourceError, did_you_mean
from ganeval.images.urls import without_secrets

T = TypeVar("T")

#: Seconds before each further try.
PAUSES = (0.5, 2.0, 5.0)
_FORBIDDEN = (401, 403)
_ABSENT = (404, 410)
# Answers that may be others a moment later (RFC 9110 and 6585): a time-out, too many requests, a fault of the server's.
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


class Unreachable(ImageSourceError):
    """What lies behind a URL can't be had; whether it is there isn't known."""


def file_system(url: str) -> tuple[Any, str]:
    """The fsspec file system behind a URL, and the path in it.

    Raises
    ------
    ImageSourceError
        If fsspec or a package for this protocol isn't installed, or the protocol is unknown.
    """
    shown = without_secrets(url)
    try:
        import fsspec
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise ImageSourceError(
            f"{shown}: sets are read by URL through fsspec, which isn't installed",
            hint="Install it: pip install 'ganeval[remote]'.",
        ) from error
    protocol = url.partition("://")[0].rpartition("::")[2]
    if protocol not in fsspec.available_protocols():
        raise ImageSourceError(
            f"{shown}: the protocol {protocol!r} isn't known to fsspec",
            hint=did_you_mean(protocol, fsspec.available_protocols()),
        )
    try:
        found: tuple[Any, str] = url_to_fs(url)
    except ImportError as error:
        raise ImageSourceError(
            f"{shown}: {protocol}:// needs a package that isn't installed: {error}",
            hint="Install it with pip, into the environment of ganeval.",
        ) from error
    # Each protocol's package has exceptions of its own.
    except Exception as error:
        raise _failure(shown, error, tries=1) from _shown_cause(error)
    return found


def asked(what: str, question: Callable[[], T]) -> T:
    """The answer to `question`, tried again after `PAUSES` where the network fails.

    Parameters
    ----------
    what
        The file that it is about, as it may be shown.

    Raises
    ------
    FileNotFoundError
        If there is no such thing.
    Unreachable
        If access is denied, or the network keeps failing.
    """
    for tries, pause in enumerate((*PAUSES, None), start=1):
        try:
            return question()
        # Each protocol's package has exceptions of its own.
        except Exception as error:
            if _is_absent(error):
                raise FileNotFoundError(f"{what}: there is no such file") from None
            if pause is None or not _may_pass(error):
                raise _failure(what, error, tries) from _shown_cause(error)
        time.sleep(pause)
    raise AssertionError("the last try returns or raises")


def _behind(error: BaseException) -> list[BaseException]:
    """The error and those that caused it: fsspec calls a web server's every refusal a missing file."""
    found: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and len(found) < 8:
        found.append(cause)
        cause = cause.__cause__
    return found


def _status(error: BaseException) -> int | None:
    """An HTTP status, under the names that packages have for it."""
    for one in reversed(_behind(error)):
        for name in ("status", "status_code", "code"):
            value = getattr(one, name, None)
            if isinstance(value, int) and 400 <= value < 600:
                return value
    return None


def _is_absent(error: BaseException) -> bool:
    status = _status(error)
    if status is not None:
        return status in _ABSENT
    # fsspec calls a web server that can't be reached a missing file too.
    guessed = any(_is_of_the_network(one) for one in _behind(error)[1:])
    return isinstance(error, FileNotFoundError | IsADirectoryError) and not guessed


def _is_of_the_network(error: BaseException) -> bool:
    of_web = type(error).__module__.partition(".")[0] == "aiohttp"
    timed_out = isinstance(error, asyncio.TimeoutError)
    return of_web or timed_out or (isinstance(error, OSError) and not isinstance(error, FileNotFoundError))


def _is_forbidden(error: BaseException) -> bool:
    return _status(error) in _FORBIDDEN or any(isinstance(one, PermissionError) for one in _behind(error))


def _may_pass(error: BaseException) -> bool:
    status = _status(error)
    if status is not None:
        return status in _PASSING
    return not _is_forbidden(error) and not isinstance(error, ImageSourceError | ValueError | TypeError | ImportError)


def _failure(what: str, error: BaseException, tries: int) -> Unreachable:
    last = _behind(error)[-1]
    reason = without_secrets(str(last).strip() or type(last).__name__).splitlines()[0]
    if _is_forbidden(error):
        return Unreachable(
            f"{what}: no permission to read it: {reason}",
            hint="Check the credentials in your environment, and that they give access to this place.",
        )
    times = f" (tried {tries} times)" if tries > 1 else ""
    return Unreachable(
        f"{what}: can't be read{times}: {reason}",
        hint="Features extracted so far are stored (but with --no-cache): the same command goes on from there.",
    )


def _shown_cause(error: BaseException) -> BaseException | None:
    """The error, for a traceback, unless it would show what gives access."""
    texts = [str(one) for one in _behind(error)]
    return error if all(without_secrets(text) == text for text in texts) else None
