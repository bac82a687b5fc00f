"""A run folder: what a user's path stands for, and that what is in it is whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ganeval.errors import OutputError, WeightsError
from ganeval.generators.configuration import configured
from ganeval.generators.models.dcgan import DCGAN
from ganeval.generators.training import run_folder as module
from ganeval.generators.training.run_folder import RunFolder, weights_of
from ganeval.generators.weights_file import load_model, read_header


@pytest.fixture(scope="module")
def model() -> DCGAN:
    return DCGAN.initialised(configured(DCGAN.Config, {"size": 8, "channels": 1, "width": 2, "latent": 3}), seed=0)


@pytest.fixture
def folder(tmp_path: Path, model: DCGAN) -> RunFolder:
    folder = RunFolder(tmp_path / "run")
    folder.begin({"model": "dcgan"})
    for step in (5, 100_000_000, 20):
        folder.save(step, "dcgan", model, {"steps": step}, {"steps": step})
    return folder


def steps_in(path: Path) -> int:
    steps: int = read_header(path.read_bytes())["made"]["steps"]
    return steps


def test_paths_that_stand_for_weights(folder: RunFolder) -> None:
    assert folder.steps() == [5, 20, 100_000_000]
    assert folder.newest() == 100_000_000
    # On top lies what was saved last.
    assert weights_of(folder.path) == folder.path / "generator.safetensors"
    assert steps_in(weights_of(folder.path)) == 20
    (folder.path / "generator.safetensors").unlink()
    assert steps_in(weights_of(str(folder.path))) == 100_000_000
    assert steps_in(weights_of(folder.checkpoint(5))) == 5
    file = folder.checkpoint(20) / "generator.safetensors"
    assert weights_of(file) == file
    folder.write_best({"step": 5, "metric": "fd", "value": 1.0})
    assert steps_in(weights_of(folder.path / "best")) == 5
    assert load_model(weights_of(folder.path / "best")).config.width == 2


def test_paths_that_stand_for_none(folder: RunFolder, tmp_path: Path) -> None:
    empty = RunFolder(tmp_path / "empty")
    empty.begin({"model": "dcgan"})
    (tmp_path / "else").mkdir()
    for path, message in {
        tmp_path / "missing": "there is no run, checkpoint or weights file",
        tmp_path / "else": "is no run folder",
        empty.path: "has no checkpoint yet",
        empty.path / "best": "has no best checkpoint",
        folder.path / "best": "--eval-every",
        folder.checkpoint(5) / "state.pt": "is no weights file",
        folder.path / "config.yaml": "is no weights file",
    }.items():
        with pytest.raises(WeightsError, match=message):
            weights_of(path)


def test_a_folder_is_begun_once_and_only_where_nothing_is(folder: RunFolder, tmp_path: Path) -> None:
    assert folder.config() == {"model": "dcgan"}
    with pytest.raises(OutputError, match="holds a training run already"):
        folder.begin({})
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="is no training run"):
        RunFolder(tmp_path / "file").begin({})
    with pytest.raises(OutputError, match="can't make the folder"):
        RunFolder(tmp_path / "file" / "below").begin({})
    with pytest.raises(WeightsError, match="no training run"):
        RunFolder(tmp_path / "missing").config()
    for content in (b"\xff", b"format: else", b"- 1", b"{"):
        (folder.path / "config.yaml").write_bytes(content)
        with pytest.raises(WeightsError, match=r"config\.yaml"):
            folder.config()


def test_the_newest_and_the_best_are_kept(folder: RunFolder) -> None:
    folder.write_best({"step": 5, "metric": "fd", "value": 1.0})
    (folder.path / "checkpoints" / ".unfinished-0").mkdir()
    folder.prune(1)
    assert folder.steps() == [5, 100_000_000]
    assert not (folder.path / "checkpoints" / ".unfinished-0").exists()
    (folder.path / "best.json").write_text("{")
    folder.prune(1)
    assert folder.steps() == [100_000_000]


def test_a_checkpoint_is_there_whole_or_not_at_all(
    folder: RunFolder, model: DCGAN, monkeypatch: pytest.MonkeyPatch
) -> None:
    def files() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in folder.path.rglob("*") if path.is_file()}

    before = files()

    def fail(path: Path, state: object) -> None:
        path.write_bytes(b"half")
        raise OutputError("the state can't be written")

    monkeypatch.setattr(module, "save_checkpoint", fail)
    with pytest.raises(OutputError, match="The checkpoint of step 100,000,000 is whole"):
        folder.save(30, "dcgan", model, {}, {})
    assert files() == before
    with pytest.raises(OutputError):
        folder.save(20, "dcgan", model, {}, {})
    assert files() == before


def test_a_step_saved_again_replaces_the_older_one(folder: RunFolder, model: DCGAN) -> None:
    folder.save(20, "dcgan", model, {"steps": 21}, {"steps": 21})
    assert steps_in(folder.checkpoint(20) / "generator.safetensors") == 21
    assert folder.state(20) == {"steps": 21}


def test_a_damaged_state_is_told(folder: RunFolder) -> None:
    state = folder.checkpoint(20) / "state.pt"
    for content in (state.read_bytes()[:-20], b"", b"no checkpoint", json.dumps([1]).encode()):
        state.write_bytes(content)
        with pytest.raises(WeightsError, match="is no checkpoint of a training run"):
            folder.state(20)
    state.unlink()
    with pytest.raises(WeightsError, match="can't read the checkpoint"):
        folder.state(20)
