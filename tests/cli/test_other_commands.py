"""The commands that list and tidy: extractors, metrics, info, cache; start-up time; help."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest


def test_extractors_say_whether_they_work_here(ganeval):
    rows = {row["name"]: row for row in ganeval("extractors", "--json").json}
    assert rows["efficientnet-lite0"]["available"]
    assert rows["efficientnet-lite0"]["feature_dim"] == 1280
    assert rows["pixels"]["available"]
    assert rows["inception-v3"]["feature_dim"] == 2048
    assert all(row["reason"] for row in rows.values())
    table = ganeval("extractors")
    assert table.code == 0
    assert "inception-v3" in table.out


def test_metrics_list_names_directions_and_options(ganeval):
    rows = {row["name"]: row for row in ganeval("metrics", "--json").json}
    assert rows["fd"]["inception_names"]["fd"] == "fid"
    assert not rows["fd"]["higher_is_better"][0]
    assert rows["kd"]["options"]["subsets"]["default"] == 100
    assert not rows["inception_score"]["needs_real"]
    assert "precision" in ganeval("metrics").out


def test_info(ganeval):
    facts = ganeval("info", "--json").json
    assert facts["versions"]["ganeval"]
    assert "fashion-mnist" in facts["named sets"]
    assert ganeval("info").code == 0


def test_cache_from_first_run_to_empty(ganeval, samples, real):
    assert "no features stored" in ganeval("cache", "ls").text
    ganeval("score", samples, "--real", real, "--extractor", "pixels")
    listing = ganeval("cache", "ls").out
    assert listing.count("pixels") == 2
    keys = re.findall(r"^ +([0-9a-f]{10}) ", listing, flags=re.MULTILINE)
    assert len(keys) == 2
    key = keys[0]
    assert "deleted 1 entry" in ganeval("cache", "rm", key).out
    assert "deleted 0 entries" in ganeval("cache", "prune").out
    assert "deleted 1 entry" in ganeval("cache", "prune", "--max-size", "1kB").out
    assert "no features stored" in ganeval("cache", "ls").text


@pytest.mark.parametrize(
    "arguments",
    [("rm",), ("rm", "nokey"), ("rm", "--all", "x"), ("prune", "--max-size", "lots"), ("prune", "--older-than", "1y")],
)
def test_bad_cache_commands(ganeval, arguments):
    outcome = ganeval("cache", *arguments)
    assert outcome.code == 2
    assert "Traceback" not in outcome.text


def test_version_and_help(ganeval):
    assert ganeval("--version").out.startswith("ganeval ")
    assert "score" in ganeval("--help").out
    assert "--metrics" in ganeval("score", "--help").out


def modules_after(code: str) -> set[str]:
    program = f"{code}\nimport sys, json; print(json.dumps(sorted(sys.modules)))"
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    return set(json.loads(finished.stdout))


def test_metrics_import_stays_light():
    loaded = modules_after("import ganeval.metrics")
    heavy = {"typer", "rich", "jinja2", "matplotlib", "sklearn", "scipy", "torchvision", "ganeval.generators", "PIL"}
    assert not loaded & heavy


def test_help_needs_no_network_library():
    loaded = modules_after("import ganeval.cli.app")
    assert not loaded & {"torch", "numpy", "matplotlib", "sklearn", "scipy"}
