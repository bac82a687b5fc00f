"""Fingerprints of generators: which of the known ones made a picture, or none of them."""

from __future__ import annotations

from ganeval.detectors.fingerprints.attribution import NONE_OF_THESE, Attribution
from ganeval.detectors.fingerprints.fingerprints import Fingerprints

__all__ = ["NONE_OF_THESE", "Attribution", "Fingerprints"]
