"""Every line of bad input, as typed: exit code 2, a sentence that names the culprit, no traceback, no report left."""

from __future__ import annotations

import dataclasses
import http.server
import io
import os
import struct
import threading
import zipfile
import zlib

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

PIXELS = ("--extractor", "pixels", "--metrics", "fid")


@pytest.fixture
def check_refused(ganeval, tmp_path):
    """Assert that a command fails as it should, with all of `words` in what it says."""

    def check(*arguments, words):
        report = tmp_path / "report.json"
        page = tmp_path / "report.html"
        outcome = ganeval("score", *arguments, "--json", report, "--html", page)
        assert outcome.code == 2, outcome
        assert "Traceback" not in outcome.text
        assert "internal error" not in outcome.text
        for word in words:
            assert word in outcome.text, f"{word!r} is not in {outcome.text!r}"
        assert not report.exists()
        assert not page.exists()
        return outcome

    return check


def test_missing_path_suggests_the_nearest(check_refused, samples, real):
    check_refused(samples.parent / "smaples", "--real", real, *PIXELS, words=["smaples", "samples"])
    check_refused(samples, "--real", real.parent / "dta", *PIXELS, words=["dta", "data"])


def test_empty_folder(check_refused, samples, tmp_path):
    (tmp_path / "nothing").mkdir()
    check_refused(samples, "--real", tmp_path / "nothing", *PIXELS, words=["nothing", "empty"])


def test_folder_without_an_image(check_refused, samples, tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "a.txt").write_text("hello")
    check_refused(samples, "--real", folder, *PIXELS, words=["notes", "no image"])


def test_images_hidden_by_no_recursive(check_refused, samples, tmp_path, crops):
    crops(tmp_path / "outer" / "inner", 3, seed=0)
    check_refused(tmp_path / "outer", "--real", samples, "--no-recursive", *PIXELS, words=["outer", "recursive"])


def test_text_called_png(check_refused, samples, real):
    (samples / "010.png").write_text("this is not a picture")
    check_refused(samples, "--real", real, *PIXELS, words=["1 corrupt image", "010.png", "--on-error skip"])


def test_truncated_jpeg(check_refused, real, tmp_path, crops):
    folder = crops(tmp_path / "jpegs", 4, seed=3, side=64, suffix=".jpg")
    data = (folder / "002.jpg").read_bytes()
    (folder / "002.jpg").write_bytes(data[: len(data) // 2])
    check_refused(folder, "--real", real, *PIXELS, words=["002.jpg", "truncated"])


def test_zero_bytes(check_refused, samples, real):
    (samples / "003.png").write_bytes(b"")
    check_refused(samples, "--real", real, *PIXELS, words=["003.png", "empty"])


def test_decompression_bomb(check_refused, samples, real):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    data = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )
    (samples / "004.png").write_bytes(data)
    check_refused(samples, "--real", real, *PIXELS, words=["004.png", "decompression bomb"])


def test_unreadable_file(check_refused, samples, real):
    (samples / "005.png").unlink()
    (samples / "005.png").symlink_to(samples / "gone.png")
    check_refused(samples, "--real", real, *PIXELS, words=["005.png"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(check_refused, samples, real):
    (samples / "005.png").chmod(0)
    check_refused(samples, "--real", real, *PIXELS, words=["005.png", "permission"])


@pytest.mark.parametrize("suffix", [".zip", ".npz", ".npy", ".tar"])
def test_broken_containers(check_refused, real, tmp_path, suffix):
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(b"PK\x03\x04 this is no archive" * 10)
    check_refused(path, "--real", real, *PIXELS, words=[path.name])


def test_truncated_npz(check_refused, real, tmp_path):
    buffer = io.BytesIO()
    np.savez(buffer, np.zeros((20, 8, 8, 3), np.uint8))
    (tmp_path / "half.npz").write_bytes(buffer.getvalue()[:1500])
    check_refused(tmp_path / "half.npz", "--real", real, *PIXELS, words=["half.npz"])


def test_truncated_zip_member(check_refused, real, tmp_path, samples):
    path = tmp_path / "images.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", (samples / "000.png").read_bytes())
        archive.writestr("b.png", (samples / "001.png").read_bytes()[:100])
    check_refused(path, "--real", real, *PIXELS, words=["b.png", "truncated"])


class Exploit:
    """Writes a file when it is unpickled, which must never happen."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("suffix", [".npz", ".npy"])
def test_object_arrays_are_never_unpickled(check_refused, real, tmp_path, suffix):
    witness = tmp_path / "witness"
    array = np.empty(2, object)
    array[:] = [Exploit(witness), Exploit(witness)]
    path = tmp_path / f"objects{suffix}"
    (np.savez if suffix == ".npz" else np.save)(path, array)
    check_refused(path, "--real", real, *PIXELS, words=[path.name, "object"])
    assert not witness.exists()


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(-3.0, 1.0, ["-3"]), (0.0, 255.0, ["255"]), (-1.0, 1.5, ["1.5"])],
)
def test_floats_out_of_range(check_refused, real, tmp_path, low, high, words):
    array = np.random.default_rng(0).uniform(low, high, (8, 6, 6, 3)).astype(np.float32)
    array[0, 0, 0] = [low, high, low]
    np.save(tmp_path / "floats.npy", array)
    check_refused(tmp_path / "floats.npy", "--real", real, *PIXELS, words=["floats.npy", *words])


def test_nan(check_refused, real, tmp_path):
    array = np.full((8, 6, 6, 3), 0.5, np.float32)
    array[3, 1, 2, 0] = np.nan
    np.save(tmp_path / "floats.npy", array)
    check_refused(tmp_path / "floats.npy", "--real", real, *PIXELS, words=["floats.npy", "NaN"])


@pytest.mark.parametrize("shape", [(8, 6, 6, 2), (8, 6, 6, 5), (8, 6)])
def test_wrong_channel_count(check_refused, real, tmp_path, shape):
    np.save(tmp_path / "odd.npy", np.zeros(shape, np.uint8))
    check_refused(tmp_path / "odd.npy", "--real", real, *PIXELS, words=["odd.npy"])


def test_one_image_where_two_are_needed(check_refused, real, tmp_path, crops):
    one = crops(tmp_path / "one", 1, seed=0)
    check_refused(one, "--real", real, *PIXELS, words=["at least 2", "one", "has 1"])
    check_refused(one, "--real", real, "--extractor", "pixels", words=["at least 2", "has 1"])


def test_unknown_names_suggest_the_nearest(check_refused, samples, real):
    check_refused(samples, "--real", real, "--metrics", "fdi", words=["fdi", "Did you mean"])
    check_refused(samples, "--real", real, "--extractor", "inception-v4", words=["inception-v4", "'inception-v3'"])
    check_refused(samples, "--real", real, *PIXELS, "-o", "fid.spilts=3", words=["spilts"])
    check_refused(samples, "--real", real, "--extractor", "pixels", "--metrics", "kid", "-o", "kid.subset_sice=3",
            words=["subset_sice", "'subset_size'"])  # fmt: skip
    check_refused("fashion-mnits", words=["fashion-mnits", "fashion-mnist"])
    check_refused(samples, "--real", "generater:dcgan", *PIXELS, words=["generater", "generator"])


def test_options_out_of_range(check_refused, samples, real):
    check_refused(samples, "--real", real, *PIXELS, "--preprocessing", "cubic", words=["cubic"])
    check_refused(samples, "--real", real, *PIXELS, "--device", "tpu9", words=["tpu9"])
    check_refused(samples, "--real", real, *PIXELS, "--on-error", "ignore", words=["ignore"])
    check_refused(samples, "--real", real, *PIXELS, "--value-range", "0,255", words=["0,255"])
    check_refused(samples, "--real", real, *PIXELS, "--labels", "names", words=["names"])
    check_refused(samples, "--real", real, "--extractor", "pixels", "--metrics", "kid", "-o", "kid.subset_size=many",
            words=["many"])  # fmt: skip


def test_metrics_that_need_real_images(check_refused, samples):
    check_refused(samples, *PIXELS, words=["fd", "--real"])


def test_weights_of_the_wrong_network(check_refused, samples, real, tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"conv.weight": torch.zeros(3, 3)}, path)
    check_refused(samples, "--real", real, "--extractor", "inception-v3", "--weights", path,
            words=["other.safetensors", "inception-v3"])  # fmt: skip


def test_weights_that_are_no_weights(check_refused, samples, real, tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(b"not weights at all")
    check_refused(samples, "--real", real, "--extractor", "inception-v3", "--weights", path, words=["weights.pth"])
    check_refused(
        samples, "--real", real, "--extractor", "inception-v3", "--weights", tmp_path / "no.pth", words=["no.pth"]
    )


def test_pickled_code_in_weights_is_not_run(check_refused, samples, real, tmp_path):
    witness = tmp_path / "witness"
    torch.save({"a": Exploit(witness)}, tmp_path / "evil.pth")
    check_refused(samples, "--real", real, "--extractor", "inception-v3", "--weights", tmp_path / "evil.pth",
            words=["evil.pth"])  # fmt: skip
    assert not witness.exists()


@pytest.fixture
def weights_at(monkeypatch, tmp_path):
    """Let the published weights be at another address, with no copy on this machine."""
    import ganeval.features.inception as inception

    def move(url):
        monkeypatch.setattr(inception, "PUBLISHED", dataclasses.replace(inception.PUBLISHED, url=url))
        monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch-home"))

    return move


def test_checksum_mismatch(check_refused, samples, real, weights_at):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"wrong")

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        weights_at(f"http://127.0.0.1:{server.server_port}/weights-inception-2015-12-05-6726825d.pth")
        check_refused(samples, "--real", real, "--extractor", "inception-v3", words=["SHA-256", "damaged or replaced"])
    finally:
        server.shutdown()
        server.server_close()


def test_no_network_for_a_download(check_refused, samples, real, weights_at):
    weights_at("http://127.0.0.1:9/weights-inception-2015-12-05-6726825d.pth")
    check_refused(samples, "--real", real, "--extractor", "inception-v3", words=["--weights", "efficientnet-lite0"])


def test_the_first_ten_corrupt_images_are_named(check_refused, samples, real):
    for number in range(5, 20):
        (samples / f"{number:03d}.png").write_bytes(b"")
    outcome = check_refused(samples, "--real", real, *PIXELS, words=["at least 10 corrupt images"])
    for number in range(5, 15):
        assert f"{number:03d}.png" in outcome.text
    assert "016.png" not in outcome.text


def test_skipping_goes_on_and_is_counted(ganeval, samples, real):
    for number in (5, 6):
        (samples / f"{number:03d}.png").write_bytes(b"")
    outcome = ganeval("score", samples, "--real", real, *PIXELS, "--on-error", "skip", "--json", "-")
    assert outcome.code == 0
    report = outcome.json
    assert report["generated"]["count"] == 22
    assert len(report["generated"]["skipped"]) == 2
    assert report["scores"]["fd_pixels"]["n_generated"] == 22
    assert "images-skipped" in {notice["code"] for notice in report["notices"]}


def test_outputs_that_cannot_be_written_are_refused_before_the_work(ganeval, samples, real, tmp_path):
    for option in ("--json", "--html"):
        outcome = ganeval("score", samples, "--real", real, *PIXELS, option, tmp_path / "missing" / "report")
        assert outcome.code == 2
        assert "missing" in outcome.text
        outcome = ganeval("score", samples, "--real", real, *PIXELS, option, tmp_path)
        assert outcome.code == 2
        assert "is a folder" in outcome.text


def test_a_corrupt_list_and_a_list_with_missing_files(check_refused, samples, real, tmp_path):
    listing = tmp_path / "list.txt"
    listing.write_text(f"{samples}/000.png\n{samples}/nowhere.png\n")
    check_refused(listing, "--real", real, *PIXELS, words=["nowhere.png"])


def test_debug_shows_the_traceback(ganeval, tmp_path):
    outcome = ganeval("score", tmp_path / "no-such-folder", "--debug", *PIXELS)
    assert outcome.code == 2
    assert "Traceback" in outcome.err


def test_unknown_options_and_commands(ganeval, samples):
    assert ganeval("score", samples, "--reel", samples).code == 2
    assert ganeval("scoer", samples).code == 2
