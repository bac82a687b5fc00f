"""Options that the commands of ``ganeval detect`` have in common: which detectors, which prior, how much company."""

from __future__ import annotations

import functools
import os
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from ganeval.cli.options import sharing

Json = Annotated[str | None, typer.Option("--json", help="Write it as JSON; - for stdout.")]
Html = Annotated[str | None, typer.Option("--html", help="Write it as one HTML file.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]
Jobs = Annotated[
    int | None, typer.Option("--jobs", "-j", min=1, help="Worker processes; one a core by default, at most 8.")
]
Seed = Annotated[int, typer.Option("--seed", min=0, max=2**31 - 1, help="Of everything random.")]
Level = Annotated[float, typer.Option("--level", help="Of the intervals, between 0 and 1.")]
Prior = Annotated[
    float, typer.Option("--prior", help="Share of such images that you take to be generated before looking.")
]

_MOST_JOBS = 8


def _examining(
    detector: Annotated[
        list[str] | None,
        typer.Option(
            "--detector", "-d", help="Ask this one only: a name of `ganeval detectors`, or a folder; repeatable."
        ),
    ] = None,
    weights: Annotated[
        list[str] | None,
        typer.Option("--weights", help="NAME=FILE: also a published network with its authors' weights; repeatable."),
    ] = None,
    prior: Prior = 0.5,
    level: Level = 0.95,
    online: Annotated[
        bool, typer.Option("--online", help="Let C2PA fetch remote manifests and ask about revoked certificates.")
    ] = False,
    trust_anchors: Annotated[
        Path | None,
        typer.Option("--trust-anchors", help="PEM file of certificates to trust besides the C2PA trust list."),
    ] = None,
) -> None:
    """The options that verdicts depend on."""


def _named_files(texts: list[str]) -> Iterator[tuple[str, str]]:
    """Names and files of ``NAME=FILE``; raises `OptionError` for other texts and missing files."""
    from ganeval.errors import OptionError

    for text in texts:
        name, equals, file = text.partition("=")
        if not equals or not name or not Path(file).is_file():
            wrong = f"there is no file {file!r}" if equals and name else "it has no name"
            raise OptionError(
                f"--weights {text}: {wrong}", hint="Write it like --weights wang2020=blur_jpg_prob0.5.pth."
            )
        yield name, file


def _checked(values: dict[str, Any]) -> None:
    check_between("--prior", values["prior"])
    check_between("--level", values["level"])
    values["weights"] = dict(_named_files(values["weights"] or []))
    anchors = values["trust_anchors"]
    if anchors is not None:
        from ganeval.errors import OptionError

        if not anchors.is_file():
            raise OptionError(f"--trust-anchors {anchors} is no file", hint="Give a PEM file of certificates.")
        values["trust_anchors"] = str(anchors)


#: Gives a command the options of `_examining` in the place of `examining`.
with_examining = sharing(_examining, "examining", _checked)


def check_between(option: str, value: float) -> None:
    """Refuse a part that doesn't lie between 0 and 1; raises `OptionError`."""
    from ganeval.errors import OptionError

    if not 0 < value < 1:
        raise OptionError(f"{option} {value:g} doesn't lie between 0 and 1", hint=f"Write it like {option} 0.95.")


def examiner_maker(examining: dict[str, Any]) -> Callable[[], Any]:
    """What makes the examiner that these options mean, in this process or in a worker; picklable."""
    given = dict(examining)
    detectors = given.pop("detector")
    return functools.partial(ready_examiner, detectors=tuple(detectors) if detectors else None, **given)


def ready_examiner(**options: Any) -> Any:
    """An examiner whose weights are loaded: what is wrong with them shows now, and not at the first picture."""
    from ganeval.detectors.detecting import Examiner

    examiner = Examiner(**options)
    examiner.bundle  # noqa: B018
    return examiner


def states_of_named(examining: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Path, size and time of the files behind these options: a detector that was trained anew gives other verdicts."""
    from ganeval.detectors.batch.row import state_of

    named = [*(examining["detector"] or []), *examining["weights"].values(), examining["trust_anchors"]]
    files: list[Path] = []
    for path in (Path(one) for one in named if one):
        files += sorted(path.iterdir()) if path.is_dir() else [path]
    return [(str(file), *state_of(str(file))) for file in files]


def job_count(jobs: int | None) -> int:
    """Worker processes to start."""
    if jobs is not None:
        return jobs
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, _MOST_JOBS)


def typed_command() -> str:
    """The command line as it was typed, for reports."""
    return shlex.join(["ganeval", *sys.argv[1:]])
