"""Two processes train as one: the same weights in both, from the mean of their gradients."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from ganeval.errors import OptionError
from ganeval.generators.configuration import configured
from ganeval.generators.models.dcgan import DCGAN
from ganeval.generators.training.data import ImageArrays
from ganeval.generators.training.processes import Processes, open_processes
from ganeval.generators.training.run_folder import weights_of
from ganeval.generators.training.settings import TrainingSettings
from ganeval.generators.training.trainer import Trainer
from ganeval.generators.weights_file import load_model

SCRIPT = """
import sys
import numpy as np, torch
from ganeval.generators.configuration import configured
from ganeval.generators.models.dcgan import DCGAN
from ganeval.generators.training.data import ImageArrays
from ganeval.generators.training.processes import open_processes
from ganeval.generators.training.settings import TrainingSettings
from ganeval.generators.training.trainer import Trainer

torch.set_num_threads(1)
out, norm, accumulate = sys.argv[1], sys.argv[2], int(sys.argv[3])
with open_processes(torch.device("cpu")) as (processes, device):
    config = configured(DCGAN.Config, {"size": 8, "channels": 1, "width": 4, "latent": 5, "norm": norm})
    images = np.random.default_rng(0).integers(0, 256, (64, 1, 8, 8), dtype=np.uint8)
    # Another seed in each process: the first one's weights count.
    model = DCGAN.initialised(config, seed=processes.rank)
    settings = TrainingSettings(batch_size=16, accumulate=accumulate)
    trainer = Trainer(model, ImageArrays(images), settings, device, processes)
    losses = [trainer.step() for _ in range(5)]
    largest = processes.largest(3 + processes.rank)
    torch.save([trainer.model.state_dict(), trainer.averages.state_dict(), losses, largest], f"{out}-{processes.rank}")
"""


def torchrun(*arguments: str | Path, count: int = 2) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)]
    return subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, timeout=240, check=False)


@pytest.mark.slow
def test_two_processes_are_one_with_two_micro_batches(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    for norm in ("none", "batch"):
        ran = torchrun(script, tmp_path / f"two-{norm}", norm, "1")
        assert ran.returncode == 0, ran.stderr
        first, second = (torch.load(tmp_path / f"two-{norm}-{rank}", weights_only=True) for rank in (0, 1))
        for left, right in zip(first[:2], second[:2], strict=True):
            assert left.keys() == right.keys()
            assert all(torch.equal(left[name], right[name]) for name in left)
        assert first[2] == second[2]
        assert (first[3], second[3]) == (4, 4)
    ran = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "one"), "none", "2"], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    one = torch.load(tmp_path / "one-0", weights_only=True)
    two = torch.load(tmp_path / "two-none-0", weights_only=True)
    for mine, theirs in zip(one[2], two[2], strict=True):
        assert mine == pytest.approx(theirs, rel=1e-4)
    for name, values in one[0].items():
        # The generator's batch norms see parts alone either way, and their running statistics are averaged or chained.
        if "running" not in name and "num_batches" not in name:
            torch.testing.assert_close(two[0][name], values, rtol=1e-3, atol=1e-5)


@pytest.mark.long
def test_torchrun_trains_resumes_and_writes_once(tmp_path: Path) -> None:
    def train(out: str, steps: int, *options: str, count: int = 2) -> subprocess.CompletedProcess[str]:
        command = ["-m", "ganeval", "train", "--out", str(tmp_path / out), "--steps", str(steps), "--device", "cpu"]
        return torchrun(*command, *options, count=count)

    begin = ("dcgan", "--data", "digits", "-o", "width=4", "-o", "latent=5", "--batch-size", "16")
    whole, parts = train("whole", 6, *begin), train("parts", 3, *begin)
    assert (whole.returncode, parts.returncode) == (0, 0), whole.stderr + parts.stderr
    assert whole.stderr.count("step 6/6") == 1
    assert train("parts", 6, "--resume").returncode == 0
    assert (tmp_path / "parts/generator.safetensors").read_bytes() == (
        tmp_path / "whole/generator.safetensors"
    ).read_bytes()
    assert load_model(weights_of(tmp_path / "whole")) is not None
    alone = train("parts", 9, "--resume", count=1)
    assert alone.returncode != 0
    assert "processes was 2 and is 1" in alone.stderr


def test_one_process_needs_no_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with open_processes(torch.device("cpu")) as (processes, device):
        assert (processes.count, processes.rank, processes.first, device.type) == (1, 0, True, "cpu")
        assert processes.largest(7) == 7
        values = torch.tensor([1.0, 2.0])
        assert processes.mean(values) is values


def test_a_batch_has_to_divide() -> None:
    processes = Processes()
    processes.count = 3
    model = DCGAN.initialised(configured(DCGAN.Config, {"size": 8, "width": 2}), seed=0)
    with pytest.raises(OptionError, match="a batch of 16 can't be shared out equally among 6 parts"):
        Trainer(
            model,
            ImageArrays(np.zeros((20, 3, 8, 8), np.uint8)),
            TrainingSettings(batch_size=16, accumulate=2),
            processes=processes,
        )
