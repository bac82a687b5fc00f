"""Where images come from: sources of all kinds, decoded to uint8 RGB in one documented way."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ganeval.images.checks import check_sets
    from ganeval.images.opening import open_source
    from ganeval.images.registry import SOURCES
    from ganeval.images.source import DecodedImage, ImageInfo, ImageItem, ImageSource, SourceOptions

_HOMES = {
    "check_sets": "checks",
    "open_source": "opening",
    "SOURCES": "registry",
    "DecodedImage": "source",
    "ImageInfo": "source",
    "ImageItem": "source",
    "ImageSource": "source",
    "SourceOptions": "source",
}

__all__ = [
    "SOURCES",
    "DecodedImage",
    "ImageInfo",
    "ImageItem",
    "ImageSource",
    "SourceOptions",
    "check_sets",
    "open_source",
]


def __getattr__(name: str) -> Any:
    # What is imported here is paid for by everyone who imports one of the modules below.
    if name in _HOMES:
        return getattr(importlib.import_module(f"ganeval.images.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
