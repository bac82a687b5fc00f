"""A batch from files to a finished table: what is done already is kept, the rest goes to the workers."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ganeval.detectors.batch.crew import LIMIT_SECONDS, Crew, Done
from ganeval.detectors.batch.row import Row, row_of, state_of
from ganeval.detectors.batch.table import VerdictTable, kept_rows
from ganeval.detectors.verdict import Verdict
from ganeval.progress import Progress
from ganeval.version import __version__


class Examines(Protocol):
    """What gives verdicts, such as `ganeval.detectors.detecting.Examiner`."""

    def detect(self, image: Any, name: str | None = None) -> Verdict:
        """The verdict on a path, a file's bytes or an array."""
        ...


@dataclass(frozen=True)
class Examination:
    """The work of one process of a batch: a path in, a verdict out; made in the process from `make`.

    Parameters
    ----------
    make
        Gives the examiner; picklable.
    afterwards
        Called with the examiner, the path and its verdict, such as to draw its evidence sheet; picklable.
    """

    make: Callable[[], Examines]
    afterwards: Callable[[Any, str, Verdict], None] | None = None

    def __call__(self) -> Callable[[str], Verdict]:
        examiner = self.make()

        def examine(path: str) -> Verdict:
            verdict = examiner.detect(path)
            if self.afterwards is not None:
                self.afterwards(examiner, path, verdict)
            return verdict

        return examine


@dataclass
class Tally:
    """Counts of a batch.

    Parameters
    ----------
    labels
        Files by verdict.
    errors
        Files without one.
    kept
        How many of all these are from an earlier run.
    """

    labels: Counter[str] = field(default_factory=Counter)
    errors: int = 0
    kept: int = 0

    @property
    def total(self) -> int:
        """All files."""
        return self.labels.total() + self.errors

    def add(self, row: Row) -> None:
        """Count one file."""
        if row.error:
            self.errors += 1
        else:
            self.labels[row.verdict] += 1


def run_digest(options: Mapping[str, Any]) -> str:
    """Eight hex digits for the options that verdicts depend on, and the version of ganeval."""
    text = json.dumps([__version__, dict(options)], sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()


def kept_from(csv: str | None, paths: Sequence[str], run: str) -> Iterator[tuple[int, Row]]:
    """Rows of the file `csv` that still hold, see `kept_rows`; none without such a file."""
    return iter(()) if csv is None else kept_rows(csv, paths, state_of, run)


def run_batch(
    paths: Sequence[str],
    work: Callable[[], Callable[[str], Verdict]],
    table: VerdictTable,
    *,
    run: str,
    jobs: int,
    limit: float = LIMIT_SECONDS,
    progress: Progress,
    listen: Callable[[int, Verdict], None] | None = None,
) -> Tally:
    """Examine all files that the table lacks, write their rows as they come, and put the table in order.

    Parameters
    ----------
    paths
        Of the files; a row's position is its path's place here.
    work
        Makes what gives the verdict on a path, in each worker.
    table
        Rows that it has are kept.
    run
        Digest of the options, for the rows.
    jobs
        Worker processes.
    limit
        Seconds that a file may take.
    listen
        Called with each position and new verdict, in the order in which they come.

    Returns
    -------
    Tally
        Of all rows, the kept ones included.

    Raises
    ------
    GanevalError
        If workers can't start, or the table can't be written. A file that can't be examined is a row.
    """
    tally = Tally(kept=len(table))
    done = set()
    for position, row in table.rows():
        done.add(position)
        tally.add(row)
    left = [position for position in range(len(paths)) if position not in done]
    states: dict[int, tuple[str, str]] = {}

    def tasks() -> Iterator[str]:
        for place, position in enumerate(left):
            # Before it is read: a file that changes meanwhile is then examined again.
            states[place] = state_of(paths[position])
            yield paths[position]

    if left:
        task = progress.start("examining", total=len(paths), done=len(done))
        with Crew[str, Verdict](work, min(jobs, len(left)), limit=limit) as crew:
            for one in crew.work(tasks()):
                row = _row(one, states.pop(one.position), run)
                table.append(left[one.position], row)
                tally.add(row)
                if listen is not None and one.result is not None:
                    listen(left[one.position], one.result)
                task.advance(1)
        task.finish()
    table.finish()
    return tally


def _row(one: Done[str, Verdict], state: tuple[str, str], run: str) -> Row:
    return row_of(one.task, one.result, one.error, state, run)
