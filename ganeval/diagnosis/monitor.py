"""Watches a generator while it trains, in any loop: alarms for mode collapse and for copies of training images.

The tests are cheap ones on small grey pictures of a few hundred samples; `ganeval.diagnose` says more, and surer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.stats import chi2, fisher_exact
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from ganeval.errors import NotEnoughImagesError, OptionError
from ganeval.wording import counted

#: Pixels a side of the small grey pictures.
SIDE = 16
#: Share of the spread of real images below which samples count as collapsed, and as severely so. Half the distances
#: mean that the samples fill a ball of half the radius: blurry but varied samples keep more.
NARROW, NARROWEST = 0.5, 0.25
#: Share of near-duplicates among so few samples from which it counts: real images have hardly any.
REPEATED = 0.05
#: Share of samples that are near-copies of training images from which it counts.
COPIED = 0.02

#: The first so many looks share half of the probability of a false alarm, twice as many after them a quarter, ...
_FIRST_LOOKS = 100
_TESTS = 3
_PERMUTATIONS = 1999
#: Two pictures count as near-duplicates within this share of that quantile of the nearest distances within real images:
#: smooth samples of one kind of thing come nearer to each other than real ones do without being the same picture.
_DUPLICATE_SHARE, _DUPLICATE_QUANTILE = 0.5, 0.005
#: Of the ratios of nearest to tenth-nearest distance of training images, the quantile below which it counts as a copy.
_COPY_QUANTILE = 0.005
_NEIGHBOURS = 10
_BLOCK = 4096


@dataclass(frozen=True)
class Alarm:
    """Something that goes wrong in training.

    Parameters
    ----------
    step
        At which it was seen.
    failure
        ``"mode-collapse"`` or ``"memorisation"``.
    severity
        ``"partial"`` or ``"severe"``.
    sentence
        In plain words, with a full stop.
    share
        Of the spread that is left, of samples that are near-duplicates, or of samples that are near-copies.
    p_value
        Of the hypothesis that samples are as other real images would be.
    """

    step: int
    failure: str
    severity: str
    sentence: str
    share: float
    p_value: float


class GeneratorMonitor:
    """Looks at samples every so many steps; all looks together raise a false alarm with a bounded probability.

    Parameters
    ----------
    training
        The training images [N, C, H, W]: uint8 in 0..255, or float in [-1, 1]. They are kept as small grey pictures,
        `most` of them at most, and not as they are.
    every
        Steps between two looks.
    samples
        How many samples a look takes; 32 or more.
    first
        Steps before the first look: untrained generators have little variety, which is no failure yet.
    false_alarms
        Bound on the probability of any alarm in a run, however long, of a generator whose samples are as real images
        are: the first 100 looks share half of it, the next 200 a quarter, the next 400 an eighth, and so on.
    most
        Training images that are kept at most, chosen at random. Where there are more, copies of the others are missed.
    seed
        Of everything random.

    Raises
    ------
    OptionError
        If an option is out of its range.
    NotEnoughImagesError
        If there are fewer than four times as many training images as a look takes samples.

    Examples
    --------
    >>> import torch
    >>> images = torch.rand(400, 1, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    >>> monitor = GeneratorMonitor(images, every=100, samples=64, first=100)
    >>> monitor(100, lambda count: images[:count])[0].failure
    'memorisation'
    """

    def __init__(
        self,
        training: Tensor | npt.NDArray[Any],
        *,
        every: int = 1000,
        samples: int = 256,
        first: int = 1000,
        false_alarms: float = 0.05,
        most: int = 50_000,
        seed: int = 0,
    ) -> None:
        if every < 1 or samples < 32 or first < 0 or not 0 < false_alarms < 1:
            raise OptionError(
                f"a monitor can't look at {samples} samples every {every} steps from {first} on with a probability of "
                f"{false_alarms} of false alarms",
                hint="It needs 32 samples or more, 1 step or more, and a probability between 0 and 1.",
            )
        images = torch.as_tensor(training)
        if len(images) < 4 * samples:
            raise NotEnoughImagesError(
                f"a monitor with {samples} samples a look needs {4 * samples:,} training images, and there "
                f"{'is' if len(images) == 1 else 'are'} {len(images):,}",
                hint="Lower its number of samples.",
            )
        self.every, self.samples, self.first, self.false_alarms = every, samples, first, false_alarms
        self.looks = 0
        self._seed = seed
        random = self._random(0)
        rows = np.sort(random.permutation(len(images))[:most])
        self._training = small_grey(images if len(rows) == len(images) else images[torch.from_numpy(rows)])
        self._calibrate(random)

    def __call__(self, step: int, draw: Callable[[int], Tensor]) -> tuple[Alarm, ...]:
        """Look at samples if it is time to.

        Parameters
        ----------
        step
            How many steps are done.
        draw
            Gives so many samples [n, C, H, W], as the training images were given. Called only where a look is due.
        """
        if step < self.first or step % self.every != 0:
            return ()
        return self.look(step, draw(self.samples))

    def look(self, step: int, samples: Tensor | npt.NDArray[Any]) -> tuple[Alarm, ...]:
        """What is wrong with these samples [n, C, H, W], n of `samples` or fewer; nothing, as a rule."""
        self.looks += 1
        random = self._random(self.looks)
        generated = small_grey(torch.as_tensor(samples).detach())[: self.samples]
        fresh = self._training[torch.from_numpy(random.permutation(len(self._training))[: len(generated)])]
        level = level_of_look(self.looks, self.false_alarms) / _TESTS
        found = (
            *self._collapse(step, generated, fresh, random, level),
            *self._memorisation(step, generated, level),
        )
        return tuple(one for one in found if one is not None)

    def state_dict(self) -> dict[str, int]:
        """What a checkpoint has to keep: how many looks there were."""
        return {"looks": self.looks}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go on where `state` was taken."""
        self.looks = int(state["looks"])

    def _random(self, look: int) -> np.random.Generator:
        return np.random.default_rng([self._seed, look])

    def _calibrate(self, random: np.random.Generator) -> None:
        """Thresholds from training images against each other, each left out among the rest."""
        rows = random.permutation(len(self._training))[: min(len(self._training), 4000)]
        half = len(rows) // 2
        sets = torch.from_numpy(rows[: half // self.samples * self.samples]).reshape(-1, self.samples)
        nearest = [_nearest_in_set(self._training[one]) for one in sets]
        self._duplicate = _DUPLICATE_SHARE * float(torch.cat(nearest).quantile(_DUPLICATE_QUANTILE))
        ratios = self._ratios(self._training[torch.from_numpy(rows)], itself=True)
        self._copy = float(ratios[:half].quantile(_COPY_QUANTILE))
        # Counted on images that didn't set the threshold, as samples don't.
        self._close, self._counted = int((ratios[half:] < self._copy).sum()), len(ratios) - half

    def _collapse(
        self, step: int, generated: Tensor, fresh: Tensor, random: np.random.Generator, level: float
    ) -> tuple[Alarm | None, Alarm | None]:
        pooled = torch.cat([generated, fresh])
        distances = torch.cdist(pooled, pooled).fill_diagonal_(0)
        close = (distances < self._duplicate).float().fill_diagonal_(0)
        return self._narrow(step, distances, random, level), self._repeated(step, close, random, level)

    def _narrow(self, step: int, distances: Tensor, random: np.random.Generator, level: float) -> Alarm | None:
        def less_apart(labels: Tensor) -> Tensor:
            return _within(distances, 1 - labels) - _within(distances, labels)

        count = len(distances) // 2
        apart, real = float(distances[:count, :count].sum()), float(distances[count:, count:].sum())
        share = apart / real if real > 0 else 1.0
        # Most looks end here, and cost no permutations.
        if share >= NARROW or (p_value := _permutation_p_value(less_apart, count, random)) > level:
            return None
        severity = "severe" if share < NARROWEST else "partial"
        sentence = f"Samples at step {step:,} are {share:.0%} as far apart as real images: the generator collapses."
        return Alarm(step, "mode-collapse", severity, sentence, share, p_value)

    def _repeated(self, step: int, close: Tensor, random: np.random.Generator, level: float) -> Alarm | None:
        def pairs(labels: Tensor) -> Tensor:
            return _within(close, labels)

        count = len(close) // 2
        repeated = int((close[:count, :count].sum(dim=1) > 0).sum())
        share = repeated / count
        if share < REPEATED or (p_value := _permutation_p_value(pairs, count, random)) > level:
            return None
        severity = "severe" if share >= 0.5 else "partial"
        sentence = (
            f"At step {step:,} {counted(repeated, 'sample')} of {count} ({share:.0%}) have a near-duplicate among "
            "them: the generator repeats itself."
        )
        return Alarm(step, "mode-collapse", severity, sentence, share, p_value)

    def _memorisation(self, step: int, generated: Tensor, level: float) -> tuple[Alarm | None]:
        copied = int((self._ratios(generated, itself=False) < self._copy).sum())
        share = copied / len(generated)
        table = [[copied, len(generated) - copied], [self._close, self._counted - self._close]]
        p_value = float(fisher_exact(table, alternative="greater").pvalue)
        if p_value > level or share < COPIED:
            return (None,)
        severity = "severe" if share >= 0.2 else "partial"
        sentence = (
            f"At step {step:,} {counted(copied, 'sample')} of {len(generated)} ({share:.0%}) are near-copies of "
            "training images: the generator memorises."
        )
        return (Alarm(step, "memorisation", severity, sentence, share, p_value),)

    def _ratios(self, pictures: Tensor, *, itself: bool) -> Tensor:
        """Distance to the nearest over that to the tenth nearest training image, one for each picture.

        A copy lies far nearer to its original than to anything else, while a blurry or plain picture is near to many.
        `itself` leaves the nearest one out, which is the picture itself where it is a training image.
        """
        squared = (self._training**2).sum(dim=1)
        found = []
        for part in torch.split(pictures, 256):
            best: Tensor | None = None
            for start in range(0, len(self._training), _BLOCK):
                block = self._training[start : start + _BLOCK]
                tile = squared[start : start + _BLOCK] - 2 * part @ block.T
                near = tile.topk(min(_NEIGHBOURS + 1, tile.shape[1]), dim=1, largest=False).values
                best = near if best is None else torch.cat([best, near], dim=1)
            assert best is not None
            nearest = best.topk(_NEIGHBOURS + itself, dim=1, largest=False, sorted=True).values
            distances = (nearest + (part**2).sum(dim=1, keepdim=True)).clamp(min=0).sqrt()[:, int(itself) :]
            found.append(distances[:, 0] / distances[:, -1].clamp(min=1e-12))
        return torch.cat(found)


def small_grey(images: Tensor) -> Tensor:
    """Pictures as vectors: float32 [N, `SIDE`²] in [-1, 1], grey, from uint8 or float in [-1, 1], [N, C, H, W].

    Raises
    ------
    OptionError
        If they have another shape or type.
    """
    if images.ndim != 4 or not (images.dtype == torch.uint8 or images.dtype.is_floating_point):
        raise OptionError(
            f"a monitor was given {images.dtype} of shape {list(images.shape)}",
            hint="Give images [N, C, H, W] as uint8, or as float in [-1, 1].",
        )
    parts = []
    for part in torch.split(images, 1024):
        grey = part.to("cpu", torch.float32).mean(dim=1, keepdim=True)
        grey = grey / 127.5 - 1 if images.dtype == torch.uint8 else grey
        parts.append(adaptive_avg_pool2d(grey, SIDE).flatten(1))
    return torch.cat(parts) if parts else torch.zeros(0, SIDE * SIDE)


def _nearest_in_set(pictures: Tensor) -> Tensor:
    return torch.cdist(pictures, pictures).fill_diagonal_(torch.inf).min(dim=1).values


def _within(matrix: Tensor, labels: Tensor) -> Tensor:
    """Sum of `matrix` over ordered pairs of labelled rows, for each row of `labels` [P, M]."""
    return ((labels @ matrix) * labels).sum(dim=1).double()


def _permutation_p_value(statistic: Callable[[Tensor], Tensor], count: int, random: np.random.Generator) -> float:
    """How unusual the statistic of the first `count` of 2 `count` pictures is among random labellings of them.

    Where none of the labellings comes near it, the tail goes on as that of one squared normal variable with their mean
    and variance: the heaviest among the weighted sums of such variables, to which these quadratic forms tend.
    """
    labels = np.zeros((_PERMUTATIONS + 1, 2 * count), dtype=np.float32)
    labels[:, :count] = 1
    labels[1:] = random.permuted(labels[1:], axis=1)
    observed, *_ = values = statistic(torch.from_numpy(labels)).numpy()
    drawn = values[1:]
    as_large = int((drawn >= observed - 1e-6 * abs(observed)).sum())
    p_value = (as_large + 1) / (_PERMUTATIONS + 1)
    if as_large > 0 or drawn.std() == 0:
        return p_value
    deviations = float((observed - drawn.mean()) / drawn.std())
    return min(p_value, float(chi2.sf(1 + math.sqrt(2) * deviations, df=1)))


def level_of_look(look: int, false_alarms: float) -> float:
    """What the `look`-th look, from 1, may spend of the probability of a false alarm: its part of all looks'."""
    block = int(math.log2((look - 1) / _FIRST_LOOKS + 1))
    return false_alarms / (_FIRST_LOOKS * 2.0 ** (2 * block + 1))


__all__ = ["Alarm", "GeneratorMonitor", "level_of_look", "small_grey"]
