"""Evaluation in the loop: samples of the averaged model, scored by ganeval's own metrics as `ganeval score` would."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ganeval.errors import OptionError
from ganeval.generators.model import DIRECTIONS, GenerativeModel, Sampler, Translator
from ganeval.generators.sampling.blocks import Blocks, Drawing, to_bytes
from ganeval.generators.streams import SAMPLES, random_stream
from ganeval.generators.training.data import Examples
from ganeval.generators.training.finishing import translation_inputs, translation_targets
from ganeval.generators.training.trainer import Trainer
from ganeval.images.arrays import ArraySource
from ganeval.images.digest import pixel_digest, set_fingerprint
from ganeval.images.source import DecodedImage, ImageInfo, ImageItem, ImageSource
from ganeval.scoring.choice import choose_metrics
from ganeval.scoring.evaluation import Evaluation, ExtractedSet, Settings

#: Training images that samples are scored against at most; more change a score little and take long.
MOST_REAL = 10_000
_BATCH = 50


@dataclass(frozen=True)
class EvaluationSettings:
    """What is scored while training goes on.

    Parameters
    ----------
    metrics
        Names as after ``ganeval score --metrics``; the first decides which checkpoint is the best.
    images
        Samples to score.
    real
        The set to score against, as `ganeval.open_source` takes it; None takes the training data (up to 10,000 of it).
    extractor
        As ``ganeval score --extractor``.

    Raises
    ------
    OptionError
        If a number is out of its range.
    """

    metrics: str = "fd,kid"
    images: int = 2000
    real: str | None = None
    extractor: str = "auto"

    def __post_init__(self) -> None:
        if self.images < 2:
            raise OptionError(f"--eval-images is {self.images}", hint="It has to be 2 or more.")


@dataclass(frozen=True)
class Scores:
    """Scores of one evaluation.

    Parameters
    ----------
    values
        By full name, the deciding one first.
    higher_is_better
        Direction of the deciding one.
    """

    values: dict[str, float]
    higher_is_better: bool

    @property
    def deciding(self) -> str:
        """Full name of the score by which checkpoints are ranked."""
        return next(iter(self.values))

    def better_than(self, value: float) -> bool:
        """Whether the deciding score is better than a value of an earlier evaluation."""
        mine = self.values[self.deciding]
        return mine > value if self.higher_is_better else mine < value


class Evaluator:
    """Scores samples of a model against real images, whose features are extracted once.

    Parameters
    ----------
    trainer
        Whose examples, seed and device are taken.
    settings
        What is scored.

    Raises
    ------
    GanevalError
        If a metric or the real set is unknown, or the images' channels can't be scored.
    """

    def __init__(self, trainer: Trainer, settings: EvaluationSettings) -> None:
        self._trainer, self._settings = trainer, settings
        examples = trainer.examples
        self._translated = isinstance(trainer.model, Translator)
        choice = choose_metrics(settings.metrics, None, with_real=True)
        device = str(trainer.device)
        self._evaluation = Evaluation(
            choice, Settings(extractor=settings.extractor, device=device, seed=trainer.settings.seed, level=None)
        )
        real = RealImages(examples, trainer) if settings.real is None else self._evaluation.open(settings.real)
        if real.count is not None:
            blank = np.zeros((settings.images, 8, 8, 3), np.uint8)
            self._evaluation.check_counts(ArraySource(blank, name="samples"), real)
        self._real_source: ImageSource = real
        self._real: ExtractedSet | None = None
        self._store = self._evaluation.store

    def score(self, model: GenerativeModel) -> Scores:
        """Scores of the samples of a model in evaluation mode.

        Raises
        ------
        GanevalError
            If a metric can't be computed.
        """
        if self._real is None:
            self._evaluation.store = self._store
            self._real = self._evaluation.extract(self._real_source, "real")
        samples = ArraySource(self._samples(model), name="samples")
        # Features of samples that nobody will see again would only fill the store.
        self._evaluation.store = None
        generated = self._evaluation.extract(samples, "generated")
        scored = self._evaluation.compute(self._real, generated)
        first = next(iter(scored.scores.values()))
        values = {name: float(score.value) for name, score in scored.scores.items()}
        return Scores(values, first.higher_is_better)

    def _samples(self, model: GenerativeModel) -> npt.NDArray[np.uint8]:
        count = self._settings.images
        if isinstance(model, Sampler):
            blocks = Blocks(model, Drawing(self._trainer.settings.seed))
            images = torch.stack([blocks.image(number)[0] for number in range(count)])
        elif isinstance(model, Translator):
            images = torch.cat(list(self._translations(model, count)))[:count]
        else:
            raise OptionError(f"{type(model).__name__} makes no images to score", hint="Leave out --eval-every.")
        return _as_rgb(images)

    def _translations(self, model: Translator, count: int) -> Iterator[Tensor]:
        direction = model.directions[0]
        for number in range(-(-count // _BATCH)):
            batch = self._trainer.example_batch(number, _BATCH)
            inputs = translation_inputs(batch, direction).to(self._trainer.device)
            random = random_stream(self._trainer.settings.seed, SAMPLES, 2, number)
            with torch.inference_mode():
                yield to_bytes((model.translate(inputs, direction, random).float().cpu() + 1) * 127.5)


class RealImages(ImageSource):
    """Training examples as an image source: those of the domain that the model makes, up to `MOST_REAL` of them.

    Parameters
    ----------
    examples
        The training data.
    trainer
        Of the model, which says what domain that is.

    Raises
    ------
    OptionError
        If the images are neither grey nor RGB.
    """

    kind = "training data"
    name = "training data"

    def __init__(self, examples: Examples, trainer: Trainer) -> None:
        self._examples, self._model = examples, trainer.model
        count = examples.counts[self._domain]
        step = max(1.0, count / MOST_REAL)
        self._numbers = [int(position * step) for position in range(min(count, MOST_REAL))]

    @property
    def _domain(self) -> int:
        """Place of the count of the images that the model makes."""
        if isinstance(self._model, Translator) and len(self._examples.counts) > 1:
            return DIRECTIONS[self._model.directions[0]][1]
        return 0

    def __iter__(self) -> Iterator[ImageItem]:
        """Items ``training data/000123``, with the example's number."""
        for number in self._numbers:
            yield ImageItem(f"{self.name}/{number:06d}", partial(self._load, number))

    @property
    def count(self) -> int:
        """Number of images."""
        return len(self._numbers)

    def fingerprint(self) -> str:
        """Hex digest of the examples' contents and their choice."""
        return set_fingerprint(self.kind, [self._examples.digest(), f"{len(self._numbers)} of them"])

    def _load(self, number: int) -> DecodedImage:
        counts: Sequence[int] = self._examples.counts
        batch = self._examples.read([torch.tensor([min(number, count - 1)]) for count in counts])
        images = batch.images
        if isinstance(self._model, Translator):
            images = translation_targets(batch, self._model.directions[0])
        pixels = _as_rgb(to_bytes((images + 1) * 127.5))[0]
        height, width = pixels.shape[:2]
        mode = "L" if images.shape[1] == 1 else "RGB"
        return DecodedImage(pixels, ImageInfo("array", mode, width, height, digest=pixel_digest(pixels)))


def _as_rgb(images: Tensor) -> npt.NDArray[np.uint8]:
    """uint8 [N, H, W, 3] from uint8 [N, 1 or 3, H, W]."""
    channels = images.shape[1]
    if channels not in (1, 3):
        raise OptionError(
            f"images of {channels} channels can't be scored", hint="Metrics take grey and RGB: leave out --eval-every."
        )
    return np.ascontiguousarray(images.expand(-1, 3, -1, -1).permute(0, 2, 3, 1).numpy())
