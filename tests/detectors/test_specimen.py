"""What a picture is read from: regular files of bounded size, and never what doesn't end."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganeval.detectors.specimen import HINT, LARGEST_FILE, open_specimen
from ganeval.errors import CorruptImageError


def _reason(path: Path | str) -> str:
    with pytest.raises(CorruptImageError) as caught:
        open_specimen(path)
    assert caught.value.hint == HINT  # Not that of sets of images, whose option doesn't exist here.
    return caught.value.failures[0][1]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_what_never_ends_is_not_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    assert "a pipe or a device" in _reason(pipe)
    assert "a pipe or a device" in _reason("/dev/zero")


def test_files_that_cannot_be_read_say_why(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    huge = tmp_path / "huge.png"
    with open(huge, "wb") as stream:
        stream.truncate(LARGEST_FILE + 1)  # A hole: nothing is stored.
    assert "is a directory" in _reason(tmp_path / "folder.png")
    assert "symbolic links" in _reason(tmp_path / "loop.png")
    assert "no such file" in _reason(tmp_path / "none.png")
    assert "can't be read" in _reason("zero\0byte.png")
    assert "no more than 1 GiB" in _reason(huge)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_frames_after_the_first_are_known_of(kind: str) -> None:
    rng = np.random.default_rng(0)
    first, second = (Image.fromarray(rng.integers(0, 255, (40, 40, 3), dtype=np.uint8)) for _ in range(2))
    for more in ([], [second]):
        stored = io.BytesIO()
        first.save(stored, kind, save_all=bool(more), append_images=more)
        assert open_specimen(stored.getvalue()).has_more_frames == bool(more)
    assert not open_specimen(np.zeros((9, 9, 3), np.uint8)).has_more_frames


@pytest.mark.parametrize(("kind", "preview"), [(None, False), (0, False), (1, True), (2, False)])
def test_a_reduced_copy_in_a_tiff_is_only_a_preview(kind: int | None, preview: bool) -> None:
    stream = io.BytesIO()
    image = Image.fromarray(np.zeros((16, 16, 3), np.uint8))
    image.save(stream, "TIFF", tiffinfo={} if kind is None else {254: kind})
    assert open_specimen(stream.getvalue()).is_preview is preview
    with io.BytesIO() as other:
        image.save(other, "PNG")
        assert not open_specimen(other.getvalue()).is_preview
