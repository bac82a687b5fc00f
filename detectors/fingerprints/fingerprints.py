"""Fingerprints of generators: made from their pictures, extended, saved, and asked which of them made a picture."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ganeval.detectors.fingerprints.attribution import NONE_OF_THESE, Attribution
from ganeval.detectors.fingerprints.collected import Collected, collect
from ganeval.detectors.fingerprints.matching import (
    Agreement,
    Matches,
    Null,
    Targets,
    foreign_null,
    leave_one_out,
    needed_for,
    own_agreements,
    pictures_needed,
    shifted_null,
)
from ganeval.detectors.fingerprints.residual import Pixels, picture_residual
from ganeval.detectors.fingerprints.storage import FOLDER_HINT, read_folder, write_folder
from ganeval.errors import ImageRangeError, OptionError, WeightsError, did_you_mean
from ganeval.progress import Progress
from ganeval.random_streams import stream_seed
from ganeval.wording import counted

#: Pictures of a generator without which nothing is said of it.
FEWEST = 4
_SMALLEST, _LARGEST = 16, 512
# A generator of whose own pictures fewer than this share are recognised isn't known well enough.
_HALF = 0.5


@dataclass(frozen=True)
class Recognised:
    """How many of a generator's own pictures are attributed to it by fingerprints made without them."""

    right: int
    of: int

    @property
    def share(self) -> float:
        """0 to 1."""
        return self.right / self.of


class Fingerprints:
    """Mean residuals of generators (Marra et al. 2019), with "none of these" as an answer.

    Make one with `fit`, or `load`; `add` and `merge` give new ones. What is asked is the normalised correlation of a
    picture's residual with each fingerprint, held against what pictures reach that carry none of them: those of the
    other generators (which then count without their own fingerprint) and photographs.

    A generator is named where three things hold, each wrong in a share `level` of cases: no foreign picture matches
    anything as well; a relative, of the same up-sampler and other weights, wouldn't agree as well by chance; and the
    generator's own pictures don't all agree better. A relative that is nearer than that is attributed all the same.

    Parameters
    ----------
    generators
        Residuals of each generator's pictures.
    photographs
        Residuals of pictures that no generator made; may be empty.
    size, search, level, seed
        As in `fit`.
    """

    def __init__(
        self,
        generators: Mapping[str, Collected],
        photographs: Collected,
        *,
        size: int,
        search: bool,
        level: float,
        seed: int,
    ) -> None:
        self.generators = dict(generators)
        self.photographs = photographs
        self.size = size
        self.search = search
        self.level = level
        self.seed = seed
        self._check_counts()
        self._targets = Targets([one.total for one in self.generators.values()], search)
        matches = leave_one_out(self.generators, photographs, search)
        self.null = self._null(matches)
        self._agreements = [Agreement(one.total, one.count, search) for one in self.generators.values()]
        self._relatives = [one.of_relatives(level, stream_seed(seed, 1)) for one in self._agreements]
        self._own = [own_agreements(one, search) for one in self.generators.values()]
        self.recognised = self._recognised(matches)

    @classmethod
    def fit(
        cls,
        generators: Mapping[str, Iterable[Pixels]],
        *,
        photographs: Iterable[Pixels] = (),
        size: int = 128,
        search: bool = False,
        level: float = 0.05,
        seed: int = 2020,
        progress: Progress | None = None,
    ) -> Fingerprints:
        """Fingerprints of the named generators.

        Parameters
        ----------
        generators
            Name to pictures, uint8 [height, width, 3] of any sizes from `size` on; read once, smaller and flat ones are
            counted and passed over.
        photographs
            Pictures that no generator made, with a history (format, quality) like that of the generated ones: they make
            "none of these" mean something for photographs.
        size
            Of a fingerprint, in pixels, a multiple of 8 from 16 to 512. Larger pictures are cut in tiles of it.
        search
            Whether pictures may have been cropped: the best of all shifts is taken. Costs sensitivity.
        level
            Share of foreign pictures that may be attributed wrongly.
        seed
            For the choice of pictures on which errors are measured.

        Raises
        ------
        OptionError
            For options outside their range, no generators, fewer than four usable pictures of one, or, with `search`,
            too few foreign pictures.
        """
        if size % 8 or not _SMALLEST <= size <= _LARGEST:
            raise OptionError(f"size {size} of a fingerprint isn't a multiple of 8 from {_SMALLEST} to {_LARGEST}")
        if not 0.001 <= level <= 0.5:
            raise OptionError(f"level {level} isn't from .001 to .5")
        if not generators:
            raise OptionError("there are no generators to make fingerprints of")
        if NONE_OF_THESE in generators:
            raise OptionError(f"a generator can't be called {NONE_OF_THESE!r}")
        found = {
            name: collect(pictures, size, _stream(seed, place), progress, name)
            for place, (name, pictures) in enumerate(generators.items(), start=1)
        }
        nothing = collect(photographs, size, _stream(seed, 0), progress, "photographs")
        return cls(found, nothing, size=size, search=search, level=level, seed=seed)

    def add(
        self,
        generators: Mapping[str, Iterable[Pixels]],
        *,
        photographs: Iterable[Pixels] = (),
        progress: Progress | None = None,
    ) -> Fingerprints:
        """These and further pictures: of generators that are known, or new ones. The pictures must be others."""
        more = {
            name: collect(pictures, self.size, self._later(place), progress, name)
            for place, (name, pictures) in enumerate(generators.items(), start=1)
        }
        return self._joined(more, collect(photographs, self.size, self._later(0), progress, "photographs"))

    def merge(self, other: Fingerprints) -> Fingerprints:
        """These and those of `other`, made from other pictures with the same `size`; options are those of `self`."""
        if other.size != self.size:
            raise OptionError(f"fingerprints of {self.size} and of {other.size} pixels can't be merged")
        return self._joined(other.generators, other.photographs)

    def _joined(self, more: Mapping[str, Collected], photographs: Collected) -> Fingerprints:
        rng = self._later(len(more) + 1)
        joined = dict(self.generators)
        for name, one in more.items():
            joined[name] = joined[name].joined(one, rng) if name in joined else one
        return Fingerprints(
            joined,
            self.photographs.joined(photographs, rng),
            size=self.size,
            search=self.search,
            level=self.level,
            seed=self.seed,
        )

    def _later(self, place: int) -> np.random.Generator:
        """A stream that wasn't used for the pictures so far."""
        return _stream(self.seed, place, *(one.count for one in self.generators.values()), self.photographs.count)

    def _check_counts(self) -> None:
        for name, one in self.generators.items():
            if one.count < FEWEST:
                small = f", and {one.skipped} smaller than {self.size} pixels or flat" if one.skipped else ""
                raise OptionError(
                    f"{counted(one.count, 'usable picture')} of {name!r}{small}: a fingerprint is made of {FEWEST} "
                    "at the very least",
                    hint="Some hundreds are usual; give a smaller size if the pictures are small.",
                )

    def _null(self, matches: Matches) -> Null:
        needed = needed_for(self.level)
        if int(matches.foreign.any(1).sum()) >= needed and matches.foreign.sum(0).min() >= FEWEST:
            return foreign_null(matches)
        if self.search:
            raise OptionError(
                f"fewer than {needed} foreign pictures to compare with, for {self.level:.3g} false attributions",
                hint="With a search for the shift, give photographs or more pictures of other generators.",
            )
        return shifted_null(self.generators, needed, stream_seed(self.seed, 0))

    def _recognised(self, matches: Matches) -> dict[str, Recognised]:
        scores = self.null.scores(matches.values)
        found = {}
        for owner, name in enumerate(self.generators):
            rows = zip(scores[matches.owners == owner], self._own[owner], strict=True)
            right = [int(np.argmax(row)) == owner and self._is_named(owner, row[owner], own) for row, own in rows]
            found[name] = Recognised(int(sum(right)), len(right))
        return found

    def _is_named(self, place: int, score: float, agreement: float) -> bool:
        """Whether a picture is attributed to the generator that it matches best."""
        near = self.null.p_value(score) <= self.level and agreement > self._relatives[place]
        return near and self._typicality(place, agreement) > self.level

    def _typicality(self, place: int, agreement: float) -> float:
        """Share of a generator's own pictures, this one counted among them, that agree with it no better."""
        own = self._own[place]
        return (1 + int((own <= agreement).sum())) / (1 + len(own))

    @property
    def names(self) -> tuple[str, ...]:
        """Of the generators."""
        return tuple(self.generators)

    def fingerprint(self, name: str) -> npt.NDArray[np.float32]:
        """float32 [size, size, 3]: the mean residual of that generator's pictures, each residual of mean square 1."""
        if name not in self.generators:
            raise OptionError(f"there is no fingerprint of {name!r}", hint=did_you_mean(name, self.generators))
        return self.generators[name].fingerprint.astype(np.float32)

    def pictures_needed(self, name: str) -> int | None:
        """Estimate of how many pictures would make most of a generator's own recognised; None where no number would."""
        place = self.names.index(name)
        least = self.null.means[place] + self.null.threshold(self.level) * self.null.deviations[place]
        return pictures_needed(self.generators[name].coherence, float(least))

    @property
    def notices(self) -> tuple[str, ...]:
        """What a user of these should know, a sentence each: what isn't recognised, and what was passed over."""
        said = []
        for name, found in self.recognised.items():
            if found.share < _HALF:
                why, verb = self._why_unrecognised(name), "is" if found.right == 1 else "are"
                said.append(f"Of {found.of} held-out pictures of {name}, {found.right} {verb} recognised: {why}.")
        for name, one in [*self.generators.items(), ("the photographs", self.photographs)]:
            if one.skipped:
                passed = f"{counted(one.skipped, 'picture')} of {name}"
                said.append(f"Passed over as smaller than {self.size} pixels, or flat: {passed}.")
        if self.photographs.count == 0:
            said.append(f"No photographs to compare with: wrong attributions were measured on {self.null.source}.")
        return tuple(said)

    def _why_unrecognised(self, name: str) -> str:
        place, needed, count = self.names.index(name), self.pictures_needed(name), self.generators[name].count
        if needed is None:
            return "no number of pictures of this size would do"
        if needed > count:
            return f"about {counted(needed, 'picture')} would be needed, and there are {count:,}"
        if np.median(self._own[place]) <= self._relatives[place]:
            return "its trace is in so few frequencies that another generator could have it by chance"
        return "its pictures differ much in how strong the trace is"

    def attribute(self, pixels: Pixels) -> Attribution:
        """Which of the generators made a picture, uint8 [height, width, 3], or none of these.

        Raises
        ------
        ImageRangeError
            If the picture is smaller than a fingerprint, or flat.
        """
        residual = picture_residual(pixels, self.size)
        if residual is None:
            raise ImageRangeError(
                f"a picture of {pixels.shape[1]} x {pixels.shape[0]} pixels can't be attributed: it is flat, or "
                f"smaller than the fingerprints' {self.size} pixels"
            )
        found = self._targets.correlations(residual)
        scores = self.null.scores(found)
        place = int(np.argmax(scores))
        agreement = self._agreements[place].of(residual)
        return Attribution(
            generator=self.names[place] if self._is_named(place, float(scores[place]), agreement) else NONE_OF_THESE,
            best=self.names[place],
            correlation=float(found[place]),
            score=float(scores[place]),
            threshold=self.null.threshold(self.level),
            p_value=self.null.p_value(float(scores[place])),
            agreement=agreement,
            typicality=self._typicality(place, agreement),
            level=self.level,
            correlations=dict(zip(self.names, found.tolist(), strict=True)),
            scores=dict(zip(self.names, scores.tolist(), strict=True)),
        )

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write ``fingerprints.safetensors`` and ``fingerprints.json``; raises `OutputError` where that can't be."""
        settings = {"size": self.size, "search": self.search, "level": self.level, "seed": self.seed}
        write_folder(Path(folder), settings, self.generators, self.photographs)

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Fingerprints:
        """What `save` wrote; raises `WeightsError` for anything else."""
        settings, generators, photographs = read_folder(Path(folder))
        try:
            return cls(generators, photographs, **settings)
        except OptionError as error:
            raise WeightsError(f"{folder}: {error.message}", hint=FOLDER_HINT) from error


def _stream(seed: int, *key: int) -> np.random.Generator:
    return np.random.default_rng([seed, *key])
