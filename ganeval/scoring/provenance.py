"""Versions and platform, so that a number can be traced to what made it."""

from __future__ import annotations

import platform
from functools import cache
from importlib import metadata

from ganeval.version import __version__

_PACKAGES = ("torch", "torchvision", "torch-fidelity", "numpy", "scipy", "pillow", "scikit-learn")


@cache
def versions() -> dict[str, str]:
    """Package to version, ganeval and Python first; packages that aren't installed are left out."""
    found = {"ganeval": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


@cache
def platform_in_words() -> str:
    """Operating system, machine and number of cores."""
    from ganeval.features.extending import available_cores

    return f"{platform.system()} {platform.release()}, {platform.machine()}, {available_cores()} cores"
