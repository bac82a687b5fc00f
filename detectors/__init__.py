"""Is this picture generated? Provenance, spectral and CNN evidence, weighed into one calibrated verdict.

>>> import numpy as np
>>> from ganeval.detectors import detect
>>> detect(np.zeros((8, 8, 3), np.uint8)).label
'inconclusive'
"""

from __future__ import annotations

from ganeval.detectors.detecting import Examiner, detect
from ganeval.detectors.evidence import Evidence, Fact, Heatmap
from ganeval.detectors.specimen import Specimen, open_specimen
from ganeval.detectors.verdict import Conditions, Verdict

__all__ = [
    "Conditions",
    "Evidence",
    "Examiner",
    "Fact",
    "Heatmap",
    "Specimen",
    "Verdict",
    "detect",
    "open_specimen",
]
