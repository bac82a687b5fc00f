"""A set of images of which an evaluation takes more and more, in an order whose beginning is a fair sample."""

from __future__ import annotations

from collections.abc import Iterable

from ganeval.errors import OptionError
from ganeval.features.engine import GrowingExtraction
from ganeval.features.extending import is_stored
from ganeval.images.shuffled import FirstImages, in_random_order
from ganeval.images.source import ImageSource
from ganeval.metrics.registry import Metric
from ganeval.notices import Notice
from ganeval.scoring.evaluation import Evaluation, ExtractedSet
from ganeval.statistics.source import StatisticsSource

#: Images at the first look, where no metric needs more.
FIRST = 500
#: Most images that are taken of a source whose number nobody has said: a generator's.
MOST = 50_000


class GrowingSet:
    """A set of which the first images are taken, then more; none is extracted twice, with or without a store.

    Parameters
    ----------
    evaluation
        Whose extractor, store and seed are used.
    source
        The whole set. Its images are taken in a random order of the evaluation's seed, a generator's as they come.
    side
        ``"real"`` or ``"generated"``, for messages.
    label
        What the progress is called.

    Raises
    ------
    OptionError
        For videos, whose frames aren't independent images.
    """

    def __init__(self, evaluation: Evaluation, source: ImageSource, side: str, *, label: str | None = None) -> None:
        if source.in_clips:
            raise OptionError(
                f"{source.name} holds videos, which can't be taken image by image until it is enough",
                hint="Leave --until out, or --clips.",
            )
        self._evaluation = evaluation
        self.source = in_random_order(source, evaluation.settings.seed)
        self.notices: tuple[Notice, ...] = ()
        if not self.source.exchangeable:
            self.notices = (
                Notice(
                    "order-unknown",
                    f"the {side} images of {source.name} can only be taken in the order in which they come",
                    "The intervals hold if that order is random; if it is sorted, by class say, nothing of it holds.",
                ),
            )
        settings = evaluation.extraction_settings(label or f"{side}: {source.name}")
        self._growing = GrowingExtraction(self.source, evaluation.network, **settings)

    @property
    def exhausted(self) -> bool:
        """Whether all images are extracted."""
        return self._growing.exhausted

    def upto(self, count: int) -> ExtractedSet:
        """The first `count` images, or all where there are fewer; raises as `ganeval.features.engine.extract` does."""
        extraction = self._growing.upto(count)
        return self._evaluation.extracted(FirstImages(self.source, extraction.positions), extraction)


class WholeSet:
    """A set that is all there from the start, where others grow.

    Parameters
    ----------
    extracted
        The set.
    """

    exhausted = True
    notices: tuple[Notice, ...] = ()

    def __init__(self, extracted: ExtractedSet) -> None:
        self.source = extracted.source
        self._extracted = extracted

    def upto(self, count: int) -> ExtractedSet:
        """The whole set, whatever `count`."""
        return self._extracted


def growing_real(evaluation: Evaluation, source: ImageSource) -> GrowingSet | WholeSet:
    """The real side: whole where its features or statistics are there, which cost nothing; else it grows too.

    Where both sides have to be extracted, as many of each is the cheapest way to a narrow interval.
    """
    known = isinstance(source, StatisticsSource)
    if known or (evaluation.store is not None and is_stored(source, evaluation.network, evaluation.store)):
        return WholeSet(evaluation.extract(source, "real"))
    return GrowingSet(evaluation, source, "real")


def looks_between(
    evaluation: Evaluation, metrics: Iterable[Metric], sets: Iterable[GrowingSet | WholeSet]
) -> tuple[int, int]:
    """Numbers of images at the first look, enough for all `metrics`, and at the last, all that the `sets` have."""
    options = evaluation.choice.options
    counts = [one.source.count for one in sets if isinstance(one, GrowingSet)]
    return (
        max([FIRST, *(metric.fewest(options.get(metric.name, {})) for metric in metrics)]),
        max(MOST if count is None else count for count in counts),
    )
