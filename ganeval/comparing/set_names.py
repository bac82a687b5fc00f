"""Short names by which the sets of a comparison can be told apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath

from ganeval.errors import OptionError
from ganeval.wording import counted


def distinct_names(sources: Sequence[str], names: Sequence[str] | None = None) -> tuple[str, ...]:
    """One name a set, no two alike.

    Parameters
    ----------
    sources
        The sets as the user named them.
    names
        The user's own names, which must differ; None takes the last part of each path, or the whole of it where two
        end alike, and numbers what is still the same.

    Raises
    ------
    OptionError
        If there aren't as many names as sets, or two are the same or empty.
    """
    if names is not None:
        chosen = tuple(str(name).strip() for name in names)
        if len(chosen) != len(sources):
            raise OptionError(
                f"{counted(chosen, 'name was', 'names were')} given for {counted(sources, 'set')}",
                hint="Give one name a set.",
            )
        if len(set(chosen)) != len(chosen) or not all(chosen):
            raise OptionError(f"the sets' names must differ and not be empty: {', '.join(map(repr, chosen))}")
        return chosen
    short = [PurePath(source).name or source for source in sources]
    alike = Counter(short)
    whole = [name if alike[name] == 1 else source for name, source in zip(short, sources, strict=True)]
    return tuple(_numbered(whole))


def _numbered(names: Sequence[str]) -> list[str]:
    chosen: list[str] = []
    for name in names:
        number, candidate = 1, name
        while candidate in chosen or (number > 1 and candidate in names):
            number += 1
            candidate = f"{name} ({number})"
        chosen.append(candidate)
    return chosen
