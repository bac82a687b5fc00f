"""SIGTERM ends a command as Ctrl-C does: with a sentence, an exit status of its own and what was computed kept."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from ganeval.cli.failures import guarded
from ganeval.features.pixels import PixelsExtractor
from ganeval.interrupts import Terminated, termination_raises


def test_a_score_that_is_told_to_end_keeps_its_features(ganeval, samples, real, monkeypatch) -> None:
    honest, batches = PixelsExtractor.forward, []

    def told_on_the_second_side(self, prepared):
        batches.append(len(prepared))
        if sum(batches) > 30:
            os.kill(os.getpid(), signal.SIGTERM)
        return honest(self, prepared)

    arguments = ("score", samples, "--real", real, "--extractor", "pixels", "--metrics", "kd", "--batch-size", "4")
    with monkeypatch.context() as patch:
        patch.setattr(PixelsExtractor, "forward", told_on_the_second_side)
        told = ganeval(*arguments)
    assert told.code == 143
    assert "terminated; what was stored so far is kept" in told.err
    assert "Traceback" not in told.text
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    again = ganeval(*arguments)
    assert again.code == 0
    assert again.out.count("from the store") >= 1


def test_sigterm_raises_inside_the_block_only() -> None:
    with pytest.raises(Terminated), termination_raises():
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_another_handler_and_other_processes_keep_the_signal(monkeypatch) -> None:
    came = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: came.append(number))
    try:
        with termination_raises():
            os.kill(os.getpid(), signal.SIGTERM)
        assert came == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with termination_raises():
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_thread_can_run_a_command() -> None:
    done = []

    def work() -> None:
        with guarded():
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]


def test_an_interrupt_that_knows_better_says_how_to_go_on() -> None:
    from ganeval.cli.failures import described

    assert described(Terminated("kept in runs/a; add --resume")) == ("terminated; kept in runs/a; add --resume", 143)
    said, code = described(KeyboardInterrupt())
    assert (code, said.endswith("the same command goes on from there")) == (130, True)
