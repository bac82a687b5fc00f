"""``ganeval train``: a model and a set of images in, a run folder with weights, samples and logs out."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from ganeval.cli.failures import shared_command

_DATA = "Training images: folder, .zip, .tar shards, .npz, .npy, list file or named set (digits, fashion-mnist:train)."


@shared_command
def train(
    model: Annotated[
        str | None, typer.Argument(help="See `ganeval generators`; a resumed run knows its own.", show_default=False)
    ] = None,
    data: Annotated[str | None, typer.Option("--data", "--data-ab", help=_DATA)] = None,
    data_a: Annotated[str | None, typer.Option("--data-a", help="Images of the first domain.")] = None,
    data_b: Annotated[str | None, typer.Option("--data-b", help="Images of the second domain.")] = None,
    *,
    out: Annotated[Path, typer.Option("--out", help="Folder of the run.", show_default=False)],
    steps: Annotated[int | None, typer.Option("--steps", help="Training steps in all; 20,000 by default.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out where it stopped.")] = False,
    config: Annotated[
        Path | None, typer.Option("--config", help="YAML file in the form of a run's config.yaml; options win over it.")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-o", help="Of the model or the training: width=64, flip=true; repeatable."),
    ] = None,
    batch_size: Annotated[int | None, typer.Option("--batch-size", help="Images a step; 64 by default.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Of everything random; 0 by default.")] = None,
    loss: Annotated[str | None, typer.Option("--loss", help="As -o loss=NAME.")] = None,
    penalty: Annotated[str | None, typer.Option("--penalty", help="As -o penalty=NAME.")] = None,
    size: Annotated[str | None, typer.Option("--size", help="Of the images: 64, or HEIGHTxWIDTH.")] = None,
    channels: Annotated[int | None, typer.Option("--channels", help="Of the images: 1 for grey, 3 for RGB.")] = None,
    labels: Annotated[str | None, typer.Option("--labels", help="folders: class labels from sub-folders.")] = None,
    resize: Annotated[
        str | None, typer.Option("--resize", help="How images of another size are made to fit; none by default.")
    ] = None,
    device: Annotated[str | None, typer.Option("--device", help="auto, cpu, cuda, cuda:N or mps.")] = None,
    precision: Annotated[str | None, typer.Option("--precision", help="fp32, bf16 or fp16.")] = None,
    accumulate: Annotated[
        int | None, typer.Option("--accumulate", help="Parts of a batch that go through the networks one by one.")
    ] = None,
    channels_last: Annotated[
        bool | None, typer.Option("--channels-last/--no-channels-last", help="Memory format of images and weights.")
    ] = None,
    compiled: Annotated[
        bool | None, typer.Option("--compile/--no-compile", help="Compile the networks with torch.compile.")
    ] = None,
    checkpoint_every: Annotated[int | None, typer.Option("--checkpoint-every", help="Steps; 1,000 by default.")] = None,
    keep: Annotated[int | None, typer.Option("--keep", help="Newest checkpoints that are kept; 2 by default.")] = None,
    samples_every: Annotated[
        int | None,
        typer.Option("--samples-every", help="Steps between grids of samples; 1,000 by default, 0 for none."),
    ] = None,
    log_every: Annotated[
        int | None, typer.Option("--log-every", help="Steps a line of the log; 50 by default.")
    ] = None,
    eval_every: Annotated[
        int | None, typer.Option("--eval-every", help="Steps between scorings of samples; none by default.")
    ] = None,
    eval_metrics: Annotated[
        str | None,
        typer.Option(
            "--eval-metrics", help="As `ganeval score --metrics`; the first decides which checkpoint is best."
        ),
    ] = None,
    eval_images: Annotated[
        int | None, typer.Option("--eval-images", help="Samples to score; 2,000 by default.")
    ] = None,
    eval_real: Annotated[
        str | None, typer.Option("--eval-real", help="Images to score against; the training data by default.")
    ] = None,
    eval_extractor: Annotated[
        str | None, typer.Option("--eval-extractor", help="As `ganeval score --extractor`.")
    ] = None,
    alarms: Annotated[
        bool | None,
        typer.Option("--alarms/--no-alarms", help="Stop when samples collapse or the discriminator saturates."),
    ] = None,
    monitor_every: Annotated[
        int | None,
        typer.Option(
            "--monitor-every", help="Steps between looks for collapse and memorisation; 1,000 by default, 0 for none."
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Train a model; the run folder gets its weights, samples, scores and log.

    Ctrl-C and SIGTERM finish the step and save; --resume goes on as if nothing had happened. Several processes:
    torchrun --nproc-per-node N -m ganeval train ...

    Exit status: 0; 2 for an error that you can mend, or an alarm; 130 and 143 after Ctrl-C and SIGTERM.
    """
    given = {
        "model": model,
        "config": {"loss": loss, "penalty": penalty},
        "settings": {"batch_size": batch_size, "seed": seed, "precision": precision, "accumulate": accumulate},
        "data": {
            "data": data,
            "data_a": data_a,
            "data_b": data_b,
            "size": size,
            "channels": channels,
            "resize": resize,
            "labels": labels,
        },
        "plan": {
            "steps": steps,
            "checkpoint_every": checkpoint_every,
            "samples_every": samples_every,
            "log_every": log_every,
            "keep": keep,
            "eval_every": eval_every,
        },
        "evaluation": {
            "metrics": eval_metrics,
            "images": eval_images,
            "real": eval_real,
            "extractor": eval_extractor,
        },
        "alarms": {"enabled": alarms},
        "monitor": {"every": monitor_every},
        "execution": {"device": device, "channels_last": channels_last, "compile": compiled},
    }
    came = _trained(given, out, config, option or [], resume=resume, quiet=quiet)
    if came:
        # Past the command-line library, which takes an interrupt's status for its own.
        raise SystemExit(128 + came)


def _trained(
    given: dict[str, Any], out: Path, config: Path | None, options: list[str], *, resume: bool, quiet: bool
) -> int:
    from ganeval.cli.progress import make_progress
    from ganeval.features.devices import resolve_device
    from ganeval.generators.cli.telling import told
    from ganeval.generators.training.processes import open_processes
    from ganeval.generators.training.run_config import merged, read_config, require_same_model
    from ganeval.generators.training.run_folder import RunFolder
    from ganeval.generators.training.starting import started_run

    folder = RunFolder(out)
    layers: list[dict[str, Any]] = []
    if resume:
        layers.append(folder.config())
    if config is not None:
        layers.append(read_config(config))
    layers.append(_without_none(given))
    if resume:
        for layer in layers[1:]:
            require_same_model(layer.get("model"), layers[0])
    asked = merged(layers, options)
    with open_processes(resolve_device(asked.execution.device)) as (processes, device):
        first = processes.first
        if first:
            (folder.require_run if resume else folder.require_new)()
        with make_progress(quiet=quiet or not first) as progress:
            run = started_run(asked, folder, resume=resume, device=device, processes=processes, progress=progress)
        _say_what_starts(run, quiet=quiet or not first)
        done, total = run.trainer.steps, asked.plan.steps
        if done == total:
            return 0
        with told(done, total, quiet=quiet or not first) as listener:
            run.listener = listener
            came = run.run()
        if first and came:
            again = ["ganeval", "train", "--out", str(out), "--resume"]
            if processes.count > 1:
                again = ["torchrun", "--nproc-per-node", "N", "-m", *again]
            typer.echo(run.stopped_in_words(came, shlex.join(again)), err=True)
        elif first and not quiet:
            typer.echo(f"trained {total:,} steps: weights in {folder.path / 'generator.safetensors'}", err=True)
    return came


def _without_none(given: dict[str, Any]) -> dict[str, Any]:
    """What the user typed, of all options."""
    return {
        name: {key: value for key, value in values.items() if value is not None} if isinstance(values, dict) else values
        for name, values in given.items()
    }


def _say_what_starts(run: Any, *, quiet: bool) -> None:
    if quiet:
        return
    done, total = run.trainer.steps, run.plan.steps
    if done == total:
        typer.echo(f"the run in {run.folder.path} has done {done:,} steps: give a larger --steps to go on", err=True)
        return
    for remark in run.trainer.examples.remarks:
        typer.echo(f"note: {remark}", err=True)
    counts = " and ".join(f"{count:,}" for count in run.trainer.examples.counts)
    begins = f"going on at step {done:,}" if done else "training"
    typer.echo(f"{begins}: {run.name} on {counts} images of {run.data}, {run.trainer.device}", err=True)
