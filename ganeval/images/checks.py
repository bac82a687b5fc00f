"""Compares how the images of two sets were stored, and finds copies: what moves scores though no model did."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ganeval.images.source import ImageInfo
from ganeval.notices import Notice
from ganeval.wording import counted

_NAMED = 3
_ALPHA_MODES = frozenset({"RGBA", "LA", "PA", "RGBa", "RGBA;16", "LA;16"})
_GREY_MODES = frozenset({"1", "L", "LA", "I", "F"})
# Estimated qualities that are nearer than this are taken for the same.
_QUALITY_STEP = 2
# Two sets of many sizes are alike if their typical images are, to within this ratio of edge lengths.
_EDGE_RATIO = 1.25


@dataclass(frozen=True)
class _Side:
    """One set, counted once: the checks look at the counts, never again at 50,000 images."""

    name: str
    images: Sequence[ImageInfo]
    ids: Sequence[str]
    formats: Counter[str]
    modes: Counter[str]
    sizes: Counter[tuple[int, int]]
    qualities: Counter[int]

    @classmethod
    def of(cls, name: str, images: Sequence[ImageInfo], ids: Sequence[str]) -> _Side:
        return cls(
            name,
            images,
            ids,
            Counter(image.format for image in images),
            Counter(image.mode for image in images),
            Counter((image.width, image.height) for image in images),
            Counter(image.jpeg_quality for image in images if image.format == "JPEG"),
        )


def check_sets(
    real: Sequence[ImageInfo] | None,
    generated: Sequence[ImageInfo],
    ids_real: Sequence[str] = (),
    ids_generated: Sequence[str] = (),
) -> list[Notice]:
    """What about the two sets may move the scores, one notice a matter; none for two sets stored alike.

    Parameters
    ----------
    real, generated
        One entry an image; `real` is None where nothing is compared.
    ids_real, ids_generated
        The images' ids, in the same order.
    """
    sides = [_Side.of("generated", generated, ids_generated)]
    if real is not None:
        sides.insert(0, _Side.of("real", real, ids_real))
    found = [notice for side in sides if side.images for check in _ONE_SIDED for notice in check(side)]
    if len(sides) == 2 and all(side.images for side in sides):
        found += [notice for check in _TWO_SIDED for notice in check(sides[0], sides[1])]
    return found


def _check_formats(real: _Side, generated: _Side) -> Iterable[Notice]:
    if _alike(real.formats, generated.formats):
        return
    if _unevenly("JPEG", real, generated):
        effect = (
            "JPEG compression on one side moves FID and KID by itself, as the extractor sees its artefacts"
            " (Parmar et al. 2022, On Aliased Resizing): store both sides alike, without loss."
        )
    elif _unevenly("WEBP", real, generated):
        effect = (
            "WebP is mostly stored with loss, whose artefacts the extractor sees; lossless formats would not differ."
        )
    elif _unevenly("GIF", real, generated):
        effect = (
            "GIF has at most 256 colours an image, and the rest is approximated, often by dots that the extractor sees;"
            " formats with all colours would not differ."
        )
    else:
        effect = (
            "Lossless formats give the same pixels and the same scores; it may show that the sets were made unalike."
        )
    yield Notice(
        "format-mismatch",
        f"The sides differ in file format: real {_shares(real.formats)}; generated {_shares(generated.formats)}.",
        effect,
        "info" if effect.startswith("Lossless") else "warning",
    )


def _unevenly(kind: str, real: _Side, generated: _Side) -> bool:
    """Whether the shares of one file format differ by more than a hundredth."""
    shares = [side.formats[kind] / len(side.images) for side in (real, generated)]
    return max(shares) - min(shares) > 0.01


def _check_quality(real: _Side, generated: _Side) -> Iterable[Notice]:
    known = [Counter({q: n for q, n in side.qualities.items() if q}) for side in (real, generated)]
    if not all(known):
        return
    middles = [_median(qualities) for qualities in known]
    if abs(middles[0] - middles[1]) < _QUALITY_STEP:
        return
    yield Notice(
        "jpeg-quality-mismatch",
        f"The sides differ in JPEG quality: real about {middles[0]} ({_span(known[0])}),"
        f" generated about {middles[1]} ({_span(known[1])}).",
        "Stronger compression on one side is seen by the extractor and moves FID and KID by itself"
        " (Parmar et al. 2022).",
    )


def _check_sizes(real: _Side, generated: _Side) -> Iterable[Notice]:
    if _alike(real.sizes, generated.sizes):
        return
    both_mixed = min(len(real.sizes), len(generated.sizes)) > 1
    edges = [_median_edge(side.sizes) for side in (real, generated)]
    if both_mixed and max(edges) <= _EDGE_RATIO * min(edges):
        return
    yield Notice(
        "size-mismatch",
        f"The sides differ in image size: real {_sizes(real.sizes)}; generated {_sizes(generated.sizes)}.",
        "Each image is resized to the extractor's input by itself: the side with fewer pixels looks blurrier, which"
        " moves every score that compares the sides.",
    )


def _check_mixed_sizes(side: _Side) -> Iterable[Notice]:
    if len(side.sizes) > 1:
        yield Notice(
            f"mixed-sizes-{side.name}",
            f"The {side.name} images have {len(side.sizes)} different sizes: {_sizes(side.sizes)}.",
            "Each is resized to the extractor's input by itself, without keeping its proportions; sharpness then varies"
            " with the original size.",
            "info",
        )


def _check_modes(real: _Side, generated: _Side) -> Iterable[Notice]:
    families = [_families(side.modes) for side in (real, generated)]
    if _alike(families[0], families[1]):
        return
    yield Notice(
        "mode-mismatch",
        f"The sides differ in colour mode: real {_shares(families[0])}; generated {_shares(families[1])}.",
        "All become RGB; if grey and colour images (or CMYK) meet, the difference in colour alone moves every score"
        " that compares the sides.",
    )


def _check_alpha(side: _Side) -> Iterable[Notice]:
    count = sum(number for mode, number in side.modes.items() if mode in _ALPHA_MODES)
    if count:
        yield Notice(
            f"alpha-on-white-{side.name}",
            f"{_of(count, side)} {'has' if count == 1 else 'have'} an alpha channel or a transparent colour, and "
            f"{'was' if count == 1 else 'were'} composited on white.",
            "Where they are transparent the extractor sees white; fully opaque images are unchanged.",
            "info",
        )


def _check_depth(side: _Side) -> Iterable[Notice]:
    count = sum(number for mode, number in side.modes.items() if mode == "I" or mode.endswith((";16", ";16B")))
    if count:
        yield Notice(
            f"16-bit-reduced-{side.name}",
            f"{_of(count, side)} {'has' if count == 1 else 'have'} 16 bits a channel, and "
            f"{'was' if count == 1 else 'were'} reduced to 8.",
            "Extractors take 8-bit images; nothing that they could see is lost, unless the images use only a small part"
            " of the range.",
            "info",
        )


def _check_copies(side: _Side) -> Iterable[Notice]:
    seen: set[bytes] = set()
    copies = []
    for index, image in enumerate(side.images):
        if not image.digest:
            continue
        if image.digest in seen:
            copies.append(index)
        seen.add(image.digest)
    if copies:
        yield Notice(
            f"duplicates-{side.name}",
            f"{_of(len(copies), side)} {_copies(len(copies))} of an earlier one: {_names(side, copies)}.",
            _COPIES_EFFECT[side.name],
        )


def _check_leak(real: _Side, generated: _Side) -> Iterable[Notice]:
    known = {image.digest: index for index, image in reversed(list(enumerate(real.images))) if image.digest}
    shared = [index for index, image in enumerate(generated.images) if image.digest in known]
    if not shared:
        return
    first = shared[0]
    original = _names(real, [known[generated.images[first].digest]])
    yield Notice(
        "duplicates-across",
        f"{_of(len(shared), generated)} {_copies(len(shared))} of a real one:"
        f" {_names(generated, shared)} (the first of them is {original}).",
        "Copies of real images lower FID and KID and raise precision, density and coverage without any generation:"
        " check for a mixed-up folder or a memorising model.",
    )


_COPIES_EFFECT = {
    "real": "Copies count twice in the real distribution, and the effective number of real images is smaller than N.",
    "generated": "Copies count twice; many of them are a sign of mode collapse, and N overstates the sample.",
}

_ONE_SIDED: tuple[Callable[[_Side], Iterable[Notice]], ...] = (
    _check_mixed_sizes,
    _check_alpha,
    _check_depth,
    _check_copies,
)
_TWO_SIDED: tuple[Callable[[_Side, _Side], Iterable[Notice]], ...] = (
    _check_formats,
    _check_quality,
    _check_sizes,
    _check_modes,
    _check_leak,
)


def _alike(one: Counter[str] | Counter[tuple[int, int]], other: Counter[str] | Counter[tuple[int, int]]) -> bool:
    """Whether no kind's share of the one side differs from its share of the other by more than a twentieth."""
    totals = sum(one.values()), sum(other.values())
    shares = [
        {key: count / total for key, count in side.items()} for side, total in zip((one, other), totals, strict=True)
    ]
    return all(abs(shares[0].get(kind, 0) - shares[1].get(kind, 0)) <= 0.05 for kind in one | other)


def _families(modes: Counter[str]) -> Counter[str]:
    """Counts of grey, colour and CMYK: what is left of the modes once alpha and depth are dealt with."""
    families: Counter[str] = Counter()
    for mode, count in modes.items():
        plain = mode.partition(";")[0]
        family = "grey" if plain in _GREY_MODES else plain if plain == "CMYK" else "colour"
        families[family] += count
    return families


def _median(counts: Counter[int]) -> int:
    middle, passed = sum(counts.values()) / 2, 0
    for value in sorted(counts):
        passed += counts[value]
        if passed >= middle:
            return value
    raise ValueError("the median of nothing")


def _median_edge(sizes: Counter[tuple[int, int]]) -> float:
    """Square root of the median number of pixels."""
    areas: Counter[int] = Counter()
    for (width, height), count in sizes.items():
        areas[width * height] += count
    return math.sqrt(_median(areas))


def _span(counts: Counter[int]) -> str:
    low, high = min(counts), max(counts)
    return f"all {low}" if low == high else f"{low} to {high}"


def _shares(counts: Counter[str]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.most_common(4))


def _sizes(counts: Counter[tuple[int, int]]) -> str:
    shown = ", ".join(f"{count:,} of {width} x {height}" for (width, height), count in counts.most_common(3))
    return shown if len(counts) <= 3 else f"{shown} and {len(counts) - 3:,} more sizes"


def _of(count: int, side: _Side) -> str:
    return f"{count:,} of {counted(side.images, f'{side.name} image')}"


def _copies(count: int) -> str:
    return "is an exact copy" if count == 1 else "are exact copies"


def _names(side: _Side, indices: Sequence[int]) -> str:
    shown = ", ".join(side.ids[index] if index < len(side.ids) else f"number {index}" for index in indices[:_NAMED])
    return shown if len(indices) <= _NAMED else f"{shown}, ..."
