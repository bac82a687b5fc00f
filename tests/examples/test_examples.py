"""The examples run as they are, for a few steps, and leave what they say."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
#: Library without which an example can't run, and a file that it leaves.
LEAVES = {
    "plain_pytorch": ("tensorboard", "best.pt"),
    "lightning_callback": ("lightning", "*.ckpt"),
    "accelerate_loop": ("accelerate", "generator/model.safetensors"),
    "ignite_engine": ("ignite", "generator_*.pt"),
}
BRIEFLY = ["--steps", "4", "--every", "2", "--images", "96", "--samples", "60", "--extractor", "pixels"]


def test_all_are_tested() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {*LEAVES, "tiny_gan"}
    for name in LEAVES:
        assert len((EXAMPLES / f"{name}.py").read_text(encoding="utf-8").splitlines()) < 60


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", LEAVES)
def test_example(name, tmp_path, monkeypatch, capsys) -> None:
    library, left = LEAVES[name]
    pytest.importorskip(library)
    pytest.importorskip("tensorboard")
    monkeypatch.setenv("GANEVAL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(str(EXAMPLES))
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.main([*BRIEFLY, "--out", str(tmp_path / "out")])
    assert list((tmp_path / "out").glob(left))
    assert list((tmp_path / "out").rglob("events.out.tfevents.*"))
    # Scores of both metrics were printed.
    printed = capsys.readouterr().out
    assert "fd_pixels" in printed
    assert "coverage_pixels" in printed


@pytest.mark.long
def test_example_as_users_start_it(tmp_path) -> None:
    pytest.importorskip("tensorboard")
    command = [sys.executable, str(EXAMPLES / "plain_pytorch.py"), *BRIEFLY, "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert "step 4: fd_pixels" in done.stdout


@pytest.mark.long
def test_accelerate_over_two_processes(tmp_path) -> None:
    pytest.importorskip("accelerate")
    pytest.importorskip("tensorboard")
    runner = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*runner, str(EXAMPLES / "accelerate_loop.py"), *BRIEFLY, "--out", str(tmp_path / "out")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}
    environment["GANEVAL_CACHE_DIR"] = str(tmp_path / "cache")
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180, env=environment)
    assert done.returncode == 0, done.stderr
    # One of the two prints and logs, and every step of both is done.
    assert done.stdout.count("step 2:") == done.stdout.count("step 4:") == 1
    assert "coverage_pixels" in done.stdout
    assert (tmp_path / "out" / "generator" / "model.safetensors").exists()
    assert len(list((tmp_path / "out").rglob("events.out.tfevents.*"))) == 1
