"""An examiner whose verdicts follow from the pictures' pixels in a way that a test can foresee, in workers too.

The mean of the red channel over 255 is the probability. A file's name may ask for trouble: crash, hang, boom.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ganeval.detectors.evidence import Evidence, Fact, Heatmap
from ganeval.detectors.specimen import Specimen, open_specimen
from ganeval.detectors.verdict import Conditions, Verdict
from ganeval.errors import OptionError


class RedDetector:
    """Its heatmap is the red channel's mean over tiles of 16 pixels, from -1 to 1."""

    minimum_side = 16

    def heatmap(self, pixels: np.ndarray) -> Heatmap:
        rows, columns = (size // 16 for size in pixels.shape[:2])
        red = pixels[: rows * 16, : columns * 16, 0].reshape(rows, 16, columns, 16).mean((1, 3))
        return Heatmap((red / 127.5 - 1).astype(np.float32), 0, 0, 16, 16)


@dataclass
class Bundle:
    detectors: dict[str, Any] = field(default_factory=lambda: {"red": RedDetector()})


class Examiner:
    def __init__(
        self,
        *,
        detectors: tuple[str, ...] | None = None,
        prior: float = 0.5,
        level: float = 0.95,
        online: bool = False,
        trust_anchors: str | None = None,
        weights: dict[str, str] | None = None,
    ) -> None:
        if detectors and "nothing" in detectors:
            raise OptionError("unknown detector 'nothing'", hint="Known: red.")
        self.prior, self.level, self.bundle = prior, level, Bundle()
        self.online, self.trust_anchors = online, trust_anchors

    def detect(self, image: Any, name: str | None = None) -> Verdict:
        return self.examine(open_specimen(image, name))

    def examine(self, specimen: Specimen, provenance: Any = None) -> Verdict:
        name = os.path.basename(specimen.name)
        if name.startswith("crash"):
            os._exit(7)
        if name.startswith("hang"):
            time.sleep(60)
        if name.startswith("boom"):
            raise ZeroDivisionError("division by zero")
        red = float(specimen.pixels[..., 0].mean()) / 255
        label = (
            "generated"
            if red > 0.9
            else "probably generated"
            if red > 0.6
            else "inconclusive"
            if red > 0.3
            else "probably camera"
        )
        ratio = float(np.log((red + 1e-3) / (1 - red + 1e-3)))
        evidence = (
            Evidence(
                "red", f"{red:.2f} of red", red, ratio, True, 1.0, facts=(Fact("mean", f"{red:.3f}", "<b>red</b>"),)
            ),
            Evidence("blue", "was never measured", in_domain=False),
        )
        return Verdict(
            path=specimen.name,
            label=label,  # type: ignore[arg-type]
            probability=red,
            low=max(0.0, red - 0.1),
            high=min(1.0, red + 0.1),
            reason=f"it is {red:.0%} red",
            evidence=evidence,
            conditions=Conditions(
                specimen.info.format, specimen.width, specimen.height, specimen.info.jpeg_quality or None
            ),
            not_checked=(("blue", "was never measured"),),
            limits="It knows red.",
            prior=self.prior,
            level=self.level,
        )
