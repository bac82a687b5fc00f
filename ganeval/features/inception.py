"""Inception-v3 with the weights of 2015: the extractor on which FID, KID and IS are defined."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ganeval.features.extractor import Availability, ExtractorOutput, ExtractorRequest, ExtractorSpec, FeatureExtractor
from ganeval.features.features import ExtractorInfo
from ganeval.features.precision import EXACT, find_precision
from ganeval.features.preprocessing import find_preprocessing
from ganeval.features.weights import (
    PublishedWeights,
    availability_reason,
    check_state_dict,
    load_state_dict,
    obtain,
    sha256_of,
)

if TYPE_CHECKING:
    from ganeval.features.inception_network import InceptionNetwork

NAME = "inception-v3"
INPUT_SIZE = 299
FEATURE_DIM = 2048
CLASS_COUNT = 1008
PREPROCESSINGS = ("tf1", "clean")

PUBLISHED = PublishedWeights(
    network=NAME,
    url="https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
    filename="weights-inception-2015-12-05-6726825d.pth",
    sha256="6726825d",
    megabytes=91,
)


class InceptionV3Extractor(FeatureExtractor):
    """Pooled features [N, 2048] and `logits_unbiased` [N, 1008] of the FID network at 299 x 299.

    Heusel et al. 2017 (FID), Salimans et al. 2016 (IS). The network is torch-fidelity's with the batch norms
    folded in: in float32, features agree with its own to 1e-5 relative.

    Parameters
    ----------
    request
        Weights other than the published ones, preprocessing ``"tf1"`` (default) or ``"clean"``, precision
        ``"float32"`` (default), ``"tf32"``, ``"bfloat16"`` or ``"float16"``, and with ``spatial`` sFID's features
        [N, 2023] beside the others.
    """

    thread_safe = True

    def __init__(self, request: ExtractorRequest) -> None:
        self._preprocessing = find_preprocessing(request.preprocessing, PREPROCESSINGS[0], PREPROCESSINGS)
        self._precision = find_precision(request.precision)
        path = request.weights
        if path is None:
            path = obtain(PUBLISHED, download=request.download, progress=request.progress)
        checksum = sha256_of(path)
        self._path, self._trust = path, request.trust
        self.info = ExtractorInfo(
            name=NAME,
            weights_sha256=checksum,
            preprocessing=self._preprocessing.name,
            precision=request.precision or EXACT,
            published_weights=PUBLISHED.matches(checksum),
            feature_dim=FEATURE_DIM,
            class_count=CLASS_COUNT,
            spatial=request.spatial,
        )
        if not self.info.published_weights:
            # Who knows what the file holds: now is the time to say so.
            _ = self.network

    @cached_property
    def network(self) -> InceptionNetwork:
        """The network, made when it is first needed: a score of stored features needs none."""
        from ganeval.features.inception_network import InceptionNetwork, empty_layers

        state = load_state_dict(self._path, network=NAME, published=PUBLISHED, trust=self._trust)
        layers = empty_layers()
        check_state_dict(state, layers.state_dict(), path=self._path, network=NAME)
        layers = layers.to_empty(device="cpu").eval()
        layers.load_state_dict(state, strict=False)
        return InceptionNetwork(layers, self._precision).eval()

    def prepare(self, images: Tensor) -> Tensor:
        """uint8 [N, 3, H, W] to float32 [N, 3, 299, 299] in 0..255."""
        return self._preprocessing.resize(images, INPUT_SIZE)

    def forward(self, prepared: Tensor) -> ExtractorOutput:
        """Pooled [N, 2048], logits without the classifier's bias [N, 1008] and, where wanted, spatial [N, 2023].

        Gradients flow to `prepared` where it asks for them; the weights never do.
        """
        if self.info.spatial:
            pooled, logits, spatial = self.network.with_spatial(prepared)
            return ExtractorOutput(pooled=pooled, logits=logits, spatial=spatial)
        pooled, logits = self.network(prepared)
        return ExtractorOutput(pooled=pooled, logits=logits)

    def to(self, device: torch.device) -> InceptionV3Extractor:
        """Move the network to `device`."""
        self.network.to(device)
        return self


def _availability() -> Availability:
    available, reason = availability_reason(PUBLISHED)
    return Availability(available, reason)


SPEC = ExtractorSpec(
    name=NAME,
    summary="Inception-v3 of 2015, the network of FID, KID and IS",
    feature_dim=FEATURE_DIM,
    class_count=CLASS_COUNT,
    preprocessings=PREPROCESSINGS,
    availability=_availability,
    create=InceptionV3Extractor,
)
