"""A user's own extractor: what it is given, what it may give back, and what is said when it doesn't work."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ganeval.errors import OptionError, PluginError
from ganeval.features.custom import adapt, load_custom
from ganeval.features.extractor import ExtractorRequest
from ganeval.features.pixels import PixelsExtractor
from ganeval.features.preprocessing import resize_clean, resize_tf1

SOURCE = """
import torch
from torch import nn

class Means(nn.Module):
    name = "My Means"
    def __init__(self, weights=None):
        super().__init__()
        self.scale = nn.Parameter(torch.full((3,), 2.0))
        self.given = weights
    def forward(self, images):
        assert images.dtype == torch.uint8
        return images.float().mean(dim=(2, 3)) * self.scale

class Sized:
    input_size = 16
    thread_safe = True
    class_names = ["dark", "light"]
    def __call__(self, pixels):
        assert pixels.dtype == torch.float32
        light = pixels.mean(dim=(1, 2, 3))[:, None]
        return {"pooled": pixels.flatten(1), "logits": torch.cat([-light, light], dim=1)}

def factory():
    return lambda images: (images.float().amax(dim=(2, 3)), None)

class Raises:
    def __init__(self):
        raise ValueError("no such luck")

class NotCallable:
    pass

class Impostor(Means):
    name = "inception-v3"

class BadSize(Means):
    input_size = "large"
"""

IMAGES = torch.randint(0, 256, (4, 3, 20, 30), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A module `own_extractors` in the current folder."""
    path = tmp_path / "own_extractors.py"
    path.write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry != ""])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield path
    sys.modules.pop("own_extractors", None)


def test_a_class_from_the_current_folder(module: Path) -> None:
    extractor = load_custom("own_extractors:Means", ExtractorRequest())
    output = extractor(IMAGES)
    torch.testing.assert_close(output.pooled, 2 * IMAGES.float().mean(dim=(2, 3)))
    assert not output.pooled.requires_grad
    assert output.logits is None
    assert extractor.info.name == "my-means"
    assert extractor.info.preprocessing == "native"


@pytest.mark.parametrize(("preprocessing", "resize"), [(None, resize_clean), ("tf1", resize_tf1)])
def test_input_size_and_dictionary(module: Path, preprocessing: str | None, resize: Any) -> None:
    extractor = load_custom("own_extractors:Sized", ExtractorRequest(preprocessing=preprocessing))
    output = extractor(IMAGES)
    torch.testing.assert_close(output.pooled, resize(IMAGES, 16).flatten(1))
    assert output.logits is not None
    assert output.logits.shape == (4, 2)
    assert extractor.thread_safe
    assert extractor.class_names == ("dark", "light")
    assert extractor.info.preprocessing == f"{preprocessing or 'clean'}-16"


def test_a_factory_is_called(module: Path) -> None:
    output = load_custom("own_extractors:factory", ExtractorRequest())(IMAGES)
    assert torch.equal(output.pooled, IMAGES.float().amax(dim=(2, 3)))


def identity_of(target: str, request: ExtractorRequest) -> str | None:
    sys.modules.pop("own_extractors", None)
    return load_custom(target, request).info.weights_sha256


def test_identity_changes_with_source_and_weights(module: Path, tmp_path: Path) -> None:
    first = identity_of("own_extractors:Means", ExtractorRequest())
    assert identity_of("own_extractors:Means", ExtractorRequest()) == first
    path = tmp_path / "w.bin"
    path.write_bytes(b"1")
    with_weights = identity_of("own_extractors:Means", ExtractorRequest(weights=path))
    path.write_bytes(b"2")
    other_weights = identity_of("own_extractors:Means", ExtractorRequest(weights=path))
    module.write_text(SOURCE + "\n# changed\n")
    changed = identity_of("own_extractors:Means", ExtractorRequest())
    assert len({first, with_weights, other_weights, changed}) == 4


def test_identity_of_modules_handed_over() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 20 * 30, 5))
    first = adapt(network, ExtractorRequest()).info.weights_sha256
    assert adapt(network, ExtractorRequest()).info.weights_sha256 == first
    with torch.no_grad():
        network[1].bias += 1
    assert adapt(network, ExtractorRequest()).info.weights_sha256 != first

    def mean(images: Tensor) -> Tensor:
        return images.float().mean(dim=(2, 3))

    assert adapt(mean, ExtractorRequest()).info.weights_sha256 != adapt(mean, ExtractorRequest()).info.weights_sha256
    assert adapt(mean, ExtractorRequest()).info.name == "mean"


def test_a_frozen_network_in_training_mode_is_left_as_it_is() -> None:
    class Normed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm1d(12)

        def forward(self, images: Tensor) -> Tensor:
            return self.norm(images.float().flatten(1))

    network = Normed().requires_grad_(False)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    adapt(network, ExtractorRequest())(torch.randint(0, 256, (4, 3, 2, 2), dtype=torch.uint8))
    assert network.training
    assert all(part.training for part in network.modules())
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


def test_an_extractor_is_used_as_it_is() -> None:
    pixels = PixelsExtractor(ExtractorRequest())
    assert adapt(pixels, ExtractorRequest()) is pixels


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("no_such_module_anywhere:Net", "can't be imported"),
        ("own_extractors:Missing", "has no 'Missing'"),
        ("own_extractors:Raises", "no such luck"),
        ("own_extractors:NotCallable", "not callable"),
        ("own_extractors:Impostor", "built-in"),
        ("own_extractors:BadSize", "input_size"),
        ("own_extractors:", "package.module:Class"),
        (":Net", "package.module:Class"),
    ],
)
def test_what_does_not_work_is_named(module: Path, target: str, message: str) -> None:
    with pytest.raises(PluginError, match=message) as caught:
        load_custom(target, ExtractorRequest())
    assert "own_extractors" in str(caught.value) or target.split(":")[0] in str(caught.value)


def test_a_module_with_a_syntax_error_is_named(module: Path) -> None:
    module.write_text("def broken(:\n")
    with pytest.raises(PluginError, match="SyntaxError"):
        load_custom("own_extractors:Means", ExtractorRequest())


def test_preprocessing_without_input_size_is_refused(module: Path) -> None:
    with pytest.raises(OptionError, match="input_size"):
        load_custom("own_extractors:Means", ExtractorRequest(preprocessing="clean"))


def _raise(images: Tensor) -> Tensor:
    raise KeyError("layer4")


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda images: images.float(), r"shape \(4, 3, 20, 30\) for 4 images"),
        (lambda images: images.float().mean(dim=(2, 3))[:2], r"shape \(2, 3\) for 4 images"),
        (lambda images: torch.full((4, 2), float("nan")), "NaN"),
        (lambda images: torch.zeros(4, 0), "shape"),
        (lambda images: torch.zeros(4, 2, dtype=torch.complex64), "complex"),
        (lambda images: "features", "str"),
        (lambda images: None, "NoneType"),
        (lambda images: {"features": torch.zeros(4, 2)}, "'pooled'"),
        (lambda images: (torch.zeros(4, 2), torch.zeros(3, 2)), "logits"),
        (_raise, "KeyError"),
    ],
)
def test_wrong_output_is_named(function: Any, message: str) -> None:
    function.__name__ = "home-made"
    with pytest.raises(PluginError, match=message):
        adapt(function, ExtractorRequest())(IMAGES)


def test_numpy_output_is_taken() -> None:
    output = adapt(lambda images: np.arange(8.0).reshape(4, 2), ExtractorRequest(), where="numpy")
    # A lambda's name has no letters to spare, but "lambda" is one.
    assert output.info.name == "lambda"
    assert torch.equal(output(IMAGES).pooled, torch.arange(8.0).reshape(4, 2))


def test_out_of_memory_reaches_the_engine() -> None:
    def greedy(images: Tensor) -> Tensor:
        raise RuntimeError("DefaultCPUAllocator: not enough memory")

    with pytest.raises(RuntimeError, match="not enough memory"):
        adapt(greedy, ExtractorRequest())(IMAGES)
