"""Sources of samples: all that evaluation sees of a generator, wherever it comes from."""

from __future__ import annotations

from ganeval.generators.sources.function import CallableSource
from ganeval.generators.sources.opening import open_generator
from ganeval.generators.sources.source import DEFAULT_COUNT, ModelSampler, SampleSource

__all__ = ["DEFAULT_COUNT", "CallableSource", "ModelSampler", "SampleSource", "open_generator"]
