"""The ResNet-50 of Wang et al. 2020, for the weights that its authors published."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn
from torchvision.models import ResNet
from torchvision.models.resnet import Bottleneck

from ganeval.detectors.cnn.published_network import Normalised, PublishedDetector


class WangNetwork(ResNet):  # type: ignore[misc]
    """torchvision's ResNet-50 with one logit; float32 pixels [n, 3, h, w] in 0..255, normalised inside, to [n]."""

    def __init__(self) -> None:
        super().__init__(Bottleneck, [3, 4, 6, 3], num_classes=1)
        self.normalised = Normalised()

    def forward(self, pixels: Tensor) -> Tensor:
        return super().forward(self.normalised(pixels)).squeeze(1)  # type: ignore[no-any-return]


class Wang2020Detector(PublishedDetector):
    """Wang et al. 2020: ResNet-50 trained on ProGAN with blur and JPEG as augmentation; whole pictures, unresized.

    Its probabilities aren't calibrated for other generators: at .5 it misses most of some of them, though it ranks
    them well.
    """

    name: ClassVar[str] = "wang2020"
    title: ClassVar[str] = "CNNDetection (Wang 2020)"
    paper: ClassVar[str] = (
        "Wang, Wang, Zhang, Owens, Efros 2020, CNN-generated images are surprisingly easy to spot... for now: a "
        "classifier trained on one generator, with augmentation"
    )
    minimum_side: ClassVar[int] = 64
    # The authors' file has the optimiser's state and the number of steps beside it.
    entry: ClassVar[str | None] = "model"
    trainable: ClassVar[str] = "npr"

    @staticmethod
    def build() -> nn.Module:
        """ResNet-50 with one logit, random weights, 23.5 million parameters."""
        return WangNetwork()
