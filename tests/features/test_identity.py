"""What makes an extractor of a user's own another one, so that its stored features are never taken for those of it."""

from __future__ import annotations

import functools
import importlib
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from ganeval.features.custom import load_custom
from ganeval.features.extractor import ExtractorRequest
from ganeval.features.identity import code_of, identity_of
from ganeval.features.pixels import PixelsExtractor


class Layered(nn.Module):
    """Which layer it returns is nowhere but in an attribute."""

    def __init__(self, layer: int = 0, **attributes: object) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(3, 3, bias=False) for _ in range(2))
        for layer_of_two in self.layers:
            nn.init.eye_(layer_of_two.weight)
        self.register_buffer("scale", torch.ones(3), persistent=False)
        self.layer = layer
        for name, value in attributes.items():
            setattr(self, name, value)

    def forward(self, images: Tensor) -> Tensor:
        return self.layers[self.layer](images.float().mean(dim=(2, 3))) * self.scale


class Settings:
    """An object that a network might hold."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.itself = self


def test_attributes_and_unsaved_buffers_count() -> None:
    other_scale = Layered()
    other_scale.scale += 1
    networks = [
        Layered(),
        Layered(layer=1),
        other_scale,
        Layered(mean=(0.5, 0.5)),
        Layered(mean=(0.5, 0.6)),
        Layered(scales=[torch.ones(2)]),
        Layered(scales=[torch.zeros(2)]),
        Layered(settings=Settings(1)),
        Layered(settings=Settings(2)),
        Layered(inner=[nn.Linear(1, 1, bias=False).requires_grad_(False)]),
        Layered(pool=torch.amax),
        Layered(pool=torch.mean),
        Layered(pool=functools.partial(torch.mean, dim=1)),
        Layered(pool=functools.partial(torch.mean, dim=2)),
        Layered(kinds={"relu": nn.ReLU}),
        Layered(kinds={"relu": nn.GELU}),
    ]
    identities = [identity_of(network) for network in networks]
    assert len(set(identities)) == len(networks)
    assert identities == [identity_of(network) for network in networks]
    assert identity_of(Layered(layer=1)) == identities[1]


@pytest.mark.parametrize("opaque", [lambda x: x, torch.Generator(), iter([1])], ids=["lambda", "generator", "iterator"])
def test_what_can_not_be_read_is_never_the_same(opaque: object) -> None:
    network = Layered(activation=opaque)
    assert identity_of(network) != identity_of(network)


def test_hooks_can_not_be_read() -> None:
    network = Layered()
    network.layers[0].register_forward_hook(lambda module, inputs, output: output * 2)
    assert identity_of(network) != identity_of(network)


def test_published_networks_can_be_read() -> None:
    from torchvision.models import resnet18

    torch.manual_seed(0)
    network = resnet18()
    assert identity_of(network) == identity_of(network)


EXTRACTOR = """
from ganeval.features.extractor import ExtractorOutput, FeatureExtractor
from ganeval.features.features import ExtractorInfo

class Means(FeatureExtractor):
    info = ExtractorInfo("means", None, "none", feature_dim=3)

    def __init__(self, weights=None):
        pass

    def prepare(self, images):
        return images.float().mean((2, 3))

    def forward(self, prepared):
        return ExtractorOutput(prepared * 1)
"""


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Import the module anew, with its text changed."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def load(text: str = EXTRACTOR, weights: Path | None = None):
        (tmp_path / "means_for_identity.py").write_text(text)
        sys.modules.pop("means_for_identity", None)
        importlib.invalidate_caches()
        return load_custom("means_for_identity:Means", ExtractorRequest(weights=weights))

    yield load
    sys.modules.pop("means_for_identity", None)


def test_the_code_of_an_extractor_counts(load) -> None:
    first = code_of(type(load()))
    assert first is not None
    assert code_of(type(load())) == first
    assert code_of(type(load(EXTRACTOR.replace("* 1", "* 2")))) != first
    assert code_of(PixelsExtractor) is None


def test_weights_given_to_an_extractor_count(load, tmp_path: Path) -> None:
    path = tmp_path / "weights.bin"
    identities = {load().info.weights_sha256}
    for content in (b"1", b"2"):
        path.write_bytes(content)
        identities.add(load(weights=path).info.weights_sha256)
    assert len(identities) == 3
