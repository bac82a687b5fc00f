"""The commands that list and tidy: extractors, metrics, info, cache; start-up time; help."""

from __future__ import annotations

import json
import os
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
    assert {"standard", "default", "all"} <= set(rows["fd"]["groups"])
    assert "prdc" in rows["density_coverage"]["groups"]
    assert "prdc" not in rows["fd"]["groups"]


def test_metrics_list_has_a_line_for_each_that_fits_a_narrow_console(ganeval, monkeypatch):
    from ganeval.metrics.registry import METRICS

    monkeypatch.setenv("COLUMNS", "80")
    lines = ganeval("metrics").out.splitlines()
    assert all(len(line) <= 80 for line in lines)
    for name in METRICS.names():
        metric = METRICS.get(name)
        first = (metric.inception_names or {}).get(metric.scores[0], metric.scores[0])
        listed = [line for line in lines if line.startswith((f"{first} ", f"{first},"))]
        assert len(listed) == 1, f"{name} is listed {len(listed)} times"
        direction = "higher" if metric.higher_is_better[0] else "lower"
        assert re.search(rf" {direction}\S* +{'yes' if metric.has_interval else 'no'}", listed[0])
    assert any(re.match("prdc +precision_recall, density_coverage", line) for line in lines)


def test_a_metric_by_any_name_is_shown_in_full(ganeval):
    shown = ganeval("metrics", "kid,prc").text
    assert "kd.subset_size (None): images a side in a subset" in shown
    assert "Bińkowski et al. 2018" in shown
    assert "precision_recall.k (3)" in shown
    assert "at least 4 images a side" in shown
    assert "Heusel" not in shown
    assert [row["name"] for row in ganeval("metrics", "kid", "--json").json] == ["kd"]


def test_metrics_of_an_unknown_name_names_the_nearest(ganeval):
    outcome = ganeval("metrics", "precison")
    assert outcome.code == 2
    assert "precision" in outcome.err


def test_info(ganeval):
    facts = ganeval("info", "--json").json
    assert facts["versions"]["ganeval"]
    assert "fashion-mnist" in facts["named sets"]
    assert ganeval("info").code == 0


def test_info_shows_a_place_as_it_is_called(ganeval, monkeypatch):
    monkeypatch.setenv("GANEVAL_CACHE_DIR", "/c/[red]/x:cat:y")
    assert "/c/[red]/x:cat:y" in ganeval("info").out


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
    [
        ("rm",),
        ("rm", ""),
        ("rm", "nokey"),
        ("rm", "--all", "x"),
        ("prune", "--max-size", "lots"),
        ("prune", "--older-than", "1y"),
    ],
)
def test_bad_cache_commands(ganeval, arguments):
    outcome = ganeval("cache", *arguments)
    assert outcome.code == 2
    assert "Traceback" not in outcome.text


def test_each_stored_entry_is_one_line_of_piped_output(ganeval, tmp_path, real, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    long = real.rename(tmp_path / ("long-name-" * 12))
    ganeval("score", long, "--extractor", "pixels", "--real", long, "-m", "fid")
    lines = [line for line in ganeval("cache", "ls").out.splitlines() if str(long) in line]
    assert len(lines) == 1
    assert re.search(r"[0-9a-f]{10} .* pixels ", lines[0])


@pytest.fixture
def broken_plugins(tmp_path):
    """An environment with plug-ins of which one can't be imported and one is something else."""
    (tmp_path / "broken-1.dist-info").mkdir()
    (tmp_path / "broken-1.dist-info" / "METADATA").write_text("Name: broken\nVersion: 1\n")
    (tmp_path / "broken-1.dist-info" / "entry_points.txt").write_text(
        "[ganeval.extractors]\ngone = no_such_module:SPEC\nodd = json:dumps\n"
        "[ganeval.metrics]\ngone = no_such_module:METRIC\nodd = json:dumps\n"
    )
    return dict(os.environ) | {"PYTHONPATH": str(tmp_path), "GANEVAL_CACHE_DIR": str(tmp_path / "cache")}


@pytest.mark.parametrize("command", ["extractors", "metrics", "info"])
def test_a_broken_plugin_does_not_hide_the_others(broken_plugins, command):
    finished = subprocess.run(
        [sys.executable, "-m", "ganeval", command, "--json"],
        capture_output=True, text=True, env=broken_plugins, timeout=60,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    listed = json.loads(finished.stdout)
    if command == "info":
        assert {"gone", "odd"} <= set(listed["not here"])
    else:
        assert len(listed) >= 5
        assert "no_such_module" in finished.stderr
        assert "is of type function" in finished.stderr


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_console_that_lacks_letters_ends_nothing(encoding):
    environment = dict(os.environ) | {"PYTHONIOENCODING": encoding}
    finished = subprocess.run(
        [sys.executable, "-m", "ganeval", "metrics", "prc"], capture_output=True, env=environment, timeout=60
    )
    assert finished.returncode == 0, finished.stderr
    assert b"Kynk" in finished.stdout


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


def test_progress_in_a_log_says_each_count_once_and_in_the_singular(monkeypatch, capsys):
    from ganeval.cli import progress

    monkeypatch.setattr(progress, "LINE_SECONDS", 0.0)
    with progress.make_progress(quiet=False) as listener:
        task = listener.start("metrics", 1, unit="metrics")
        task.advance(1)
        task.finish()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("metrics: 1/1 metric, ")
