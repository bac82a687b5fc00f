"""Statistics in the place of real images: the same value, what is left out, what is refused, and what is said."""

from __future__ import annotations

from dataclasses import replace

import jsonschema
import numpy as np
import pytest
import torch

import ganeval
from ganeval.errors import CompareError, ImageSourceError, MetricError, StatisticsError
from ganeval.features.features import ExtractorInfo
from ganeval.features.resolving import resolve_extractor
from ganeval.metrics.frechet_distance import frechet_distance, frechet_distance_from_moments
from ganeval.metrics.moments import Moments
from ganeval.report.serialise import report_schema
from ganeval.statistics import Statistics, read_statistics, write_statistics
from ganeval.statistics.source import require_extractor, statistics_of

FD = "fd_means-and-spreads"


@pytest.fixture
def score(network):
    def run(samples, real, **options):
        return ganeval.score(samples, real, **{"extractor": network(), "cache": False, "device": "cpu", **options})

    return run


@pytest.fixture(scope="module")
def generated(pictures):
    return pictures(90, 11)


@pytest.fixture(scope="module")
def real(pictures):
    return pictures(110, 12)


def codes(report):
    return {notice.code: notice for notice in report.notices}


def test_the_value_is_that_of_the_images(score, known, generated, real, tmp_path):
    path = write_statistics(tmp_path / "s.npz", known(real))
    images, statistics = score(generated, real), score(generated, path)
    assert statistics[FD].value == pytest.approx(images[FD].value, rel=1e-9)
    assert statistics["fd"].n_real == 110
    assert statistics.real.count == 110
    assert statistics.real.kind == "statistics"
    assert statistics.real.source == str(path)
    assert statistics.real.fingerprint == images.real.fingerprint
    assert statistics.real.sizes == images.real.sizes
    about = statistics.real.provenance["statistics"]
    assert (about["file"], about["source"], about["content"]) == (str(path), "array", known(real).content)
    jsonschema.validate(statistics.to_dict(), report_schema())
    assert "moments of the real side" in statistics[FD].interval.method
    assert statistics[FD].influence.real is None
    assert codes(statistics)["real-side-fixed"].severity == "info"
    assert "110 images" in codes(statistics)["real-side-fixed"].message


def test_what_needs_more_is_left_out_or_refused_where_it_is_named(score, known, generated, real):
    statistics = known(real)
    report = score(generated, statistics, metrics="all")
    assert set(report.scores) >= {FD, "fd_infinity_means-and-spreads", "inception_score_means-and-spreads"}
    assert not any(name.startswith(("kd", "precision", "density", "spectral")) for name in report.scores)
    left = " ".join(notice.message for notice in report.notices if notice.code == "metric-left-out")
    assert "kd left out" in left
    assert "holds only their moments" in left
    assert "holds only statistics" in left
    for metric, words in [("kid", "--features"), ("spectral_distance", "real images themselves")]:
        with pytest.raises(MetricError) as caught:
            score(generated, statistics, metrics=metric)
        assert words in str(caught.value)
    with pytest.raises(MetricError, match="at least"):
        score(generated, known(real, features=1), metrics="precision")


def test_metrics_of_the_generated_side_do_not_mind(score, known, generated, real):
    alone = score(generated, None, metrics="vendi")
    beside = score(generated, known(real), metrics="vendi")
    assert beside["vendi"].value == alone["vendi"].value


def test_with_all_features_everything_is_as_with_images(score, known, generated, real, tmp_path):
    path = write_statistics(tmp_path / "s.npz", known(real, features="all"))
    names = "fid,kid,prdc,mifd,authpct,is"
    images, statistics = score(generated, real, metrics=names), score(generated, path, metrics=names)
    assert statistics.scores == images.scores
    assert statistics[FD].standard_error.real > 0
    assert "real-side-fixed" not in codes(statistics)
    assert statistics.requested == images.requested


def test_with_some_features_moments_are_of_all_and_kernels_of_these(score, known, generated, real):
    statistics = known(real, features=40)
    report = score(generated, statistics, metrics="fid,kid,prdc", top=3)
    assert report[FD].value == pytest.approx(score(generated, real, metrics="fid")[FD].value, rel=1e-9)
    kept = np.stack([real[int(name.partition("[")[2][:-1])] for name in statistics.kept.ids])
    on_these = score(generated, kept, metrics="kid,prdc")
    assert report["kid"].value == on_these["kid"].value
    assert report["recall"].value == on_these["recall"].value
    assert (report["fid"].n_real, report["kid"].n_real) == (110, 40)
    assert "40 images" in codes(report)["real-features-in-part"].message
    assert report.drivers.worst


def test_copies_and_formats_are_found_as_with_images(score, known, generated, real):
    copied = np.concatenate([generated[:-1], real[:1]])
    for features in (0, "all"):
        report = score(copied, known(real, features=features))
        assert ("duplicates-across" in codes(report)) == (features == "all")
    bigger = np.repeat(np.repeat(generated, 2, axis=1), 2, axis=2)
    assert any("image size" in notice.message for notice in score(bigger, known(real)).notices)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"weights": "b" * 64}, ["aaaaaaaaaaaa", "bbbbbbbbbbbb"]),
        ({"name": "pixels"}, ["means-and-spreads", "pixels"]),
    ],
)
def test_another_extractor_is_refused_naming_both(score, known, network, generated, real, options, words):
    other = "pixels" if "name" in options else network(**options)
    with pytest.raises(StatisticsError) as caught:
        score(generated, known(real), extractor=other)
    assert all(word in str(caught.value) for word in words)


def test_other_code_is_refused(score, known, generated, real, monkeypatch):
    statistics = known(real)
    monkeypatch.setattr("ganeval.statistics.source.code_of", lambda kind: "another version")
    with pytest.raises(StatisticsError, match="code of the extractor"):
        score(generated, statistics)


def test_statistics_of_others_are_for_inception_alone(score, generated, tmp_path):
    np.savez(tmp_path / "s.npz", mu=np.zeros(6), sigma=np.eye(6))
    with pytest.raises(StatisticsError, match=r"inception-v3 is assumed.*means-and-spreads"):
        score(generated, tmp_path / "s.npz")


@pytest.fixture
def inception(network):
    """Calls itself Inception-v3, of six features."""

    class Stub(network):
        def __init__(self):
            self.info = ExtractorInfo("inception-v3", "c" * 64, "tf1", feature_dim=6)

    return Stub()


def test_statistics_of_others_on_inception(score, known, generated, real, inception, tmp_path, monkeypatch):
    moments = known(real).moments
    np.savez(tmp_path / "s.npz", mu=moments.mean, sigma=moments.covariance())
    with pytest.raises(StatisticsError, match=r"6 dimensions.*2,048"):
        score(generated, tmp_path / "s.npz", extractor=inception, metrics="fid")
    monkeypatch.setattr("ganeval.statistics.source._INCEPTION_DIMENSION", 6)
    report = score(generated, tmp_path / "s.npz", extractor=inception, metrics="fid")
    assert report["fid"].value == pytest.approx(score(generated, real, metrics="fid")["fid"].value, rel=1e-9)
    assert report["fid"].interval is not None
    assert report["fid"].n_real is None
    assert report.real.count is None
    assert codes(report)["statistics-of-unknown-origin"].severity == "warning"
    assert "an unknown number of images" in codes(report)["real-side-fixed"].message
    assert "an unknown number of" in report.comparable
    jsonschema.validate(report.to_dict(), report_schema())
    assert "unknown" in report.to_html()


def test_compare_takes_statistics(network, known, pictures, real, tmp_path):
    path = write_statistics(tmp_path / "s.npz", known(real))
    sets = {"a": pictures(80, 21), "b": np.clip(pictures(80, 22).astype(int) + 60, 0, 255).astype(np.uint8)}
    options = {"extractor": network(), "cache": False, "device": "cpu", "metrics": "fid"}
    found = ganeval.compare(sets, path, **options)
    difference = found[FD].differences[0]
    assert difference.outcome == "better"
    assert found.real.source == str(path)
    with_images = ganeval.compare(sets, real, **options)
    assert found[FD].scores["a"].value == pytest.approx(with_images[FD].scores["a"].value, rel=1e-9)


def test_until_takes_statistics(score, known, generated, real):
    report = score(generated, known(real), metrics="fid", until="fid=1000")
    assert report.stopping.met
    assert report[FD].n_real == 110


def test_statistics_behind_a_url(score, known, generated, real, tmp_path):
    memory = pytest.importorskip("fsspec").filesystem("memory")
    path = write_statistics(tmp_path / "s.npz", known(real))
    arrays = {"mu": np.zeros(2048), "sigma": np.eye(2048)}
    np.savez(tmp_path / "theirs.npz", **arrays)
    np.savez(tmp_path / "broken.npz", mu=arrays["mu"])
    np.savez(tmp_path / "images.npz", arr_0=np.zeros((3, 8, 8, 3), np.uint8), **arrays)
    torch.save({name: torch.from_numpy(values) for name, values in arrays.items()}, tmp_path / "theirs.pt")
    for file in tmp_path.iterdir():
        memory.pipe_file(f"/stats/{file.name}", file.read_bytes())
    try:
        url = "memory://stats/s.npz"
        report = score(generated, url, metrics="fid")
        assert report["fd"].value == score(generated, path, metrics="fid")["fd"].value
        assert report.real.provenance["statistics"]["file"] == url
        for name in ("theirs.npz", "theirs.pt"):
            found = read_statistics(f"memory://stats/{name}")
            assert found.path == found.source == f"memory://stats/{name}"
            assert f"memory://stats/{name} holds" in found.notices[0].message
        with pytest.raises(StatisticsError, match=r"^memory://stats/broken.npz has no array 'sigma'"):
            statistics_of("memory://stats/broken.npz")
        assert statistics_of("memory://stats/images.npz") is None
        assert statistics_of("statistics:memory://stats/images.npz") is not None
        assert statistics_of("memory://stats/gone.npz") is None
        with pytest.raises(ImageSourceError, match="no such file"):
            read_statistics("memory://stats/gone.npz")
    finally:
        memory.rm("/stats", recursive=True)


def test_a_network_of_another_precision_says_what_to_type(known, network, real):
    made = known(real)
    other = replace(made, extractor=replace(made.extractor, precision="bfloat16"))
    with pytest.raises(StatisticsError, match="--precision bfloat16, or make"):
        require_extractor(other, resolve_extractor(network())[0])


def test_an_npz_of_images_is_still_images(score, known, generated, real, tmp_path):
    moments = known(real).moments
    np.savez(tmp_path / "images.npz", arr_0=real)
    np.savez(tmp_path / "both.npz", arr_0=real, mu=moments.mean, sigma=moments.covariance())
    for name in ("images.npz", "both.npz"):
        assert score(generated, tmp_path / name, metrics="kid").real.kind == "npz"
    with pytest.raises(StatisticsError, match="inception-v3 is assumed"):
        score(generated, f"statistics:{tmp_path / 'both.npz'}", metrics="fid")
    with pytest.raises(ImageSourceError, match="not images"):
        score(write_statistics(tmp_path / "s.npz", known(real)), None)


@pytest.mark.parametrize(("n", "m"), [(500, 80), (30, 120)])
def test_the_interval_is_for_the_population_against_these_moments(n, m):
    """The generated population is known exactly, so its distance to the fixed moments is too."""
    dimension, hits, corrected, errors = 16, 0, [], []
    scale = np.arange(1, dimension + 1) ** -0.5
    for seed in range(60):
        random = np.random.default_rng(seed)
        real = Moments.of(random.normal(size=(n, dimension)) * scale + 0.3)
        rows = random.normal(size=(m, dimension)) * scale[::-1].copy()
        found = frechet_distance(real, rows)
        population = torch.diag(torch.from_numpy(scale[::-1].copy() ** 2))
        truth = frechet_distance_from_moments(real.mean, real.covariance(), torch.zeros(dimension), population).value
        hits += found.interval.low <= truth <= found.interval.high
        corrected.append(found.corrected - truth)
        errors.append(found.standard_error.total)
    assert hits >= 52
    assert abs(np.mean(corrected)) < 3 * np.std(corrected) / np.sqrt(60) + 0.02
    assert np.mean(errors) == pytest.approx(np.std(corrected), rel=0.4)


def test_moments_refuse_rows_of_another_width():
    with pytest.raises(MetricError, match="same number of columns"):
        frechet_distance(Moments.of(np.eye(4)), np.eye(5))


def test_statistics_that_are_not_from_a_file_say_so_too(score, known, generated, real):
    statistics = known(real)
    assert isinstance(statistics, Statistics)
    assert score(generated, statistics, metrics="fid").real.source == "array"


def test_reports_on_one_file_of_others_can_be_compared_and_on_two_cannot(
    score, generated, inception, pictures, tmp_path, monkeypatch
):
    monkeypatch.setattr("ganeval.statistics.source._INCEPTION_DIMENSION", 6)
    for name, spread in (("a", 1.0), ("b", 2.0)):
        np.savez(tmp_path / f"{name}.npz", mu=np.zeros(6), sigma=np.eye(6) * spread)
    reports = [
        score(samples, tmp_path / f"{name}.npz", extractor=inception, metrics="fid")
        for samples, name in ((generated, "a"), (pictures(90, 13), "a"), (generated, "b"))
    ]
    assert len(ganeval.compare(reports[:2])["fid"].differences) == 1
    with pytest.raises(CompareError, match="real images"):
        ganeval.compare(reports[1:])
