"""Options that commands on a trained generator have in common: which one, which samples, where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from ganeval.cli.options import sharing

Model = Annotated[
    str,
    typer.Argument(
        help="A bundled model, a run folder, a .safetensors, .onnx, .pt or .pkl file, hub:OWNER/REPO:ENTRY, ...; see "
        "`ganeval generators`.",
        show_default=False,
    ),
]
Class = Annotated[int | None, typer.Option("--class", help="Make images of this class only.")]
Strength = Annotated[
    float | None, typer.Option("--truncation", help="How far variety is cut, in the unit of the method.")
]
Method = Annotated[
    str | None, typer.Option("--truncation-method", help="threshold, psi, ...; the model's own by default.")
]
Fix = Annotated[
    list[str] | None,
    typer.Option("--fix", help="A condition of the model, such as InfoGAN's codes: c2=0.5; repeatable."),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Which series of samples.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:N or mps.")]
Trust = Annotated[bool, typer.Option("--trust", help="Allow generators that run code of their own (.pt, .pkl, hub).")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]


def _drawn(
    seed: Seed = 0,
    label: Class = None,
    truncation: Strength = None,
    truncation_method: Method = None,
    fix: Fix = None,
    device: Device = "auto",
    trust: Trust = False,
) -> None:
    """The options that say which samples are meant, by the names of `chosen_source`'s parameters."""


#: Gives a command the options of `_drawn` in the place of `drawn`.
with_drawn = sharing(_drawn, "drawn")


def chosen_source(
    model: str,
    *,
    count: int,
    seed: int = 0,
    label: int | None = None,
    truncation: float | None = None,
    truncation_method: str | None = None,
    fix: Sequence[str] | None = None,
    device: str = "auto",
    trust: bool = False,
) -> Any:
    """The samples that these options mean, a `ganeval.generators.sources.SampleSource`.

    Options of the command line win over those behind the model's question mark.
    """
    from ganeval.generators.sources.asked import fixed_options, split_options, split_target
    from ganeval.generators.sources.opening import find_origin, source_of
    from ganeval.images.source import SourceOptions

    target, options = split_target(model.removeprefix("generator:"))
    given = {"label": label, "truncation": truncation, "truncation_method": truncation_method}
    merged: dict[str, Any] = options | {name: value for name, value in given.items() if value is not None}
    merged |= fixed_options(fix or ())
    asked, others = split_options(merged)
    opening = SourceOptions(count=count, seed=seed, trust=trust, device=device)
    return source_of(find_origin(target, others, trust=trust), opening, asked)
