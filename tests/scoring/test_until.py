"""Stop when it is enough: the looks, the sides, the store, the report, and whether the interval holds."""

from __future__ import annotations

import json
from dataclasses import replace

import jsonschema
import numpy as np
import pytest
import torch
from torch.utils.data import Dataset

import ganeval
from ganeval.errors import OptionError
from ganeval.features.extractor import ExtractorOutput, FeatureExtractor
from ganeval.features.features import ExtractorInfo
from ganeval.metrics.registry import METRICS, Metric
from ganeval.metrics.score import Score
from ganeval.report.reading import report_from_json
from ganeval.report.serialise import report_schema
from ganeval.uncertainty.influence import Influence
from ganeval.uncertainty.sequential import Looks, planned_sizes


class Brightness(FeatureExtractor):
    """The mean of each channel; counts the images that it sees."""

    thread_safe = True

    def __init__(self):
        self.info = ExtractorInfo("brightness", "1", "none", feature_dim=3)
        self.seen = 0

    def prepare(self, images):
        return images

    def forward(self, prepared):
        self.seen += len(prepared)
        return ExtractorOutput(prepared.float().mean((2, 3)))


def _compute(real, generated, *, seed, level):
    """Difference of the first channel's means, which needs 600 images for an interval."""
    values = generated.pooled[:, 0].astype(np.float64)
    reals = np.zeros(1) if real is None else real.pooled[:, 0].astype(np.float64)
    n_real = None if real is None else len(reals)
    score = Score("shift", float(values.mean() - reals.mean()), n_real, len(values), False)
    if level is None or len(values) < 600:
        return (score if level is None else score.without_interval("fewer than 600 images"),)
    influence = Influence(None if real is None else reals.mean() - reals, values - values.mean())
    return (score.with_influence(influence, level=level, method="normal"),)


SHIFT = Metric("shift", ("shift",), "Shift", "none", "mean difference", (False,), _compute, aliases=("moved",))


@pytest.fixture(autouse=True)
def _shift(monkeypatch):
    monkeypatch.setitem(METRICS._loaded, "shift", SHIFT)


def images(count, seed, low=0, high=201):
    """Grey 2 x 2 images of one level each, uniform on [low, high)."""
    levels = np.random.default_rng(seed).integers(low, high, count)
    return np.broadcast_to(levels[:, None, None, None], (count, 2, 2, 3)).astype(np.uint8).copy()


def run(samples, real=None, *, until="shift=5", extractor=None, cache=False, metrics="shift", **options):
    METRICS._loaded["shift"] = replace(SHIFT, needs_real=real is not None)
    return ganeval.score(
        samples, real, metrics=metrics, until=until, extractor=extractor or Brightness(), cache=cache, **options
    )


def half_width(score):
    return (score.interval.high - score.interval.low) / 2


def test_it_stops_at_the_first_planned_size_that_is_enough_and_extracts_no_more():
    extractor = Brightness()
    report = run(images(20_000, 0), extractor=extractor)
    stopping = report.stopping
    assert stopping.met
    sizes = planned_sizes(500, 20_000)
    # Uniform on 201 levels: sd 58; the first size with an interval is 750, and looks count from there.
    looks = Looks(sizes[1:], 0.95)
    enough = next(n for n in sizes if n >= 600 and looks.critical(0) * 58.02 / np.sqrt(n) <= 5)
    assert report["shift"].n_generated == pytest.approx(enough, rel=0.51)
    assert report["shift"].n_generated == extractor.seen == stopping.looks[-1].n_generated
    assert extractor.seen in sizes
    assert stopping.planned == looks.sizes
    assert stopping.critical == looks.critical(looks.sizes.index(extractor.seen))
    assert stopping.looks[0].half_widths == {"shift_brightness": None}


def test_the_interval_is_that_of_the_rule():
    score = (report := run(images(20_000, 0)))["shift"]
    assert half_width(score) == pytest.approx(report.stopping.critical * score.standard_error.total, rel=1e-6)
    assert score.interval.level == 0.95
    assert f"all {len(report.stopping.planned)} planned looks" in score.interval.method
    assert half_width(score) <= 5


def test_a_relative_width_is_a_part_of_the_estimate():
    report = run(images(20_000, 0), until={"moved": "4%"})
    assert half_width(report["shift"]) <= 0.04 * abs(report["shift"].estimate)
    assert report.stopping.targets[0].asked == "4%"
    assert report.run.options["until"] == {"shift": "4%"}


def test_a_prefix_of_sorted_images_is_a_fair_sample():
    dark_first = np.sort(images(20_000, 0), axis=0)
    shuffled, in_order = run(dark_first)["shift"], dark_first[:2000, 0, 0, 0].mean()
    assert shuffled.value == pytest.approx(100, abs=10)
    assert in_order < 15
    again = run(dark_first)["shift"]
    assert again.value == shuffled.value
    assert run(dark_first, seed=7)["shift"].value != shuffled.value


def test_both_sides_grow_together_and_a_small_one_is_used_up():
    report = run(images(9_000, 0), images(3_000, 1), until="shift=3")
    grown = [(look.n_real, look.n_generated) for look in report.stopping.looks]
    assert all(real == min(generated, 3000) for real, generated in grown)
    assert len(grown) > 1


def test_stored_real_features_are_taken_whole(tmp_path):
    real, options = images(4_000, 1), {"cache": True, "cache_dir": tmp_path}
    ganeval.score(images(100, 3), real, metrics="fid", extractor=Brightness(), **options)
    report = run(images(9_000, 0), real, until="shift=6", **options)
    assert {look.n_real for look in report.stopping.looks} == {4000}
    assert report.real.from_store == 4000


def test_what_is_stored_is_not_extracted_again_and_a_finer_run_goes_on(tmp_path):
    first, second, third = Brightness(), Brightness(), Brightness()
    options = {"cache": True, "cache_dir": tmp_path}
    coarse = run(images(20_000, 0), until="shift=8", extractor=first, **options)
    fine = run(images(20_000, 0), until="shift=3", extractor=second, **options)
    assert coarse["shift"].n_generated < fine["shift"].n_generated
    assert first.seen + second.seen == fine["shift"].n_generated
    # The store holds more by now than the coarse run looks at: it gives the same answer all the same.
    repeated = run(images(20_000, 0), until="shift=8", extractor=third, **options)
    assert third.seen == 0
    assert repeated["shift"] == coarse["shift"]
    assert repeated.generated.fingerprint == coarse.generated.fingerprint != fine.generated.fingerprint


def test_an_interrupt_between_looks_keeps_what_is_stored(tmp_path):
    class Stops(Brightness):
        def forward(self, prepared):
            if self.seen >= 900:
                raise KeyboardInterrupt
            return super().forward(prepared)

    options = {"cache": True, "cache_dir": tmp_path, "until": "shift=3"}
    with pytest.raises(KeyboardInterrupt):
        run(images(20_000, 0), extractor=Stops(), **options)
    rest = Brightness()
    # The store's key has the code of the extractor in it, so the interrupted one has to go on itself.
    Stops.forward = Brightness.forward
    going_on = Stops()
    report = run(images(20_000, 0), extractor=going_on, **options)
    whole = run(images(20_000, 0), extractor=rest, cache=False, until="shift=3")
    assert going_on.seen < rest.seen
    assert report["shift"] == whole["shift"]


def test_out_of_images_is_a_result_with_a_notice():
    report = run(images(2_000, 0), until="shift=0.01")
    assert report["shift"].n_generated == 2000
    assert not report.stopping.met
    assert report["shift"].interval is not None
    (notice,) = [notice for notice in report.notices if notice.code == "until-not-met"]
    assert "±0.01 was asked for" in notice.message
    assert "images a side would be needed" in notice.effect


def test_without_an_interval_the_score_is_reported_all_the_same():
    report = run(images(550, 0))
    assert report["shift"].no_interval_reason == "fewer than 600 images"
    assert report.stopping.targets[0].reached is None
    assert "there is no interval" in next(n.message for n in report.notices if n.code == "until-not-met")


def test_a_small_real_side_that_can_never_be_enough_ends_the_run_early():
    extractor = Brightness()
    report = run(lambda n: images(n, 5), images(1_000, 1), until="shift=1", extractor=extractor)
    assert extractor.seen < 10_000
    notice = next(n for n in report.notices if n.code == "until-not-met")
    assert "All real images are used, and they alone leave" in notice.effect


def test_a_callable_draws_only_what_is_needed_and_by_itself_no_more_than_the_count():
    rng = np.random.default_rng(0)
    drawn = []

    def draw(n):
        drawn.append(n)
        return np.broadcast_to(rng.integers(0, 201, (n, 1, 1, 1)), (n, 2, 2, 3)).astype(np.uint8).copy()

    report = run(draw)
    assert report.stopping.met
    assert report["shift"].n_generated <= sum(drawn) < report["shift"].n_generated + 64 * 64
    assert run(draw, until="shift=0.1", count=800)["shift"].n_generated == 800


def test_one_shot_iterables_are_taken_as_they_come_with_a_warning():
    batches = (torch.from_numpy(images(100, seed)).permute(0, 3, 1, 2) for seed in range(60))
    report = run(batches, until="shift=6")
    assert report.stopping.met
    notice = next(n for n in report.notices if n.code == "order-unknown")
    assert "if that order is random" in notice.effect


def test_datasets_are_shuffled_by_index():
    class Sorted(Dataset):
        def __init__(self):
            self.images = np.sort(images(5_000, 0), axis=0)

        def __len__(self):
            return len(self.images)

        def __getitem__(self, index):
            return torch.from_numpy(self.images[index]).permute(2, 0, 1), index % 3

    report = run(Sorted(), until="shift=8")
    assert report["shift"].value == pytest.approx(100, abs=10)
    assert not [n for n in report.notices if n.code == "order-unknown"]


def test_a_bundled_generator_draws_only_what_is_needed():
    extractor = Brightness()
    report = run("generator:dcgan", "fashion-mnist", until="shift=6", extractor=extractor)
    assert report.stopping.met
    assert report["shift"].n_generated < 5_000
    assert extractor.seen == report["shift"].n_generated + report["shift"].n_real


def test_several_targets_must_all_be_met_and_other_scores_hold_to_the_rule_too():
    options = {"metrics": "shift,fid", "until": ["shift=8", "fid=90%"]}
    report = run(images(20_000, 0), images(20_000, 1, high=221), **options)
    assert [target.score for target in report.stopping.targets] == ["shift_brightness", "fd_brightness"]
    assert report.stopping.met
    assert half_width(report["shift"]) <= 8


@pytest.mark.slow
def test_coverage_over_whole_runs():
    """The truth, 100, lies in the interval of nearly all runs that stop at a relative width."""
    held = 0
    for seed in range(60):
        interval = run(images(4_000, seed), until="shift=6%")["shift"].interval
        held += interval.low <= 100 <= interval.high
    # 60 replicates at 95 %: fewer than 52 have a probability of 1e-3.
    assert held >= 52


@pytest.mark.parametrize(
    ("until", "message"),
    [
        ("shift", "isn't of the form"),
        ("shift=0", "above 0"),
        ("shift=-1", "above 0"),
        ("shift=abc", "above 0"),
        ({"shift": True}, "above 0"),
        ({"shift": float("nan")}, "above 0"),
        ("kid=1", "isn't computed"),
        ("nonsense=1", "unknown metric"),
        ("prdc=1", "several scores"),
        ("shift=1,moved=2", "named twice"),
        ({}, "names no score"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_any_work(until, message):
    extractor = Brightness()
    with pytest.raises(OptionError, match=message):
        run(images(700, 0), images(700, 1), until=until, extractor=extractor)
    assert extractor.seen == 0


def test_videos_and_runs_without_intervals_are_refused():
    with pytest.raises(OptionError, match="videos"):
        run(np.zeros((4, 5, 2, 2, 3), np.uint8))
    with pytest.raises(OptionError, match="needs intervals"):
        run(images(700, 0), level=None)


def test_full_names_are_understood():
    assert run(images(20_000, 0), until="shift_brightness=8").stopping.met


def test_the_json_follows_its_schema_and_is_read_back():
    report = run(images(2_000, 0), images(2_000, 1), until="shift=0.01")
    text = report.to_json()
    jsonschema.validate(json.loads(text), report_schema())
    assert report_from_json(text).stopping == report.stopping
    assert "Where it stopped" in report.to_html()
