"""Images paired by name, and each comparison of them remembered, so that all paired metrics share one pass."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ganeval.errors import MetricError
from ganeval.features.features import Features
from ganeval.images.reading import ImageReader
from ganeval.metrics.image_sets import Images, Pixels, as_reader, reader_of, stacked
from ganeval.metrics.name_matching import Matching, match_names
from ganeval.metrics.structural_similarity import multi_scale_structural_similarity, structural_similarity
from ganeval.wording import counted

_BATCH = 8

Values = npt.NDArray[np.float64]
#: Two batches uint8 [n, 3, H, W], real and generated, to float64 [n].
Comparison = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def peak_signal_to_noise(real: torch.Tensor, generated: torch.Tensor) -> torch.Tensor:
    """10·log10(255² / mean squared error) of pairs [n] of two batches [n, 3, H, W] in 0..255; inf for equal ones."""
    from torchmetrics.functional.image import peak_signal_noise_ratio

    values: torch.Tensor = peak_signal_noise_ratio(
        generated.double(), real.double(), data_range=255.0, reduction="none", dim=(1, 2, 3)
    )
    return values.reshape(len(real))


class PairedImages:
    """Two sets whose images belong together by name, and what their pairs were measured to be.

    Parameters
    ----------
    real, generated
        The images.
    matching
        Which belongs to which, by row.
    """

    def __init__(self, real: ImageReader, generated: ImageReader, matching: Matching) -> None:
        self.real, self.generated, self.matching = real, generated, matching
        self.smallest_side = 0
        self._foreseen: dict[str, Comparison] = {}
        self._values: dict[str, Values] = {}

    def foresee(self, name: str, comparison: Comparison) -> None:
        """Have `comparison` computed along with whatever is asked for next, so that images are decoded once."""
        if name not in self._values:
            self._foreseen[name] = comparison

    def values(self, name: str, comparison: Comparison) -> Values:
        """`comparison` of each pair [P], remembered under `name`.

        Raises
        ------
        MetricError
            If the images of a pair differ in size: the pair is named.
        """
        if name not in self._values:
            wanted = {**self._foreseen, name: comparison}
            self._foreseen = {}
            self._values |= self._measured(wanted)
        return self._values[name]

    def _measured(self, wanted: Mapping[str, Comparison]) -> dict[str, Values]:
        values = {name: np.empty(len(self.matching)) for name in wanted}
        done, smallest = 0, math.inf
        for batch in self._batches():
            real, generated = (torch.from_numpy(stacked([pair[i] for pair in batch])) for i in (0, 1))
            for name, comparison in wanted.items():
                values[name][done : done + len(batch)] = comparison(real, generated).numpy()
            done += len(batch)
            smallest = min(smallest, *real.shape[-2:])
        self.smallest_side = int(smallest)
        return values

    def _batches(self) -> Iterator[list[tuple[Pixels, Pixels]]]:
        batch: list[tuple[Pixels, Pixels]] = []
        pairs = zip(
            self.real.ordered(self.matching.real),
            self.generated.ordered(self.matching.generated),
            self.matching.names,
            strict=True,
        )
        for real, generated, name in pairs:
            if real.shape != generated.shape:
                raise MetricError(
                    f"the images of the pair {name!r} have different sizes: real {_size(real)}, generated "
                    f"{_size(generated)}",
                    hint="Both images of a pair must have the same height and width.",
                )
            if batch and (batch[0][0].shape != real.shape or len(batch) == _BATCH):
                yield batch
                batch = []
            batch.append((real, generated))
        if batch:
            yield batch


def foresee_paired(real: Features | None, generated: Features, names: Iterable[str]) -> None:
    """Say which of the table's metrics will be computed, so that the paired ones share one pass over the images.

    Parameters
    ----------
    real, generated
        The very objects that the metrics will get.
    names
        The metrics, others among them.
    """
    wanted = {name: comparison for name, comparison in _CHEAP.items() if name in set(names)}
    if real is None or real.reader is None or generated.reader is None or len(wanted) < 2:
        return
    try:
        paired = paired_of(real, generated)
    except MetricError:
        # Each metric will say it itself.
        return
    for name, comparison in wanted.items():
        paired.foresee(name, comparison)


def paired_images(real: Images, generated: Images, names: tuple[Sequence[str], Sequence[str]] | None) -> PairedImages:
    """Two sets given as plain arrays, paired by `names` (of the real and the generated images), else by place.

    Raises
    ------
    MetricError
        If the numbers of images or names don't fit together, or no name matches.
    """
    readers = as_reader("real", real), as_reader("generated", generated)
    if names is None:
        count = len(readers[0])
        if count != len(readers[1]):
            raise MetricError(
                f"there are {count:,} real and {counted(readers[1], 'generated image')}, so that they can't be paired "
                "by place",
                hint="Give the names of both sides' images.",
            )
        places = tuple(range(count))
        return PairedImages(*readers, Matching(places, places, tuple(f"[{i}]" for i in places), (), ()))
    for side, reader, given in zip(("real", "generated"), readers, names, strict=True):
        if len(reader) != len(given):
            raise MetricError(f"there are {counted(given, 'name')} for {counted(reader, f'{side} image')}")
    return PairedImages(*readers, match_names(*names))


@dataclass(frozen=True)
class _Recent:
    real: weakref.ref[Features]
    generated: weakref.ref[Features]
    paired: PairedImages


_recent: list[_Recent] = []


def paired_of(real: Features | None, generated: Features) -> PairedImages:
    """The pairs of two sets, the same object as last time if they are the same sets: what is measured stays known."""
    if real is None:
        raise MetricError("paired metrics need the real images", hint="Pass them with --real (real=).")
    for entry in tuple(_recent):
        if entry.real() is real and entry.generated() is generated:
            return entry.paired
    readers = reader_of(real, "real"), reader_of(generated, "generated")
    made = PairedImages(*readers, match_names(real.ids, generated.ids))
    _recent[:] = [_Recent(weakref.ref(real, _forget), weakref.ref(generated, _forget), made)]
    return made


def _forget(gone: weakref.ref[Features]) -> None:
    _recent[:] = [entry for entry in _recent if gone is not entry.real and gone is not entry.generated]


#: Those that need no weights, and may be computed before they are asked for.
_CHEAP: Mapping[str, Comparison] = {
    "psnr": peak_signal_to_noise,
    "ssim": structural_similarity,
    "paired_ms_ssim": multi_scale_structural_similarity,
}


def _size(pixels: Pixels) -> str:
    return f"{pixels.shape[1]}x{pixels.shape[0]}"
