"""What drives the score: planted outliers and a missing class come first, and all numbers agree with closed forms."""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import replace

import jsonschema
import numpy as np
import pytest
import torch

import ganeval
from ganeval.errors import OptionError, OutputError
from ganeval.features.extractor import ExtractorOutput, FeatureExtractor
from ganeval.features.features import ExtractorInfo
from ganeval.metrics import frechet_distance
from ganeval.metrics.registry import METRICS
from ganeval.report.reading import report_from_json
from ganeval.report.serialise import report_schema

CLASSES = ("dark", "bright", "green")


class Corners(FeatureExtractor):
    """Means of the four quarters of the first two channels; the logits tell dark, bright and green."""

    thread_safe = True
    class_names = CLASSES

    def __init__(self):
        self.info = ExtractorInfo("corners", "1", "none", feature_dim=8, class_count=3)

    def prepare(self, images):
        return images

    def forward(self, prepared):
        pooled = torch.nn.functional.avg_pool2d(prepared.float(), 4)[:, :2].flatten(1)
        red, green = prepared.float().mean((2, 3))[:, :2].T
        return ExtractorOutput(pooled, torch.stack([100 - red, red - 100, 2 * (green - red)], 1))


def images(count, seed, *, level=50, spread=10):
    rng = np.random.default_rng(seed)
    base = level + spread * rng.normal(size=(count, 2, 2, 1))
    return np.clip(base.repeat(4, 1).repeat(4, 2).repeat(3, 3) + rng.normal(size=(count, 8, 8, 3)), 0, 255).astype(
        np.uint8
    )


PLANTED = (17, 140, 271)
LONELY = tuple(range(60, 68))


@pytest.fixture(scope="module")
def sides():
    generated, real = images(300, 0), images(300, 1)
    generated[list(PLANTED)] = [[[[40, 240, 40]]]]
    lonely = images(len(LONELY), 2, spread=3)
    lonely[:, :4, :4, :2] += 60
    real[list(LONELY)] = lonely
    return generated, real


@pytest.fixture(scope="module")
def report(sides):
    return ganeval.score(*sides, extractor=Corners(), metrics="fid,prdc", top=6, cache=False)


def test_planted_images_push_the_distance_up_most(report):
    drivers = report.drivers
    assert drivers.score == "fd_corners"
    assert {image.row for image in drivers.worst[:3]} == set(PLANTED)
    assert {image.predicted for image in drivers.worst[:3]} == {"green"}
    assert drivers.worst[0].id == f"array[{drivers.worst[0].row}]"
    assert len(drivers.worst) == len(drivers.best) == 6
    influence = [image.influence["fd_corners"] for image in drivers.worst]
    assert influence == sorted(influence, reverse=True)
    assert drivers.best[0].influence["fd_corners"] < 0 < influence[0]
    assert not any(image.inside for image in drivers.worst[:3])


def test_influences_are_the_scores_and_predict_what_leaving_out_does(report, sides):
    drivers, score = report.drivers, report["fid"]
    table = {(image.side, image.row): image for image in drivers.images}
    assert len(table) == 600
    for side in ("real", "generated"):
        values = [table[side, row].influence["fd_corners"] for row in range(300)]
        assert np.allclose(values, getattr(score.influence, side))
        assert np.sum(values) == pytest.approx(0, abs=1e-6 * np.abs(values).sum())
    # Leaving out an image, computed anew, is the oracle.
    extract = Corners()
    real, generated = (extract(torch.from_numpy(side).permute(0, 3, 1, 2)).pooled.numpy() for side in reversed(sides))
    whole = frechet_distance(real, generated).estimate
    rows = [*PLANTED, *range(0, 300, 30)]
    changes = [whole - frechet_distance(real, np.delete(generated, row, 0)).estimate for row in rows]
    influences = [table["generated", row].influence["fd_corners"] / 300 for row in rows]
    assert np.corrcoef(changes, influences)[0, 1] > 0.99
    assert (np.argsort(changes)[-3:] < 3).all()


def test_class_contributions_add_up(report):
    classes = report.drivers.classes
    assert report.drivers.classes_by == "predicted"
    generated = {one.name: one for one in classes if one.side == "generated"}
    assert generated["green"].count == 3
    assert generated["green"].outside == 1.0
    assert classes[0].contribution == max(one.contribution for one in classes)
    expected = sum(one.influence["fd_corners"] for one in report.drivers.worst[:3]) / 300
    assert generated["green"].contribution == pytest.approx(expected)
    assert sum(one.contribution for one in generated.values()) == pytest.approx(0, abs=1e-9)
    assert sum(one.count for one in classes) == 600


def test_lonely_real_images_are_uncovered_the_loneliest_first(report, sides):
    drivers = report.drivers
    assert {image.row for image in drivers.uncovered[: len(LONELY)]} <= set(LONELY)
    assert drivers.uncovered_count == round(300 * (1 - report["coverage"].value))
    distances = [image.distance for image in drivers.uncovered]
    assert distances == sorted(distances, reverse=True)
    assert min(distances) >= 1
    extract = Corners()
    real, generated = (extract(torch.from_numpy(side).permute(0, 3, 1, 2)).pooled.numpy() for side in reversed(sides))
    row = drivers.uncovered[0].row
    to_real = np.sort(np.linalg.norm(real - real[row], axis=1))
    nearest = np.linalg.norm(generated - real[row], axis=1).min()
    assert drivers.uncovered[0].distance == pytest.approx(nearest / to_real[5], rel=1e-5)
    inside = sum(bool(image.inside) for image in drivers.images if image.side == "generated")
    assert inside == round(300 * report["precision"].value)


def test_realism_agrees_with_the_metric(report, sides):
    realism = pytest.importorskip("ganeval.metrics.realism")
    extract = Corners()
    real, generated = (extract(torch.from_numpy(side).permute(0, 3, 1, 2)).pooled.numpy() for side in reversed(sides))
    values = [image.realism for image in report.drivers.images if image.side == "generated"]
    assert np.allclose(values, realism.realism_scores(real, generated, k=3), rtol=1e-4)
    assert all(image.realism is None for image in report.drivers.uncovered)


def test_labels_come_before_predictions_where_both_sides_have_them(sides):
    generated, real = sides
    labels = np.where(np.isin(np.arange(300), PLANTED), "broken", "fine")
    samples = [
        (torch.from_numpy(image).permute(2, 0, 1), label) for image, label in zip(generated, labels, strict=True)
    ]
    reals = [(torch.from_numpy(image).permute(2, 0, 1), "fine") for image in real]
    drivers = ganeval.score(samples, reals, extractor=Corners(), metrics="fid", top=2, cache=False).drivers
    assert drivers.classes_by == "label"
    assert (drivers.classes[0].side, drivers.classes[0].name, drivers.classes[0].count) == ("generated", "broken", 3)


def test_pictures_are_those_of_the_listed_images(report, sides):
    previews = report.drivers.previews
    listed = {(i.side, i.row) for i in (*report.drivers.worst, *report.drivers.best, *report.drivers.uncovered)}
    assert set(previews) == listed
    assert (previews["generated", PLANTED[0]].pixels == sides[0][PLANTED[0]]).all()
    page = report.to_html()
    assert "What drives the score" in page
    assert page.count("<li title=") == len(report.drivers.worst) * 2 + len(report.drivers.uncovered)


def test_images_that_come_once_are_listed_without_pictures(sides):
    generated, real = sides
    batches = (generated[i : i + 50] for i in range(0, 300, 50))
    drivers = ganeval.score(batches, real, extractor=Corners(), metrics="fid", top=3, cache=False).drivers
    assert {image.row for image in drivers.worst} == set(PLANTED)
    assert all(side == "real" for side, _ in drivers.previews)
    assert "pictures of the generated images: they can be read only once" in drivers.unknown


def test_without_real_images_and_without_influence_it_says_what_is_missing(sides):
    alone = ganeval.score(sides[0], extractor=Corners(), metrics="is", top=3, cache=False).drivers
    assert any("there are no real images" in reason for reason in alone.unknown)
    assert alone.uncovered_count is None
    without = ganeval.score(*sides, extractor=Corners(), metrics="fid", top=3, cache=False, level=None).drivers
    assert without.score is None
    assert any(reason.startswith("influence") for reason in without.unknown)
    assert without.uncovered_count is not None
    assert not any(image.influence for image in without.images)


def test_the_json_follows_its_schema_and_is_read_back(report):
    text = report.to_json()
    jsonschema.validate(json.loads(text), report_schema())
    assert report_from_json(text).drivers == report.drivers
    assert "images" not in json.loads(text)["drivers"]


def test_identical_images_leave_infinite_distances_that_json_can_tell(sides):
    real = np.concatenate([np.full((20, 8, 8, 3), 150, np.uint8), sides[1]])
    report = ganeval.score(sides[0], real, extractor=Corners(), metrics="fid", top=3, cache=False)
    assert report.drivers.uncovered[0].distance == float("inf")
    jsonschema.validate(json.loads(report.to_json()), report_schema())
    assert report_from_json(report.to_json()).drivers.uncovered[0].distance == float("inf")
    assert "∞" in report.to_html()


def test_the_table_has_a_row_for_every_image(report, tmp_path):
    path = report.drivers.to_table(tmp_path / "drivers.csv")
    rows = list(csv.DictReader(path.open(encoding="utf-8")))
    assert len(rows) == 600
    planted = next(row for row in rows if row["side"] == "generated" and row["row"] == str(PLANTED[0]))
    assert planted["predicted_class"] == "green"
    assert planted["inside_real_manifold"] == "false"
    assert planted["covered"] == ""
    values = [float(row["influence_fd_corners"]) for row in rows if row["side"] == "generated"]
    assert np.allclose(values, report["fid"].influence.generated)
    assert {"influence_precision_corners", "realism", "covered", "nearest_generated"} <= set(rows[0])
    assert not list(tmp_path.glob(".ganeval*"))


def test_parquet_has_the_same_with_types(report, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(report.drivers.to_table(tmp_path / "drivers.parquet"))
    assert table.num_rows == 600
    assert table.column("row").to_pylist()[:3] == [0, 1, 2]
    assert str(table.schema.field("covered").type) == "bool"
    values = table.column("influence_fd_corners").to_pylist()[:300]
    assert np.allclose(values, report["fid"].influence.generated)


def test_parquet_without_pyarrow_is_a_clear_error(report, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(OutputError, match="pyarrow, which isn't installed") as caught:
        report.drivers.to_table(tmp_path / "drivers.parquet")
    assert "ganeval[parquet]" in caught.value.hint
    with pytest.raises(OptionError, match=r"\.csv or \.parquet"):
        report.drivers.to_table(tmp_path / "drivers.xlsx")


@pytest.mark.parametrize("top", [0, -1, 2.5, True])
def test_top_must_be_a_count(sides, top):
    with pytest.raises(OptionError, match="top must be"):
        ganeval.score(*sides, extractor=Corners(), metrics="fid", top=top, cache=False)


def test_images_are_ordered_by_the_foremost_score_whatever_was_named_first(sides):
    found = ganeval.score(*sides, extractor=Corners(), metrics="mmd_rbf,precision,kid,fid", top=3, cache=False)
    assert found.drivers.score == "fd_corners"
    found = ganeval.score(*sides, extractor=Corners(), metrics="precision,mmd_poly,kid", top=3, cache=False)
    assert found.drivers.score == "kd_corners"
    found = ganeval.score(*sides, extractor=Corners(), metrics="recall,precision", top=3, cache=False)
    assert found.drivers.score == "precision_corners"


def test_a_plug_in_says_itself_where_it_stands(sides, monkeypatch):
    foremost = replace(METRICS.get("precision_recall"), leading=0)
    monkeypatch.setitem(METRICS._loaded, "precision_recall", foremost)
    found = ganeval.score(*sides, extractor=Corners(), metrics="fid,precision", top=3, cache=False)
    assert found.drivers.score == "precision_corners"
