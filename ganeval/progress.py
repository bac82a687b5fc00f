"""How long-running work tells whoever listens how far it is; the command line draws bars from this."""

from __future__ import annotations

from typing import Protocol


class ProgressTask(Protocol):
    """One piece of work under way."""

    def advance(self, count: int) -> None:
        """`count` further items (images, bytes) are done."""

    def finish(self) -> None:
        """The work has ended, whether complete or not."""


class Progress(Protocol):
    """A listener for the progress of tasks and for notices as they come up."""

    def start(self, label: str, total: int | None, unit: str = "images", done: int = 0) -> ProgressTask:
        """A task begins; `total` is None where the length is unknown, `done` items were finished in an earlier run."""
        ...


class _SilentTask:
    def advance(self, count: int) -> None:
        pass

    def finish(self) -> None:
        pass


class SilentProgress:
    """A listener that ignores everything: the default in Python."""

    def start(self, label: str, total: int | None, unit: str = "images", done: int = 0) -> ProgressTask:
        return _SilentTask()
