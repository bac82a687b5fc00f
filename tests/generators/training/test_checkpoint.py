"""Checkpoints of training hold plain values, run no code, and are told apart from anything else."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ganeval.errors import OutputError, WeightsError
from ganeval.generators.training.checkpoint import load_checkpoint, save_checkpoint


def test_it_comes_back(tmp_path: Path) -> None:
    state = {"steps": 3, "networks": {"w": torch.arange(3.0)}, "names": ["a"], "nothing": None}
    save_checkpoint(tmp_path / "c", state)
    found = load_checkpoint(tmp_path / "c")
    assert torch.equal(found.pop("networks")["w"], state.pop("networks")["w"])  # type: ignore[index]
    assert found == state


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04rest"])
def test_damaged(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "c"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"no checkpoint of a training run\nDelete .* to go on from the one before"):
        load_checkpoint(path)


def test_it_never_runs_code(tmp_path: Path) -> None:
    class Payload:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "ran",)  # type: ignore[return-value]

    torch.save({"step": Payload()}, tmp_path / "c")
    with pytest.raises(WeightsError):
        load_checkpoint(tmp_path / "c")
    assert not (tmp_path / "ran").exists()


def test_results_need_a_folder(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="missing"):
        save_checkpoint(tmp_path / "missing" / "c", {})
    with pytest.raises(WeightsError, match="missing"):
        load_checkpoint(tmp_path / "missing" / "c")
