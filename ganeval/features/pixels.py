"""The images themselves, shrunk to 32 x 32: a baseline that any learned feature has to beat."""

from __future__ import annotations

from torch import Tensor

from ganeval.errors import WeightsError
from ganeval.features.extractor import Availability, ExtractorOutput, ExtractorRequest, ExtractorSpec, FeatureExtractor
from ganeval.features.features import ExtractorInfo
from ganeval.features.preprocessing import find_preprocessing

NAME = "pixels"
SIDE = 32
FEATURE_DIM = 3 * SIDE * SIDE
PREPROCESSINGS = ("clean", "tf1")


class PixelsExtractor(FeatureExtractor):
    """Pixels in 0..1 of the image at 32 x 32, flattened channel by channel to [N, 3072]; no logits.

    Parameters
    ----------
    request
        Preprocessing ``"clean"`` (default) or ``"tf1"``; there are no weights to choose.
    """

    thread_safe = True

    def __init__(self, request: ExtractorRequest) -> None:
        if request.weights is not None:
            raise WeightsError(
                f"the extractor {NAME} has no weights, but {request.weights} was given", hint="Leave --weights out."
            )
        self._preprocessing = find_preprocessing(request.preprocessing, PREPROCESSINGS[0], PREPROCESSINGS)
        self.info = ExtractorInfo(
            name=NAME, weights_sha256=None, preprocessing=self._preprocessing.name, feature_dim=FEATURE_DIM
        )

    def prepare(self, images: Tensor) -> Tensor:
        """uint8 [N, 3, H, W] to float32 [N, 3, 32, 32] in 0..255."""
        return self._preprocessing.resize(images, SIDE)

    def forward(self, prepared: Tensor) -> ExtractorOutput:
        """Pooled [N, 3072] in 0..1."""
        return ExtractorOutput(pooled=prepared.flatten(start_dim=1) / 255.0)


SPEC = ExtractorSpec(
    name=NAME,
    summary="pixels of the image at 32 x 32, a baseline without a network",
    feature_dim=FEATURE_DIM,
    class_count=None,
    preprocessings=PREPROCESSINGS,
    availability=lambda: Availability(True, "needs nothing"),
    create=PixelsExtractor,
)
