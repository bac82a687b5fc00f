"""`ganeval.score` from Python: what it takes, what it returns, what it says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, TensorDataset

import ganeval
from ganeval.errors import MetricError, NotEnoughImagesError, OptionError, PluginError
from ganeval.features.extractor import ExtractorOutput, FeatureExtractor
from ganeval.features.features import ExtractorInfo
from ganeval.metrics import frechet_distance, inception_score, kernel_distance
from ganeval.metrics.registry import METRICS


def arrays(seed: int, count: int = 40, tint: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    smooth = rng.integers(0, 200, (count, 4, 4, 3)).repeat(3, 1).repeat(3, 2)
    return np.clip(smooth + tint + rng.integers(0, 20, smooth.shape), 0, 255).astype(np.uint8)


def values(report):
    return {name: score.value for name, score in report.scores.items()}


def run(samples, real=None, **options):
    return ganeval.score(samples, real=real, extractor="pixels", cache=False, **options)


def test_every_kind_of_python_object_gives_the_same(tmp_path):
    generated, real = arrays(0, tint=30), arrays(1)
    tensor = torch.from_numpy(generated).permute(0, 3, 1, 2)
    folder = tmp_path / "folder"
    folder.mkdir()
    for number, array in enumerate(generated):
        Image.fromarray(array).save(folder / f"{number:02d}.png")
    forms = {
        "array": generated,
        "tensor": tensor,
        "float tensor": tensor.float() / 255,
        "images": [Image.fromarray(array) for array in generated],
        "dataset": TensorDataset(tensor, torch.arange(40)),
        "loader": DataLoader(TensorDataset(tensor), batch_size=7),
        "batches": (tensor[i : i + 9] for i in range(0, 40, 9)),
        "folder": folder,
        "text": str(folder),
    }
    expected = values(run(generated, real))
    assert len(expected) == 6
    for name, form in forms.items():
        assert values(run(form, real)) == pytest.approx(expected, rel=1e-6), name


def test_a_callable_generator_draws_what_is_asked():
    made = torch.from_numpy(arrays(0)).permute(0, 3, 1, 2)
    report = run(lambda n: made[:n], arrays(1), count=30)
    assert report.generated.count == 30
    assert values(report) == pytest.approx(values(run(arrays(0)[:30], arrays(1))), rel=1e-9)


def test_scores_are_those_of_the_plain_functions():
    generated, real = arrays(0, tint=20), arrays(1)
    report = run(generated, real, metrics=["fid", "kid"])
    flat = [side.reshape(len(side), -1) for side in (real, generated)]
    assert report.extractor.feature_dim == 3072
    assert flat[0].shape[1] != 3072  # The images are resized, so only the functions' own features can be compared:
    from ganeval.features.engine import extract
    from ganeval.features.extractor import EXTRACTORS, ExtractorRequest

    extractor = EXTRACTORS.get("pixels").create(ExtractorRequest())
    features = [extract(ganeval.open_source(side), extractor).features.pooled for side in (real, generated)]
    assert report["fid"].value == frechet_distance(*features).value
    assert report["kid"].value == kernel_distance(*features).value


def test_names_under_which_scores_are_found():
    report = run(arrays(0), arrays(1), metrics="fid,prdc")
    assert report["fid"] is report["fd"] is report["fd_pixels"]
    assert report["precision"].name == "precision_pixels"
    assert "kid" not in report
    with pytest.raises(MetricError, match="kid"):
        report["kid"]


class Counter(FeatureExtractor):
    """Says how often it ran; two features."""

    info = ExtractorInfo("counter", None, "none", feature_dim=2)
    thread_safe = False

    def __init__(self):
        self.images = 0

    def prepare(self, images):
        return images.float().mean((2, 3))[:, :2]

    def forward(self, prepared):
        self.images += len(prepared)
        return ExtractorOutput(prepared)


def test_an_extractor_object_is_used_and_stored_features_are_reused(tmp_path):
    extractor = Counter()
    for expected in (80, 80):
        ganeval.score(arrays(0), real=arrays(1), extractor=extractor, cache_dir=tmp_path, metrics="fid")
        assert extractor.images == expected
    ganeval.score(arrays(2), real=arrays(1), extractor=extractor, cache_dir=tmp_path, metrics="fid")
    assert extractor.images == 120


def with_logits(images):
    means = images.float().mean((2, 3))
    return means, means / 10


def test_logits_of_a_users_own_extractor_are_used():
    report = ganeval.score(arrays(0), real=arrays(1), extractor=with_logits, cache=False)
    features = ganeval.open_source(arrays(0))
    logits = np.stack([item.load().pixels.reshape(-1, 3).mean(0) / 10 for item in features]).astype(np.float32)
    assert report["is"].value == pytest.approx(inception_score(logits).value, rel=1e-6)
    assert (report.extractor.feature_dim, report.extractor.class_count) == (3, 3)
    without = ganeval.score(arrays(0), real=arrays(1), extractor=lambda x: with_logits(x)[0], cache=False)
    assert "inception_score_lambda" not in without.scores
    assert any("class logits" in notice.message for notice in without.notices if notice.code == "metric-left-out")
    with pytest.raises(MetricError, match="class logits"):
        ganeval.score(arrays(0), extractor=lambda x: with_logits(x)[0], metrics="is", cache=False)


@pytest.mark.parametrize(
    ("metrics", "options", "error"),
    [
        ("kid", {"kid": {"subsets": 0}}, OptionError),
        ("kid", {"kid": {"degree": 1.5}}, OptionError),
        ("kid", {"kid": {"gamma": -1}}, OptionError),
        ("prdc", {"prdc": {"k": 0}}, OptionError),
        ("prdc", {"prdc": {"k": 40}}, NotEnoughImagesError),
        ("kid", {"kid": {"subset_size": 41}}, NotEnoughImagesError),
        ("is", {"is": {"splits": 41}}, NotEnoughImagesError),
        ("fid", {}, OptionError),
    ],
)
def test_what_can_not_work_is_refused_before_the_work(metrics, options, error):
    def extractor(images):
        raise AssertionError("work was begun")

    on_error = "raise" if options else "ignore"
    with pytest.raises(error):
        ganeval.score(
            arrays(0), real=arrays(1), extractor=extractor, metrics=metrics, options=options, on_error=on_error
        )


def test_options_may_lower_what_a_metric_needs():
    report = run(arrays(0, 3), arrays(1, 3), metrics="prdc", options={"prdc": {"k": 1}})
    assert len(report.scores) == 4
    scores = ganeval.score(
        arrays(0, 4), extractor=with_logits, metrics="is", options={"is": {"splits": 2}}, cache=False
    )
    assert scores["is"].parameters["splits"] == 2


def test_two_metrics_with_one_name_are_an_error(monkeypatch):
    monkeypatch.setitem(METRICS._loaded, "recall_again", replace(METRICS.get("precision_recall"), name="recall_again"))
    with pytest.raises(PluginError, match="precision_pixels"):
        run(arrays(0), arrays(1), metrics="precision,recall_again")


@pytest.mark.parametrize("metrics", [None, "all", ["standard", "default"]])
def test_a_metric_that_is_not_named_itself_may_be_left_out(metrics):
    report = run(arrays(0), arrays(1), metrics=metrics)
    assert "fd_pixels" in report.scores
    assert "inception_score left out" in " ".join(notice.message for notice in report.notices)


def test_a_name_beside_a_group_insists_on_itself_alone():
    report = run(arrays(0), arrays(1), metrics="standard,rke")
    assert {"fd_pixels", "rke_pixels"} <= set(report.scores)
    assert "inception_score left out" in " ".join(notice.message for notice in report.notices)
    with pytest.raises(MetricError, match="logits"):
        run(arrays(0), arrays(1), metrics="standard,is")
    alone = ganeval.score(arrays(0), extractor="pixels", metrics="diversity,rke", cache=False)
    assert "rke_pixels" in alone.scores
    assert "no-real-images" in [notice.code for notice in alone.notices]
    with pytest.raises(MetricError, match="fd: no real images"):
        ganeval.score(arrays(0), extractor="pixels", metrics="standard,fd", cache=False)


def test_a_group_of_which_nothing_can_be_computed_says_why_once():
    with pytest.raises(MetricError, match="real images were given to compare with"):
        ganeval.score(arrays(0), extractor="pixels", metrics="paired", cache=False)
    with pytest.raises(MetricError) as raised:
        run(arrays(0), arrays(1), metrics="video")
    assert raised.value.hint is not None
    assert "--clips folders" in raised.value.hint
    small = ganeval.open_source(np.zeros((6, 12, 12, 3), np.uint8)), np.zeros((6, 14, 14, 3), np.uint8)
    with pytest.raises(MetricError) as raised:
        run(small[0], small[1], metrics="paired")
    assert raised.value.message.count("different sizes") == 1


def test_few_images_leave_default_metrics_out_with_a_notice():
    report = run(arrays(0, 3), arrays(1, 3))
    assert set(report.scores) == {"fd_pixels", "kd_pixels"}
    left = [notice.message for notice in report.notices if notice.code == "metric-left-out"]
    assert any("precision" in message for message in left)
    assert any("coverage" in message for message in left)
    with pytest.raises(NotEnoughImagesError, match="precision"):
        run(arrays(0, 3), arrays(1, 3), metrics=["fid", "precision"])


def test_rank_deficiency_is_said_for_the_side_that_has_it():
    class Two(Counter):
        pass

    notices = ganeval.score(arrays(0, 2), real=arrays(1), extractor=Two(), cache=False, metrics="fid").notices
    deficient = [notice for notice in notices if notice.code == "rank-deficient"]
    assert len(deficient) == 1
    assert "2 generated images" in deficient[0].message
    assert "real images" not in deficient[0].message


def test_clamped_subsets_are_said_unless_asked_for():
    codes = [notice.code for notice in run(arrays(0), arrays(1), metrics="kid").notices]
    assert codes.count("subset-clamped") == 1
    asked = run(arrays(0), arrays(1), metrics="kid", options={"kid": {"subset_size": 20}})
    assert "subset-clamped" not in [notice.code for notice in asked.notices]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"metrics": ["nope"]}, MetricError),
        ({"metrics": []}, MetricError),
        ({"metrics": "fid", "options": {"fid": {"nope": 1}}}, OptionError),
        ({"metrics": "fid", "options": {"kid": {"subsets": 1}}}, OptionError),
        ({"metrics": "kid", "options": {"kid": {"subset_size": 41}}}, NotEnoughImagesError),
        ({"metrics": "is"}, MetricError),
        ({"on_error": "ignore"}, OptionError),
        ({"labels": "names"}, OptionError),
        ({"device": "abacus"}, OptionError),
        ({"batch_size": 0}, OptionError),
    ],
)
def test_bad_arguments(options, error):
    with pytest.raises(error):
        run(arrays(0), arrays(1), **options)


def test_an_extractor_that_is_none():
    with pytest.raises(PluginError, match="not callable"):
        ganeval.score(arrays(0), real=arrays(1), extractor=42, cache=False)


def test_provenance_is_complete():
    report = run(arrays(0), arrays(1), metrics="fid", seed=7)
    about = report.to_dict()
    assert about["run"]["seed"] == 7
    assert {"ganeval", "python", "torch", "numpy"} <= set(about["run"]["versions"])
    assert about["run"]["command"].startswith("ganeval.score(")
    assert about["run"]["device"] in ("cpu", "cuda", "mps")
    assert about["generated"]["sizes"] == {"12x12": 40}
    assert about["generated"]["fingerprint"] != about["real"]["fingerprint"]


def test_the_projection_is_the_same_each_time_and_separates_what_differs():
    one, two = (run(arrays(0, tint=55), arrays(1)).gallery for _ in range(2))
    np.testing.assert_array_equal(one.projection_real, two.projection_real)
    gap = abs(one.projection_real[:, 0].mean() - one.projection_generated[:, 0].mean())
    assert gap > one.projection_real[:, 0].std()
    assert 0 < sum(one.projection_variance) <= 1 + 1e-9
