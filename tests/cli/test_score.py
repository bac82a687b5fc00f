"""`ganeval score` as users type it: what it prints, writes, stores and repeats."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor

import jsonschema
import numpy as np
import pytest
from PIL import Image

from ganeval.report.serialise import report_schema

PIXELS = ("--extractor", "pixels")


def pictures(folder):
    return np.stack([np.asarray(Image.open(path)) for path in sorted(folder.iterdir())])


def test_the_table_names_everything_that_was_computed(ganeval, samples, real):
    outcome = ganeval("score", samples, "--real", real, *PIXELS)
    assert outcome.code == 0, outcome
    for name in ("fd_pixels", "kd_pixels", "precision_pixels", "recall_pixels", "density_pixels", "coverage_pixels"):
        assert name in outcome.out
    assert "24" in outcome.out
    assert "can't be compared with published" in outcome.text
    assert "rank-deficient" in outcome.text
    assert "inception_score left out" in outcome.text or "class logits" in outcome.text


def test_json_follows_its_schema_and_is_all_of_stdout(ganeval, samples, real):
    outcome = ganeval("score", samples, "--real", real, *PIXELS, "--json", "-")
    jsonschema.validate(outcome.json, report_schema())
    assert outcome.json["schema"] == "ganeval/report@1"
    assert outcome.json["run"]["command"].startswith("ganeval score")
    assert outcome.json["scores"]["fd_pixels"]["interval"] is None
    assert "fd_pixels" in outcome.err


def test_reports_are_written_and_named(ganeval, samples, real, tmp_path):
    outcome = ganeval(
        "score", samples, "--real", real, *PIXELS, "--json", tmp_path / "r.json", "--html", tmp_path / "r.html"
    )
    assert str(tmp_path / "r.html") in outcome.out
    value = json.loads((tmp_path / "r.json").read_text())["scores"]["fd_pixels"]["value"]
    page = (tmp_path / "r.html").read_text()
    assert "fd_pixels" in page
    assert f"{value:.3g}"[:3] in page


def test_the_same_numbers_from_every_form_of_the_same_images(ganeval, samples, real, tmp_path, monkeypatch):
    arrays = pictures(samples)
    np.savez(tmp_path / "a.npz", arr_0=arrays)
    np.save(tmp_path / "a.npy", arrays)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for path in samples.iterdir():
            archive.write(path, path.name)
    for shard in range(2):
        with tarfile.open(tmp_path / f"shard-{shard:06d}.tar", "w") as archive:
            for path in sorted(samples.iterdir())[shard * 12 : shard * 12 + 12]:
                archive.add(path, path.name)
    paths = "".join(f"{path}\n" for path in sorted(samples.iterdir()))
    (tmp_path / "list.txt").write_text(paths)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(paths.encode())))
    forms = [samples, "a.npz", "a.npy", "a.zip", "shard-{000000..000001}.tar", "list.txt", "-"]
    monkeypatch.chdir(tmp_path)
    values = []
    for form in forms:
        outcome = ganeval("score", form, "--real", real, *PIXELS, "--json", "-")
        assert outcome.code == 0, (form, outcome)
        values.append({name: score["value"] for name, score in outcome.json["scores"].items()})
    assert len(values[0]) == 6
    for form, other in zip(forms, values, strict=True):
        assert other == pytest.approx(values[0], rel=1e-9), form


def test_default_offline_is_the_embedded_network_and_says_so(ganeval, samples, real, monkeypatch, tmp_path):
    import ganeval.features.inception as inception

    nowhere = dataclasses.replace(inception.PUBLISHED, url="http://127.0.0.1:9/weights.pth")
    monkeypatch.setattr(inception, "PUBLISHED", nowhere)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    outcome = ganeval("score", samples, "--real", real, "--json", "-")
    assert outcome.code == 0, outcome
    scores = outcome.json["scores"]
    assert {"inception_score_efficientnet-lite0", "fd_efficientnet-lite0", "kd_efficientnet-lite0"} <= set(scores)
    assert "can't be compared with published FIDs" in outcome.json["comparable"]
    assert outcome.json["extractor"]["weights_sha256"]


def test_without_real_images(ganeval, samples):
    outcome = ganeval("score", samples, "--extractor", "efficientnet-lite0", "--json", "-")
    assert outcome.code == 0, outcome
    assert set(outcome.json["scores"]) == {"inception_score_efficientnet-lite0"}
    assert outcome.json["real"] is None
    missing = [notice for notice in outcome.json["notices"] if notice["code"] == "no-real-images"]
    assert len(missing) == 1
    assert "fd" in missing[0]["message"]
    assert outcome.json["scores"]["inception_score_efficientnet-lite0"]["n_real"] is None


def test_single_scores_and_options(ganeval, samples, real):
    outcome = ganeval(
        "score", samples, "--real", real, *PIXELS, "-m", "recall,kid", "-o", "kid.subset_size=10", "-o",
        "kid.subsets=7", "--json", "-",
    )  # fmt: skip
    scores = outcome.json["scores"]
    assert set(scores) == {"recall_pixels", "kd_pixels"}
    assert scores["kd_pixels"]["parameters"]["subset_size"] == 10
    assert scores["kd_pixels"]["parameters"]["subsets"] == 7


def test_an_option_for_what_is_not_computed_is_an_error(ganeval, samples, real):
    outcome = ganeval("score", samples, "--real", real, *PIXELS, "-m", "fid", "-o", "kid.subsets=7")
    assert outcome.code == 2
    assert "'kd'" in outcome.text


def test_labels_from_folders_are_in_the_report(ganeval, crops, tmp_path):
    for label, count in (("cat", 3), ("dog", 5)):
        crops(tmp_path / "labelled" / label, count, seed=count)
    crops(tmp_path / "other" / "cat", 4, seed=9)
    command = ("score", tmp_path / "labelled", "--real", tmp_path / "other", *PIXELS, "-m", "fid", "--json", "-")
    report = ganeval(*command, "--labels", "folders").json
    assert report["generated"]["labels"] == {"dog": 5, "cat": 3}
    assert report["real"]["labels"] == {"cat": 4}
    assert ganeval(*command).json["generated"]["labels"] == {}


def test_the_seed_is_the_only_source_of_chance(ganeval, samples, real):
    def kid(seed):
        outcome = ganeval(
            "score", samples, "--real", real, *PIXELS, "-m", "kid", "-o", "kid.subset_size=8", "--seed", seed,
            "--json", "-",
        )  # fmt: skip
        return outcome.json["scores"]["kd_pixels"]["value"]

    assert kid(1) == kid(1)
    assert kid(1) != kid(2)


def test_a_second_run_reads_the_store(ganeval, samples, real):
    first = ganeval("score", samples, "--real", real, *PIXELS, "--json", "-").json
    second = ganeval("score", samples, "--real", real, *PIXELS, "--json", "-").json
    assert (first["generated"]["from_store"], second["generated"]["from_store"]) == (0, 24)
    assert first["scores"] == second["scores"]
    assert first["notices"] == second["notices"]
    third = ganeval("score", samples, "--real", real, *PIXELS, "--no-cache", "--json", "-").json
    assert third["generated"]["from_store"] == 0


def test_a_changed_image_is_seen_even_with_its_old_time_and_size(ganeval, samples, real):
    ganeval("score", samples, "--real", real, *PIXELS)
    path = samples / "007.png"
    stat = path.stat()
    data = bytearray(path.read_bytes())
    other = bytearray((samples / "008.png").read_bytes())
    picture = Image.open(io.BytesIO(bytes(other)))
    picture.save(path, compress_level=0)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert len(data) > 0
    report = ganeval("score", samples, "--real", real, *PIXELS, "--json", "-").json
    assert report["generated"]["from_store"] == 0


def test_images_that_are_the_real_ones_are_noticed(ganeval, samples):
    report = ganeval("score", samples, "--real", samples, *PIXELS, "--json", "-").json
    assert report["scores"]["fd_pixels"]["value"] == pytest.approx(0, abs=1e-6)
    assert report["scores"]["coverage_pixels"]["value"] == 1
    assert any("duplicate" in notice["code"] for notice in report["notices"])


def test_a_generator_is_scored_without_files(ganeval):
    outcome = ganeval("score", "generator:dcgan", "-n", 64, "--real", "digits", *PIXELS, "--json", "-")
    assert outcome.code == 0, outcome
    assert outcome.json["generated"]["count"] == 64
    assert outcome.json["generated"]["kind"] == "generator"


def test_a_count_where_nothing_is_drawn_is_refused(ganeval, samples, real):
    outcome = ganeval("score", samples, "--real", real, *PIXELS, "-n", "5")
    assert outcome.code == 2
    assert "--count 5 is for generators" in outcome.err


def test_an_extractor_of_ones_own(ganeval, samples, real, tmp_path, monkeypatch):
    (tmp_path / "my_networks.py").write_text(
        "class Corners:\n"
        "    def __call__(self, images):\n"
        "        return images[:, :, [0, -1], :][:, :, :, [0, -1]].flatten(1).float()\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    outcome = ganeval("score", samples, "--real", real, "-e", "my_networks:Corners", "-m", "fid", "--json", "-")
    assert outcome.code == 0, outcome
    assert list(outcome.json["scores"]) == ["fd_corners"]


def test_python_dash_m_and_exit_codes_of_the_real_process(samples, real, tmp_path):
    environment = dict(os.environ) | {"GANEVAL_CACHE_DIR": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "ganeval", "score", str(samples), "--real", str(real), *PIXELS]
    good = subprocess.run([*command, "--json", "-"], capture_output=True, text=True, env=environment, timeout=120)
    assert good.returncode == 0, good.stderr
    assert json.loads(good.stdout)["scores"]["fd_pixels"]["value"] > 0
    bad = subprocess.run([*command, "--metrics", "fdi"], capture_output=True, text=True, env=environment, timeout=120)
    assert bad.returncode == 2
    assert bad.stderr.startswith("error: ")
    assert "Traceback" not in bad.stderr


def test_a_report_on_stdout_is_utf_8_and_whole_or_an_error(samples, real, tmp_path):
    named = samples.rename(samples.parent / "échantillons")
    environment = dict(os.environ) | {"GANEVAL_CACHE_DIR": str(tmp_path / "cache"), "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "ganeval", "score", str(named), "--real", str(real), *PIXELS, "--json", "-"]
    good = subprocess.run(command, capture_output=True, env=environment, timeout=120)
    assert good.returncode == 0, good.stderr
    assert json.loads(good.stdout.decode("utf-8"))["generated"]["source"].endswith("échantillons")
    if os.path.exists("/dev/full"):
        with open("/dev/full", "w") as full:
            bad = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, env=environment, timeout=120)
        assert bad.returncode == 2
        assert b"can't be written to stdout" in bad.stderr
        assert b"Exception ignored" not in bad.stderr


def test_a_reader_that_leaves_early_gets_no_traceback(samples, real, tmp_path):
    environment = dict(os.environ) | {"GANEVAL_CACHE_DIR": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "ganeval", "score", str(samples), "--real", str(real), *PIXELS, "--json", "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        process.stdout.close()
        errors = process.stderr.read()
    assert process.returncode == 1
    assert b"Traceback" not in errors
    assert b"Exception ignored" not in errors


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_reports_into_a_pipe_and_twice_into_one_file(ganeval, samples, real, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with ThreadPoolExecutor() as pool:
        read = pool.submit((tmp_path / "pipe").read_text)
        outcome = ganeval("score", samples, "--real", real, *PIXELS, "--json", tmp_path / "pipe")
        assert outcome.code == 0, outcome
        assert "fd_pixels" in json.loads(read.result(timeout=60))["scores"]
    same = ganeval("score", samples, "--real", real, *PIXELS, "--json", tmp_path / "r", "--html", tmp_path / "." / "r")
    assert same.code == 2
    assert "the same file" in same.text


@pytest.mark.skipif(not os.path.exists("/dev/stdout"), reason="needs /dev/stdout")
def test_the_device_of_stdout_is_stdout(samples, real, tmp_path):
    environment = dict(os.environ) | {"GANEVAL_CACHE_DIR": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "ganeval", "score", str(samples), "--real", str(real), *PIXELS]
    good = subprocess.run([*command, "--json", "/dev/stdout"], capture_output=True, env=environment, timeout=120)
    assert good.returncode == 0, good.stderr
    assert json.loads(good.stdout)["scores"]["fd_pixels"]["value"] > 0
    assert b"fd_pixels" in good.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_the_table_is_shown_even_if_a_report_can_not_be_written(ganeval, samples, real, tmp_path):
    outcome = ganeval(
        "score", samples, "--real", real, *PIXELS, "--json", "/dev/full", "--html", tmp_path / "r:cat:[red].html"
    )
    assert outcome.code == 2
    assert "error: '/dev/full' can't be written: the disk is full" in outcome.err
    assert "fd_pixels" in outcome.out
    assert "r:cat:[red].html" in outcome.out
    assert "/dev/full" not in outcome.out


def test_names_that_look_like_markup_are_shown(samples, capsys, monkeypatch):
    import ganeval.cli.progress as progress

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    with progress.make_progress(quiet=False) as listener:
        task = listener.start("real: [v2]/[/v3]", 3)
        task.advance(3)
        shown = listener._bars.columns[0].render(listener._bars.tasks[0])
        task.finish()
    assert shown.plain == "real: [v2]/[/v3]"


def test_the_pace_of_slow_work_is_told_in_seconds_each(capsys, monkeypatch):
    import ganeval.cli.progress as progress

    clock = iter([0.0, 50.0, 50.0, 50.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    task = progress._Lines().start("metrics", 5, "metrics")
    task.advance(2)
    assert capsys.readouterr().err == "metrics: 2/5 metrics, 25 s each, 75 s left\n"


def test_quiet_prints_no_progress(ganeval, samples, real, monkeypatch):
    import ganeval.cli.progress as progress

    monkeypatch.setattr(progress, "LINE_SECONDS", 0.0)
    loud = ganeval("score", samples, "--real", real, *PIXELS, "--no-cache")
    quiet = ganeval("score", samples, "--real", real, *PIXELS, "--no-cache", "--quiet")
    assert "images" in loud.err
    assert "/s" in loud.err
    assert quiet.err == ""
    assert "fd_pixels" in quiet.out


def test_all_presumes_no_pairs_from_equal_names(ganeval, samples, real):
    """Both folders have 000.png, 001.png, ...: crops of photographs that have nothing to do with each other."""
    arguments = ("score", samples, "--real", real, "--extractor", "pixels", "--quiet", "--json", "-")
    outcome = ganeval(*arguments, "--metrics", "all")
    assert outcome.code == 0, outcome
    assert not {"psnr", "ssim", "paired_ms_ssim"} & set(outcome.json["scores"])
    assert "psnr, ssim, paired_ms_ssim, paired_lpips left out: they compare each image" in outcome.text
    assert "--metrics all,paired" in outcome.text
    asked = ganeval(*arguments, "--metrics", "all,paired")
    assert {"psnr", "ssim", "paired_ms_ssim"} <= set(asked.json["scores"])
    assert "--metrics all,paired" not in [notice["effect"] for notice in asked.json["notices"]]


def test_what_a_metric_lacks_beside_images_is_said_before_any_work(ganeval, samples, monkeypatch, tmp_path):
    def fail(*_, **__):
        raise AssertionError("work was done")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr("ganeval.scoring.evaluation.extract_together", fail)
    outcome = ganeval("score", "generator:dcgan", "--count", "20", "--extractor", "pixels", "--metrics", "ppl")
    assert outcome.code == 2
    assert "ppl needs LPIPS with the weights of VGG-16, which are not on disk" in outcome.text
    assert "--option ppl.download=true" in outcome.text
    folder = ganeval("score", samples, "--extractor", "pixels", "--metrics", "ppl")
    assert folder.code == 2
    assert "ppl needs a generator" in folder.text


def test_path_length_of_a_bundled_generator(ganeval):
    outcome = ganeval(
        "score", "generator:dcgan", "-n", "20", "--extractor", "efficientnet-lite0", "--metrics",
        "feature_path_length", "-o", "feature_path_length.paths=10", "--json", "-", "--quiet",
    )  # fmt: skip
    assert outcome.code == 0, outcome
    score = outcome.json["scores"]["feature_path_length_efficientnet-lite0"]
    assert score["value"] > 0
    assert score["interval"]["low"] <= score["value"] <= score["interval"]["high"]
    assert (score["n_generated"], score["n_real"]) == (20, None)
    assert "± is the standard deviation over 10 paths" in outcome.err


def test_one_image_is_not_images(ganeval, crops, tmp_path):
    outcome = ganeval(
        "score", crops(tmp_path / "one", 1, seed=3), "--real", crops(tmp_path / "many", 20, seed=4), "--extractor",
        "pixels", "--metrics", "all", "--quiet",
    )  # fmt: skip
    # Not the end of a number, as in "78.1 images/s".
    assert not re.search(r"(?<![\d.,])1 (\w+ )?(images|clips|pairs|classes|sets|dimensions)\b", outcome.text), (
        outcome.text
    )
    alone = ganeval(
        "score", tmp_path / "one", "--extractor", "pixels", "--metrics", "precision", "--real", tmp_path / "many"
    )
    assert alone.code == 2
    assert not re.search(r"\b1 (\w+ )?images\b|\d-th\b", alone.text), alone.text
