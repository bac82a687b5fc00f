"""Classification accuracy score as its paper has it: networks trained from scratch on images."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ganeval.diagnosis.usefulness.classification_accuracy import NAME, TITLE
from ganeval.diagnosis.usefulness.classifiers.images import MEMORY_LIMIT, ImageTable, TrainingSet, usual_edge
from ganeval.diagnosis.usefulness.classifiers.networks import network_for
from ganeval.diagnosis.usefulness.classifiers.processes import open_processes
from ganeval.diagnosis.usefulness.classifiers.recipes import Recipe, recipe_for
from ganeval.diagnosis.usefulness.classifiers.running import finish_training, open_run
from ganeval.diagnosis.usefulness.classifiers.training import Training
from ganeval.diagnosis.usefulness.judging import Judged, Manner, examine_usefulness
from ganeval.diagnosis.usefulness.labelled_sets import common_classes, labels_of, matched, overlap
from ganeval.diagnosis.usefulness.paired_accuracy import Answers
from ganeval.errors import MetricError, OptionError
from ganeval.features.features import Features
from ganeval.images.source import ImageSource
from ganeval.progress import Progress
from ganeval.report.diagnosis import Examined

#: Images smaller than this, 8 pixels a side as digits have, leave nothing to convolve.
_SMALLEST_EDGE = 8


@dataclass(frozen=True)
class FullOptions:
    """How networks are trained; None takes what the recipe for images of that size says.

    Parameters
    ----------
    model
        Name of a classifier of torchvision; ``"auto"`` takes resnet18 with a small stem for images of up to 64 pixels,
        else resnet50.
    epochs
        Passes over the images; the recipe's learning rates are stretched to them.
    size
        Edge of the images in pixels; None takes the generated ones'. Others are cut to their middle square and scaled.
    batch_size, learning_rate, flip, precision
        See `ganeval.diagnosis.usefulness.classifiers.recipes.Recipe`.
    both
        Whether a third network is trained on generated and real images together.
    memory_limit
        Bytes of each set up to which its images are held in memory.
    """

    model: str = "auto"
    epochs: int | None = None
    size: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    flip: bool | None = None
    precision: str | None = None
    both: bool = True
    memory_limit: int = MEMORY_LIMIT

    def recipe(self, size: int) -> Recipe:
        """For images of that size; raises `OptionError`."""
        given = {
            name: getattr(self, name)
            for name in ("epochs", "batch_size", "learning_rate", "flip", "precision")
            if getattr(self, name) is not None
        }
        return replace(recipe_for(size), **given)


def examine_full(
    generated: Features,
    real: Features,
    test: Features,
    *,
    sources: tuple[ImageSource, ImageSource, ImageSource],
    options: FullOptions,
    folder: Path | None = None,
    resume: bool = False,
    device: torch.device,
    seed: int = 2020,
    level: float = 0.95,
    progress: Progress | None = None,
) -> Examined:
    """Evidence and scores of networks that are trained here, one after the other.

    Under ``torchrun`` all processes train each network together.

    Parameters
    ----------
    generated, real, test
        What was extracted of each set, by whatever extractor: which images there are, with labels and digests.
    sources
        The sets, in the same order.
    options
        How to train.
    folder
        For checkpoints; None makes none.
    resume
        Whether to go on from them.
    device
        Where to train.
    seed
        Of everything random.
    level
        Of intervals.
    progress
        Told how far the work is.

    Raises
    ------
    MetricError, OptionError, WeightsError, OutputError
        As `common_classes`, `Training` and `finish_training`.
    KeyboardInterrupt
        After SIGINT or SIGTERM, when the checkpoint is written.
    """
    shared = overlap(test, {"real": real, "generated": generated})
    kept = np.setdiff1d(np.arange(len(test)), shared.rows)
    if not len(kept):
        raise MetricError(
            f"nothing is left to test on: {shared.sentence}",
            hint="Test on real images that are not among those to train on.",
        )
    classes = common_classes(labels_of(generated), labels_of(real), labels_of(test, kept))
    size = usual_edge(generated) if options.size is None else options.size
    if size < _SMALLEST_EDGE:
        raise OptionError(
            f"images of {size} pixels are too small to train a network on",
            hint=f"Choose a --size of {_SMALLEST_EDGE} or more.",
        )
    recipe, model = options.recipe(size), network_for(options.model, size)
    chosen = matched(classes.generated, classes.real, seed=seed)
    with open_processes(device) as (processes, place):
        if folder is not None:
            if processes.first:
                open_run(folder, resume=resume)
            processes.wait()

        def table(features: Features, source: ImageSource) -> ImageTable:
            return ImageTable(features, source, size, memory_limit=options.memory_limit, progress=progress)

        tables = [table(*pair) for pair in zip((generated, real, test), sources, strict=True)]
        first, second = (tables[0], chosen.generated), (tables[1], chosen.real)
        arms = {
            "generated": TrainingSet((first,), chosen.targets),
            "real": TrainingSet((second,), chosen.targets),
        }
        if options.both:
            arms["both"] = TrainingSet((first, second), np.concatenate([chosen.targets, chosen.targets]))
        answers = {}
        for name, images in arms.items():
            training = Training(images, model, len(classes.names), recipe, seed=seed, device=place, processes=processes)
            finish_training(training, name, folder=folder, resume=resume, progress=progress)
            answers[name] = Answers.of(training.scores(tables[2], kept), classes.test)
    judged = Judged(
        classes.names,
        classes.test,
        generated=answers["generated"],
        real=answers["real"],
        both=answers.get("both"),
        trained_on=len(chosen.targets),
    )
    trained: dict[str, Any] = {"mode": "full", "model": model, "size": size, **asdict(recipe), "seed": seed}
    trained["drops"] = list(recipe.drops)
    manner = Manner(NAME, TITLE, f"a {model}", "cas", "", trained)
    examined = examine_usefulness(judged, manner, level=level)
    details = {
        **examined.evidence.details,
        **trained,
        "overlap": shared.sentence,
        "left_out_of_test": len(shared.rows),
    }
    return replace(examined, evidence=replace(examined.evidence, details=details))
