"""``ganeval cas``: what a classifier learns from generated images alone, and how far real ones would take it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ganeval.cli import options as o
from ganeval.cli.failures import all_processes, shared_command


@shared_command
@o.with_settings
def cas(
    samples: Annotated[str, typer.Argument(help=f"Generated images with labels: {o.SETS}", show_default=False)],
    real_train: Annotated[str, typer.Option("--real-train", help="Real images with labels, to train on.")],
    real_test: Annotated[str, typer.Option("--real-test", help="Other real images with labels, to test on.")],
    mode: Annotated[
        str,
        typer.Option("--mode", help="probe: linear classifiers of features, seconds. full: networks from scratch."),
    ] = "probe",
    model: Annotated[
        str | None, typer.Option("--model", help="full: a torchvision classifier, such as resnet18; by size.")
    ] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="full: passes over the images.")] = None,
    size: Annotated[int | None, typer.Option("--size", min=1, help="full: edge of the images; the samples'.")] = None,
    train_batch: Annotated[int | None, typer.Option("--train-batch", min=2, help="full: images a step.")] = None,
    learning_rate: Annotated[
        float | None, typer.Option("--learning-rate", help="full: for a batch of 256; proportional to the batch.")
    ] = None,
    precision: Annotated[str | None, typer.Option("--precision", help="full: fp32, bf16 or fp16.")] = None,
    flip: Annotated[
        bool | None, typer.Option("--flip/--no-flip", help="full: mirror half of the images; not for digits.")
    ] = None,
    both: Annotated[
        bool, typer.Option("--both/--no-both", help="full: train on generated and real together too.")
    ] = True,
    out: Annotated[Path | None, typer.Option("--out", help="full: folder for checkpoints.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="full: go on from the checkpoints in --out.")] = False,
    parts: Annotated[
        int | None, typer.Option("--parts", min=4, max=12, help="probe: parts of each side for the test.")
    ] = None,
    strength: Annotated[
        float | None, typer.Option("--strength", help="probe: inverse penalty of the classifiers; chosen by default.")
    ] = None,
    most: Annotated[int | None, typer.Option("--most", min=8, help="probe: images a side to train on.")] = None,
    *,
    settings: dict[str, Any],
    json_path: o.Json = None,
    html_path: o.Html = None,
    level: o.Level = 0.95,
    quiet: o.Quiet = False,
) -> None:
    """Classification accuracy score: train on generated images, test on real ones (Ravuri & Vinyals 2019).

    The same classifier is trained on equally many real images of each class, and on both together: how much is lost by
    generated images in the place of real ones, in which classes, and do they help beside them? All sets need labels of
    the same names. Under torchrun, --mode full trains on all processes together; an interrupt saves first.

    Exit status: 0; 2 for an error that you can mend; 130 after an interrupt, 143 after SIGTERM.
    """
    from ganeval.cli.outputs import check_outputs, command_line, write_reports
    from ganeval.cli.progress import make_progress
    from ganeval.cli.values import check_count
    from ganeval.diagnosis.usefulness.cas import ProbeOptions, classification_accuracy_score
    from ganeval.diagnosis.usefulness.from_scratch import FullOptions
    from ganeval.errors import OptionError

    check_count(settings["count"], samples, real_train, real_test)
    check_outputs(json_path, html_path)
    of_probe = _given(parts=parts, strength=strength, most=most)
    of_full = _given(
        model=model,
        epochs=epochs,
        size=size,
        batch_size=train_batch,
        learning_rate=learning_rate,
        precision=precision,
        flip=flip,
        both=None if both else False,
    )
    if mode == "full" and of_probe:
        raise OptionError("--parts, --strength and --most belong to --mode probe", hint="Leave them out.")
    if mode == "probe" and of_full:
        raise OptionError(
            "options of a network's training were given, and --mode probe trains none",
            hint="Add --mode full, or leave them out.",
        )
    with all_processes(settings["device"]) as ranks, make_progress(quiet=quiet or not ranks.is_first) as progress:
        report = classification_accuracy_score(
            samples,
            real_train,
            real_test,
            mode=mode,
            probe=ProbeOptions(**of_probe) if of_probe else None,
            full=FullOptions(**of_full) if of_full else None,
            out=out,
            resume=resume,
            level=level,
            **settings,
            progress=progress,
            command=command_line(),
        )
        if ranks.is_first:
            write_reports(report, json_path, html_path)


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
