"""The network of Tan et al. 2024 (NPR), for the weights that its authors published."""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from ganeval.detectors.cnn.folded import FoldedNPR
from ganeval.detectors.cnn.neighbouring_pixels import PAPER_WIDTH, NPRNetwork
from ganeval.detectors.cnn.published_network import PublishedDetector


class NPRPublishedDetector(PublishedDetector):
    """Tan et al. 2024: ResNet-50 with a 3 x 3 stem, cut after its second stage, on ``x - up2(down2(x))``.

    The whole picture is judged, as the authors do where they don't resize to 256 x 256. Their code stops at an odd
    number of rows or columns; here the last one is dropped then. Their users report real pictures that it calls
    generated, and it takes the blocks of 2 x 2 from the picture's corner only: a picture cropped by one pixel has
    another score.
    """

    name: ClassVar[str] = "npr-published"
    title: ClassVar[str] = "NPR (Tan 2024)"
    paper: ClassVar[str] = (
        "Tan, Zhao, Wei, Gu, Liu, Wei 2024, Rethinking the Up-Sampling Operations in CNN-based Generative Network for "
        "Generalizable Deepfake Detection, as trained by the authors"
    )
    minimum_side: ClassVar[int] = 64
    # Their training adds a layer of that name to the network, which its forward pass never calls.
    unused: ClassVar[tuple[str, ...]] = ("fc.weight", "fc.bias")
    trainable: ClassVar[str] = "npr"

    @staticmethod
    def build() -> nn.Module:
        """The network with random weights, 1.4 million parameters."""
        return NPRNetwork(PAPER_WIDTH)

    def prepared(self) -> nn.Module:
        """With its batch norms folded."""
        assert isinstance(self.network, NPRNetwork)
        return FoldedNPR(self.network)
