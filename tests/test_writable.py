"""Places where results go: those that can't be written are refused before any work."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ganeval.errors import OutputError
from ganeval.writable import require_makeable_folder, require_writable_file


def test_places_that_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "there").write_text("")
    for name in ("new", "there"):
        require_writable_file(tmp_path / name)
    for name in ("new", "new/and/deep", "."):
        require_makeable_folder(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    require_writable_file(Path("new"))
    require_makeable_folder(Path("new/deep"))
    # Asking leaves nothing behind.
    assert os.listdir(tmp_path) == ["there"]


def test_places_that_cannot(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "nowhere").symlink_to(tmp_path / "missing" / "deep")
    for path, reason in (
        (tmp_path, "it is a folder"),
        (tmp_path / "file" / "a", "file is no folder"),
        (tmp_path / "missing" / "a", "missing does not exist"),
        (tmp_path / "nowhere", "missing does not exist"),
    ):
        with pytest.raises(OutputError, match=f"--grid .*{reason}"):
            require_writable_file(path, "--grid")
    for name in ("file", "file/a", "file/a/b", "nowhere/a"):
        with pytest.raises(OutputError, match="is no folder"):
            require_makeable_folder(tmp_path / name)


def test_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(OutputError, match="no permission"):
        require_writable_file(tmp_path / "a")
    with pytest.raises(OutputError, match="no permission"):
        require_makeable_folder(tmp_path / "a" / "b")
