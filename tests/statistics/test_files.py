"""Files of statistics: there and back, as others write and read them, and every way in which one can be broken."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch_fid import fid_score
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.utils import cache_lookup_one_recompute_on_miss

from ganeval.errors import OutputError, StatisticsError
from ganeval.features.features import ExtractorInfo
from ganeval.metrics.frechet_distance import frechet_distance
from ganeval.metrics.moments import Moments
from ganeval.statistics import Statistics, read_statistics, write_statistics

ROWS = np.random.default_rng(3).normal(size=(50, 8)) @ np.random.default_rng(4).normal(size=(8, 8))
MU, SIGMA = ROWS.mean(0), np.cov(ROWS, rowvar=False)


def npz(path, **arrays):
    np.savez(path, **arrays)
    return path


@settings(deadline=None, max_examples=15)
@given(count=st.integers(2, 40), dimension=st.integers(1, 9), seed=st.integers(0, 99))
def test_moments_come_back(tmp_path_factory, count, dimension, seed):
    moments = Moments.of(np.random.default_rng(seed).normal(50, 1, (count, dimension)))
    path = tmp_path_factory.mktemp("there") / "s.npz"
    write_statistics(path, Statistics(moments, count, ExtractorInfo("x", None, "y")))
    back = read_statistics(path)
    assert back.count == back.moments.count == count
    assert torch.equal(back.moments.mean, moments.mean)
    torch.testing.assert_close(back.moments.scatter, moments.scatter, rtol=1e-14, atol=1e-13)


@pytest.mark.parametrize("features", [None, 12, "all"])
def test_everything_comes_back(known, pictures, tmp_path, features):
    made = known(pictures(30, 1), features=features)
    path = write_statistics(tmp_path / "s.npz", made)
    back = read_statistics(path)
    assert back.path == str(path)
    for field in ("count", "extractor", "code", "source", "kind", "content", "fingerprint", "labels", "kinds"):
        assert getattr(back, field) == getattr(made, field), field
    assert back.kept_count == made.kept_count
    if made.kept is not None:
        assert np.array_equal(back.kept.pooled, made.kept.pooled)
        assert np.array_equal(back.kept.logits, made.kept.logits)
        assert (back.kept.ids, back.kept.labels, back.kept.images) == (
            made.kept.ids,
            made.kept.labels,
            made.kept.images,
        )
    assert json.dumps(back.to_dict())


def test_the_file_holds_plain_arrays_only(known, pictures, tmp_path):
    path = write_statistics(tmp_path / "s.npz", known(pictures(9, 1), features=4))
    with np.load(path, allow_pickle=False) as file:
        assert {name: file[name].dtype.kind for name in file.files} == {
            "mu": "f", "sigma": "f", "ganeval": "u", "features": "f", "logits": "f", "rows": "u", "geometry": "i",
            "digests": "u",
        }  # fmt: skip


def test_pytorch_fid_reads_ours(known, pictures, tmp_path):
    made = known(pictures(20, 2))
    path = write_statistics(tmp_path / "s.npz", made)
    mu, sigma = fid_score.compute_statistics_of_path(str(path), None, 1, 6, "cpu")
    assert np.array_equal(mu, made.moments.mean)
    assert np.array_equal(sigma, made.moments.covariance())


def test_what_pytorch_fid_writes(tmp_path, monkeypatch):
    monkeypatch.setattr(fid_score, "InceptionV3", type("Stub", (), {"BLOCK_INDEX_BY_DIM": {8: 0}, "to": lambda s, d: s,
                                                                    "__init__": lambda s, blocks: None}))  # fmt: skip
    monkeypatch.setattr(fid_score, "compute_statistics_of_path", lambda *arguments: (MU, SIGMA))
    path = tmp_path / "theirs.npz"
    fid_score.save_fid_stats([str(tmp_path), str(path)], 1, "cpu", 8)
    found = read_statistics(path)
    assert np.array_equal(found.moments.mean, MU)
    np.testing.assert_allclose(found.moments.covariance(), SIGMA, rtol=1e-14)
    assert (found.count, found.extractor, found.content, found.kept) == (None, None, None, None)
    assert "of how many images" in found.notices[0].message


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_torch_fidelity_caches(tmp_path, dtype):
    rows = torch.from_numpy(ROWS.astype(dtype))
    cache_lookup_one_recompute_on_miss(
        "set-inception-v3-compat-stat-fid-2048", lambda: fid_features_to_statistics(rows),
        cache=True, cache_root=str(tmp_path), verbose=False,
    )  # fmt: skip
    found = read_statistics(tmp_path / "set-inception-v3-compat-stat-fid-2048.pt")
    assert found.form == "torch-fidelity"
    assert found.count is None
    np.testing.assert_allclose(found.moments.covariance(), SIGMA, rtol=1e-5, atol=1e-6)
    generated = np.random.default_rng(9).normal(size=(70, 8))
    theirs = fid_statistics_to_metric(
        fid_features_to_statistics(torch.from_numpy(ROWS)),
        fid_features_to_statistics(torch.from_numpy(generated)),
        False,
    )["frechet_inception_distance"]
    tolerance = 1e-5 if dtype == np.float32 else 1e-9
    assert frechet_distance(found.moments, generated).value == pytest.approx(theirs, rel=tolerance)


def test_tensors_of_few_digits_are_read(tmp_path):
    path = tmp_path / "few-digits.pt"
    torch.save({"mu": torch.from_numpy(MU).bfloat16(), "sigma": torch.eye(8).half()}, path)
    found = read_statistics(path)
    np.testing.assert_allclose(found.moments.mean, MU, rtol=2**-8)
    assert np.array_equal(found.moments.covariance(), np.eye(8))


def test_adms_and_clean_fids_forms(tmp_path):
    adm = read_statistics(npz(tmp_path / "adm.npz", mu=MU, sigma=SIGMA, mu_s=MU, sigma_s=SIGMA))
    assert adm.form.startswith("ADM")
    assert np.array_equal(adm.moments.mean, MU)
    feats = read_statistics(npz(tmp_path / "kid.npz", feats=ROWS.astype(np.float32)))
    assert feats.count == 50
    assert feats.whole
    np.testing.assert_allclose(feats.moments.covariance(), SIGMA, rtol=1e-5, atol=1e-6)


class Harmful:
    """Would run code when it is unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("a pickle was loaded",))


OBJECTS = np.array([Harmful()], dtype=object)
ASYMMETRIC = SIGMA.copy()
ASYMMETRIC[0, 1] += 1.0
NEGATIVE = SIGMA.copy()
NEGATIVE[2, 2] = -1.0


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"mu": MU}, "no array 'sigma'"),
        ({"sigma": SIGMA}, "no array 'mu'"),
        ({"other": MU}, "no array 'mu'"),
        ({"mu": MU, "sigma": SIGMA[:, :5]}, "must be \\[D\\]"),
        ({"mu": MU[:5], "sigma": SIGMA}, "must be \\[D\\]"),
        ({"mu": MU[:, None], "sigma": SIGMA}, "must have 1 dimension"),
        ({"mu": MU, "sigma": SIGMA * np.nan}, "sigma has 64 values that are NaN"),
        ({"mu": np.where(MU > 0, np.inf, MU), "sigma": SIGMA}, "mu has .* infinite"),
        ({"mu": MU, "sigma": ASYMMETRIC}, "isn't symmetric"),
        ({"mu": MU, "sigma": NEGATIVE}, "variance -1"),
        ({"mu": OBJECTS, "sigma": SIGMA}, "Python objects"),
        ({"mu": MU.astype(complex), "sigma": SIGMA}, "complex128"),
        ({"mu": MU, "sigma": SIGMA, "ganeval": np.frombuffer(b"{", np.uint8)}, "broken"),
        ({"mu": MU, "sigma": SIGMA, "ganeval": np.frombuffer(b'{"format": 1}', np.uint8)}, "isn't what ganeval writes"),
        ({"mu": MU, "sigma": SIGMA, "ganeval": np.frombuffer(b'{"format": 99}', np.uint8)}, "reads up to 1"),
        ({"feats": ROWS * np.nan}, "NaN"),
        ({"feats": ROWS[:1]}, "at least 2"),
    ],
)
def test_arrays_that_are_no_statistics(tmp_path, arrays, words):
    with pytest.raises(StatisticsError, match=words):
        read_statistics(npz(tmp_path / "bad.npz", **arrays))


@pytest.mark.filterwarnings("ignore:Validating sparse tensor")
@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"mu": MU}, "a dictionary of mu"),
        (torch.zeros(3), "no dictionary"),
        ({"mu": MU, "sigma": SIGMA, "more": Harmful()}, "Python objects"),
        ({"mu": OBJECTS, "sigma": SIGMA}, "Python objects"),
        ({"mu": torch.zeros(3, dtype=torch.int64), "sigma": SIGMA}, "int64"),
        ({"mu": torch.zeros(8), "sigma": torch.zeros(4, 4)}, "must be \\[D\\]"),
        ({"mu": torch.zeros(8), "sigma": torch.zeros(8, 8, dtype=torch.complex64)}, "complex64"),
        ({"mu": torch.zeros(8), "sigma": torch.eye(8).to_sparse()}, "sigma is no array"),
        ({"mu": [1.0, 2.0], "sigma": [[1.0, 0.0], [0.0]]}, "sigma is no array"),
    ],
)
def test_torch_files_that_are_no_statistics(tmp_path, content, words):
    torch.save(content, tmp_path / "bad.pt")
    with pytest.raises(StatisticsError, match=words):
        read_statistics(tmp_path / "bad.pt")


def test_files_that_are_broken(known, pictures, tmp_path):
    whole = write_statistics(tmp_path / "whole.npz", known(pictures(9, 1), features=4)).read_bytes()
    for name, content in [("cut.npz", whole[:-200]), ("text.npz", b"hello"), ("empty.npz", b""), ("text.pt", b"hello")]:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(StatisticsError, match=name):
            read_statistics(tmp_path / name)
    changed = bytearray(whole)
    changed[whole.index(b"mu.npy") + 150] ^= 1
    (tmp_path / "changed.npz").write_bytes(changed)
    with pytest.raises(StatisticsError, match="CRC"):
        read_statistics(tmp_path / "changed.npz")
    with pytest.raises(StatisticsError, match="no such file"):
        read_statistics(tmp_path / "nothing.npz")


def test_rows_that_do_not_belong(known, pictures, tmp_path):
    path = write_statistics(tmp_path / "s.npz", known(pictures(9, 1), features=4))
    with np.load(path) as file:
        arrays = dict(file)
    with pytest.raises(StatisticsError, match="don't belong"):
        read_statistics(npz(tmp_path / "fewer.npz", **arrays | {"features": arrays["features"][:3]}))
    with pytest.raises(StatisticsError, match="don't belong"):
        read_statistics(npz(tmp_path / "wide.npz", **arrays | {"features": np.zeros((4, 5), np.float32)}))


def test_what_cannot_be_written(known, pictures, tmp_path):
    made = known(pictures(9, 1))
    with pytest.raises(OutputError, match="no such file"):
        write_statistics(tmp_path / "missing" / "s.npz", made)
    with pytest.raises(OutputError, match=r"written as \.npz"):
        write_statistics(tmp_path / "s.pt", made)
    with pytest.raises(StatisticsError, match="aren't written anew"):
        write_statistics(tmp_path / "s.npz", read_statistics(npz(tmp_path / "a.npz", mu=MU, sigma=SIGMA)))


def test_a_failed_write_leaves_the_old_file(known, pictures, tmp_path, monkeypatch):
    path = write_statistics(tmp_path / "s.npz", known(pictures(9, 1)))
    before = path.read_bytes()

    def full(*arguments, **arrays):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OutputError, match="no space left"):
        write_statistics(path, known(pictures(8, 2)))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
