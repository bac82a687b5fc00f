"""What is installed: every package of the tree, which pyproject.toml lists by name."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="tomllib came with Python 3.11")
def test_every_package_is_installed() -> None:
    import tomllib

    listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    roots = {folder: name for name, folder in listed["package-dir"].items()}
    there = [
        ".".join((roots[folder], *found.parent.relative_to(ROOT / folder).parts))
        for folder in roots
        for found in (ROOT / folder).rglob("__init__.py")
    ]
    assert sorted(listed["packages"]) == sorted(there)
