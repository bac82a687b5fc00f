"""Sources that are files: folders, zips, tar shards and lists."""

from __future__ import annotations

import io
import json
import os
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from ganeval.errors import CorruptImageError, GanevalError, ImageSourceError
from ganeval.images.opening import open_source
from ganeval.images.shards import expand_braces
from ganeval.images.source import ImageSource, SourceOptions

Encoder = Callable[..., bytes]
LABELS = SourceOptions(labels="folders")
FLAT = SourceOptions(recursive=False)
ALL_IDS = ["Z.bmp", "a.tiff", "cat/a.PNG", "cat/b.png", "dog/c.webp", "dog/deep/x.jpg"]


def ids(source: ImageSource) -> list[str]:
    return [item.id for item in source]


def message(spec: object, options: SourceOptions | None = None) -> str:
    with pytest.raises(GanevalError) as caught:
        open_source(spec, options)
    return str(caught.value)


def pack_zip(folder: Path, target: Path, names: Iterable[str], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(target, "w", compression) as archive:
        for name in names:
            archive.write(folder / name, name)
    return target


def pack_tar(target: Path, members: Mapping[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(target, mode) as archive:  # type: ignore[call-overload]
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return target


def images(encoded: Encoder, count: int, start: int = 0) -> list[bytes]:
    return [encoded(np.full((4, 5, 3), start + i, np.uint8)) for i in range(count)]


def test_folder_order_ids_and_labels(folder: Path) -> None:
    source = open_source(folder)
    assert ids(source) == ALL_IDS
    assert ids(source) == ids(open_source(str(folder)))
    assert source.count == 6
    assert source.kind == "folder"
    assert {item.label for item in source} == {None}
    labelled = open_source(folder, LABELS)
    assert [item.label for item in labelled] == [None, None, "cat", "cat", "dog", "dog"]
    assert labelled.fingerprint() != source.fingerprint()
    assert all(item.load().pixels.shape == (8, 8, 3) for item in source)


def test_folder_without_sub_folders(folder: Path) -> None:
    assert ids(open_source(folder, FLAT)) == ["Z.bmp", "a.tiff"]


def test_order_of_listing_doesnt_matter(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = open_source(folder).fingerprint()
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: reversed(list(scandir(path))))
    assert ids(open_source(folder)) == ALL_IDS
    assert open_source(folder).fingerprint() == before


def test_links_in_circles_and_to_elsewhere(folder: Path, tmp_path: Path, encoded: Encoder) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "e.png").write_bytes(images(encoded, 1)[0])
    (folder / "cat" / "up").symlink_to(folder)
    (folder / "cat" / "top").symlink_to("/")
    (folder / "a_twin").symlink_to(folder / "dog")
    (folder / "linked").symlink_to(elsewhere)
    (folder / "linked_again").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(folder)
    (folder / "self").symlink_to(folder / "self")
    assert ids(open_source(folder)) == [*ALL_IDS, "linked/e.png"]


def test_broken_link_is_a_corrupt_image(folder: Path) -> None:
    (folder / "gone.png").symlink_to(folder / "nowhere.png")
    source = open_source(folder)
    (item,) = [item for item in source if item.id == "gone.png"]
    with pytest.raises(CorruptImageError, match=r"gone\.png: can't be read: no such file"):
        item.load()


def test_names_that_are_no_utf8(folder: Path) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    (folder / "cat" / "b.png").rename(folder / name)
    source = open_source(folder)
    assert "caf\\xe9.png" in ids(source)
    assert all(item.load() for item in source)
    assert source.fingerprint()


def test_fingerprint_sees_a_rewrite_with_old_size_and_time(folder: Path) -> None:
    path = folder / "cat" / "b.png"
    before = open_source(folder).fingerprint()
    assert open_source(folder).fingerprint() == before
    state = path.stat()
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    time.sleep(0.02)
    path.write_bytes(bytes(data))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (state.st_size, state.st_mtime_ns)
    assert open_source(folder).fingerprint() != before


def test_fingerprint_sees_renames_additions_and_swaps(folder: Path) -> None:
    seen = {open_source(folder).fingerprint()}
    (folder / "cat" / "b.png").rename(folder / "cat" / "b2.png")
    seen.add(open_source(folder).fingerprint())
    (folder / "dog" / "new.png").write_bytes((folder / "cat" / "b2.png").read_bytes())
    seen.add(open_source(folder).fingerprint())
    (folder / "cat" / "b2.png").rename(folder / "swap.png")
    (folder / "dog" / "new.png").rename(folder / "cat" / "b2.png")
    (folder / "swap.png").rename(folder / "dog" / "new.png")
    seen.add(open_source(folder).fingerprint())
    assert len(seen) == 4


def test_bad_folders(tmp_path: Path, folder: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "is empty" in message(empty)
    (empty / ".hidden.png").write_bytes(b"x")
    assert "is empty" in message(empty)
    for name in ("a.txt", "b.txt", "c.pkl", "README"):
        (empty / name).write_bytes(b"x")
    assert "found 2 .txt, 1 .pkl, 1 without suffix instead" in message(empty)
    (folder / "Z.bmp").unlink()
    (folder / "a.tiff").unlink()
    why = message(folder, FLAT)
    assert "4 in its sub-folders" in why
    assert "--no-recursive" in why
    assert "no image lies in one" in message(folder / "cat", LABELS)


def test_unreadable_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("cat"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert "cat: the folder can't be read: permission denied" in message(folder)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads what it likes")
def test_folder_without_permission(folder: Path) -> None:
    (folder / "cat").chmod(0)
    try:
        assert "permission denied" in message(folder)
    finally:
        (folder / "cat").chmod(0o755)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_zip_gives_what_the_folder_gives(compression: int, folder: Path, tmp_path: Path) -> None:
    names = [*reversed(ALL_IDS), ".hidden.png", "__MACOSX/x.png", "notes.txt"]
    source = open_source(pack_zip(folder, tmp_path / "s.zip", names, compression), LABELS)
    assert ids(source) == ALL_IDS
    expected = {item.id: item for item in open_source(folder, LABELS)}
    for item in source:
        assert item.load().info == expected[item.id].load().info
        assert item.label == expected[item.id].label
    assert source.count == 6


def test_zip_whose_paths_begin_with_a_dot(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "s.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in [*ALL_IDS, "__MACOSX/x.png"]:
            archive.writestr(f"./{name}", (folder / name).read_bytes())
    source = open_source(path, LABELS)
    assert ids(source) == ALL_IDS
    assert [item.label for item in source] == [item.label for item in open_source(folder, LABELS)]


def test_zip_read_by_many_threads(encoded: Encoder, tmp_path: Path) -> None:
    path = tmp_path / "s.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for i, data in enumerate(images(encoded, 60)):
            archive.writestr(f"{i:03}.png", data)
    with ThreadPoolExecutor(8) as pool:
        for _ in range(4):
            values = [decoded.pixels[0, 0, 0] for decoded in pool.map(lambda item: item.load(), open_source(path))]
            assert values == list(range(60))


def test_bad_zips(folder: Path, tmp_path: Path) -> None:
    path = pack_zip(folder, tmp_path / "s.zip", ALL_IDS)
    before = open_source(path).fingerprint()
    data = path.read_bytes()
    (tmp_path / "cut.zip").write_bytes(data[: len(data) // 2])
    assert "broken" in message(tmp_path / "cut.zip")
    (tmp_path / "text.zip").write_text("not a zip")
    assert "not a zip archive" in message(tmp_path / "text.zip")
    assert "holds 1 other file, such as notes.txt" in message(pack_zip(folder, tmp_path / "none.zip", ["notes.txt"]))
    nested = pack_zip(folder, tmp_path / "nested.zip", ["cat/b.png"])
    assert "1 in its folders" in message(nested, FLAT)
    locked = bytearray(data)
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := locked.find(signature, at + 1)) >= 0:
            locked[at + flags] |= 1
    (tmp_path / "locked.zip").write_bytes(bytes(locked))
    assert "is encrypted" in message(tmp_path / "locked.zip")
    garbled = bytearray(data)
    with zipfile.ZipFile(path) as archive:
        garbled[archive.getinfo("cat/b.png").header_offset + 60] ^= 0xFF
    path.write_bytes(bytes(garbled))
    (item,) = [item for item in open_source(path) if item.id == "cat/b.png"]
    with pytest.raises(CorruptImageError, match=r"cat/b\.png: broken in the zip"):
        item.load()
    assert open_source(path).fingerprint() != before


def test_braces() -> None:
    assert expand_braces("s-{08..11}.tar") == ["s-08.tar", "s-09.tar", "s-10.tar", "s-11.tar"]
    assert expand_braces("s-{9..11}.tar") == ["s-9.tar", "s-10.tar", "s-11.tar"]
    assert expand_braces("{a,b}{1..2}") == ["a1", "a2", "b1", "b2"]
    assert expand_braces("{3..1}") == ["3", "2", "1"]
    assert expand_braces("plain.tar") == ["plain.tar"]


@pytest.mark.parametrize(("suffix", "mode"), [(".tar", "w"), (".tar.gz", "w:gz"), (".tgz", "w:gz")])
def test_shards(suffix: str, mode: str, encoded: Encoder, tmp_path: Path) -> None:
    for shard in range(3):
        members: dict[str, bytes] = {}
        for i, data in enumerate(images(encoded, 4, start=10 * shard)):
            members[f"{shard}{i}.png"] = data
            members[f"{shard}{i}.cls"] = f"{i}\n".encode()
        pack_tar(tmp_path / f"s-{shard:02}{suffix}", members, mode)
    source = open_source(f"{tmp_path}/s-{{00..02}}{suffix}")
    assert source.count == 12
    assert ids(source)[:5] == [f"s-00{suffix}/0{i}.png" for i in range(4)] + [f"s-01{suffix}/10.png"]
    items = list(source)
    with ThreadPoolExecutor(8) as pool:
        values = [decoded.pixels[0, 0, 0] for decoded in pool.map(lambda item: item.load(), items)]
    assert values == [10 * shard + i for shard in range(3) for i in range(4)]
    assert [item.label for item in items] == [0, 1, 2, 3] * 3
    assert ids(source) == [item.id for item in items]
    before = source.fingerprint()
    assert open_source(f"{tmp_path}/s-{{00..02}}{suffix}").fingerprint() == before
    (tmp_path / f"s-01{suffix}").unlink()
    assert f"s-01{suffix}" in message(f"{tmp_path}/s-{{00..02}}{suffix}")


def test_labels_in_shards(encoded: Encoder, tmp_path: Path) -> None:
    one, two, three = images(encoded, 3)
    members = {
        "./a/1.png": one,
        "./a/1.json": json.dumps({"label": "ant", "x": 1}).encode(),
        "./b/1.png": two,
        "./b/1.cls": b"bee",
        "./c/1.png": three,
        "./c/1.json": b"{}",
        "./.hidden/1.png": one,
    }
    path = pack_tar(tmp_path / "s.tar", members)
    assert [(item.id, item.label) for item in open_source(path)] == [
        ("a/1.png", "ant"),
        ("b/1.png", "bee"),
        ("c/1.png", None),
    ]
    assert [item.label for item in open_source(path, LABELS)] == ["a", "b", "c"]
    assert "no image in this tar" in message(path, FLAT)
    bad = pack_tar(tmp_path / "bad.tar", {"1.png": one, "1.json": b"{"})
    assert "1.json holds no readable class label" in message(bad)


def test_bad_tars(encoded: Encoder, tmp_path: Path) -> None:
    (tmp_path / "text.tar").write_text("not a tar " * 100)
    assert "not a tar archive" in message(tmp_path / "text.tar")
    (tmp_path / "text.tar.gz").write_text("not gzip")
    assert "not a tar archive" in message(tmp_path / "text.tar.gz")
    assert "no image in this tar" in message(pack_tar(tmp_path / "none.tar", {"a.txt": b"x"}))
    path = pack_tar(tmp_path / "s.tar", {f"{i}.png": data for i, data in enumerate(images(encoded, 3))})
    path.write_bytes(path.read_bytes()[:1300])
    assert "broken" in message(path)
    noise = np.random.default_rng(0)
    packed = pack_tar(tmp_path / "s.tgz", {f"{i}.png": noise.bytes(5000) for i in range(3)}, "w:gz")
    packed.write_bytes(packed.read_bytes()[:6000])
    assert "broken" in message(packed)


def test_a_tar_cut_between_two_members_is_not_a_smaller_one(encoded: Encoder, tmp_path: Path) -> None:
    path = pack_tar(tmp_path / "s.tar", {f"{i}.png": data for i, data in enumerate(images(encoded, 3))})
    with tarfile.open(path) as archive:
        second = archive.getmembers()[1].offset
    path.write_bytes(path.read_bytes()[:second])
    assert "truncated" in message(path)


def test_links_in_a_tar_are_not_passed_over_in_silence(encoded: Encoder, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for i, data in enumerate(images(encoded, 2)):
        (folder / f"{i}.png").write_bytes(data)
    for kind, link in (("soft", Path.symlink_to), ("hard", Path.hardlink_to)):
        link(folder / "9.png", folder / "1.png")
        with tarfile.open(tmp_path / f"{kind}.tar", "w") as archive:
            archive.add(folder, "photos")
        text = message(tmp_path / f"{kind}.tar")
        assert "1 entry is a link to others" in text
        assert "photos/9.png" in text
        (folder / "9.png").unlink()


def test_suffixes_of_tars_in_capitals(encoded: Encoder, tmp_path: Path) -> None:
    path = pack_tar(tmp_path / "S.TAR.GZ", {"0.png": images(encoded, 1)[0]}, "w:gz")
    (item,) = open_source(path)
    assert item.load().pixels.shape == (4, 5, 3)


def test_list_file(folder: Path, tmp_path: Path) -> None:
    listing = folder / "list.txt"
    outside = tmp_path / "far" / "o.png"
    outside.parent.mkdir()
    outside.write_bytes((folder / "cat/b.png").read_bytes())
    listing.write_text(f"\ufeff# mine\ndog/c.webp\n\n  cat/b.png  \n{outside}\nZ.bmp\n", encoding="utf-8")
    source = open_source(listing, LABELS)
    assert [(item.id, item.label) for item in source] == [
        ("dog/c.webp", "dog"),
        ("cat/b.png", "cat"),
        (str(outside), "far"),
        ("Z.bmp", None),
    ]
    assert all(item.load() for item in source)
    before = source.fingerprint()
    listing.write_text("cat/b.png\ndog/c.webp\n")
    assert open_source(listing, LABELS).fingerprint() != before


def test_list_on_stdin(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.stdin", io.StringIO("cat/b.png\nZ.bmp\n"))
    source = open_source("-")
    assert ids(source) == ["cat/b.png", "Z.bmp"]
    assert ids(source) == ["cat/b.png", "Z.bmp"]


def test_bad_lists(folder: Path) -> None:
    listing = folder / "list.txt"
    listing.write_text("\n# nothing\n")
    assert "names no image" in message(listing)
    listing.write_text("cat/b.png\ncat/nope.png\ncat\n")
    why = message(listing)
    assert "2 of 3 listed files" in why
    assert "  cat/nope.png\n  cat" in why
    listing.write_bytes(b"\xff\xfe\x00binary")
    assert "not a text file" in message(listing)


def test_paths_as_a_python_list(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert ids(open_source(["cat/b.png", folder / "Z.bmp"])) == ["cat/b.png", str(folder / "Z.bmp")]


def test_missing_paths_suggest_the_nearest(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "Did you mean 'set'?" in message("sett")
    assert "Did you mean 'digits'?" in message("digit")
    assert f"Did you mean {str(folder / 'cat')!r}?" in message(folder / "catt")
    assert "doesn't exist either" in message(tmp_path / "no" / "where")
    assert "fashion-mnist" in message("qqqqqqqq")
    assert "no such file" in message("gone.npz")
    assert "empty path" in message("")


def test_unknown_scheme_suggests_the_nearest() -> None:
    why = message("generatr:dcgan")
    assert "unknown image set 'generatr'" in why
    assert "Did you mean 'generator'?" in why


def test_files_that_are_no_sets(folder: Path, tmp_path: Path) -> None:
    assert "is a single image" in message(folder / "cat" / "b.png")
    (tmp_path / "w.pth").write_bytes(b"x")
    assert "can't be opened as a set of images" in message(tmp_path / "w.pth")


def test_unreadable_file(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = pack_zip(folder, tmp_path / "s.zip", ALL_IDS)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    assert "s.zip: can't be read: permission denied" in message(path)


def test_bad_options(folder: Path) -> None:
    assert "labels" in message(folder, SourceOptions(labels="files"))
    assert "value_range" in message(folder, SourceOptions(value_range=(0.0, 255.0)))
    assert "count" in message(folder, SourceOptions(count=0))


def test_a_named_set_wins_over_a_folder(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.rename(tmp_path / "digits")
    monkeypatch.chdir(tmp_path)
    assert open_source("digits").count == 1797
    assert open_source("./digits").count == 6
    assert open_source(Path("digits")).count == 6


def test_error_type() -> None:
    with pytest.raises(ImageSourceError):
        open_source(object())
