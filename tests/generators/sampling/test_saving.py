"""Samples to disk: the same pictures in every form, gone on with after an interrupt, never mixed with others."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ganeval
from ganeval.errors import OptionError, OutputError
from ganeval.generators import CallableSource
from ganeval.generators.sampling import writers
from ganeval.generators.sampling.saving import save_samples
from ganeval.images.source import SourceOptions

COUNT = 130


def source(count: int = COUNT, *, classes: int = 3, channels: int = 3, **options: Any) -> CallableSource:
    """Images 5×4 that differ, of some classes."""

    def draw(z: torch.Tensor, *labels: torch.Tensor) -> torch.Tensor:
        return (z[:, : channels * 20] * 0.4).tanh().reshape(-1, channels, 5, 4)

    return CallableSource(draw, latent=60, classes=classes, count=count, name="test", identity="1", **options)


def pixels_in(path: Path | str, **options: Any) -> npt.NDArray[np.uint8]:
    """What ganeval's own source of that kind reads, in the order of the names."""
    opened = ganeval.open_source(str(path), SourceOptions(**options))
    return np.stack([item.load().pixels for item in opened])


@pytest.fixture(scope="module")
def expected() -> npt.NDArray[np.uint8]:
    return np.stack([item.load().pixels for item in source()])


def labels_of(samples: CallableSource) -> list[Any]:
    return [item.label for item in samples]


FORMS = {"png": ("samples", ""), "npz": ("s.npz", ""), "shards": ("samples", "/{000000..000002}.tar")}


@pytest.mark.parametrize("form", FORMS)
def test_ganeval_reads_back_the_same_pictures_and_labels(
    tmp_path: Path, expected: npt.NDArray[np.uint8], form: str
) -> None:
    name, suffix = FORMS[form]
    save_samples(source(), tmp_path / name, form=form, shard_size=50)
    path = f"{tmp_path / name}{suffix}"
    np.testing.assert_array_equal(pixels_in(path), expected)
    if form != "png":
        assert [item.label for item in ganeval.open_source(path)] == labels_of(source())
    record = json.loads(next(tmp_path.rglob("*provenance.json")).read_text())
    assert record["format"] == "ganeval/samples@1"
    assert record["samples"] == json.loads(json.dumps(source().provenance))
    assert (record["count"], record["complete"]) == (COUNT, True)
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize("form", FORMS)
def test_grey_pictures(tmp_path: Path, form: str) -> None:
    name, suffix = FORMS[form]
    grey = source(101, channels=1, classes=0)
    save_samples(grey, tmp_path / name, form=form, shard_size=40)
    found = pixels_in(f"{tmp_path / name}{suffix}")
    np.testing.assert_array_equal(found, np.stack([item.load().pixels for item in grey]))
    if form == "npz":
        with np.load(tmp_path / name) as content:
            assert content.files == ["arr_0"]
            assert content["arr_0"].shape == (101, 5, 4, 3)


def test_class_folders(tmp_path: Path, expected: npt.NDArray[np.uint8]) -> None:
    save_samples(source(), tmp_path / "s", class_folders=True)
    found = ganeval.open_source(str(tmp_path / "s"), SourceOptions(labels="folders"))
    labels = labels_of(source())
    assert [item.label for item in found] == sorted(map(str, labels))
    for item in found:
        np.testing.assert_array_equal(item.load().pixels, expected[int(Path(item.id).stem)])


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batch_size=st.integers(1, 300), shard_size=st.integers(1, 200), form=st.sampled_from(sorted(FORMS)))
def test_batch_size_changes_no_picture(
    tmp_path_factory: pytest.TempPathFactory,
    expected: npt.NDArray[np.uint8],
    batch_size: int,
    shard_size: int,
    form: str,
) -> None:
    out = tmp_path_factory.mktemp("batches") / FORMS[form][0]
    save_samples(source(), out, form=form, batch_size=batch_size, shard_size=shard_size)
    last = (COUNT - 1) // shard_size
    path = f"{out}/{{000000..{last:06d}}}.tar" if form == "shards" else out
    np.testing.assert_array_equal(pixels_in(path), expected)


class _InterruptAfter:
    """Progress that ends the run after so many images."""

    def __init__(self, images: int) -> None:
        self._left = images

    def start(self, label: str, total: int | None, unit: str = "images", done: int = 0) -> _InterruptAfter:
        return self

    def advance(self, count: int) -> None:
        self._left -= count
        if self._left <= 0:
            raise KeyboardInterrupt

    def finish(self) -> None:
        pass


@pytest.mark.parametrize(("form", "kept"), [("png", 60), ("npz", 60), ("shards", 50)])
def test_an_interrupted_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expected: npt.NDArray[np.uint8], form: str, kept: int
) -> None:
    name, suffix = FORMS[form]
    straight, parts = tmp_path / "a" / name, tmp_path / "b" / name
    options: dict[str, Any] = {"form": form, "shard_size": 50}
    save_samples(source(), straight, **options)
    with pytest.raises(KeyboardInterrupt):
        save_samples(source(), parts, batch_size=20, progress=_InterruptAfter(60), **options)
    record = json.loads(next((tmp_path / "b").rglob("*provenance.json")).read_text())
    assert record["complete"] is False
    assert form != "npz" or not parts.exists()

    made: list[int] = []
    again = source()
    original = again.blocks().image
    monkeypatch.setattr(again.blocks(), "image", lambda number: made.append(number) or original(number))
    save_samples(again, parts, **options)
    # The first image is looked at for its size.
    assert made[1:] == list(range(kept, COUNT))
    np.testing.assert_array_equal(pixels_in(f"{parts}{suffix}"), expected)
    for path in straight.rglob("*") if straight.is_dir() else [straight]:
        if path.suffix in (".npz", ".png", ".tar"):
            assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()


def test_what_is_complete_is_not_made_again_and_what_was_deleted_is(
    tmp_path: Path, expected: npt.NDArray[np.uint8]
) -> None:
    save_samples(source(), tmp_path / "s")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "s").glob("*.png")}
    (tmp_path / "s" / "000017.png").unlink()
    save_samples(source(), tmp_path / "s")
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "s").glob("*.png")}
    assert [path.name for path in before if before[path] != after[path]] == ["000017.png"]
    np.testing.assert_array_equal(pixels_in(tmp_path / "s"), expected)
    save_samples(source(), tmp_path / "s.npz")
    state = (tmp_path / "s.npz").stat().st_mtime_ns
    save_samples(source(), tmp_path / "s.npz")
    assert (tmp_path / "s.npz").stat().st_mtime_ns == state


def test_a_folder_of_pngs_takes_more_but_not_fewer(tmp_path: Path, expected: npt.NDArray[np.uint8]) -> None:
    save_samples(source(50), tmp_path / "s")
    save_samples(source(), tmp_path / "s")
    np.testing.assert_array_equal(pixels_in(tmp_path / "s"), expected)
    with pytest.raises(OutputError, match="130 samples, more than the 50"):
        save_samples(source(50), tmp_path / "s")


@pytest.mark.parametrize(("form", "name"), [("png", "s"), ("npz", "s.npz"), ("shards", "s")])
def test_samples_of_another_provenance_are_refused_unless_overwritten(tmp_path: Path, form: str, name: str) -> None:
    save_samples(source(), tmp_path / name, form=form)
    others = source(seed=1)
    with pytest.raises(OutputError, match="samples seed was 0 and is 1"):
        save_samples(others, tmp_path / name, form=form)
    save_samples(others, tmp_path / name, form=form, overwrite=True)
    path = tmp_path / name / "000000.tar" if form == "shards" else tmp_path / name
    np.testing.assert_array_equal(pixels_in(path), np.stack([item.load().pixels for item in others]))


def test_other_things_are_never_deleted(tmp_path: Path) -> None:
    folder = tmp_path / "photographs"
    folder.mkdir()
    (folder / "holiday.png").write_bytes(b"precious")
    for overwrite in (False, True):
        with pytest.raises(OutputError, match=r"holiday\.png"):
            save_samples(source(), folder, overwrite=overwrite)
    assert (folder / "holiday.png").read_bytes() == b"precious"
    (tmp_path / "s.npz").write_bytes(b"precious")
    with pytest.raises(OutputError, match="other things"):
        save_samples(source(), tmp_path / "s.npz")
    assert (tmp_path / "s.npz").read_bytes() == b"precious"


@pytest.mark.parametrize("name", ["s.npz", "s/000000.png", "s/3/000001.png", "s/000000.tar"])
def test_what_has_no_record_is_not_overwritten_whatever_its_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"precious")
    with pytest.raises(OutputError, match="other things"):
        save_samples(source(), tmp_path / name.split("/")[0], overwrite=True)
    assert path.read_bytes() == b"precious"


def test_samples_beside_other_things_stay_too(tmp_path: Path) -> None:
    save_samples(source(), tmp_path / "s")
    (tmp_path / "s" / "notes.txt").write_text("which ones I like")
    before = sorted(path.name for path in (tmp_path / "s").iterdir())
    with pytest.raises(OutputError, match=r"no samples, such as notes\.txt"):
        save_samples(source(seed=1), tmp_path / "s", overwrite=True)
    assert sorted(path.name for path in (tmp_path / "s").iterdir()) == before


def test_a_form_replaced_by_another(tmp_path: Path) -> None:
    save_samples(source(), tmp_path / "s")
    with pytest.raises(OutputError, match="form was 'png' and is 'shards'"):
        save_samples(source(), tmp_path / "s", form="shards")
    save_samples(source(), tmp_path / "s", form="shards", overwrite=True)
    assert sorted(path.name for path in (tmp_path / "s").iterdir()) == ["000000.tar", "provenance.json"]


def test_a_full_disk_keeps_what_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = writers.png_bytes
    written: list[int] = []

    def fails_after_70(pixels: npt.NDArray[np.uint8]) -> bytes:
        written.append(1)
        if len(written) > 70:
            raise OSError(errno.ENOSPC, "No space left on device")
        return original(pixels)

    monkeypatch.setattr(writers, "png_bytes", fails_after_70)
    with pytest.raises(OutputError, match="the disk is full"):
        save_samples(source(), tmp_path / "s")
    assert len(list((tmp_path / "s").glob("*.png"))) == 70
    monkeypatch.setattr(writers, "png_bytes", original)
    save_samples(source(), tmp_path / "s")
    assert len(list((tmp_path / "s").glob("*.png"))) == COUNT


def test_options_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="unknown format 'jpg'"):
        save_samples(source(), tmp_path / "s", form="jpg")
    with pytest.raises(OptionError, match="batch size 0"):
        save_samples(source(), tmp_path / "s", batch_size=0)
    with pytest.raises(OptionError, match="class folders"):
        save_samples(source(classes=0), tmp_path / "s", class_folders=True)
    with pytest.raises(OptionError, match="class folders"):
        save_samples(source(), tmp_path / "s.npz", class_folders=True)
    (tmp_path / "file").touch()
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(OutputError, match="is a file"):
        save_samples(source(), tmp_path / "file", form="png")
    with pytest.raises(OutputError, match="is a folder"):
        save_samples(source(), tmp_path / "folder.npz")
    with pytest.raises(OutputError, match="2 channels"):
        save_samples(source(channels=2, classes=0), tmp_path / "s")
    assert not (tmp_path / "s").exists() or not list((tmp_path / "s").glob("*.png"))


def test_any_number_of_channels_fits_an_npz(tmp_path: Path) -> None:
    save_samples(source(7, channels=2, classes=0), tmp_path / "s.npz")
    with np.load(tmp_path / "s.npz") as found:
        assert found["arr_0"].shape == (7, 5, 4, 2)
