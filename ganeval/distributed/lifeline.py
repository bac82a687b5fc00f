"""How processes of a job learn at once that one of them has failed: each holds a connection to the first.

A process that fails says so over its connection; one that is killed can't, but the kernel closes its connection. The
first process tells all others. Connections, rather than a pulse: a process whose threads are held up by long arithmetic
is alive, and has no time to say so.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import secrets
import selectors
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any

from typing_extensions import Self

from ganeval.distributed.ranks import ContactLostError, Ranks

#: Seconds that the main thread has to save what it has, before the process ends without it.
GRACE = 6.0
#: Seconds to wait for the first process to pass on what was said, or for news of who was lost.
_ANSWER = 5.0
# A line is a failure's message, which may list ten files.
_LONGEST_LINE = 1 << 16
# A dead machine closes nothing: the kernel asks after 4 s of silence, then every 2 s, and gives up after 3 questions.
_KEEP_ALIVE = (("TCP_KEEPIDLE", 4), ("TCP_KEEPINTVL", 2), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 10_000))


@dataclass(frozen=True)
class Failure:
    """Why the job ends: which process failed, on which machine, what it said, and with which exit status."""

    rank: int
    host: str
    text: str
    code: int
    #: Whether it couldn't say so itself.
    lost: bool = False

    def __str__(self) -> str:
        return f"rank {self.rank} on {self.host}: {self.text}"


class Lifeline:
    """Within the block, a failure of any process ends all of them.

    The main thread is interrupted as by Ctrl-C, so that it can save; where it doesn't end within `GRACE` seconds (it
    may wait for one that is gone), the process ends without it.

    Parameters
    ----------
    ranks
        More than one, in a group.

    Raises
    ------
    ContactLostError
        If the first process can't be reached.
    """

    def __init__(self, ranks: Ranks) -> None:
        self._ranks = ranks
        self._lock = threading.Lock()
        self._peers: dict[socket.socket, _Peer] = {}
        self._told = threading.Event()
        self._closing = False
        #: What ended the job, None while nothing has.
        self.failure: Failure | None = None

    def __enter__(self) -> Self:
        connections = self._accepted() if self._ranks.is_first else self._connected()
        self._peers = {connection: _Peer(rank, connection) for rank, connection in connections}
        for connection in self._peers:
            _keep_alive(connection)
        threading.Thread(target=self._watch, name="ganeval lifeline", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._closing = True
        if error is None:
            self._send({"done": True})
        for connection in self._peers:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def fail(self, text: str, code: int) -> Failure:
        """Tell all that this process failed, and give what ends the job: that, unless another failure came first."""
        own = Failure(self._ranks.rank, socket.gethostname(), text, code)
        with self._lock:
            first = self.failure is None
            if self._ranks.is_first and first:
                self.failure = own
        if first:
            self._send(asdict(own))
            if not self._ranks.is_first:
                # The first process prints it, and must have it before this one ends and all are stopped.
                self._told.wait(_ANSWER)
        return self.failure or own

    def awaited_failure(self) -> Failure | None:
        """The failure behind a broken contact, which may take a moment to be known; None if none comes."""
        self._told.wait(_ANSWER)
        return self.failure

    def tells(self, failure: Failure) -> bool:
        """Whether this process is the one that prints it: the first, or the second where the first was lost."""
        return self._ranks.rank == (1 if failure.lost and failure.rank == 0 else 0)

    def _accepted(self) -> Iterator[tuple[int, socket.socket]]:
        """Connections from all others, who show by a word that they belong to the job."""
        place = os.environ.get("MASTER_ADDR", "")
        family = socket.AF_INET6 if ":" in place else socket.AF_INET
        here = place if place in ("localhost", "::1") or place.startswith("127.") else ""
        word = secrets.token_hex(16)
        with socket.create_server((here, 0), family=family, backlog=self._ranks.world) as server:
            self._ranks.broadcast([server.getsockname()[1], word])
            server.settimeout(30)
            missing = set(range(1, self._ranks.world))
            while missing:
                try:
                    connection, _ = server.accept()
                except OSError as error:
                    raise ContactLostError(f"rank {min(missing)} doesn't connect to rank 0: {error}") from error
                rank = _introduced(connection, word)
                if rank in missing:
                    missing.discard(rank)
                    yield rank, connection
                else:
                    connection.close()

    def _connected(self) -> Iterator[tuple[int, socket.socket]]:
        port, word = self._ranks.broadcast(None)
        try:
            connection = socket.create_connection((os.environ["MASTER_ADDR"], port), timeout=30)
            connection.settimeout(None)
            connection.sendall(_line({"word": word, "rank": self._ranks.rank}))
        except OSError as error:
            raise ContactLostError(
                f"rank {self._ranks.rank} can't connect to rank 0 at {os.environ['MASTER_ADDR']}:{port}: {error}",
                hint="Let the machines of the job reach each other on all ports.",
            ) from error
        yield 0, connection

    def _watch(self) -> None:
        with selectors.DefaultSelector() as selector:
            for each in self._peers:
                selector.register(each, selectors.EVENT_READ)
            while selector.get_map():
                for key, _ in selector.select():
                    connection: Any = key.fileobj
                    said = self._peers[connection].read(connection)
                    if said is None:
                        continue
                    selector.unregister(connection)
                    if "done" not in said:
                        self._end(Failure(**said))

    def _end(self, failure: Failure) -> None:
        with self._lock:
            if self._closing:
                return
            known, self.failure = self.failure, self.failure or failure
        self._told.set()
        if known is not None:
            return
        if self._ranks.is_first:
            self._send(asdict(failure))
        main = threading.main_thread()
        if failure.rank != self._ranks.rank and main.ident is not None and main.is_alive():
            # A signal, as only that wakes a thread that waits for another.
            signal.pthread_kill(main.ident, signal.SIGINT)
            threading.Thread(target=self._leave, args=(failure,), name="ganeval end", daemon=True).start()

    def _leave(self, failure: Failure) -> None:
        time.sleep(GRACE)
        with self._lock:
            if self._closing:
                return
            self._closing = True
        if self.tells(failure):
            print(failure, file=sys.stderr, flush=True)
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
        os._exit(failure.code)

    def _send(self, message: Any) -> None:
        for connection in self._peers:
            with contextlib.suppress(OSError):
                connection.sendall(_line(message))


class _Peer:
    """What another process said so far."""

    def __init__(self, rank: int, connection: socket.socket) -> None:
        self._rank = rank
        self._held = b""
        # Of a connection that has timed out, the other end is no longer known.
        self._host = str(connection.getpeername()[0])

    def read(self, connection: socket.socket) -> dict[str, Any] | None:
        """The message that is complete now, None if there is none yet; a failure where the connection has ended."""
        try:
            data = connection.recv(4096)
        except OSError:
            data = b""
        self._held += data
        line, ended, _ = self._held.partition(b"\n")
        if ended and len(line) <= _LONGEST_LINE:
            with contextlib.suppress(ValueError):
                said = json.loads(line)
                if isinstance(said, dict):
                    return said
        if data and len(self._held) <= _LONGEST_LINE:
            return None
        text = "error: the process ended without a word (killed, or out of memory?), or its machine can't be reached"
        return asdict(
            Failure(self._rank, self._host, f"{text}\nWhat was stored is kept: the same command goes on.", 1, lost=True)
        )


def failing(lifeline: Lifeline, error: BaseException, describe: Callable[[BaseException], tuple[str, int]]) -> Failure:
    """What ends the job, given the error that ended this process's work.

    Parameters
    ----------
    error
        This process's own, or what another's failure made of its work: an interrupt, or a broken contact.
    describe
        From an error to a message for the user and an exit status.
    """
    while True:
        # News of another failure comes as an interrupt, which must not interrupt this.
        with contextlib.suppress(KeyboardInterrupt):
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGINT, lambda number, frame: None)
            return _failing(lifeline, error, describe)


def _failing(lifeline: Lifeline, error: BaseException, describe: Callable[[BaseException], tuple[str, int]]) -> Failure:
    if lifeline.failure is not None:
        return lifeline.failure
    if isinstance(error, ContactLostError):
        known = lifeline.awaited_failure()
        if known is not None:
            return known
    return lifeline.fail(*describe(error))


def _introduced(connection: socket.socket, word: str) -> int | None:
    """The rank of whoever connected, None for a stranger."""
    connection.settimeout(10)
    held = b""
    try:
        while not held.endswith(b"\n") and len(held) < 256:
            data = connection.recv(1)
            if not data:
                return None
            held += data
        said = json.loads(held)
        known = hmac.compare_digest(str(said["word"]), word)
        connection.settimeout(None)
        return int(said["rank"]) if known else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _keep_alive(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEP_ALIVE:
        if hasattr(socket, name):
            with contextlib.suppress(OSError):
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _line(message: Any) -> bytes:
    text = json.dumps(message)
    if len(text) > _LONGEST_LINE - 1:
        text = json.dumps({**message, "text": message["text"][:4096] + " …"})
    return text.encode() + b"\n"
