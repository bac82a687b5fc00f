"""Options that several commands have: how sets are opened, features extracted and scores computed."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from ganeval.cli.values import allow_local_modules, parse_value_range

SETS = (
    "folder, .zip, .tar shards, .npz, .npy, list file, - (list on stdin), "
    "named set (digits, fashion-mnist, cifar10) or generator:NAME."
)

Metrics = Annotated[
    str | None, typer.Option("--metrics", "-m", help="Comma-separated; all that can be computed by default.")
]
MetricOptions = Annotated[
    list[str] | None, typer.Option("--option", "-o", help="A metric's parameter: kid.subset_size=500; repeatable.")
]
Extractor = Annotated[
    str, typer.Option("--extractor", "-e", help="See `ganeval extractors`; or package.module:Class of your own.")
]
Weights = Annotated[Path | None, typer.Option("--weights", help="Weights file for the extractor.")]
Preprocessing = Annotated[
    str | None, typer.Option("--preprocessing", help="tf1 or clean; the extractor's own by default.")
]
Precision = Annotated[
    str | None, typer.Option("--precision", help="Of the network: float32 (default), tf32, bfloat16 or float16.")
]
Json = Annotated[str | None, typer.Option("--json", help="Write the report as JSON; - for stdout.")]
Html = Annotated[str | None, typer.Option("--html", help="Write the report as one HTML file.")]
Labels = Annotated[str | None, typer.Option("--labels", help="folders: class labels from sub-folders.")]
Clips = Annotated[
    str | None, typer.Option("--clips", help="folders: each sub-folder is a video, its files the frames.")
]
Recursive = Annotated[bool, typer.Option("--recursive/--no-recursive", help="Search sub-folders.")]
ValueRange = Annotated[
    str | None, typer.Option("--value-range", help="Of float images: 0,1 or -1,1; checked against the data.")
]
Count = Annotated[int | None, typer.Option("-n", "--count", min=1, help="Images to draw from a generator.")]
OnError = Annotated[str, typer.Option("--on-error", help="raise or skip, for images that can't be decoded.")]
BatchSize = Annotated[int | None, typer.Option("--batch-size", min=1, help="Images a batch.")]
Workers = Annotated[int | None, typer.Option("--workers", min=1, help="Threads; one a core by default.")]
Compile = Annotated[str, typer.Option("--compile", help="The network: never, always, or auto where it pays.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:N or mps.")]
Seed = Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="Of everything random.")]
Until = Annotated[
    list[str] | None,
    typer.Option(
        "--until", help="Stop when it is enough: fid=0.5, or fid=5% of its value; repeatable. Exit status 3 if never."
    ),
]
Top = Annotated[int | None, typer.Option("--top", min=1, help="Show so many images of each kind that drive the score.")]
TopTable = Annotated[
    str | None, typer.Option("--top-table", help="Write what is known of every image to a .csv or .parquet file.")
]
Level = Annotated[float, typer.Option("--level", help="Of the intervals, between 0 and 1.")]
Intervals = Annotated[bool, typer.Option("--intervals/--no-intervals", help="Whether scores get intervals.")]
Cache = Annotated[bool, typer.Option("--cache/--no-cache", help="Keep features for the next run.")]
CacheDir = Annotated[Path | None, typer.Option("--cache-dir", help="Where features are kept.")]
Trust = Annotated[
    bool,
    typer.Option("--trust", help="Allow extractors and generators that run code of the network's or a weights file's."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress; the result only.")]


def _settings(
    extractor: Extractor = "auto",
    weights: Weights = None,
    preprocessing: Preprocessing = None,
    precision: Precision = None,
    labels: Labels = None,
    clips: Clips = None,
    recursive: Recursive = True,
    value_range: ValueRange = None,
    count: Count = None,
    on_error: OnError = "raise",
    batch_size: BatchSize = None,
    workers: Workers = None,
    compile: Compile = "never",
    device: Device = "auto",
    seed: Seed = 2020,
    cache: Cache = True,
    cache_dir: CacheDir = None,
    trust: Trust = False,
) -> None:
    """The options that become `ganeval.scoring.evaluation.Settings`."""


def sharing(
    shared: Callable[..., None], name: str, prepared: Callable[[dict[str, Any]], None] = lambda values: None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command options that it has in common with others, in the place of one of its parameters.

    Parameters
    ----------
    shared
        Its parameters are the options; it is never called.
    name
        The command's parameter; it gets the options' values in a dictionary.
    prepared
        Checks and changes the values before the command gets them.
    """
    options = inspect.signature(shared, eval_str=True).parameters

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(function, eval_str=True)
        # A command's own option of the same name hides the shared one, which keeps its default.
        offered = {option: parameter for option, parameter in options.items() if option not in own.parameters}
        parameters: list[inspect.Parameter] = []
        for parameter in own.parameters.values():
            parameters += offered.values() if parameter.name == name else [parameter]
        parameters = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]

        @functools.wraps(function)
        def wrapped(**values: Any) -> None:
            chosen = {option: values.pop(option) for option in offered}
            prepared(chosen)
            function(**values, **{name: chosen})

        # The command line is made from these two.
        wrapped.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
        wrapped.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return wrapped

    return decorate


def _parse_settings(settings: dict[str, Any]) -> None:
    settings["value_range"] = parse_value_range(settings["value_range"])
    allow_local_modules(settings["extractor"])


def changed(settings: Mapping[str, Any]) -> list[str]:
    """The flags of those shared options that have another value than they have by default."""
    flags = []
    for name, parameter in inspect.signature(_settings, eval_str=True).parameters.items():
        if settings[name] != parameter.default:
            option = parameter.annotation.__metadata__[0]
            # Typer takes the first flag for the default. A switch that is on has the flag that turns it off behind it.
            both = next(flag for flag in (option.default, *option.param_decls) if str(flag).startswith("--")).split("/")
            flags.append(both[-1] if parameter.default is True else both[0])
    return flags


#: Gives a command the options of `_settings` in the place of `settings`, by the names of `ganeval.score`'s parameters.
with_settings = sharing(_settings, "settings", _parse_settings)
