"""How diagnostics' scores are called: as metrics' are, with the extractor behind them in the name."""

from __future__ import annotations

from ganeval.features.features import Features
from ganeval.metrics.naming import INCEPTION


def name_on_features(base: str, features: Features) -> str:
    """`base` with the extractor of `features`; the base alone on Inception-v3 and where the extractor isn't known."""
    extractor = None if features.extractor is None else features.extractor.name
    return base if extractor in (None, INCEPTION) else f"{base}_{extractor}"
