"""The table of reference scores: which pictures are made of a photograph, as which files, whatever stands beside it."""

from __future__ import annotations

import hashlib
from collections import Counter

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_image

from ganeval.detectors.bundled import shipped_detector
from ganeval.detectors.bundling.photographs import Photograph
from ganeval.detectors.bundling.referencing import Draws, reference_scores
from ganeval.detectors.calibration.reference import ReferenceScores
from ganeval.progress import SilentProgress

pytest.importorskip("av")

DRAWS = Draws(pairs=1, wholes=1, clips=1, films=1)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> list[Photograph]:
    folder = tmp_path_factory.mktemp("photographs")
    found = []
    for name in ("china.jpg", "flower.jpg"):
        path = folder / name
        Image.fromarray(load_sample_image(name)[60:380, 100:500]).save(path, quality=85)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        found.append(Photograph(path=path, source=name, sha256=digest, role="calibrate"))
    return found


def scored(photographs: list[Photograph]) -> ReferenceScores:
    detectors = {"peaks": shipped_detector("peaks")}
    return reference_scores(photographs, detectors, draws=DRAWS, workers=1, progress=SilentProgress())


@pytest.fixture(scope="module")
def table(photographs: list[Photograph]) -> ReferenceScores:
    return scored(photographs)


def test_every_kind_of_picture_is_there(table: ReferenceScores, photographs: list[Photograph]) -> None:
    for one in photographs:
        of = table.groups == one.sha256[:16]
        assert of.sum() == 1 + DRAWS.wholes + 2 * DRAWS.pairs + DRAWS.films + 2 * DRAWS.clips
        assert table.generated[of].sum() == DRAWS.pairs + DRAWS.clips
        assert set(table.clusters[of & ~table.generated]) == {one.source}
        assert Counter(table.bins[of])["video"] == DRAWS.films + 2 * DRAWS.clips
        # The file itself: stored at a quality of 85.
        assert table.bins[of][0] == "moderate"
        assert np.isfinite(table.scores[of][0]).all()


def test_a_photographs_rows_hang_on_nothing_beside_it(table: ReferenceScores, photographs: list[Photograph]) -> None:
    alone = scored(photographs[1:])
    of = table.groups == photographs[1].sha256[:16]
    assert np.array_equal(alone.scores, table.scores[of], equal_nan=True)
    assert np.array_equal(alone.bins, table.bins[of])
    assert np.array_equal(alone.clusters, table.clusters[of])
