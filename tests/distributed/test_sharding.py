"""Parts of a set: every image in one of them, and no other read."""

from __future__ import annotations

import io
import itertools
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch.utils.data import Dataset

from ganeval.distributed.sharding import PartOfSource, cuts, shares
from ganeval.errors import CorruptImageError
from ganeval.generators.sources import CallableSource
from ganeval.images.opening import open_source
from ganeval.images.shuffled import FirstImages, in_random_order
from ganeval.images.source import ImageSource


@given(st.integers(0, 100_000), st.integers(1, 40))
def test_cuts_cover_everything_once_and_evenly(count: int, parts: int) -> None:
    bounds = cuts(count, parts)
    assert (bounds[0], bounds[-1], len(bounds)) == (0, count, parts + 1)
    sizes = np.diff(bounds)
    assert (sizes >= 0).all()
    assert sizes.max() - sizes.min() <= 2 * 64
    if count < 16 * 64 * parts:
        assert sizes.max() - sizes.min() <= 1


@given(st.lists(st.integers(0, 300), unique=True, max_size=12), st.integers(1, 9))
def test_missing_ranges_are_divided_without_loss(edges: list[int], parts: int) -> None:
    ordered = sorted(edges)
    missing = list(zip(ordered[::2], ordered[1::2], strict=False))
    divided = shares(missing, parts)
    assert len(divided) == parts
    places = [place for own in divided for start, stop in own for place in range(start, stop)]
    assert places == [place for start, stop in missing for place in range(start, stop)]
    sizes = [sum(stop - start for start, stop in own) for own in divided]
    assert max(sizes) - min(sizes) <= 1


def png(value: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.full((4, 4, 3), value, np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def write_tar(path: Path, values: range, mode: Any) -> None:
    with tarfile.open(path, mode) as archive:
        for value in values:
            member = tarfile.TarInfo(f"{value:03d}.png")
            member.size = len(png(value))
            archive.addfile(member, io.BytesIO(png(value)))


class Counting(Dataset[Any]):
    def __init__(self, count: int) -> None:
        self.count, self.asked = count, set[int]()

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> torch.Tensor:
        self.asked.add(index)
        return torch.full((3, 4, 4), index, dtype=torch.uint8)


def sources(folder: Path) -> dict[str, ImageSource]:
    (folder / "pictures").mkdir()
    for value in range(11):
        (folder / f"pictures/{value:02d}.png").write_bytes(png(value))
    with zipfile.ZipFile(folder / "zip.zip", "w") as archive:
        for value in range(11):
            archive.writestr(f"{value:02d}.png", png(value))
    for suffix, mode in (("tar", "w"), ("tar.gz", "w:gz")):
        for number, values in enumerate((range(4), range(4, 5), range(5, 11))):
            write_tar(folder / f"s-{number}.{suffix}", values, mode)
    images = np.arange(11, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 3), np.uint8)
    np.savez(folder / "images.npz", arr_0=images)
    opened: dict[str, Any] = {
        "folder": folder / "pictures",
        "zip": folder / "zip.zip",
        "tar": str(folder / "s-{0..2}.tar"),
        "tar.gz": str(folder / "s-{0..2}.tar.gz"),
        "npz": folder / "images.npz",
        "array": images,
        "videos": np.stack([images[:3], images[3:6], images[6:9]]),
        "list": [Image.fromarray(image) for image in images],
        "dataset": Counting(11),
    }
    made = {name: open_source(spec) for name, spec in opened.items()}
    made["generator"] = CallableSource(lambda z: z.tanh().view(-1, 3, 4, 4), latent=48, count=11, seed=5)
    made["shuffled"] = in_random_order(made["npz"], seed=3)
    made["first"] = FirstImages(made["folder"], 9)
    return made


def test_parts_are_the_whole(tmp_path: Path) -> None:
    for name, source in sources(tmp_path).items():
        whole = [(item.id, item.load().info.digest) for item in source]
        count = source.count
        assert count == len(whole), name
        for parts in (1, 3, 14):
            found: list[tuple[str, bytes]] = []
            for start, stop in itertools.pairwise(cuts(count, parts)):
                part = PartOfSource(source, start, stop, "whole")
                assert part.count == stop - start
                assert part.fingerprint() == "whole"
                found += [(item.id, item.load().info.digest) for item in part]
            assert found == whole, name
        part = PartOfSource(source, 2, 8, None)
        assert [item.id for item in part.in_order([5, 0])] == [whole[7][0], whole[2][0]], name
        assert [item.id for item in part.between(4, 99)] == [one for one, _ in whole[6:8]], name


def test_other_shards_and_items_are_not_read(tmp_path: Path) -> None:
    opened = sources(tmp_path)
    for suffix in ("tar", "tar.gz"):
        source = opened[suffix]
        for number in (0, 2):
            (tmp_path / f"s-{number}.{suffix}").unlink()
        assert [item.load().pixels[0, 0, 0] for item in PartOfSource(source, 4, 5, None)] == [4]
        with pytest.raises((FileNotFoundError, CorruptImageError)):
            [item.load() for item in PartOfSource(source, 3, 5, None)]
    data = Counting(11)
    list(PartOfSource(open_source(data), 4, 6, None))
    assert data.asked == {4, 5}
