"""From a configuration and a folder to a training run that is ready to go."""

from __future__ import annotations

import torch
from torch import nn

from ganeval.errors import OptionError
from ganeval.generators.configuration import configured
from ganeval.generators.model import GenerativeModel
from ganeval.generators.training.alarms import Alarms
from ganeval.generators.training.data import Examples
from ganeval.generators.training.evaluating import Evaluator
from ganeval.generators.training.monitoring import Monitoring
from ganeval.generators.training.opening import open_examples, options_from
from ganeval.generators.training.processes import Processes
from ganeval.generators.training.run import RunListener, SilentListener, TrainingRun
from ganeval.generators.training.run_config import RunConfig
from ganeval.generators.training.run_folder import RunFolder
from ganeval.generators.training.trainer import Trainer
from ganeval.progress import Progress


def started_run(
    asked: RunConfig,
    folder: RunFolder,
    *,
    resume: bool,
    device: torch.device,
    processes: Processes,
    listener: RunListener | None = None,
    progress: Progress | None = None,
) -> TrainingRun:
    """A run that stands at its beginning, or where its newest checkpoint was taken.

    Parameters
    ----------
    asked
        What it is to do.
    folder
        New, or of the run to go on with.
    resume
        Which of the two.
    device
        Of this process.
    processes
        This process among those of the run; only the first one writes.
    listener
        Told how the run goes.
    progress
        Told how far the reading of the data is.

    Raises
    ------
    GanevalError
        If the data, an option or the checkpoint can't be used; the folder is then as it was.
    """
    examples = opened_examples(asked, progress)
    model = built_model(asked, examples)
    if asked.execution.channels_last:
        nn.Module.to(model, memory_format=torch.channels_last)
    trainer = Trainer(model, examples, asked.settings, device, processes)
    run = TrainingRun(
        trainer,
        folder,
        asked.model,
        asked.data.name,
        asked.plan,
        listener or SilentListener(),
        evaluator=Evaluator(trainer, asked.evaluation) if asked.plan.eval_every else None,
        alarms=Alarms(trainer, asked.alarms) if asked.alarms.enabled else None,
        monitoring=Monitoring(trainer, asked.monitor) if asked.monitor.every else None,
    )
    if resume:
        run.resume()
        if trainer.steps > asked.plan.steps:
            raise OptionError(
                f"the run in {folder.path} has done {trainer.steps:,} steps, and --steps is {asked.plan.steps:,}",
                hint="Give a larger --steps to go on.",
            )
    if processes.first:
        write = folder.write_config if resume else folder.begin
        write(asked.written(model))
    if asked.execution.compile:
        compile_networks(model)
    return run


def opened_examples(asked: RunConfig, progress: Progress | None = None) -> Examples:
    """The training data, of the kind that the model asks for, in the size and channels that were asked for."""
    data, config = asked.data, asked.config
    return open_examples(
        _kind_of_data(asked),
        data.data,
        data.data_a,
        data.data_b,
        size=data.size or config.get("size"),
        channels=data.channels or config.get("channels"),
        other_channels=data.other_channels or config.get("other_channels"),
        resize=data.resize,
        labels=data.labels,
        progress=progress,
    )


def _kind_of_data(asked: RunConfig) -> str:
    """That which the model asks for; one that can do without labels has them too where it was given classes."""
    kind = asked.kind.info.data
    return "labelled" if kind == "images" and str(asked.config.get("classes", 0)) != "0" else kind


def built_model(asked: RunConfig, examples: Examples) -> GenerativeModel:
    """The model with first weights; what the data says of size, channels and classes counts where nothing was given.

    Raises
    ------
    OptionError, ImageSourceError
        If an option and the data contradict each other.
    """
    kind = asked.kind
    config = configured(kind.Config, options_from(kind, examples) | asked.config, what=asked.model)
    check_fits(config, examples, kind)
    return kind.initialised(config, asked.settings.seed)


def check_fits(config: object, examples: Examples, kind: type[GenerativeModel]) -> None:
    """Check a model's configuration against the data.

    Raises
    ------
    OptionError
        If the images have another size or number of channels than the model, or labels that it has no class for.
    """
    found = options_from(kind, examples)
    for name in ("size", "channels", "other_channels"):
        if name in found and getattr(config, name) != found[name]:
            raise OptionError(
                f"{name} of the model is {getattr(config, name)} and that of the training images {found[name]}",
                hint=f"Leave {name} out, or make the images fit by --size, --resize and --channels.",
            )
    if "classes" in found and getattr(config, "classes", 0) < found["classes"]:
        raise OptionError(
            f"the model has {getattr(config, 'classes', 0)} classes and the training images {found['classes']}",
            hint="Leave classes out.",
        )


def compile_networks(model: GenerativeModel) -> None:
    """Compile each network by itself, in place; the first steps then take long."""
    for network in model.children():
        network.compile()
