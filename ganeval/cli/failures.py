"""What a user sees when something goes wrong: a sentence and an exit code, and a traceback only where asked for."""

from __future__ import annotations

import functools
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from ganeval.errors import GanevalError, OptionError
from ganeval.interrupts import Terminated, termination_raises

if TYPE_CHECKING:
    from ganeval.distributed.ranks import Ranks

P = ParamSpec("P")
R = TypeVar("R")

#: Set to anything, it has the effect of ``--debug`` on every command.
DEBUG_VARIABLE = "GANEVAL_DEBUG"

#: Exit status of a run that reported all it has, but ran out of images before what ``--until`` or ``--until-decided``
#: asked for was reached.
NOT_REACHED = 3

_KEPT = "what was stored so far is kept, and the same command goes on from there"

# Seconds in which the first process of a job has surely started.
_FIRST_SPEAKS = 10.0

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


def described(error: BaseException) -> tuple[str, int]:
    """What a user is told of an error, and the exit status: see `guarded`."""
    if isinstance(error, GanevalError):
        return f"error: {error}", 2
    if isinstance(error, KeyboardInterrupt):
        what, code = ("terminated", 143) if isinstance(error, Terminated) else ("interrupted", 130)
        # Who knows better says so; `Terminated` and Python's own say nothing.
        return f"{what}; {error}" if str(error) else f"{what}; {_KEPT}", code
    if isinstance(error, SystemExit):
        return "ended before the others", error.code if isinstance(error.code, int) else 1
    if isinstance(error, Exception) and _lacks_memory(error):
        return (
            "error: there isn't enough memory for this\n"
            "Ask for less: smaller images, batches or networks, or fewer images.",
            2,
        )
    return (
        f"internal error: {type(error).__name__}: {error}\n"
        "This is a defect of ganeval. Run again with --debug and report what it prints.",
        1,
    )


@contextmanager
def all_processes(device: str = "cpu") -> Iterator[Ranks]:
    """Within the block the processes that torchrun started, if it did, share the work; a failure is told once.

    `device` is the option's value: where the work runs.
    """
    from ganeval.distributed.running import working_together

    def tell(text: str) -> None:
        with suppress(OSError):
            sys.stdout.flush()
        print(text, file=sys.stderr, flush=True)

    def described_here(error: BaseException) -> tuple[str, int]:
        if _debugging.get() and not isinstance(error, SystemExit):
            traceback.print_exc()
        return described(error)

    with working_together(described_here, tell, device=device) as ranks:
        yield ranks


@contextmanager
def guarded(*, debug: bool = False) -> Iterator[None]:
    """Turn errors of the block into a message on stderr and an exit code.

    2 for `GanevalError` and for want of memory, 130 for an interrupt, 143 for SIGTERM, 1 for a defect of ganeval
    itself. With `debug` the traceback shows.
    """
    debug = debug or _debugging.get() or bool(os.environ.get(DEBUG_VARIABLE))
    outside = _debugging.set(debug)
    try:
        with termination_raises():
            yield
    except KeyboardInterrupt as error:
        _fail(*described(error))
    except BrokenPipeError:
        # The reader of our output has gone (such as `head`); Python would complain again at exit otherwise.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except Exception as error:
        if debug:
            traceback.print_exc()
        _fail(*described(error))
    finally:
        _debugging.reset(outside)


def command(function: Callable[P, R]) -> Callable[P, R]:
    """A command of one process, whose errors are handled by `guarded`, before the command-line library sees them.

    Where torchrun has started several, it is refused: they would do the same, and write the same files.
    """
    return _command(function, refuse_copies)


def shared_command(function: Callable[P, R]) -> Callable[P, R]:
    """As `command`, for one whose work several processes share, by `all_processes` or a group of its own."""
    return _command(function, lambda name: None)


def _command(function: Callable[P, R], prepare: Callable[[str], None]) -> Callable[P, R]:
    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        with guarded():
            prepare(function.__name__)
            return function(*args, **kwargs)
        raise AssertionError("guarded swallowed an exception")

    return wrapped


def refuse_copies(name: str) -> None:
    """End all processes of a job with exit status 2; the first says why. Without effect in one process.

    Parameters
    ----------
    name
        The command's.
    """
    # By hand: a command that starts at once shouldn't load what several processes need.
    rank, world = os.environ.get("RANK"), os.environ.get("WORLD_SIZE", "1")
    if not rank or world == "1":
        return
    if rank != "0":
        # torchrun stops all others as soon as one ends, and the first must have been able to speak.
        time.sleep(_FIRST_SPEAKS)
        raise SystemExit(2)
    raise OptionError(
        f"{name.replace('_', '-')} works in one process, and {world} were started",
        hint="Run it without torchrun; `ganeval score`, `stats`, `cas` and `train` share work among processes.",
    )
