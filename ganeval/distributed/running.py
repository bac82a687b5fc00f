"""Runs a command in all processes of a job at once: they come together, share the work, and fail as one."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

from ganeval.distributed.lifeline import Lifeline, failing
from ganeval.distributed.listing import ListedAcross
from ganeval.distributed.ranks import Ranks, joined
from ganeval.errors import OptionError
from ganeval.features.devices import resolve_device
from ganeval.images.remote.together import listing_by

_together: ContextVar[Ranks] = ContextVar("ranks working together", default=Ranks())  # noqa: B039


class JobFailedError(SystemExit):
    """The job has failed, and this process has nothing to say about it; its code is the exit status."""


class _End:
    """What this process does at its very end: nothing, unless its job has failed."""

    def __init__(self) -> None:
        self.code: int | None = None

    def __call__(self) -> None:
        if self.code is None:
            return
        # Threads of torch.distributed may wait for processes that are gone. The interpreter would take them apart, and
        # now and then be aborted by that, with another exit status than the one that all are to have.
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(self.code)


def ranks_together() -> Ranks:
    """The processes that share the present work: those of `working_together`, else this one alone.

    A process of a group that works on something of its own, as the first one of a training does when it scores
    samples, works alone.
    """
    return _together.get()


def refuse_standard_input(spec: Any, ranks: Ranks) -> None:
    """Raise `OptionError` where ``-`` names a set and there are several processes."""
    if isinstance(spec, str) and spec == "-" and not ranks.alone:
        raise OptionError(
            "a list on standard input reaches one process only, and there are several",
            hint="Write the list to a file that all of them can read.",
        )


@contextmanager
def working_together(
    describe: Callable[[BaseException], tuple[str, int]],
    tell: Callable[[str], None],
    *,
    device: str = "cpu",
) -> Iterator[Ranks]:
    """Within the block, all processes of the job share their work; with one process it does nothing.

    All must run the same block. None leaves it before all have come to its end. If one fails, is interrupted or is
    lost, all end: what happened is told once, and each has the same exit status.

    Parameters
    ----------
    describe
        From an error to a message for the user and an exit status.
    tell
        Shows the user a message.
    device
        Where networks are trained, by its name: its tensors are exchanged as well as the CPU's.

    Raises
    ------
    JobFailedError
        In the processes that didn't fail themselves, and in all but the first.
    OptionError, ContactLostError
        As `Ranks.current` and `joined`.
    """
    ranks = Ranks.current()
    if ranks.alone:
        yield ranks
        return
    end = _End()
    atexit.register(end)
    with joined(ranks, ranks.device(resolve_device(device))), Lifeline(ranks) as lifeline:
        token = _together.set(ranks)
        try:
            with listing_by(ListedAcross(ranks)):
                yield ranks
            ranks.barrier()
        except BaseException as error:
            failure = failing(lifeline, error, describe)
            end.code = failure.code
            if failure.rank == ranks.rank == 0:
                raise
            if lifeline.tells(failure):
                tell(str(failure))
            raise JobFailedError(failure.code) from None
        finally:
            _together.reset(token)
