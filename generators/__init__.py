"""Generative models that come with ganeval: sample sources, their weights, and the training that made them."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ganeval.generators.sources import CallableSource, open_generator

__all__ = ["CallableSource", "open_generator"]


def __getattr__(name: str) -> Any:
    # The entry point is looked up to list what there is; torch is needed only to sample.
    if name in __all__:
        return getattr(importlib.import_module("ganeval.generators.sources"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
