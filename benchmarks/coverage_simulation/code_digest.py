"""A digest of the code behind a metric, so that results of other code aren't taken for results of this."""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path

from ganeval.metrics.registry import METRICS

#: Where numbers are made; what else a metric imports (errors, names, the command line) doesn't change them.
_ROOMS = ("ganeval.metrics.", "ganeval.uncertainty.")
_WITHOUT_NUMBERS = ("ganeval.metrics.registry", "ganeval.metrics.selection", "ganeval.metrics.naming")


@functools.cache
def digest_of_metric(name: str) -> str:
    """Eight hex digits that change with the metric's code and all that it imports of ganeval's numerical modules.

    Comments, docstrings and layout don't count.
    """
    waiting = [METRICS.get(name).compute.__module__]
    seen: set[str] = set()
    while waiting:
        module = waiting.pop()
        if module in seen or module in _WITHOUT_NUMBERS:
            continue
        seen.add(module)
        waiting.extend(_imported(_tree(module)))
    text = "\n".join(ast.dump(_tree(module)) for module in sorted(seen))
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _tree(module: str) -> ast.Module:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise ValueError(f"the module {module} has no file")
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return tree


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(_ROOMS):
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith(_ROOMS))
