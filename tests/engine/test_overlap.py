"""Staging ahead of a GPU and the number of decoding threads, tested without either: neither may change a result."""

from __future__ import annotations

import itertools
import threading
import time
from contextlib import contextmanager
from typing import ClassVar

import numpy as np
import pytest
import torch

from ganeval.errors import CorruptImageError
from ganeval.features import batches, pacing
from ganeval.features.engine import extract
from ganeval.features.lanes import Lane, lane_to
from ganeval.features.pacing import Places


class FakeGpuLane(Lane):
    """A lane on which nothing is there before it was waited for, as on a GPU."""

    overlaps = True
    made: ClassVar[list[FakeGpuLane]] = []

    def __init__(self, device: torch.device) -> None:
        super().__init__(device)
        self.pending: dict[int, list[tuple[torch.Tensor, torch.Tensor]]] = {}
        # As on a GPU, each thread queues on a stream of its own: a mark is behind that thread's work alone.
        self.queued: dict[str, list[tuple[torch.Tensor, torch.Tensor]]] = {}
        self.numbers = itertools.count(1)
        self.followed: list[int] = []
        self.staging: set[str] = set()
        self.made.append(self)

    @contextmanager
    def ahead(self):
        self.staging.add(threading.current_thread().name)
        yield

    def download(self, tensor: torch.Tensor) -> torch.Tensor:
        not_yet = torch.full(tensor.shape, torch.nan)
        self.queued.setdefault(threading.current_thread().name, []).append((not_yet, tensor.clone()))
        return not_yet

    def mark(self) -> int:
        number = next(self.numbers)
        self.pending[number] = self.queued.pop(threading.current_thread().name, [])
        return number

    def follow(self, mark: int, tensors: object) -> None:
        self.followed.append(mark)

    def arrived(self, mark: int) -> None:
        for target, value in self.pending[mark]:
            target.copy_(value)


@pytest.fixture
def fake_gpu(monkeypatch: pytest.MonkeyPatch) -> list[FakeGpuLane]:
    """The CPU taken for a GPU; gives the lanes that were made."""
    monkeypatch.setattr(FakeGpuLane, "made", [])
    monkeypatch.setattr(batches, "lane_to", FakeGpuLane)
    return FakeGpuLane.made


def unsafe(channel_sums, **options):
    """An extractor that runs as on a GPU: one network, fed by decoding threads."""
    return channel_sums(thread_safe=False, **options)


@pytest.mark.parametrize("batch_size", [1, 3, 16, 64])
def test_staging_changes_nothing(known_source, channel_sums, expected, fake_gpu, batch_size):
    source = known_source(50, bad=frozenset({7, 8, 9, 49}))
    extractor = unsafe(channel_sums)
    found = extract(source, extractor, batch_size=batch_size, workers=3, on_error="skip", device="cpu").features
    np.testing.assert_allclose(found.pooled, expected(source), rtol=1e-5)
    np.testing.assert_array_equal(found.logits, -found.pooled)
    assert len(found.skipped) == 4
    assert extractor.threads == {"MainThread"}
    (lane,) = fake_gpu
    assert lane.staging
    assert "MainThread" not in lane.staging
    # Each batch is waited for, but for those that hold nothing but corrupt images.
    assert 0 < len(lane.followed) <= -(-50 // batch_size)


def test_a_thread_safe_extractor_resizes_ahead_and_another_does_not(known_source, channel_sums, fake_gpu):
    where: dict[bool, set[str]] = {True: set(), False: set()}

    class Watched(channel_sums):
        def prepare(self, images: torch.Tensor) -> torch.Tensor:
            where[self.safe].add(threading.current_thread().name)
            return super().prepare(images)

    for safe in (True, False):
        extractor = Watched(thread_safe=False)
        extractor.safe = safe
        worker = batches.BatchWorker(extractor, torch.device("cpu"), frozenset(), batches.StageClock())
        extractor.thread_safe = safe
        decoded = worker.decode(0, list(known_source(4)))
        staged = worker.stage(decoded.pixels, ahead=True)
        assert staged.raw is not safe
        assert bool(where[safe]) is safe
        worker.collect(worker.launch(staged))
        assert where[safe]


@pytest.mark.parametrize("fits", [1, 5, 31])
def test_memory_that_does_not_suffice_halves_staged_batches_too(known_source, channel_sums, expected, fake_gpu, fits):
    source = known_source(100)
    extraction = extract(source, unsafe(channel_sums, fits=fits), batch_size=32, device="cpu")
    np.testing.assert_allclose(extraction.features.pooled, expected(source), rtol=1e-5)
    assert [notice.code for notice in extraction.notices] == ["batch-size-reduced"]
    assert fake_gpu


def test_a_corrupt_image_ends_a_staged_run_with_all_names(known_source, channel_sums, fake_gpu):
    with pytest.raises(CorruptImageError) as caught:
        extract(known_source(40, bad=frozenset({5, 30})), unsafe(channel_sums), batch_size=8, device="cpu")
    assert [name for name, _ in caught.value.failures] == ["image-5", "image-30"]


def test_the_cpu_stages_nothing():
    lane = lane_to(torch.device("cpu"))
    assert not lane.overlaps
    images = [np.full((2, 3, 3), value, np.uint8) for value in (1, 2)]
    assert lane.upload(images).tolist() == np.stack(images).tolist()
    assert lane.mark() is None


def test_waiting_threads_get_company_and_busy_ones_none():
    places = Places(4, 16)
    places.record(busy=10.0, idle=0.1)
    assert places.count == 4
    # Half of the time idle: twice the threads.
    places.record(busy=0.0, idle=9.9)
    assert places.count == 8
    places.record(busy=0.0, idle=1e6)
    assert places.count == 16
    places.record(busy=1e9, idle=0.0)
    assert places.count == 16, "threads that were started stay"


def test_the_first_moments_prove_nothing():
    places = Places(2, 8)
    places.record(busy=0.001, idle=0.3)
    assert places.count == 2
    places.record(busy=0.001, idle=0.3)
    assert places.count == 8


def test_a_number_that_was_asked_for_stays():
    places = Places(3, 3)
    places.record(busy=0.0, idle=100.0)
    assert places.count == places.at_most == 3


def test_no_more_threads_than_places_and_new_places_are_taken_at_once():
    places, inside, most = Places(1, 3), [0], [0]
    lock, opened = threading.Lock(), threading.Event()

    def work() -> None:
        with places.one():
            with lock:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            opened.wait(5)
            with lock:
                inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    time.sleep(0.05)
    assert most[0] == 1
    places.record(busy=0.1, idle=100.0)
    deadline = time.monotonic() + 5
    while most[0] < 3 and time.monotonic() < deadline:
        time.sleep(0.005)
    opened.set()
    for thread in threads:
        thread.join(5)
    assert most[0] == 3


@pytest.mark.parametrize("told", [True, False])
def test_sleeping_is_idle_and_computing_is_busy(monkeypatch, told):
    if not told:
        monkeypatch.setattr(pacing, "_SCHEDULING", "/nowhere")
    places = Places(1, 4)
    with places.watched():
        time.sleep(0.3)
    with places.watched():
        until = time.thread_time() + 0.1
        while time.thread_time() < until:
            pass
    assert places._idle >= 0.25
    assert places._busy >= 0.09


def test_a_slow_disk_gets_more_threads_and_the_result_is_the_same(known_source, channel_sums, expected, monkeypatch):
    source = known_source(120)
    load = source._loader
    reading, most, lock = [0], [0], threading.Lock()

    def slow(index):
        def wait_and_load():
            with lock:
                reading[0] += 1
                most[0] = max(most[0], reading[0])
            time.sleep(0.02)
            with lock:
                reading[0] -= 1
            return load(index)()

        return wait_and_load

    source._loader = slow
    monkeypatch.setattr("ganeval.features.extending.available_cores", lambda: 2)
    found = extract(source, channel_sums(), batch_size=4, device="cpu").features
    np.testing.assert_allclose(found.pooled, expected(source), rtol=1e-5)
    assert most[0] > 2
