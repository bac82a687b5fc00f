"""What statistics of a set of images are: moments of all, the features of some, and where they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ganeval.features.features import ExtractorInfo
from ganeval.images.source import ImageInfo, Label
from ganeval.metrics.moments import Moments
from ganeval.notices import Notice

#: How an image was stored: container, colour mode, width, height, JPEG quality; see `ganeval.images.source.ImageInfo`.
ImageKind = tuple[str, str, int, int, int]

#: The count inside `Statistics.moments` where the number of images isn't known: the least that has a covariance.
STAND_IN_COUNT = 2


@dataclass(frozen=True)
class KeptRows:
    """Features of single images, kept beside the moments of all.

    Parameters
    ----------
    pooled
        float32 [n, D], in the order of the source.
    logits
        float32 [n, C], None where the extractor has none.
    ids, labels, images
        One entry a row; empty where they aren't known. `labels` is None if no image has one.
    """

    pooled: npt.NDArray[np.float32]
    logits: npt.NDArray[np.float32] | None = None
    ids: tuple[str, ...] = ()
    labels: tuple[Label, ...] | None = None
    images: tuple[ImageInfo, ...] = ()

    def __len__(self) -> int:
        return len(self.pooled)


@dataclass(frozen=True)
class Statistics:
    """Moments of the features of a set of images, with all that tells what they may be compared with.

    Parameters
    ----------
    moments
        Of the pooled features of all images. Where `count` is None, the count in here is a stand-in
        (`STAND_IN_COUNT`): mean and covariance hold, but such moments can't be merged with others.
    count
        How many images; None for files of others, which don't say.
    extractor
        What made the features; None where the file doesn't say.
    code
        Digest of the extractor's code where that isn't ganeval's own, see `ganeval.features.identity.code_of`.
    kept
        Features of all images, of a uniform random part of them, or None.
    source, kind
        The set as its user named it, and what kind of source it was.
    content
        Fingerprint of the source's content; None where it has none or the file doesn't say.
    fingerprint
        Of the features, as in the report of a run on the images themselves; for files of others, of what they hold.
    skipped
        Images left out because they couldn't be decoded.
    labels
        Images by class label, empty where they have none.
    kinds
        Images by how they were stored; None where that isn't known, or where there are too many kinds to count.
    version
        Of the ganeval that computed them; None for files of others.
    form
        The kind of file: ``"ganeval"``, or in words what others write.
    path
        The file they were read from; None for those not read from one.
    notices
        What the file lacks.
    """

    moments: Moments
    count: int | None
    extractor: ExtractorInfo | None = None
    code: str | None = None
    kept: KeptRows | None = None
    source: str = ""
    kind: str = ""
    content: str | None = None
    fingerprint: str | None = None
    skipped: int = 0
    labels: Mapping[str, int] = field(default_factory=dict)
    kinds: Mapping[ImageKind, int] | None = None
    version: str | None = None
    form: str = "ganeval"
    path: str | None = None
    notices: tuple[Notice, ...] = ()

    @property
    def dimension(self) -> int:
        """D, the number of features."""
        return self.moments.dimension

    @property
    def whole(self) -> bool:
        """Whether the features of all images are kept, so that nothing but the pictures themselves is missing."""
        return self.kept is not None and len(self.kept) == self.count

    @property
    def kept_count(self) -> int:
        """Of how many images the features are kept."""
        return 0 if self.kept is None else len(self.kept)

    def to_dict(self) -> dict[str, Any]:
        """All but the arrays, JSON-ready."""
        extractor = self.extractor
        return {
            "file": self.path,
            "form": self.form,
            "source": self.source,
            "kind": self.kind,
            "count": self.count,
            "dimension": self.dimension,
            "features": self.kept_count,
            "logits": self.kept is not None and self.kept.logits is not None,
            "extractor": None if extractor is None else dict(vars(extractor)),
            "content": self.content,
            "fingerprint": self.fingerprint,
            "skipped": self.skipped,
            "labels": dict(self.labels),
            "ganeval": self.version,
            "notices": [notice.to_dict() for notice in self.notices],
        }
