"""Whole commands in several processes: the same scores as one, and one clear end when a process fails."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ganeval
from ganeval.cli import failures
from ganeval.distributed.ranks import Ranks
from ganeval.errors import OptionError
from ganeval.statistics import compute_statistics

JOB = Path(__file__).with_name("job.py")
METRICS = "fd,kd,precision,coverage,realism,rke,authpct"


def environment(**more: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if name not in ("RANK", "WORLD_SIZE", "LOCAL_RANK")}
    return {**clean, "OMP_NUM_THREADS": "1", **more}


# A few features an image: the time is then that of starting processes.
SMALL_EXTRACTOR = """
import torch

class Small(torch.nn.Module):
    def forward(self, images):
        return torch.nn.functional.avg_pool2d(images.float(), 2).flatten(1)
"""


def write_sets(folder: Path) -> None:
    (folder / "small_network.py").write_text(SMALL_EXTRACTOR)
    random = np.random.default_rng(0)
    # Just over one tile of rows, so that there is something to divide.
    for name, count in (("real", 1030), ("samples", 1101)):
        np.savez(folder / f"{name}.npz", arr_0=random.integers(0, 256, (count, 8, 8, 3), dtype=np.uint8))


def command(folder: Path, *, json_to: str = "report.json") -> list[str]:
    options = ["--extractor", "small_network:Small", "--trust", "--metrics", METRICS, "--workers", "1"]
    places = ["--cache-dir", str(folder / "store"), "--json", str(folder / json_to)]
    return ["score", str(folder / "samples.npz"), "--real", str(folder / "real.npz"), *options, *places]


def numbers(scores: Any) -> dict[str, list[float]]:
    table = scores if isinstance(scores, dict) else {one["name"]: one for one in scores}
    return {name: list(_numbers(score)) for name, score in table.items()}


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        for name in sorted(value):
            yield from _numbers(value[name])
    elif isinstance(value, list):
        for one in value:
            yield from _numbers(one)
    elif isinstance(value, int | float):
        yield float(value)


def assert_as_one_process(folder: Path, json_name: str = "report.json") -> None:
    sides = (folder / "samples.npz", folder / "real.npz")
    namespace: dict[str, Any] = {}
    exec(SMALL_EXTRACTOR, namespace)
    report = ganeval.score(*sides, extractor=namespace["Small"](), metrics=METRICS, cache=False)
    alone = numbers(json.loads(report.to_json())["scores"])
    found = numbers(json.loads((folder / json_name).read_text())["scores"])
    assert found.keys() == alone.keys()
    assert len(alone) == 7
    for name, expected in alone.items():
        assert found[name] == pytest.approx(expected, rel=1e-6, abs=1e-12), name


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def started(world: int, arguments: Sequence[str], **more: str) -> list[subprocess.Popen[str]]:
    """A job as srun starts one: nothing but an environment."""
    here = {
        "WORLD_SIZE": str(world),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
        "LOCAL_WORLD_SIZE": str(world),
        **more,
    }
    return [
        subprocess.Popen(
            [sys.executable, "-m", "ganeval", *arguments],
            env=environment(**here, RANK=str(rank), LOCAL_RANK=str(rank)),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(world)
    ]


def ended(processes: Sequence[subprocess.Popen[str]], timeout: float = 120) -> list[tuple[int, str, str]]:
    outputs = [process.communicate(timeout=timeout) for process in processes]
    return [(process.returncode, *output) for process, output in zip(processes, outputs, strict=True)]


def torchrun(folder: Path, count: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)]
    return subprocess.run(
        [*launcher, *arguments],
        env=environment(PYTHONPATH=str(folder)),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_torchrun_gives_the_scores_of_one_process(tmp_path: Path) -> None:
    write_sets(tmp_path)
    ran = torchrun(tmp_path, 2, str(JOB), *command(tmp_path))
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert ran.stdout.count("report: ") == 1
    assert_as_one_process(tmp_path)
    names = sorted(path.name for path in (tmp_path / "store").glob("features/*/*/shard-*"))
    starts = [int(name.split("-")[1]) for name in names]
    assert starts == [0, 0, 515, 550]


def test_a_users_error_is_told_once_and_ends_all(tmp_path: Path) -> None:
    write_sets(tmp_path)
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    from PIL import Image

    for number in range(8):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(pictures / f"{number}.png")
    (pictures / "6.png").write_bytes(b"no image")
    began = time.monotonic()
    results = ended(started(2, ["score", str(pictures), "--extractor", "pixels", "--metrics", "rke", "--no-cache"]))
    # Nothing waits for a process that has failed; most of this is starting Python.
    assert time.monotonic() - began < 60
    assert [code for code, _, _ in results] == [2, 2]
    (_, out, told), (_, *silent) = results
    assert told.startswith("rank 1 on ")
    assert "error: 1 corrupt image:\n  6.png: " in told
    assert "Traceback" not in told
    assert [out, *silent] == ["", "", ""]


def test_environments_that_make_no_job(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    assert Ranks.current() == Ranks(0, 1, 0, 1)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(OptionError, match="RANK is not set"):
        Ranks.current()
    monkeypatch.setenv("RANK", "2")
    with pytest.raises(OptionError, match="RANK is 2"):
        Ranks.current()
    monkeypatch.setenv("RANK", "one")
    with pytest.raises(OptionError, match="'one', which is no whole number"):
        Ranks.current()
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(OptionError, match="MASTER_ADDR and MASTER_PORT"):
        Ranks.current()
    monkeypatch.setenv("MASTER_ADDR", "node0")
    monkeypatch.setenv("MASTER_PORT", "29500")
    monkeypatch.setenv("SLURM_LOCALID", "1")
    assert Ranks.current() == Ranks(1, 2, 1, 1)


def test_one_process_does_without_torch_distributed() -> None:
    alone = Ranks()
    assert alone.gathered(("a", 1)) == [("a", 1)]
    assert alone.broadcast_bytes(b"data") == b"data"
    assert alone.summed(np.ones(2)).tolist() == [1.0, 1.0]
    alone.barrier()


SLOW_EXTRACTOR = """
import os, time, torch

class Slow(torch.nn.Module):
    def forward(self, images):
        open(f"{os.environ['MARKS']}/{os.environ.get('RANK')}", "w").close()
        time.sleep(0.02 * len(images))
        return images.float().mean((2, 3))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "victim"),
    [("KILL", 1), pytest.param("KILL", 0, marks=pytest.mark.long), pytest.param("INT", 1, marks=pytest.mark.long)],
)
def test_a_process_that_is_lost_ends_all_and_a_rerun_goes_on(tmp_path: Path, number: str, victim: int) -> None:
    write_sets(tmp_path)
    (tmp_path / "slow_network.py").write_text(SLOW_EXTRACTOR)
    marks = tmp_path / "marks"
    marks.mkdir()
    more = {"PYTHONPATH": str(tmp_path), "MARKS": str(marks)}
    arguments = ["score", str(tmp_path / "samples.npz"), "--extractor", "slow_network:Slow", "--metrics", "rke"]
    arguments += [
        "--trust",
        "--workers",
        "1",
        "--cache-dir",
        str(tmp_path / "store"),
        "--json",
        str(tmp_path / "r.json"),
    ]
    processes = started(3, arguments, **more)
    while len(list(marks.iterdir())) < 3:
        assert all(process.poll() is None for process in processes), ended(processes)
        time.sleep(0.1)
    time.sleep(2)
    processes[victim].send_signal(getattr(signal, f"SIG{number}"))
    began = time.monotonic()
    results = ended(processes)
    assert time.monotonic() - began < 15
    teller = 1 if victim == 0 else 0
    code = 130 if number == "INT" else 1
    for rank, (status, out, said) in enumerate(results):
        assert out == ""
        assert status == (-9 if (number, rank) == ("KILL", victim) else code)
        if rank == teller:
            # On a slow machine there are lines of progress before.
            assert f"\nrank {victim} on " in f"\n{said}"
            assert ("interrupted" if number == "INT" else "without a word") in said
        else:
            assert said == ""
    results = ended(started(2, arguments, **more))
    assert [status for status, _, _ in results] == [0, 0], results
    side = json.loads((tmp_path / "r.json").read_text())["generated"]
    assert side["count"] == 1101
    assert 0 < side["from_store"] < 1101


@pytest.mark.long
def test_four_processes(tmp_path: Path) -> None:
    write_sets(tmp_path)
    ran = torchrun(tmp_path, 4, str(JOB), *command(tmp_path))
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert_as_one_process(tmp_path)
    # Another number of processes takes what is stored, and gives the same.
    ran = torchrun(tmp_path, 3, str(JOB), *command(tmp_path, json_to="again.json"))
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert_as_one_process(tmp_path, "again.json")
    assert json.loads((tmp_path / "again.json").read_text())["generated"]["from_store"] == 1101


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@pytest.fixture
def two_hosts() -> Iterator[tuple[str, str]]:
    """Two network namespaces with a cable between them: 10.99.0.1 and 10.99.0.2."""
    if shutil.which("ip") is None:
        pytest.skip("there is no ip command")
    names = (f"ganeval-{os.getpid()}-a", f"ganeval-{os.getpid()}-b")
    try:
        for name in names:
            _ip("netns", "add", name)
        _ip("link", "add", "cable0", "netns", names[0], "type", "veth", "peer", "name", "cable1", "netns", names[1])
        for number, name in enumerate(names):
            _ip("-n", name, "addr", "add", f"10.99.0.{number + 1}/24", "dev", f"cable{number}")
            _ip("-n", name, "link", "set", f"cable{number}", "up")
            _ip("-n", name, "link", "set", "lo", "up")
    except subprocess.CalledProcessError as error:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
        pytest.skip(f"network namespaces can't be made here: {error.stderr.decode().strip()}")
    yield names
    for name in names:
        subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


@pytest.mark.long
def test_two_hosts_without_a_shared_store(tmp_path: Path, two_hosts: tuple[str, str]) -> None:
    write_sets(tmp_path)
    processes = []
    for rank, host in enumerate(two_hosts):
        arguments = command(tmp_path)
        arguments[arguments.index("--cache-dir") + 1] = str(tmp_path / f"store-{rank}")
        here = environment(
            RANK=str(rank),
            WORLD_SIZE="2",
            LOCAL_RANK="0",
            LOCAL_WORLD_SIZE="1",
            MASTER_ADDR="10.99.0.1",
            MASTER_PORT="29501",
            GLOO_SOCKET_IFNAME=f"cable{rank}",
            PYTHONPATH=str(tmp_path),
        )
        processes.append(
            subprocess.Popen(
                ["ip", "netns", "exec", host, sys.executable, str(JOB), *arguments],
                env=here,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    results = ended(processes, timeout=180)
    assert [status for status, _, _ in results] == [0, 0], results
    assert_as_one_process(tmp_path)
    for rank in range(2):
        assert len(list((tmp_path / f"store-{rank}").glob("features/*/*/shard-*"))) == 2


@pytest.mark.long
def test_a_host_that_is_cut_off_ends_all(tmp_path: Path, two_hosts: tuple[str, str]) -> None:
    write_sets(tmp_path)
    (tmp_path / "slow_network.py").write_text(SLOW_EXTRACTOR.replace("0.02", "0.2"))
    marks = tmp_path / "marks"
    marks.mkdir()
    arguments = ["score", str(tmp_path / "samples.npz"), "--extractor", "slow_network:Slow", "--metrics", "rke"]
    arguments += ["--trust", "--workers", "1", "--no-cache"]
    processes = []
    for rank, host in enumerate(two_hosts):
        here = environment(
            RANK=str(rank),
            WORLD_SIZE="2",
            MASTER_ADDR="10.99.0.1",
            MASTER_PORT="29502",
            GLOO_SOCKET_IFNAME=f"cable{rank}",
            PYTHONPATH=str(tmp_path),
            MARKS=str(marks),
        )
        processes.append(
            subprocess.Popen(
                ["ip", "netns", "exec", host, sys.executable, "-m", "ganeval", *arguments],
                env=here,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    while len(list(marks.iterdir())) < 2:
        assert all(process.poll() is None for process in processes), ended(processes)
        time.sleep(0.1)
    # No connection is closed: the packets no longer arrive, as when a machine loses its power.
    _ip("-n", two_hosts[1], "link", "set", "cable1", "down")
    began = time.monotonic()
    results = ended(processes)
    assert time.monotonic() - began < 25
    assert [status for status, _, _ in results] == [1, 1]
    assert "rank 1 on 10.99.0.2: error: the process ended without a word" in results[0][2]


@pytest.mark.long
def test_two_processes_make_the_statistics_of_one(tmp_path: Path) -> None:
    write_sets(tmp_path)
    options = [
        "--extractor",
        "small_network:Small",
        "--trust",
        "--workers",
        "1",
        "--features",
        "50",
        "--no-cache",
        "-q",
    ]
    arguments = ["stats", str(tmp_path / "real.npz"), "--out", str(tmp_path / "two.npz"), *options]
    results = ended(started(2, arguments, PYTHONPATH=str(tmp_path)))
    assert [status for status, _, _ in results] == [0, 0], results
    assert "statistics of 1,030 images" in results[0][1]
    assert results[1][1] == ""
    namespace: dict[str, Any] = {}
    exec(SMALL_EXTRACTOR, namespace)
    alone = compute_statistics(tmp_path / "real.npz", extractor=namespace["Small"](), features=50, cache=False)
    assert alone.kept is not None
    with np.load(tmp_path / "two.npz") as file:
        np.testing.assert_allclose(file["mu"], alone.moments.mean, rtol=1e-12)
        np.testing.assert_allclose(file["sigma"], alone.moments.covariance(), rtol=1e-12, atol=1e-12)
        assert np.array_equal(file["features"], alone.kept.pooled)


def test_commands_of_one_process_are_refused_in_several(
    ganeval: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(failures, "_FIRST_SPEAKS", 0.0)
    for rank, told in (("0", "compare works in one process, and 2 were started"), ("1", "")):
        monkeypatch.setenv("RANK", rank)
        outcome = ganeval("compare", str(tmp_path / "a"), str(tmp_path / "b"))
        assert outcome.code == 2
        assert told in outcome.text
        assert bool(told) == bool(outcome.text)
    # A shell in a job of one process, or one that only says how large a job is to be.
    monkeypatch.delenv("RANK")
    assert ganeval("metrics").code == 0
