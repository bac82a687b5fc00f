"""`ganeval stats` as users type it: a file made, shown, and used in the place of real images."""

from __future__ import annotations

import json

import numpy as np
import pytest

MODULE = '''
import torch

class Net(torch.nn.Module):
    """Mean and spread of each channel: a network of six features."""
    name = "tiny"
    def forward(self, images):
        images = images.float() / 255
        return torch.cat([images.mean(dim=(2, 3)), images.std(dim=(2, 3))], dim=1)
'''


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    (tmp_path / "tiny_stats_net.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return ("--extractor", "tiny_stats_net:Net", "-q")


def test_made_shown_and_used(ganeval, tiny, samples, real):
    made = ganeval("stats", real, "--out", "s.npz", *tiny)
    assert made.code == 0, made
    assert "s.npz: statistics of 24 images" in made.out
    assert "features: none" in made.out
    shown = ganeval("stats", "s.npz", "--json", "-")
    assert shown.json["count"] == 24
    assert shown.json["source"] == str(real)
    assert shown.json["extractor"]["name"] == "tiny"
    images = ganeval("score", samples, "--real", real, *tiny, "-m", "fid", "--json", "-").json
    scored = ganeval("score", samples, "--real", "s.npz", *tiny, "--json", "-", "--html", "r.html")
    assert scored.code == 0, scored
    value = scored.json["scores"]["fd_tiny"]["value"]
    assert value == pytest.approx(images["scores"]["fd_tiny"]["value"], rel=1e-6)
    assert scored.json["real"]["source"] == "s.npz"
    assert scored.json["real"]["fingerprint"] == images["real"]["fingerprint"]
    assert "kd left out" in scored.text
    assert "against s.npz (24 images)" in scored.text


def test_features_and_labels_are_kept(ganeval, tiny, real):
    assert ganeval("stats", real, "--out", "s.npz", "--features", "10", *tiny).code == 0
    with np.load("s.npz") as file:
        assert file["features"].shape == (10, 6)
    outcome = ganeval("stats", real, "--out", "s.npz", "--features", "all", "--json", "about.json", *tiny)
    assert "features: of all images" in outcome.out
    with open("about.json") as file:
        assert json.load(file)["features"] == 24


def test_statistics_of_others_are_shown(ganeval, tiny, samples, tmp_path):
    np.savez(tmp_path / "theirs.npz", mu=np.zeros(6), sigma=np.eye(6))
    shown = ganeval("stats", "theirs.npz")
    assert "unknown number of images" in shown.out
    assert "not said (a file of pytorch-fid or clean-fid)" in shown.out
    assert "warning" in shown.out
    refused = ganeval("score", samples, "--real", "theirs.npz", *tiny)
    assert refused.code == 2
    assert "inception-v3 is assumed" in refused.text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["{real}"], ["--out is missing"]),
        (["{real}", "--out", "s.txt"], ["written as .npz", "s.txt.npz"]),
        (["{real}", "--out", "missing/s.npz"], ["missing", "mkdir"]),
        (["{real}", "--out", "s.npz", "--features", "some"], ["--features 'some'", "all or none"]),
        (["{real}", "--out", "s.npz", "-n", "5"], ["--count 5 is for generators"]),
        (["{real}", "--out", "s.npz", "--json", "missing/a.json"], ["--json", "missing"]),
        (["nowhere", "--out", "s.npz"], ["nowhere"]),
        (["images.npz", "--out", "images.npz"], ["file of the images themselves"]),
        (["theirs.npz", "--out", "s.npz"], ["file of statistics already", "--out"]),
        (["theirs.npz", "--features", "all"], ["file of statistics already", "--features"]),
        (["theirs.npz", "--extractor", "pixels"], ["file of statistics already", "--extractor"]),
        (["theirs.npz", "--no-recursive"], ["file of statistics already", "--extractor, --no-recursive"]),
        (["missing.npz"], ["missing.npz", "no such file"]),
        (["half.npz"], ["no array 'sigma'", "mu"]),
    ],
)
def test_bad_input(ganeval, tiny, real, tmp_path, arguments, words):
    np.savez(tmp_path / "images.npz", arr_0=np.zeros((3, 8, 8, 3), np.uint8))
    np.savez(tmp_path / "theirs.npz", mu=np.zeros(6), sigma=np.eye(6))
    np.savez(tmp_path / "half.npz", mu=np.zeros(6))
    before = (tmp_path / "images.npz").read_bytes()
    outcome = ganeval("stats", *(argument.format(real=real) for argument in arguments), *tiny)
    assert outcome.code == 2, outcome
    assert "Traceback" not in outcome.text
    for word in words:
        assert word in outcome.text
    assert not (tmp_path / "s.npz").exists()
    assert (tmp_path / "images.npz").read_bytes() == before


def test_a_named_metric_that_needs_features_says_how_to_keep_them(ganeval, tiny, samples, real):
    ganeval("stats", real, "--out", "s.npz", *tiny)
    outcome = ganeval("score", samples, "--real", "s.npz", "-m", "kid", *tiny)
    assert outcome.code == 2
    assert "--features 10000" in outcome.text
    compared = ganeval("compare", samples, real, "--real", "s.npz", "-m", "fid", *tiny)
    assert compared.code == 0, compared
