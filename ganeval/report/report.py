"""The outcome of an evaluation: scores with everything needed to read, compare and repeat them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ganeval.errors import MetricError, did_you_mean
from ganeval.features.features import ExtractorInfo, Preview
from ganeval.metrics.score import Score
from ganeval.notices import Notice
from ganeval.report.diagnosis import Diagnosis
from ganeval.report.drivers import Drivers
from ganeval.report.stopping import Stopping
from ganeval.wording import counted

SCHEMA_NAME = "ganeval/report@1"


@dataclass(frozen=True)
class Side:
    """One of the two sets of an evaluation.

    Parameters
    ----------
    source
        The set as the user named it.
    kind
        ``"folder"``, ``"npz"``, ...
    count
        Images scored; None where a file of statistics doesn't say.
    fingerprint
        Of the features, None where the source can't be fingerprinted.
    sizes, formats, modes
        Counts by ``"WxH"``, container and stored colour mode, most frequent first.
    labels
        Counts by class label, empty where the images have none.
    skipped
        Pairs of id and reason.
    from_store
        How many images' features came from the store.
    stage_seconds
        Seconds of work in each stage of the extraction, and the wall time.
    provenance
        What made the images, as the source tells it (of a generator: weights, seed, class, ...), JSON-ready.
    """

    source: str
    kind: str
    count: int | None
    fingerprint: str | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)
    formats: Mapping[str, int] = field(default_factory=dict)
    modes: Mapping[str, int] = field(default_factory=dict)
    labels: Mapping[str, int] = field(default_factory=dict)
    skipped: tuple[tuple[str, str], ...] = ()
    from_store: int = 0
    stage_seconds: Mapping[str, float] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def extracted(self) -> int:
        """How many images went through the network in this run."""
        return 0 if self.count is None else self.count - self.from_store

    @property
    def images_in_words(self) -> str:
        """``"2,000 images"``, for a heading."""
        return "an unknown number of images" if self.count is None else counted(self.count, "image")


@dataclass(frozen=True)
class Gallery:
    """Pictures and plots' data for the HTML report; not part of the JSON.

    Parameters
    ----------
    real, generated
        Previews of each side; `real` is empty without real images.
    projection_real, projection_generated
        float [n, 2] positions of (a sample of) the features on their two common principal axes, None if not computed.
    projection_variance
        Fraction of the variance on each of the two axes.
    class_names
        Names (or numbers as text) of the classes in the histogram.
    histogram_real, histogram_generated
        Fraction of images whose largest logit is each of `class_names`; None without logits.
    """

    real: tuple[Preview, ...] = ()
    generated: tuple[Preview, ...] = ()
    projection_real: npt.NDArray[np.float64] | None = None
    projection_generated: npt.NDArray[np.float64] | None = None
    projection_variance: tuple[float, float] | None = None
    class_names: tuple[str, ...] = ()
    histogram_real: npt.NDArray[np.float64] | None = None
    histogram_generated: npt.NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Run:
    """How the report came about, enough to repeat it.

    Parameters
    ----------
    command
        The command line or Python call, as typed.
    seed
        The one seed.
    started
        ISO 8601 time with offset.
    seconds
        Wall time of the whole.
    device
        Such as ``"cpu"`` or ``"cuda:0"``.
    batch_size
        Images a batch.
    versions
        Package to version: ganeval, python, torch, torchvision, torch-fidelity, numpy, scipy, pillow.
    platform
        Operating system and processor in words.
    options
        All further options that bear on the numbers.
    """

    command: str
    seed: int
    started: str
    seconds: float
    device: str
    batch_size: int | None
    versions: Mapping[str, str]
    platform: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """Scores and their provenance.

    ``report["fid"]`` finds a score by its full name, or by the name under which it was asked for
    (``"fid"`` finds ``"fd_efficientnet-lite0"`` if that is what was computed).

    Parameters
    ----------
    scores
        By full name, in the order in which they are shown.
    requested
        Names as asked for to full names.
    real
        None if no real images were given.
    comparable
        In plain words, what these numbers may be compared with.
    stopping
        How the run came to its end, where it took images until it was enough.
    drivers
        Which images and classes drive the scores, where that was asked for.
    diagnosis
        What fails in the generator, where that was examined.
    """

    scores: Mapping[str, Score]
    extractor: ExtractorInfo
    generated: Side
    real: Side | None
    run: Run
    comparable: str
    notices: tuple[Notice, ...] = ()
    requested: Mapping[str, str] = field(default_factory=dict)
    gallery: Gallery = field(default_factory=Gallery)
    stopping: Stopping | None = None
    drivers: Drivers | None = None
    diagnosis: Diagnosis | None = None

    def __getitem__(self, name: str) -> Score:
        full = name if name in self.scores else self.requested.get(name, name)
        if full not in self.scores:
            raise MetricError(f"the report has no score {name!r}", hint=did_you_mean(name, self.scores))
        return self.scores[full]

    def __contains__(self, name: object) -> bool:
        return name in self.scores or name in self.requested

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary that validates against ``ganeval/report/schema.json``."""
        from ganeval.report.serialise import report_to_dict

        return report_to_dict(self)

    def to_json(self, path: str | Path | None = None) -> str:
        """The report as JSON text, also written (atomically) to `path` if given; raises `OutputError`."""
        from ganeval.report.serialise import report_to_json

        return report_to_json(self, path)

    def to_html(self, path: str | Path | None = None) -> str:
        """The report as one self-contained HTML page, also written (atomically) to `path`; raises `OutputError`."""
        from ganeval.report.html import report_to_html

        return report_to_html(self, path)
