"""Whether a result can be written where a user wants it: asked before hours of work rather than after."""

from __future__ import annotations

import os
from pathlib import Path

from ganeval.errors import OutputError


def require_writable_file(path: Path, option: str = "--out") -> None:
    """Refuse a file that can't be written, or whose folder doesn't exist; an existing one may be replaced.

    Raises
    ------
    OutputError
        Naming the option, the path and what is wrong.
    """
    path = path.expanduser()
    problem = f"can't write {option} {path}"
    if path.is_dir():
        raise OutputError(f"{problem}: it is a folder", hint="Name a file in it.")
    folder = Path(os.path.realpath(path)).parent
    if not folder.exists():
        raise OutputError(f"{problem}: the folder {folder} does not exist", hint=f"mkdir -p {folder}")
    _require_folder(folder, problem, option)


def require_makeable_folder(path: Path, option: str = "--out") -> None:
    """Refuse a folder that can neither be written into nor be made.

    Raises
    ------
    OutputError
        Naming the path and what is wrong.
    """
    path = path.expanduser()
    nearest = next(folder for folder in (path, *path.absolute().parents) if os.path.lexists(folder))
    _require_folder(nearest, f"can't make the folder {path}", option)


def _require_folder(folder: Path, problem: str, option: str) -> None:
    hint = f"Choose another {option}."
    if not folder.is_dir():
        raise OutputError(f"{problem}: {folder} is no folder", hint=hint)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{problem}: no permission to write into {folder}", hint=hint)
