"""The table of named image sets and schemes: ganeval's own, and those of installed packages."""

from __future__ import annotations

from collections.abc import Callable

from ganeval.errors import ImageSourceError
from ganeval.images.source import ImageSource, SourceOptions
from ganeval.registry import Registry

#: Opens a named set: what follows the colon in ``name:argument`` (``""`` if nothing does), and the options.
SourceFactory = Callable[[str, SourceOptions], ImageSource]

SOURCES: Registry[SourceFactory] = Registry(
    kind="image set",
    group="ganeval.sample_sources",
    builtin={
        "digits": "ganeval.images.digits:open_digits",
        "fashion-mnist": "ganeval.images.fashion_mnist:open_fashion_mnist",
        "cifar10": "ganeval.images.cifar10:open_cifar10",
        "stacked": "ganeval.images.stacked:open_stacked",
    },
    error=ImageSourceError,
)
