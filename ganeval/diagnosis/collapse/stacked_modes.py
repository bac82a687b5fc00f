"""The stacked protocol: how many of the combinations of three classes, one in each channel, are made?"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
import torch

from ganeval.diagnosis.collapse.class_histogram import lost_severity
from ganeval.diagnosis.collapse.grey_classifier import GreyClassifier
from ganeval.diagnosis.collapse.histogram_divergences import (
    Placed,
    channel_shares,
    divergence_from_product,
    product_shares,
)
from ganeval.diagnosis.collapse.mode_counts import expected_modes
from ganeval.diagnosis.collapse.part_counts import (
    Counts,
    described_parts,
    homogeneity,
    lacking,
    share_lost,
    smallest_loss,
)
from ganeval.diagnosis.diagnostic import Diagnostic, Subject
from ganeval.errors import MetricError, NotEnoughImagesError
from ganeval.features.features import Features
from ganeval.features.preprocessing import resize_clean
from ganeval.images.source import Label
from ganeval.images.stacked import CHANNELS, SEPARATOR
from ganeval.metrics.image_sets import reader_of
from ganeval.metrics.options import require_count
from ganeval.metrics.registry import Parameter
from ganeval.metrics.score import Score
from ganeval.report.diagnosis import Evidence, Examined, Histogram
from ganeval.wording import counted

Integers = npt.NDArray[np.int64]
#: Channels of images, uint8 [N, 3, H, W].
Planes = npt.NDArray[np.uint8]

#: Single grey images to which the classifier is fitted at most.
MOST_FITTED = 10_000
#: Share of the single images to which it is fitted at most. A stack counts if it has none of them: 0.42 of them do.
SHARE_FITTED = 0.25
#: Most modes: more can't be counted with any number of images that people have.
MOST_MODES = 50_000
#: Fewest images a side.
FEWEST = 100

_LONGEST_SIDE = 32
_LISTED = 100


@dataclass(frozen=True)
class StackedModes:
    """The mode of each image: the places of its three classes, as one number in base C.

    Parameters
    ----------
    classes
        Of a single channel, C of them.
    real, generated
        int64 [N] and [M], in 0..C³-1; -1 for real images one channel of which the classifier was fitted to.
    fitted
        Single grey images to which it was fitted.
    accuracy
        Of the classifier on the channels of the real images that count.
    """

    classes: tuple[str, ...]
    real: Integers
    generated: Integers
    fitted: int
    accuracy: float

    @property
    def names(self) -> list[str]:
        """Of the modes, such as ``"3+7+1"``."""
        return [SEPARATOR.join(triple) for triple in product(self.classes, repeat=CHANNELS)]


def stacked_modes(
    real: Planes, labels: Sequence[Label], generated: Planes, *, most_fitted: int = MOST_FITTED, seed: int = 2020
) -> StackedModes:
    """Classify the channels of stacked images one by one, with a classifier fitted to some of the real ones' channels.

    Metz et al. 2017, section 3.3.1. A single grey image stands in several stacks: it is the single images that are
    divided, and real stacks count only if none of their channels was fitted to, since the classifier would be surer of
    those than of anything new.

    Parameters
    ----------
    real, generated
        uint8 [N, 3, H, W] and [M, 3, H, W].
    labels
        Of the real ones, ``"3+7+1"`` each, as the sets ``stacked:...`` have them.
    most_fitted
        Single images for the classifier at most, and no more than `SHARE_FITTED` of them.
    seed
        Of the division and of training.

    Raises
    ------
    MetricError
        If a label isn't of that form, sizes differ, there is one class only, or too many.
    NotEnoughImagesError
        If no real image is left to be counted.
    """
    if real.shape[1:] != generated.shape[1:]:
        raise MetricError(
            f"the stacked real images have {_size(real)} pixels, and the generated ones {_size(generated)}",
            hint="Make both of one size.",
        )
    truth = np.asarray([_classes_of(label) for label in labels], dtype=object)
    if len(truth) != len(real):
        raise MetricError(f"there are {counted(labels, 'label')} for {counted(len(real), 'image')}")
    singles, first = _singles(real)
    fitted = _fitted(len(first), most_fitted, seed)
    rows, channels = np.divmod(first[fitted], CHANNELS)
    classifier = GreyClassifier.fit(real[rows, channels], list(truth[rows, channels]), seed=seed)
    if len(classifier.classes) ** CHANNELS > MOST_MODES:
        raise MetricError(f"{len(classifier.classes)} classes make more combinations than can be counted")
    counting = np.flatnonzero(~np.isin(singles, fitted).any(axis=1))
    if not len(counting):
        raise NotEnoughImagesError("no stacked real image is left to be counted", hint="Add stacked real images.")
    seen = _predicted(classifier, real[counting])
    modes = np.full(len(real), -1, dtype=np.int64)
    modes[counting] = _mode(seen, len(classifier.classes))
    right = np.asarray(classifier.classes, dtype=object)[seen] == truth[counting]
    of_generated = _mode(_predicted(classifier, generated), len(classifier.classes))
    return StackedModes(classifier.classes, modes, of_generated, len(fitted), float(right.mean()))


def _examine(subject: Subject, *, most_fitted: int) -> Examined:
    require_count("most_fitted", most_fitted, minimum=FEWEST)
    if subject.real.labels is None:
        raise MetricError("the real images have no class labels", hint="Give a set of stacks: stacked:fashion-mnist.")
    found = stacked_modes(
        _planes(subject.real, "real"),
        subject.real.labels,
        _planes(subject.generated, "generated"),
        most_fitted=most_fitted,
        seed=subject.seed,
    )
    total = len(found.classes) ** CHANNELS
    real, generated = Placed(found.real, total), Placed(found.generated, total)
    counts_real, counts = real.counts, generated.counts
    test = homogeneity(counts_real, counts, seed=subject.seed)
    lost = lacking(described_parts(found.names, counts_real, counts, level=subject.level))
    modes = captured_modes(counts_real, counts)
    divergence = divergence_from_product("stacked_kl", real, generated, CHANNELS, level=subject.level)
    severity, share = lost_severity(test, lost), share_lost(test, lost)
    evidence = Evidence(
        diagnostic=DIAGNOSTIC.name,
        title=DIAGNOSTIC.title,
        failure=DIAGNOSTIC.failure,
        severity=severity,
        sentence=(
            f"of {total:,} combinations of classes {modes.value:,.0f} are made, where as many real images would show "
            f"{modes.details['expected_of_real']:,.0f}: {share * 100:.1f} % of the real data is lost"
        ),
        p_value=test.p_value,
        effect=share,
        effect_of="share of the real data that is lost",
        smallest_effect=smallest_loss(int(counts_real.sum()), int(counts.sum()), test.degrees + 1),
        parts=lost[:_LISTED],
        parts_of="share of the images that show the combination",
        histograms=(_channels(found, counts_real, counts),),
        details={
            "classifier": f"a convolutional network fitted to {counted(found.fitted, 'single image')}",
            "classifier_accuracy": found.accuracy,
            "n_real_counted": int(counts_real.sum()),
            "chi_square": test.statistic,
            "degrees_of_freedom": test.degrees,
            "lost": test.lost,
            "lost_by_chance": test.lost_by_chance,
            "lacking": len(lost),
        },
    )
    return Examined(evidence, {score.name: score for score in (modes, divergence)})


def captured_modes(real: Counts, generated: Counts) -> Score:
    """Number of modes with at least one generated image.

    Parameters
    ----------
    real, generated
        Counts, int64 [C³].

    Returns
    -------
    Score
        ``"stacked_modes"``. ``details`` has ``of_real``, the modes that the real images show;
        ``expected_of_real``, how many as many real images would show, whose channels are drawn independently with the
        classes' shares; and ``expected_of_uniform`` if all K modes were equally likely, K (1 - (1 - 1/K)^M).
    """
    images = int(generated.sum())
    uniform = np.full(len(real), 1 / len(real))
    return Score(
        name="stacked_modes",
        value=float(np.count_nonzero(generated)),
        n_real=int(real.sum()),
        n_generated=images,
        higher_is_better=True,
        parameters={"modes": len(real)},
        details={
            "of_real": int(np.count_nonzero(real)),
            "expected_of_real": expected_modes(product_shares(real, CHANNELS), images),
            "expected_of_uniform": expected_modes(uniform, images),
        },
        no_interval_reason="a count of modes that appear at all grows with the number of images",
    )


def _planes(features: Features, side: str) -> Planes:
    """Channels of all images of a side, which are reduced where their longer side is above 32 pixels."""
    found: list[npt.NDArray[np.uint8]] = []
    for pixels in reader_of(features, side):
        planes = pixels.transpose(2, 0, 1)
        if max(planes.shape[1:]) > _LONGEST_SIDE:
            small = resize_clean(torch.from_numpy(np.ascontiguousarray(planes))[None], _LONGEST_SIDE)[0]
            planes = small.round().to(torch.uint8).numpy()
        if found and planes.shape != found[0].shape:
            raise MetricError(
                f"the {side} images differ in size: {found[0].shape[2]} x {found[0].shape[1]} and "
                f"{planes.shape[2]} x {planes.shape[1]}",
                hint="Make all of one size.",
            )
        found.append(planes)
    return np.stack(found)


def _singles(planes: Planes) -> tuple[Integers, Integers]:
    """Number of the single image in each channel, int64 [N, 3], and where each appears first, as 3 x row + channel."""
    known: dict[bytes, int] = {}
    first: list[int] = []
    numbers = np.empty(planes.shape[:2], dtype=np.int64)
    for row, image in enumerate(planes):
        for channel, plane in enumerate(image):
            key = hashlib.blake2b(np.ascontiguousarray(plane).data, digest_size=16).digest()
            number = known.setdefault(key, len(known))
            if number == len(first):
                first.append(CHANNELS * row + channel)
            numbers[row, channel] = number
    return numbers, np.asarray(first, dtype=np.int64)


def _fitted(singles: int, most: int, seed: int) -> Integers:
    size = min(int(SHARE_FITTED * singles), most)
    return np.sort(np.random.default_rng([seed, 1]).permutation(singles)[:size]).astype(np.int64)


def _classes_of(label: Label) -> list[str]:
    classes = str(label).split(SEPARATOR)
    if len(classes) != CHANNELS:
        raise MetricError(
            f"the real images aren't stacks of three: a label is {label!r}, not such as '3{SEPARATOR}7{SEPARATOR}1'",
            hint="Give a set of stacks: stacked:fashion-mnist.",
        )
    return classes


def _predicted(classifier: GreyClassifier, planes: Planes) -> Integers:
    """Class of each channel, int64 [N, 3]."""
    return np.stack([classifier.predict(planes[:, channel]) for channel in range(CHANNELS)], axis=1)


def _mode(classes: Integers, count: int) -> Integers:
    return np.asarray(classes @ count ** np.arange(CHANNELS - 1, -1, -1), dtype=np.int64)


def _channels(found: StackedModes, real: Counts, generated: Counts) -> Histogram:
    shares = {
        side: tuple(float(share) for share in channel_shares(counts, CHANNELS))
        for side, counts in (("real", real), ("generated", generated))
    }
    return Histogram("Classes of single channels", "Share of all channels that show each class.", found.classes, shares)


def _size(planes: Planes) -> str:
    return f"{planes.shape[3]} x {planes.shape[2]}"


DIAGNOSTIC = Diagnostic(
    name="stacked-modes",
    title="Modes of stacked images",
    paper="Metz et al. 2017, Unrolled Generative Adversarial Networks, section 3.3.1",
    failure="mode-collapse",
    examine=_examine,
    needs=("real labels", "images"),
    minimum=FEWEST,
    default=False,
    parameters=(
        Parameter("most_fitted", MOST_FITTED, int, "single grey images to which the classifier is fitted at most"),
    ),
)
