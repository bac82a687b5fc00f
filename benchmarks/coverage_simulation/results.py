"""Results as they come: a file of JSON lines that a later run goes on with."""

from __future__ import annotations

import json
from pathlib import Path

from coverage_simulation.code_digest import digest_of_metric
from coverage_simulation.replicates import Outcome, Replicate
from ganeval.metrics.registry import METRICS


class Results:
    """Finished replicates in a file, one JSON object a line.

    Parameters
    ----------
    path
        Made with its folder at the first result. A line that was cut off by an interruption is passed over.
    any_code
        Whether replicates count that other versions of the metric's code made.
    """

    def __init__(self, path: Path, *, any_code: bool = False) -> None:
        self._path = path
        self._found: dict[str, dict[int, Replicate]] = {}
        self.of_other_code = 0
        if path.exists():
            self._read(any_code)

    def of(self, case: str) -> list[Replicate]:
        """The finished replicates of the case with that key, by number."""
        found = self._found.get(case, {})
        return [found[number] for number in sorted(found)]

    def has(self, case: str, number: int) -> bool:
        """Whether that replicate is finished."""
        return number in self._found.get(case, {})

    def append(self, replicate: Replicate) -> None:
        """Keep a replicate, on the disk too."""
        self._found.setdefault(replicate.case, {})[replicate.number] = replicate
        self._path.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps(replicate.as_json())
        unfinished = self._path.exists() and not _ends_with_newline(self._path)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(("\n" if unfinished else "") + line + "\n")

    def _read(self, any_code: bool) -> None:
        for line in self._path.read_text(encoding="utf-8").splitlines():
            try:
                row = json.loads(line)
                outcomes = tuple(Outcome(**outcome) for outcome in row.pop("outcomes"))
                replicate = Replicate(**row, outcomes=outcomes)
            except (ValueError, KeyError, TypeError):
                continue
            if any_code or replicate.code == _current(replicate.metric):
                self._found.setdefault(replicate.case, {})[replicate.number] = replicate
            else:
                self.of_other_code += 1


def _current(metric: str) -> str | None:
    return digest_of_metric(metric) if metric in METRICS else None


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(0, 2)
        if file.tell() == 0:
            return True
        file.seek(-1, 2)
        return file.read(1) == b"\n"
