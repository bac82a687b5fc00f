"""Paths between latent vectors, and sums of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ganeval.errors import OptionError
from ganeval.generators.latent.space import LatentSpace, repeated, stacked
from ganeval.generators.model import Latents
from ganeval.metrics.path_length import interpolate


def path(first: Tensor, second: Tensor, steps: int, geometry: str) -> Tensor:
    """Points from one latent vector [...] to another, both ends included, float32 [steps, ...].

    Parameters
    ----------
    first, second
        The ends.
    steps
        How many points, 2 or more.
    geometry
        ``"linear"``: (1 − t)·a + t·b. ``"gaussian"``: spherically (White 2016), so that points are as far from 0 as
        samples are: with the angle Ω between them sin((1 − t)Ω)/sin Ω·a + sin(tΩ)/sin Ω·b for ends of one length.

    Raises
    ------
    OptionError
        If there are fewer than 2 steps.
    """
    if steps < 2:
        raise OptionError(f"a path of {steps} steps is asked for", hint="It takes 2, the ends, or more.")
    start, end = (side.double()[None].expand(steps, *side.shape) for side in (first, second))
    points = interpolate(start, end, torch.linspace(0, 1, steps, dtype=torch.float64), geometry).float()
    # The ends themselves, not what they are after rounding.
    points[0], points[-1] = first, second
    return points


def interpolated(space: LatentSpace, numbers: Sequence[int], steps: int) -> list[Latents]:
    """For each two samples that follow each other, the latents of a path between them, [steps, ...].

    All that is random besides ``"z"`` (class, noise) stays that of the sample where a path begins. Look at them with
    `LatentSpace.images`.

    Raises
    ------
    OptionError
        If there are fewer than two samples or steps, or the generator has no latent vectors.
    """
    geometry = space.require_paths()
    return _paths(space.latents(_two_or_more(numbers)), "z", steps, geometry)


def interpolated_styles(space: LatentSpace, numbers: Sequence[int], steps: int) -> list[Latents]:
    """As `interpolated`, straight between the styles w of the samples (Karras et al. 2019, section 4.1).

    w has no prior that a straight line would leave: the mapping network has bent it so that paths change little at a
    time. Styles are truncated already: look at them with `LatentSpace.images_as_they_are`.

    Raises
    ------
    OptionError
        If there are fewer than two samples or steps, or the generator has no styles.
    """
    return _paths(space.styled(space.latents(_two_or_more(numbers))), "w", steps, "linear")


#: Spaces of `ganeval latent interpolate`: what makes the latents of paths in them, and how these are looked at.
SPACES = {"z": (interpolated, LatentSpace.images), "w": (interpolated_styles, LatentSpace.images_as_they_are)}


def path_images(space: LatentSpace, numbers: Sequence[int], steps: int, within: str = "z") -> list[list[Tensor]]:
    """For each two samples that follow each other, the images of a path between them.

    Parameters
    ----------
    space
        Of a generator.
    numbers
        Of the samples.
    steps
        Pictures on each path, both ends included.
    within
        A key of `SPACES`: ``"z"``, as the prior has it, or ``"w"``, straight.

    Raises
    ------
    OptionError
        If there is no such space, or there are fewer than two samples or steps.
    """
    if within not in SPACES:
        raise OptionError(f"there is no space {within!r}", hint=f"Choose {' or '.join(SPACES)}.")
    make, look = SPACES[within]
    return [look(space, latents) for latents in make(space, numbers, steps)]


def _two_or_more(numbers: Sequence[int]) -> Sequence[int]:
    if len(numbers) < 2:
        raise OptionError("a path needs two samples or more", hint="Give their numbers, such as 3 17.")
    return numbers


def _paths(found: Latents, name: str, steps: int, geometry: str) -> list[Latents]:
    ends = found[name]
    return [
        repeated({each: values[place : place + 1] for each, values in found.items()}, steps)
        | {name: path(ends[place], ends[place + 1], steps, geometry)}
        for place in range(len(ends) - 1)
    ]


@dataclass(frozen=True)
class Term:
    """A mean of samples that is added or taken away."""

    sign: int
    numbers: tuple[int, ...]

    def __str__(self) -> str:
        return f"{'+' if self.sign > 0 else '-'} {', '.join(map(str, self.numbers))}"


def parse_sum(text: str) -> list[Term]:
    """``"3,5,8 - 4 + 1,2"``: the mean of samples 3, 5 and 8, less sample 4, plus the mean of 1 and 2.

    Raises
    ------
    OptionError
        If it can't be read.
    """
    compact = re.sub(r"\s+", "", text.replace("−", "-"))
    if not re.fullmatch(r"[+-]?\d+(,\d+)*([+-]\d+(,\d+)*)*", compact):
        raise OptionError(
            f"{text!r} is no sum of samples", hint="Write it like '3,5,8 - 4 + 1,2': commas stand for a mean."
        )
    return [
        Term(-1 if sign == "-" else 1, tuple(map(int, numbers.split(","))))
        for sign, numbers in re.findall(r"([+-]?)(\d+(?:,\d+)*)", compact)
    ]


def summed(space: LatentSpace, terms: Sequence[Term]) -> tuple[list[Latents], Latents]:
    """The mean of each term, and their sum (Radford et al. 2016, section 6.3.2), a row of latents each.

    A mean of normal vectors is shorter than they are, and no sample's: where paths are spherical, means and the sum are
    brought to the mean length of the samples they are made of. All else but ``"z"`` is that of the first sample.

    Raises
    ------
    OptionError
        If the generator has no latent vectors.
    """
    geometry = space.require_paths()
    samples = [space.latents(term.numbers) for term in terms]
    means = [_mean(found["z"], geometry) for found in samples]
    total = torch.stack([term.sign * mean.double() for term, mean in zip(terms, means, strict=True)]).sum(0)
    if geometry == "gaussian":
        total = _as_long_as(total, stacked(samples)["z"])
    firsts = [{name: values[:1] for name, values in found.items()} for found in samples]
    each = [first | {"z": mean.float()} for first, mean in zip(firsts, means, strict=True)]
    return each, firsts[0] | {"z": total.float()}


def _mean(vectors: Tensor, geometry: str) -> Tensor:
    """float64 [1, ...]."""
    mean = vectors.double().mean(0, keepdim=True)
    return mean if geometry == "linear" or len(vectors) == 1 else _as_long_as(mean, vectors)


def _as_long_as(vector: Tensor, others: Tensor) -> Tensor:
    """`vector` [1, ...] with the mean length of `others` [N, ...]; the vector 0 stays."""
    length = vector.norm()
    wanted = others.double().flatten(1).norm(dim=1).mean()
    return vector * (wanted / length) if length > 0 else vector
