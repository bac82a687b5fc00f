"""Weights files: fetched whole or not at all, checked, and never run."""

from __future__ import annotations

import hashlib
import io
import pickle
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from ganeval.errors import WeightsError
from ganeval.features import downloading, weights
from ganeval.features.downloading import fetch
from ganeval.features.weights import PublishedWeights, check_state_dict, find_on_disk, load_state_dict, sha256_of

CONTENT = bytes(range(256)) * 10_000
CHECKSUM = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Serves /whole, cuts /short off in the middle, never answers /silent, knows nothing else."""

    def do_GET(self) -> None:
        if self.path == "/silent":
            time.sleep(3)
            return
        if self.path not in ("/whole", "/short"):
            self.send_error(404, "Not Found")
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT if self.path == "/whole" else CONTENT[:1000])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{http.server_address[1]}"
    http.shutdown()
    http.server_close()


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    place = tmp_path / "weights"
    monkeypatch.setattr(downloading, "weights_folder", lambda: place)
    monkeypatch.setattr(weights, "weights_folder", lambda: place)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    return place


class Recorder:
    """A progress listener that keeps what it is told."""

    def __init__(self) -> None:
        self.started: list[tuple[int | None, str]] = []
        self.count = 0
        self.finished = False

    def start(self, label: str, total: int | None, unit: str = "images", done: int = 0) -> Recorder:
        self.started.append((total, unit))
        return self

    def advance(self, count: int) -> None:
        self.count += count

    def finish(self) -> None:
        self.finished = True


@pytest.mark.parametrize("digits", [8, 64])
def test_fetch_checks_and_keeps(server: str, folder: Path, digits: int) -> None:
    recorder = Recorder()
    path = fetch(f"{server}/whole", CHECKSUM[:digits], "net.pth", progress=recorder)
    assert path == folder / "net.pth"
    assert path.read_bytes() == CONTENT
    assert recorder.started == [(len(CONTENT), "bytes")]
    assert recorder.count == len(CONTENT)
    assert recorder.finished
    assert [entry.name for entry in folder.iterdir()] == ["net.pth"]


@pytest.mark.parametrize(
    ("page", "checksum", "message"),
    [
        ("whole", "00000000", "SHA-256"),
        ("short", CHECKSUM, "broke off"),
        ("missing", CHECKSUM, "HTTP 404 Not Found"),
    ],
)
def test_a_bad_download_leaves_nothing(server: str, folder: Path, page: str, checksum: str, message: str) -> None:
    with pytest.raises(WeightsError, match=message) as caught:
        fetch(f"{server}/{page}", checksum, "net.pth", network="some-net")
    assert f"{server}/{page}" in str(caught.value)
    assert "--weights PATH" in str(caught.value)
    assert not folder.exists() or not list(folder.iterdir())


def test_a_silent_server_is_given_up_soon(server: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloading, "CONNECT_SECONDS", 0.3)
    start = time.monotonic()
    with pytest.raises(WeightsError, match="no network"):
        fetch(f"{server}/silent", CHECKSUM, "net.pth")
    assert time.monotonic() - start < 2


def test_no_network_says_what_to_do(no_network: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        fetch("https://example.invalid/net.pth", CHECKSUM, "net.pth", network="some-net")
    message = str(caught.value)
    assert "no network for the download of the weights of some-net" in message
    assert "https://example.invalid/net.pth" in message
    assert "--weights PATH" in message
    assert "efficientnet-lite0" in message


def test_downloads_can_be_off(folder: Path) -> None:
    with pytest.raises(WeightsError, match="downloads are off"):
        fetch("https://example.invalid/net.pth", CHECKSUM, "net.pth", download=False)


def test_a_folder_that_refuses_is_named(server: str, folder: Path) -> None:
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("a file where the folder should be")
    with pytest.raises(WeightsError, match="can't be kept"):
        fetch(f"{server}/whole", CHECKSUM, "net.pth")


def test_found_on_disk_only_with_the_right_checksum(folder: Path, tmp_path: Path) -> None:
    published = PublishedWeights("net", "https://example.invalid/net.pth", "net.pth", CHECKSUM[:8], 1)
    assert find_on_disk(published) is None
    hub = tmp_path / "hub" / "checkpoints" / "net.pth"
    hub.parent.mkdir(parents=True)
    hub.write_bytes(CONTENT)
    assert find_on_disk(published) == hub
    hub.write_bytes(CONTENT + b"!")
    assert find_on_disk(published) is None
    assert weights.availability_reason(published)[0] is False


def test_a_file_without_a_published_checksum_is_never_the_published_one() -> None:
    assert not PublishedWeights("net", "", "net.pth", "", 1).matches(CHECKSUM)
    assert PublishedWeights("net", "", "net.pth", CHECKSUM[:8], 1).matches(CHECKSUM)


STATE = {"a": torch.arange(6.0).view(2, 3), "b": torch.ones(4)}


def test_both_formats_give_the_tensors(tmp_path: Path) -> None:
    torch.save(STATE, tmp_path / "net.pth")
    torch.save({"state_dict": STATE, "epoch": 3}, tmp_path / "nested.pth")
    save_file(STATE, tmp_path / "net.safetensors")
    save_file(STATE, tmp_path / "without_suffix")
    for path in sorted(tmp_path.iterdir()):
        loaded = load_state_dict(path, network="net")
        assert loaded.keys() == STATE.keys()
        assert all(torch.equal(loaded[key], STATE[key]) for key in STATE)


def _save_object(path: Path) -> None:
    torch.save({"a": nn.Linear(1, 1)}, path)


def _save_hostile(path: Path) -> None:
    path.write_bytes(pickle.dumps({"a": partial(print, "this ran")}))


def _save_bytes(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _save_truncated(path: Path) -> None:
    buffer = io.BytesIO()
    torch.save(STATE, buffer)
    path.write_bytes(buffer.getvalue()[:-100])


@pytest.mark.parametrize(
    "save",
    [
        _save_object,
        _save_hostile,
        _save_truncated,
        partial(_save_bytes, content=b""),
        partial(_save_bytes, content=b"just some text, no weights"),
        partial(_save_bytes, content=b"\x00\x00\x00\x00\x00\x00\x00\xff{"),
        partial(_save_bytes, content=b"PK\x03\x04 broken"),
        lambda path: torch.save([1, 2], path),
        lambda path: torch.save({}, path),
        lambda path: torch.save({"a": 1}, path),
    ],
)
@pytest.mark.parametrize("name", ["net.pth", "net.safetensors"])
def test_what_is_no_weights_file_is_named(
    save: partial[None], name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    save(path)
    with pytest.raises(WeightsError) as caught:
        load_state_dict(path, network="net")
    assert name in str(caught.value)
    assert "this ran" not in capsys.readouterr().out


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="doesn't exist"):
        load_state_dict(tmp_path / "none.pth", network="net")
    with pytest.raises(WeightsError, match="is a folder"):
        load_state_dict(tmp_path, network="net")
    with pytest.raises(WeightsError, match="can't be read"):
        sha256_of(tmp_path / "none.pth")


def test_torchscript_needs_trust_or_the_published_checksum(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    module = nn.Linear(2, 3)
    torch.jit.save(torch.jit.trace(module, torch.zeros(1, 2)), path)  # type: ignore[no-untyped-call]
    other = PublishedWeights("net", "", "net.pt", "0" * 64, 1)
    with pytest.raises(WeightsError, match="TorchScript") as caught:
        load_state_dict(path, network="net", published=other)
    assert "--trust" in str(caught.value)
    genuine = PublishedWeights("net", "", "net.pt", sha256_of(path), 1)
    for loaded in (
        load_state_dict(path, network="net", published=genuine),
        load_state_dict(path, network="net", trust=True),
    ):
        assert torch.equal(loaded["weight"], module.weight)


def test_check_names_the_first_entries_that_do_not_fit(tmp_path: Path) -> None:
    expected = {"a": torch.zeros(2, 3), "b": torch.zeros(4), "n.num_batches_tracked": torch.tensor(0)}
    path = tmp_path / "net.pth"
    check_state_dict(STATE, expected, path=path, network="net")
    for state, message in (
        ({"a": STATE["a"]}, r"b: missing, \(4,\) expected"),
        ({**STATE, "c": torch.ones(1)}, "c: not part of net"),
        ({**STATE, "b": torch.ones(5)}, r"b: \(5,\), \(4,\) expected"),
        ({**STATE, "b": torch.full((4,), float("inf"))}, "b: NaN or infinite"),
        ({f"x{index}": torch.ones(1) for index in range(9)}, "and 6 more"),
    ):
        with pytest.raises(WeightsError, match=message) as caught:
            check_state_dict(state, expected, path=path, network="net")
        assert str(path) in str(caught.value)
