"""From names and objects to extractors: what `auto` takes, and that a name never falls back."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from ganeval.errors import ExtractorError, OptionError, PluginError, WeightsError
from ganeval.features import inception
from ganeval.features.extractor import EXTRACTORS, ExtractorRequest
from ganeval.features.pixels import PixelsExtractor
from ganeval.features.resolving import resolve_extractor
from ganeval.features.weights import sha256_of


def test_auto_without_network_falls_back_and_says_so(no_network: Path) -> None:
    extractor, notices = resolve_extractor("auto")
    assert extractor.info.name == "efficientnet-lite0"
    (notice,) = notices
    assert notice.code == "extractor-fallback"
    assert notice.severity == "warning"
    assert "no network" in notice.message
    assert "can't be compared with published FID" in notice.effect


def test_auto_takes_inception_from_the_disk(
    no_network: Path, inception_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inception, "PUBLISHED", replace(inception.PUBLISHED, sha256=sha256_of(inception_weights)[:8]))
    no_network.mkdir(parents=True)
    shutil.copy(inception_weights, no_network / inception.PUBLISHED.filename)
    assert inception.SPEC.availability().available
    extractor, notices = resolve_extractor("auto")
    assert extractor.info.name == "inception-v3"
    assert extractor.info.published_weights
    assert notices == ()


def test_auto_with_weights_means_inception(no_network: Path, inception_weights: Path, tmp_path: Path) -> None:
    extractor, notices = resolve_extractor("auto", ExtractorRequest(weights=inception_weights, preprocessing="clean"))
    assert (extractor.info.name, extractor.info.preprocessing) == ("inception-v3", "clean")
    assert notices == ()
    with pytest.raises(WeightsError, match=r"none\.pth"):
        resolve_extractor("auto", ExtractorRequest(weights=tmp_path / "none.pth"))


def test_a_name_never_falls_back(no_network: Path) -> None:
    with pytest.raises(WeightsError, match="inception-v3"):
        resolve_extractor("inception-v3")


def test_bad_options_are_not_a_reason_to_fall_back(no_network: Path) -> None:
    with pytest.raises(OptionError, match="nearest"):
        resolve_extractor("auto", ExtractorRequest(preprocessing="nearest"))


@pytest.mark.parametrize(
    ("typed", "meant"), [("inceptoin-v3", "inception-v3"), ("efficientnet", "efficientnet-lite0"), ("atuo", "auto")]
)
def test_unknown_names_suggest_the_nearest(typed: str, meant: str) -> None:
    with pytest.raises(ExtractorError) as caught:
        resolve_extractor(typed)
    assert repr(typed) in str(caught.value)
    assert f"Did you mean {meant!r}?" in str(caught.value)


def test_objects_and_paths_to_classes() -> None:
    pixels = PixelsExtractor(ExtractorRequest())
    assert resolve_extractor(pixels) == (pixels, ())
    extractor, _ = resolve_extractor(nn.Flatten())
    assert extractor(torch.zeros(2, 3, 4, 4, dtype=torch.uint8)).pooled.shape == (2, 48)
    by_path, _ = resolve_extractor("torch.nn:Flatten")
    assert by_path.info.name == "flatten"
    with pytest.raises(PluginError, match="not callable"):
        resolve_extractor(3)  # type: ignore[arg-type]


def test_every_name_of_the_table_has_a_matching_entry(no_network: Path) -> None:
    for name in EXTRACTORS:
        spec = EXTRACTORS.get(name)
        assert spec.name == name
        assert spec.summary
        assert spec.availability().reason
        assert set(spec.preprocessings) <= {"tf1", "clean"}
