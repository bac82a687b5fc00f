"""``ganeval detect evaluate`` as it is typed, on pictures whose redness is what the stand-in says of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sklearn.metrics import roc_auc_score

pytestmark = pytest.mark.usefixtures("red")

REAL = [0.05, 0.1, 0.2, 0.35, 0.5, 0.65]
WEAK = [0.3, 0.55, 0.65, 0.7]
STRONG = [0.95, 0.97, 0.99]


@pytest.fixture
def sets(tmp_path: Path, paint: Callable[..., Path]) -> Path:
    for number, redness in enumerate(REAL):
        paint(tmp_path / "real" / f"{number}.png", redness)
    for name, rednesses in (("weak", WEAK), ("strong", STRONG)):
        for number, redness in enumerate(rednesses):
            paint(tmp_path / "generated" / name / f"{number}.png", redness)
    return tmp_path


def test_measures_by_generator_and_condition(ganeval, sets: Path) -> None:
    done = ganeval("detect", "evaluate", sets / "real", sets / "generated", "--perturb", "jpeg:90", "--json", "-", "-q")
    assert done.code == 0, done.err
    found = {(one["condition"], one["generator"]): one for one in done.json["outcomes"]}
    assert list(found) == [
        (condition, name) for condition in ("as is", "jpeg:90") for name in ("all generated", "strong", "weak")
    ]
    truth = [1] * len(WEAK) + [0] * len(REAL)
    assert found["as is", "weak"]["auc"]["value"] == pytest.approx(roc_auc_score(truth, [*WEAK, *REAL]), abs=1e-9)
    assert found["as is", "strong"]["auc"]["value"] == 1
    assert found["as is", "strong"]["auc"]["low"] < 0.95
    assert found["as is", "strong"]["detected"]["value"] == 1
    assert found["as is", "weak"]["detected"]["value"] == 0
    assert found["as is", "weak"]["detected_wide"]["value"] == 0.5
    real = done.json["real_outcomes"][0]
    assert real["false_alarms"]["value"] == 0
    assert real["false_alarms_wide"]["value"] == pytest.approx(1 / 6)
    assert real["inconclusive"]["value"] == pytest.approx(2 / 6)
    assert done.json["differences"] == []
    assert "red" in found["as is", "weak"]["detectors"]


def test_sides_that_differ_as_files_are_warned_of_and_matched(ganeval, sets: Path, paint) -> None:
    for number in range(6):
        paint(sets / "other" / f"{number}.jpg", 0.8, size=96, quality=60)
    arguments = ("detect", "evaluate", sets / "real", sets / "other", "-q")
    done = ganeval(*arguments)
    assert done.code == 0, done.err
    assert "formats differ: real images are 100 % PNG, generated ones 100 % JPEG" in done.text
    assert "sizes differ: the median shorter side is 48 px of real and 96 px of generated" in done.text
    assert "pass --match" in done.text
    done = ganeval(*arguments, "--match", "--generated", f"strong={sets / 'generated' / 'strong'}")
    assert "both sides cut to 48 x 48 at a random place and compressed as JPEG 60" in done.text
    assert "other" in done.text
    assert "strong 3" in done.text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["real", "nowhere"], "nowhere"),
        (["real", "generated", "--perturb", "jpg"], "unknown perturbation 'jpg'"),
        (["real", "generated", "--generated", "real"], "has no name"),
    ],
)
def test_what_a_user_can_mend(ganeval, sets: Path, monkeypatch, arguments: list[str], said: str) -> None:
    monkeypatch.chdir(sets)
    done = ganeval("detect", "evaluate", *arguments)
    assert done.code == 2
    assert said in done.text
