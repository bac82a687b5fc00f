"""The whole way from sets of images to a report, in both modes, from Python and the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from ganeval.diagnosis.usefulness.cas import ProbeOptions, classification_accuracy_score
from ganeval.diagnosis.usefulness.from_scratch import FullOptions
from ganeval.errors import OptionError

SMALL = {"cache": False, "device": "cpu", "extractor": "pixels"}


def digits(first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
    found = load_digits()
    # As they come, each part is by other hands.
    chosen = np.random.default_rng(1).permutation(len(found.images))[first:last]
    images = np.rint(found.images[chosen] * (255 / 16)).astype(np.uint8)
    return np.repeat(images[..., None], 3, axis=-1), found.target[chosen]


@pytest.fixture
def sets(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Paths of generated images (real ones, some with wrong labels), and of real ones to train and to test on."""

    def made(wrong: float = 0.0, count: int = 300) -> dict[str, str]:
        random = np.random.default_rng(0)
        paths = {}
        for place, name in enumerate(("gen", "train", "test")):
            images, labels = digits(place * count, (place + 1) * count)
            if name == "gen":
                labels = np.where(random.random(count) < wrong, random.integers(0, 10, count), labels)
            paths[name] = str(tmp_path / f"{name}.npz")
            np.savez(paths[name], arr_0=images, arr_1=labels)
        return paths

    return made


def score(paths: dict[str, str], **options: Any):
    return classification_accuracy_score(paths["gen"], paths["train"], paths["test"], **{**SMALL, **options})


def test_useless_labels_are_found_out_and_shown(sets) -> None:
    report = score(sets(wrong=1.0), probe=ProbeOptions(strength=0.01))
    assert [finding.failure for finding in report.diagnosis.findings] == ["usefulness"]
    assert report.diagnosis.findings[0].severity == "severe"
    assert report["cas_top1"].name == "cas_probe_top1_pixels"
    assert float(report["cas_top1"]) < 0.4
    assert float(report["cas_real_top1"]) > 0.85
    assert "published" in report.comparable
    written = json.loads(report.to_json())
    assert written["run"]["options"]["mode"] == "probe"
    assert written["diagnosis"]["evidence"][0]["diagnostic"] == "accuracy"
    assert "Confusions" in report.to_html()


def test_good_images_pass(sets) -> None:
    report = score(sets(), probe=ProbeOptions(strength=0.01))
    assert report.diagnosis.findings[0].severity == "none"
    assert report.diagnosis.evidence[0].p_value > 0.01


def test_a_copied_test_image_is_named(sets, tmp_path: Path) -> None:
    paths = sets()
    images, labels = digits(600, 700)
    copied, of = digits(300, 303)
    np.savez(paths["test"], arr_0=np.concatenate([images, copied]), arr_1=np.concatenate([labels, of]))
    report = score(paths, probe=ProbeOptions(strength=0.01, parts=4))
    notice = next(one for one in report.notices if one.code == "train-test-overlap")
    assert "3 of 103 test images" in notice.message
    assert "train.npz[0]" in notice.message
    assert report.run.options["tested_on"] == 100


@pytest.mark.parametrize("model", ["mobilenet_v3_small"])
def test_full_mode_goes_on_from_its_checkpoints(sets, tmp_path: Path, model: str) -> None:
    paths = sets(count=80)
    full = FullOptions(model=model, epochs=1, batch_size=16, size=16, flip=False)
    run = {"mode": "full", "full": full, "out": tmp_path / "run"}
    first = score(paths, **run)
    assert {"cas_top1", "cas_real_top5", "cas_both_top1", "cas_lost_top1"} <= set(first.scores)
    assert first["cas_top1"].parameters["model"] == model
    assert first["cas_top1"].parameters["epochs"] == 1
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "classifier-both.pt",
        "classifier-generated.pt",
        "classifier-real.pt",
    ]
    with pytest.raises(OptionError, match="earlier run"):
        score(paths, **run)
    again = score(paths, **run, resume=True)
    assert {name: one.value for name, one in again.scores.items()} == {
        name: one.value for name, one in first.scores.items()
    }


def test_options_of_the_other_mode_are_refused(sets, tmp_path: Path) -> None:
    paths = sets()
    with pytest.raises(OptionError, match="unknown mode 'fast'"):
        score(paths, mode="fast")
    with pytest.raises(OptionError, match="keeps nothing"):
        score(paths, out=tmp_path)
    with pytest.raises(OptionError, match="no run to resume"):
        score(paths, mode="full", resume=True)
    with pytest.raises(OptionError, match="too small to train"):
        score(paths, mode="full", full=FullOptions(size=4))


def test_the_command_with_folders(ganeval, sets, tmp_path: Path) -> None:
    paths = sets(wrong=1.0, count=200)
    for name, path in paths.items():
        with np.load(path) as stored:
            for number, (image, label) in enumerate(zip(stored["arr_0"], stored["arr_1"], strict=True)):
                folder = tmp_path / name / str(label)
                folder.mkdir(parents=True, exist_ok=True)
                Image.fromarray(image[..., 0]).save(folder / f"{number}.png")
    outcome = ganeval(
        *("cas", tmp_path / "gen", "--real-train", tmp_path / "train", "--real-test", tmp_path / "test"),
        *("--labels", "folders", "-e", "pixels", "--strength", "0.01", "--parts", "4", "--json", tmp_path / "r.json"),
    )
    assert outcome.code == 0, outcome.text
    assert "Usefulness for training: severe." in outcome.text
    assert "a linear classifier of pixels features" in outcome.text.lower()
    assert json.loads((tmp_path / "r.json").read_text())["diagnosis"]["findings"][0]["severity"] == "severe"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--mode", "probe", "--epochs", "3"], "--mode probe trains none"),
        (["--mode", "full", "--parts", "4"], "belong to --mode probe"),
        (["--mode", "fall"], "unknown mode 'fall'"),
        (["--resume"], "keeps nothing"),
        (["-n", "5"], "is for generators"),
    ],
)
def test_commands_that_make_no_sense(ganeval, sets, options: list[str], said: str) -> None:
    paths = sets()
    outcome = ganeval("cas", paths["gen"], "--real-train", paths["train"], "--real-test", paths["test"], *options)
    assert outcome.code == 2
    assert said in outcome.text


def test_sets_without_labels_and_with_others_are_named(ganeval, sets, tmp_path: Path) -> None:
    paths = sets()
    with np.load(paths["gen"]) as stored:
        images, labels = stored["arr_0"], stored["arr_1"]
    np.savez(tmp_path / "unlabelled.npz", arr_0=images)
    np.savez(tmp_path / "without.npz", arr_0=images[labels != 4], arr_1=labels[labels != 4])
    for name, said in (("unlabelled", "the generated images have no class labels"), ("without", "the class '4'")):
        outcome = ganeval(
            *("cas", tmp_path / f"{name}.npz", "--real-train", paths["train"], "--real-test", paths["test"]),
            *("-e", "pixels"),
        )
        assert outcome.code == 2
        assert said in outcome.text
