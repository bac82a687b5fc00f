"""Random histories: reproducible, as often as asked for, described as applied."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_sample_images

from ganeval.detectors.artefacts.histories import MILD, History, HistorySettings, random_history
from ganeval.detectors.perturbations import Jpeg, Noise, Resize, Sharpen, WebP, parse_perturbation
from ganeval.errors import OptionError


def drawn(count: int, settings: HistorySettings | None = None) -> list[History]:
    rng = np.random.default_rng(11)
    return [random_history(rng, settings=settings) for _ in range(count)]


def test_the_same_generator_gives_the_same_histories_and_pixels():
    picture = np.ascontiguousarray(load_sample_images().images[1][:160, :200])
    for one, other in zip(drawn(25), drawn(25), strict=True):
        assert one == other
        np.testing.assert_array_equal(one.apply(picture), other.apply(picture))


def test_shares_are_those_of_the_settings():
    histories = [history.describe() for history in drawn(4000)]
    untouched = np.mean([one["name"] == "untouched" for one in histories])
    # And those to which nothing happens although it might: no crop, resize, touch-up nor compression.
    assert untouched == pytest.approx(1 / 3 + 2 / 3 * 0.9 * 0.5 * 0.5 * 0.7 * 0.2, abs=0.025)
    touched = [one for one in histories if one["name"] != "untouched"]
    counts = Counter(one["compressions"] for one in touched)
    # A tenth are platforms' histories with one compression each.
    for number, share in enumerate(HistorySettings().compressions):
        expected = 0.9 * share + (0.1 if number == 1 else 0) - (0.03 if number == 0 else 0)
        assert counts[number] / len(touched) == pytest.approx(expected, abs=0.04)
    qualities = [one["quality"] for one in touched if one["codec"] == "jpeg"]
    assert 40 <= min(qualities) < 45
    assert 95 < max(qualities) <= 98
    factors = np.log([one["resized"] for one in touched if one["resized"] != 1])
    assert abs(np.mean(factors)) < 0.06
    assert {one["subsampling"] for one in touched} == {None, "420", "444"}


def test_some_of_the_pictures_compressed_twice_are_edited_in_between():
    def edited(history: History) -> bool:
        codecs = [index for index, step in enumerate(history.steps) if isinstance(step, (Jpeg, WebP))]
        return any(isinstance(step, Sharpen) for step in history.steps[codecs[0] : codecs[-1]])

    twice = [one for one in drawn(4000) if one.describe()["compressions"] == 2]
    assert np.mean([edited(one) for one in twice]) == pytest.approx(HistorySettings().edited, abs=0.06)
    never = replace(HistorySettings(), edited=0.0)
    assert not any(edited(one) for one in drawn(400, never) if one.describe()["compressions"] == 2)


def test_an_untouched_picture_is_a_copy():
    picture = np.arange(75, dtype=np.uint8).reshape(5, 5, 3)
    same = History().apply(picture)
    np.testing.assert_array_equal(same, picture)
    assert not np.shares_memory(same, picture)
    assert History().describe()["codec"] == "png"


def test_a_history_applies_its_steps_in_order_and_tells_of_the_last_compression():
    picture = np.ascontiguousarray(load_sample_images().images[0][:96, :128])
    history = History((Resize(0.75), Jpeg(90, "444"), WebP(70)), 3)
    np.testing.assert_array_equal(history.apply(picture), WebP(70)(Jpeg(90, "444")(Resize(0.75)(picture))))
    told = history.describe()
    assert (told["codec"], told["quality"], told["first_quality"], told["resized"]) == ("webp", 70, 90, 0.75)
    assert parse_perturbation(told["name"])(picture, 3).tobytes() == history.apply(picture).tobytes()


def test_the_noise_of_two_histories_differs():
    grey = np.full((16, 16, 3), 99, np.uint8)
    assert (History((Noise(3),), 1).apply(grey) != History((Noise(3),), 2).apply(grey)).any()


def test_mild_histories_are_mild():
    for one in (history.describe() for history in drawn(200, MILD)):
        assert one["compressions"] == 1
        assert one["quality"] >= 88
        assert 0.95 <= one["resized"] <= 1.05


@pytest.mark.parametrize("wrong", [{"untouched": 1.5}, {"compressions": (0.5, 0.5, 0.5)}, {"blur": 0.6, "noise": 0.6}])
def test_impossible_probabilities_are_refused(wrong):
    with pytest.raises(OptionError):
        HistorySettings(**wrong)
