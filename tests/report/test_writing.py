"""A file is written whole or not at all, and what stood in the way is said."""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path

import pytest

from ganeval.errors import OutputError
from ganeval.report.writing import write_text


def test_new_file_follows_the_umask_and_an_old_one_keeps_its_mode(tmp_path: Path) -> None:
    if os.name != "posix":
        pytest.skip("modes of files are POSIX's")
    before = os.umask(0o027)
    try:
        path = write_text(tmp_path / "a.json", "é\n")
    finally:
        os.umask(before)
    assert path.read_bytes() == "é\n".encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    path.chmod(0o604)
    write_text(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o604


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize(
    ("code", "message"),
    [(errno.ENOSPC, "the disk is full"), (errno.EACCES, "no permission"), (errno.EIO, "Input/output error")],
)
def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, code: int, message: str
) -> None:
    path = tmp_path / "r.json"
    path.write_text("old")

    def fail(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OutputError, match=message) as caught:
        write_text(path, "new")
    assert str(path) in caught.value.message
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["r.json"]


def test_an_interrupt_leaves_no_temporary_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_text(tmp_path / "r.json", "new")
    assert os.listdir(tmp_path) == []


def test_a_reader_never_sees_a_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "r.json"
    path.write_text("old")
    seen = []
    replace = os.replace

    def spy(source: Path, target: Path) -> None:
        seen.append((Path(source).read_text(), Path(target).read_text(), Path(source).parent))
        replace(source, target)

    monkeypatch.setattr(os, "replace", spy)
    write_text(path, "new")
    assert seen == [("new", "old", tmp_path)]


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"the folder '.*nowhere' doesn't exist") as caught:
        write_text(tmp_path / "nowhere" / "r.json", "x")
    assert caught.value.hint is not None
    assert not (tmp_path / "nowhere").exists()


def test_a_folder_and_a_file_in_the_way(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="is a folder, not a file"):
        write_text(tmp_path, "x")
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="is a file, not a folder"):
        write_text(tmp_path / "file" / "r.json", "x")


def test_names_that_can_not_be(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="NUL"):
        write_text("a\0b", "x")
    with pytest.raises(OutputError, match="can't be written"):
        write_text(tmp_path / ("n" * 300), "x")
    assert os.listdir(tmp_path) == []


def test_a_link_keeps_pointing(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    target = tmp_path / "far" / "r.json"
    target.write_text("old")
    link = tmp_path / "link.json"
    try:
        link.symlink_to(target)
    except OSError:
        pytest.skip("no symbolic links here")
    write_text(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"


@pytest.mark.skipif(not hasattr(os, "mkfifo") or sys.platform == "darwin", reason="needs a Linux pipe")
def test_a_device_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_text(pipe, "text")
        assert os.read(reader, 100) == b"text"
    finally:
        os.close(reader)
    # /dev/fd/N, which the shell's >(command) stands for, links to no path that could be opened.
    reader, writer = os.pipe()
    try:
        write_text(f"/dev/fd/{writer}", "text")
        assert os.read(reader, 100) == b"text"
    finally:
        os.close(reader)
        os.close(writer)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OutputError, match="no permission"):
            write_text(tmp_path / "r.json", "x")
    finally:
        tmp_path.chmod(0o700)
