"""Names to objects, from ganeval itself and from installed plug-ins; nothing is imported before it is used."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from importlib import metadata
from typing import Generic, TypeVar

from ganeval.errors import GanevalError, PluginError, did_you_mean

T = TypeVar("T")


class Registry(Generic[T]):
    """A table of named objects, filled by ganeval, by entry points and by :meth:`register`.

    Parameters
    ----------
    kind
        What the objects are, in words for an error message, such as ``"metric"``.
    group
        The entry-point group in which other packages add theirs.
    builtin
        Name to ``"module:attribute"`` of ganeval's own, imported on first use.
    error
        The exception raised for an unknown name.
    of
        What a plug-in's object must be an instance of; None takes anything.
    """

    def __init__(
        self,
        kind: str,
        group: str,
        builtin: Mapping[str, str],
        error: type[GanevalError],
        of: type[T] | None = None,
    ) -> None:
        self.kind = kind
        self.group = group
        self._targets = dict(builtin)
        self._error = error
        self._of = of
        self._loaded: dict[str, T] = {}
        self._entry_points: dict[str, metadata.EntryPoint] | None = None

    def _plugins(self) -> dict[str, metadata.EntryPoint]:
        if self._entry_points is None:
            found = metadata.entry_points(group=self.group)
            self._entry_points = {point.name: point for point in found if point.name not in self._targets}
        return self._entry_points

    def names(self) -> list[str]:
        """All names, ganeval's own first, then plug-ins', in a fixed order."""
        own = [*self._targets, *(name for name in self._loaded if name not in self._targets)]
        return own + sorted(name for name in self._plugins() if name not in own)

    def __contains__(self, name: object) -> bool:
        return name in self._targets or name in self._loaded or name in self._plugins()

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def register(self, name: str, item: T) -> T:
        """Add `item` under `name` for this process and return it; raises if the name is taken."""
        if name in self:
            raise PluginError(f"the {self.kind} name {name!r} is taken already")
        self._loaded[name] = item
        return item

    def get(self, name: str) -> T:
        """The object of that name, imported if need be.

        Raises
        ------
        GanevalError
            The registry's own error, with the nearest name, if there is none; `PluginError` if it can't be imported.
        """
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    def _load(self, name: str) -> T:
        if name in self._targets:
            module, _, attribute = self._targets[name].partition(":")
            loaded: T = getattr(importlib.import_module(module), attribute)
            return loaded
        point = self._plugins().get(name)
        if point is None:
            raise self._error(f"unknown {self.kind} {name!r}", hint=did_you_mean(name, self.names()))
        hint = "Repair or uninstall the package that provides it."
        try:
            found: T = point.load()
        except Exception as error:
            raise PluginError(
                f"the {self.kind} {name!r} of the plug-in {point.value!r} can't be imported: {error}", hint=hint
            ) from error
        if self._of is not None and not isinstance(found, self._of):
            raise PluginError(
                f"the {self.kind} {name!r} of the plug-in {point.value!r} is of type {type(found).__name__}, "
                f"and must be of {self._of.__module__}.{self._of.__name__}",
                hint=hint,
            )
        return found

    def usable(self) -> tuple[dict[str, T], dict[str, PluginError]]:
        """All objects by name, and the errors of those that can't be imported: for listings, which show both."""
        found: dict[str, T] = {}
        broken: dict[str, PluginError] = {}
        for name in self.names():
            try:
                found[name] = self.get(name)
            except PluginError as error:
                broken[name] = error
        return found, broken
