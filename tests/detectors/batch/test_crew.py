"""Workers: every task gets one answer, whatever becomes of the process that had it."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable, Iterator

import pytest

from ganeval.detectors.batch.crew import Crew
from ganeval.errors import GanevalError, OptionError


@pytest.fixture
def tools(tmp_path, monkeypatch: pytest.MonkeyPatch):
    """A module of tools that child processes can import."""
    (tmp_path / "crew_tools.py").write_text(
        "import functools, os, time\n"
        "from ganeval.errors import OptionError, CorruptImageError\n"
        "def double(number):\n"
        "    if number == 13: raise CorruptImageError([('x', 'it is the 13th')])\n"
        "    if number == 14: raise KeyError('oops')\n"
        "    if number == 15: os._exit(9)\n"
        "    if number == 16: os.kill(os.getpid(), 11)\n"
        "    if number == 17: time.sleep(60)\n"
        "    return 2 * number, os.getpid()\n"
        "def make(): return double\n"
        "def unusable(): raise OptionError('no such thing', hint='Ask for another.')\n"
        "def dies(): os._exit(3)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    import crew_tools

    yield crew_tools
    import sys

    del sys.modules["crew_tools"]


def test_every_task_is_answered_though_workers_crash_hang_and_fail(tools) -> None:
    with Crew(tools.make, 2, limit=1.5) as crew:
        done = {one.task: one for one in crew.work(range(10, 24))}
    assert sorted(done) == list(range(10, 24))
    assert {one.position for one in done.values()} == set(range(14))
    bad = {13, 14, 15, 16, 17}
    for number, one in done.items():
        if number not in bad:
            assert one.result is not None, one
            assert one.result[0] == 2 * number
            assert one.error == ""
    assert done[13].error == "it is the 13th"
    assert done[14].error == "internal error: KeyError: 'oops'"
    assert done[15].error == "the worker process ended (status 9)"
    assert done[16].error == "the worker process ended (SIGSEGV)"
    assert done[17].error == "it took longer than 1.5 s"


def test_work_is_shared_and_tasks_are_taken_when_there_is_a_hand_free(tools) -> None:
    taken = 0

    def tasks() -> Iterator[int]:
        nonlocal taken
        for number in range(20, 40):
            taken += 1
            yield number

    with Crew(tools.make, 2) as crew:
        ahead = []
        pids = set()
        for finished, one in enumerate(crew.work(tasks()), start=1):
            ahead.append(taken - finished)
            pids.add(one.result[1])
    assert max(ahead) <= 2
    assert len(pids) == 2
    assert os.getpid() not in pids


def test_no_process_stays_behind(tools) -> None:
    with Crew(tools.make, 1) as crew:
        work = crew.work([20, 17])
        pid = next(work).result[1]
        os.kill(pid, 0)
    # The second task hangs; closing doesn't wait for it.
    deadline = time.monotonic() + 5
    while (still_there := _runs(pid)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not still_there


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_tools_that_cannot_be_made_end_the_work_with_their_own_words(tools) -> None:
    with Crew(tools.unusable, 2) as crew, pytest.raises(GanevalError) as caught:
        list(crew.work([1, 2]))
    assert caught.value.message == "no such thing"
    assert caught.value.hint == "Ask for another."


def test_workers_that_die_at_once_end_the_work(tools) -> None:
    with Crew(tools.dies, 1) as crew, pytest.raises(GanevalError, match=r"end before they are ready \(status 3\)"):
        list(crew.work([1]))


def test_nothing_to_do_starts_nothing() -> None:
    def make() -> Callable[[int], int]:
        raise OptionError("was made")

    with Crew(functools.partial(make), 2) as crew:
        assert list(crew.work([])) == []
