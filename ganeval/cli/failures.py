"""What a user sees when something goes wrong: a sentence and an exit code, and a traceback only where asked for."""

from __future__ import annotations

import functools
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

from ganeval.errors import GanevalError

P = ParamSpec("P")
R = TypeVar("R")

#: Set to anything, it has the effect of ``--debug`` on every command.
DEBUG_VARIABLE = "GANEVAL_DEBUG"

#: Exit status of a run that reported all it has, but ran out of images before what ``--until`` or ``--until-decided``
#: asked for was reached.
NOT_REACHED = 3

_debugging: ContextVar[bool] = ContextVar("debugging", default=False)


def end_not_reached(what: str) -> None:
    """End a run whose report is written with `NOT_REACHED`, and a last line on stderr that says what wasn't reached."""
    _fail(f"not reached: {what} (exit status {NOT_REACHED})", NOT_REACHED)


def _fail(text: str, code: int) -> None:
    with suppress(OSError):  # Stdout may be what failed.
        sys.stdout.flush()
    print(text, file=sys.stderr, flush=True)
    raise SystemExit(code)


def _lacks_memory(error: Exception) -> bool:
    """Whether that is what an error says: Python's, or torch's of a GPU or of the CPU, which has no type of its own."""
    text = str(error)
    of_torch = type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in text
    return isinstance(error, MemoryError) or (of_torch and isinstance(error, RuntimeError))


@contextmanager
def guarded(*, debug: bool = False) -> Iterator[None]:
    """Turn errors of the block into a message on stderr and an exit code.

    2 for `GanevalError` and for want of memory, 130 for an interrupt, 1 for a defect of ganeval itself. With `debug`
    the traceback shows.
    """
    debug = debug or _debugging.get() or bool(os.environ.get(DEBUG_VARIABLE))
    outside = _debugging.set(debug)
    try:
        yield
    except GanevalError as error:
        if debug:
            traceback.print_exc()
        _fail(f"error: {error}", 2)
    except KeyboardInterrupt:
        _fail("interrupted; what was stored so far is kept, and the same command goes on from there", 130)
    except BrokenPipeError:
        # The reader of our output has gone (such as `head`); Python would complain again at exit otherwise.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except Exception as error:
        if debug:
            traceback.print_exc()
        if _lacks_memory(error):
            _fail(
                "error: there isn't enough memory for this\n"
                "Ask for less: smaller images, batches or networks, or fewer images.",
                2,
            )
        _fail(
            f"internal error: {type(error).__name__}: {error}\n"
            "This is a defect of ganeval. Run again with --debug and report what it prints.",
            1,
        )
    finally:
        _debugging.reset(outside)


def command(function: Callable[P, R]) -> Callable[P, R]:
    """A command whose errors are handled by `guarded`, before the command-line library sees them."""

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        with guarded():
            return function(*args, **kwargs)
        raise AssertionError("guarded swallowed an exception")

    return wrapped
