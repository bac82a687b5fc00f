"""The error with which a training run stops itself."""

from __future__ import annotations

from ganeval.errors import GanevalError


class DivergedError(GanevalError):
    """Training can't usefully go on: a loss isn't finite, or samples have collapsed."""
