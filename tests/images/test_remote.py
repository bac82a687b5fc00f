"""Sets that are named by URL: in memory, on disk, and on a web server that understands ranges, or doesn't."""

from __future__ import annotations

import contextlib
import io
import json
import re
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganeval.errors import CorruptImageError, ImageSourceError
from ganeval.images.decode import decode_bytes
from ganeval.images.opening import open_source
from ganeval.images.remote import connection, files
from ganeval.images.source import SourceOptions
from ganeval.images.urls import is_url, without_secrets

fsspec = pytest.importorskip("fsspec")


def png(number: int) -> bytes:
    pixels = np.random.default_rng(number).integers(0, 256, (9, 8, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


PICTURES = {f"{'ab'[number % 2]}/{number:02}.png": png(number) for number in range(7)}


def tar(names, mode: str = "w") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:
        for name in names:
            for path, data in ((name, PICTURES[name]), (name.replace(".png", ".cls"), b"3")):
                info = tarfile.TarInfo(path)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def archive(compression: int) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as packed:
        for name, data in PICTURES.items():
            packed.writestr(name, data)
    return stream.getvalue()


def everything() -> dict[str, bytes]:
    names = list(PICTURES)
    arrays = io.BytesIO()
    np.savez(arrays, arr_0=np.arange(3 * 48, dtype=np.uint8).reshape(3, 4, 4, 3))
    return {
        **{f"folder/{name}": data for name, data in PICTURES.items()},
        "folder/notes.txt": b"notes",
        "folder/.hidden/x.png": b"hidden",
        "s-0.tar": tar(names[:4]),
        "s-1.tar": tar(names[4:]),
        "s.tar.gz": tar(names, "w:gz"),
        "stored.zip": archive(zipfile.ZIP_STORED),
        "packed.zip": archive(zipfile.ZIP_DEFLATED),
        "images.npz": arrays.getvalue(),
        "list.txt": "\n".join(["# pictures", "", *(f"folder/{name}" for name in reversed(names))]).encode(),
        "empty/notes.txt": b"notes",
    }


class Handler(BaseHTTPRequestHandler):
    """A web server of a dictionary."""

    content: dict[str, bytes]
    ranges = True
    status: dict[str, int]
    failing: dict[str, int]
    asked: list[tuple[str, str | None]]

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        path = self.path.partition("?")[0].lstrip("/")
        data = self.content.get(path)
        if body:
            self.asked.append((path, self.headers.get("Range")))
            if self.failing.get(path, 0) > 0:
                self.failing[path] -= 1
                self.connection.close()
                return
        status = self.status.get(path, 404 if data is None else 200)
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range") or "")
        if found and self.ranges and status == 200 and data is not None:
            data, status = data[int(found[1]) : int(found[2]) + 1], 206
        data = data or b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("ETag", f'"{hash(data)}"')
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def web(monkeypatch):
    """A server on this machine: its address, and its handler's class."""
    monkeypatch.setattr(connection, "PAUSES", (0.01, 0.01))
    handler = type("Own", (Handler,), {"content": everything(), "status": {}, "failing": {}, "asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", handler
        server.shutdown()


@pytest.fixture
def places(tmp_path):
    """The same files in memory and on disk, by URL."""
    memory = fsspec.filesystem("memory")
    for name, data in everything().items():
        memory.pipe_file(f"/set/{name}", data)
        tmp_path.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
        tmp_path.joinpath(name).write_bytes(data)
    yield {"memory": "memory://set", "file": f"file://{tmp_path}", "plain": str(tmp_path)}
    memory.rm("/set", recursive=True)


def content(source) -> list[tuple[str, object, bytes]]:
    return [(item.id, item.label, item.load().pixels.tobytes()) for item in source]


SETS = ("folder", "s-{0..1}.tar", "s.tar.gz", "stored.zip", "packed.zip", "images.npz", "list.txt")


def test_a_list_may_name_images_elsewhere(places, web):
    address, handler = web
    handler.content["else/list.lst"] = f"{address}/folder/b/01.png?key=secret\nc/00.png".encode()
    handler.content["else/c/00.png"] = PICTURES["a/00.png"]
    source = open_source(f"{address}/else/list.lst", SourceOptions(labels="folders"))
    assert [item.label for item in source] == ["b", "c"]
    assert [item.load().pixels.tobytes() for item in source] == [
        decode_bytes(PICTURES[name], name).pixels.tobytes() for name in ("b/01.png", "a/00.png")
    ]
    assert "secret" not in str([item.id for item in source])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"folder/a/00.png\ngone.png", "1 of 2 listed files don't exist:\n  gone.png\nRelative paths .*relative to"),
        (b"/etc/picture.png", "names /etc/picture.png, a path on a machine"),
        (b"# nothing", "names no image"),
        (b"\xff\xfe", "not a text file"),
    ],
)
def test_lists_that_cannot_be_used(places, web, text, words):
    address, handler = web
    handler.content["bad.txt"] = text
    with pytest.raises(ImageSourceError, match=words):
        open_source(f"{address}/bad.txt")
    with pytest.raises(ImageSourceError, match="no such file"):
        open_source(f"{address}/missing.txt")


@pytest.mark.parametrize("name", SETS)
def test_a_set_by_url_is_the_set_on_disk(places, web, name):
    address, _ = web
    labels = SourceOptions(labels="folders") if "npz" not in name else SourceOptions()
    expected = content(open_source(f"{places['plain']}/{name}", labels))
    # A web server of files doesn't say what is in a folder.
    urls = [f"{places['memory']}/{name}", f"{places['file']}/{name}"] + ([f"{address}/{name}"] if "." in name else [])
    for url in urls:
        source = open_source(url, labels)
        assert source.name == url
        assert content(source) == expected
        assert source.count == len(expected)
        assert [item.id for item in source.between(1, 3)] == [image_id for image_id, *_ in expected[1:3]]
        assert source.fingerprint() == open_source(url, labels).fingerprint() is not None


def test_labels_of_shards_and_fingerprints_follow_content(places):
    url = f"{places['memory']}/s-{{0..1}}.tar"
    source = open_source(url)
    assert {item.label for item in source} == {3}
    assert next(iter(source)).id.startswith("s-0.tar/")
    before = source.fingerprint(), open_source(f"{places['memory']}/folder").fingerprint()
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/set/s-1.tar", tar(list(PICTURES)[3:]))
    memory.pipe_file("/set/folder/a/00.png", png(99))
    after = open_source(url).fingerprint(), open_source(f"{places['memory']}/folder").fingerprint()
    assert before[0] != after[0]
    assert before[1] != after[1]


def test_only_what_is_wanted_is_fetched(web, monkeypatch):
    address, handler = web
    monkeypatch.setattr(files, "_AHEAD", 512)
    source = open_source(f"{address}/s-{{0..1}}.tar")
    handler.asked.clear()
    items = list(source.between(4, 6))
    assert handler.asked == []
    assert items[1].load().pixels.shape == (9, 8, 3)
    [(path, part)] = handler.asked
    assert path == "s-1.tar"
    begin, end = map(int, part.removeprefix("bytes=").split("-"))
    assert end - begin + 1 == len(PICTURES["b/05.png"])
    zipped = open_source(f"{address}/packed.zip")
    handler.asked.clear()
    next(zipped.between(3, 4)).load()
    assert len(handler.asked) == 1


def test_a_broken_connection_is_tried_again_and_then_told(web):
    address, handler = web
    source = open_source(f"{address}/s-0.tar")
    first = next(iter(source))
    handler.failing["s-0.tar"] = 2
    assert first.load().pixels.shape == (9, 8, 3)
    handler.failing["s-0.tar"] = 100
    with pytest.raises(ImageSourceError, match=r"s-0\.tar: can't be read \(tried 3 times\): ") as told:
        first.load()
    # Not one that --on-error skip would pass over, image for image.
    assert not isinstance(told.value, CorruptImageError)
    assert "goes on from there" in str(told.value)
    handler.failing.clear()
    handler.status["s-0.tar"] = 503
    with pytest.raises(ImageSourceError, match="503"):
        first.load()


def test_errors_say_what_is_wrong(web, places):
    address, handler = web
    with pytest.raises(ImageSourceError, match=r"1 of 3 shards missing, the first is http.*s-2\.tar"):
        open_source(f"{address}/s-{{0..2}}.tar")
    with pytest.raises(ImageSourceError, match="no such folder"):
        open_source("memory://nowhere/at/all")
    with pytest.raises(ImageSourceError, match=r"found 1 \.txt instead"):
        open_source(f"{places['memory']}/empty")
    with pytest.raises(ImageSourceError, match="7 in its sub-folders"):
        open_source(f"{places['memory']}/folder", SourceOptions(recursive=False))
    with pytest.raises(ImageSourceError, match="single image"):
        open_source(f"{places['memory']}/folder/a/00.png")
    with pytest.raises(ImageSourceError, match="'s4' isn't known"):
        open_source("s4://bucket/x.tar")
    handler.status["s-0.tar"] = 403
    with pytest.raises(ImageSourceError, match="no permission to read it") as told:
        open_source(f"{address}/s-0.tar")
    assert "credentials" in str(told.value)
    handler.status.clear()
    handler.ranges = False
    with pytest.raises(ImageSourceError, match="whole files only"):
        next(iter(open_source(f"{address}/s-0.tar"))).load()
    fsspec.filesystem("memory").pipe_file("/set/s-0.tar", everything()["s-0.tar"][:1000])
    with pytest.raises(ImageSourceError, match=r"memory://set/s-0\.tar: not a tar archive, or a broken one"):
        open_source(f"{places['memory']}/s-0.tar")


def test_a_package_that_is_missing_is_named(monkeypatch):
    def without(url):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fsspec.core.url_to_fs", without)
    with pytest.raises(ImageSourceError, match="Install s3fs to access S3"):
        open_source("s3://bucket/x.tar")


def test_an_image_that_is_gone_is_a_corrupt_one(places):
    source = open_source(f"{places['memory']}/folder")
    fsspec.filesystem("memory").rm("/set/folder/a/00.png")
    with pytest.raises(CorruptImageError, match="no such file"):
        next(iter(source)).load()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("s3://key:secret@bucket/x", "s3://bucket/x"),
        ("https://h/x.tar?X-Amz-Signature=abc&y=1", "https://h/x.tar?…"),
        ("403, url='https://u:p@h/x?sig=abc'", "403, url='https://h/x?…'"),
        ("what? a=b", "what? a=b"),
        ("s3://bucket/a@b.png", "s3://bucket/a@b.png"),
        ("ftp://user@host/x", "ftp://host/x"),
    ],
)
def test_what_gives_access_is_never_shown(text, shown):
    assert without_secrets(text) == shown


def test_credentials_stay_out_of_errors_and_names(web, ganeval, tmp_path, monkeypatch):
    address, handler = web
    secret = f"{address.replace('://', '://user:s3cr3t@')}/s-0.tar?sig=t0ken"
    # The client takes user and password out of the address, and refuses neither.
    source = open_source(f"{address}/s-0.tar?sig=t0ken")
    assert "t0ken" not in source.name
    assert source.fingerprint() == open_source(f"{address}/s-0.tar?sig=another").fingerprint()
    monkeypatch.chdir(tmp_path)
    outcome = ganeval("score", secret, "-e", "pixels", "-m", "rke", "--no-cache", "--json", "r.json", "-q")
    assert outcome.code == 0, outcome
    written = json.dumps(json.loads(Path("r.json").read_text()))
    assert "s-0.tar" in written
    assert "s3cr3t" not in written + outcome.text
    assert "t0ken" not in written + outcome.text
    handler.status["s-0.tar"] = 403
    outcome = ganeval("score", secret, "-e", "pixels", "-m", "rke", "--no-cache", "--debug")
    assert outcome.code == 2
    assert "s3cr3t" not in outcome.text
    assert "t0ken" not in outcome.text


def test_what_a_url_is():
    assert is_url("s3://b/x")
    assert is_url("simplecache::https://h/x.tar")
    assert not is_url("c://x")
    assert not is_url("generator:vqgan")


@pytest.mark.parametrize("world", [2, 3])
def test_processes_list_their_part_and_agree(places, world):
    from ganeval.distributed.listing import ListedAcross
    from ganeval.distributed.ranks import Ranks
    from ganeval.images.remote.together import listing_by

    meeting = threading.Barrier(world, timeout=30)
    slots: list[object] = [None] * world
    looked: list[list[int]] = [[] for _ in range(world)]

    class Thread(Ranks):
        def gathered(self, value):
            slots[self.rank] = json.loads(json.dumps(value))
            meeting.wait()
            found = list(slots)
            meeting.wait()
            return found

    results: list[object] = [None] * world

    def one(rank: int) -> None:
        with listing_by(ListedAcross(Thread(rank, world))), contextlib.suppress(threading.BrokenBarrierError):
            urls = [f"{places['memory']}/{name}" for name in ("s-{0..1}.tar", "folder")]
            results[rank] = [(content(source), source.fingerprint()) for source in map(open_source, urls)]
            ListedAcross(Thread(rank, world))(range(5), lambda number: looked[rank].append(number) or number)

    threads = [threading.Thread(target=one, args=(rank,)) for rank in range(world)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    urls = [f"{places['memory']}/{name}" for name in ("s-{0..1}.tar", "folder")]
    expected = [(content(source), source.fingerprint()) for source in map(open_source, urls)]
    assert results == [expected] * world
    assert [sorted(own) for own in looked] == [list(range(rank, 5, world)) for rank in range(world)]
