"""The IPTC NewsCodes "digital source type": what each of its words says of how a picture was made."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Making(Enum):
    """What a digital source type means for the question "generated or taken"."""

    GENERATED = "made by a trained generative model"
    PARTLY_GENERATED = "composite with parts made by a trained generative model"
    SYNTHETIC = "made or partly made by an algorithm, a trained model not being named"
    CAPTURED = "taken with a camera"
    MONTAGE = "put together from several pictures that were taken with cameras"
    OTHER = "neither taken with a camera nor made by a model, or not told"


@dataclass(frozen=True)
class SourceType:
    """One word of the vocabulary, such as ``trainedAlgorithmicMedia``."""

    word: str
    making: Making

    @property
    def generated(self) -> bool:
        """Whether the picture or a part of it is said to come out of a trained model."""
        return self.making in (Making.GENERATED, Making.PARTLY_GENERATED)


# cv.iptc.org/newscodes/digitalsourcetype and the additions of the C2PA specification (section "Digital source type").
# "algorithmicallyEnhanced" and "humanEdits" say what was done to a picture afterwards and nothing of where it is from.
_MAKINGS = {
    "trainedAlgorithmicMedia": Making.GENERATED,
    "trainedAlgorithmicData": Making.GENERATED,
    "compositeWithTrainedAlgorithmicMedia": Making.PARTLY_GENERATED,
    "algorithmicMedia": Making.SYNTHETIC,
    "compositeSynthetic": Making.SYNTHETIC,
    "digitalCapture": Making.CAPTURED,
    "computationalCapture": Making.CAPTURED,
    "compositeCapture": Making.MONTAGE,
}
_BY_LOWER = {word.lower(): (word, making) for word, making in _MAKINGS.items()}


def read_source_type(uri: str) -> SourceType:
    """The source type at the end of a URI, or written bare, in any capitals; of `Making.OTHER` where not listed."""
    word = uri.strip().rstrip("/#").replace("#", "/").rpartition("/")[2].rpartition(":")[2]
    known, making = _BY_LOWER.get(word.lower(), (word, Making.OTHER))
    return SourceType(known, making)
