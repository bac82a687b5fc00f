"""The same samples with one thing about them at several values: a code, a class, or a coordinate of z."""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch
from torch import Tensor

from ganeval.errors import OptionError
from ganeval.generators.latent.space import LatentSpace
from ganeval.generators.model import Latents, unknown_condition
from ganeval.generators.sampling.blocks import require_class

CLASS = "class"
#: Values of a coordinate of z where none are given: of a normal prior, and of a uniform one on [-1, 1).
_COORDINATES = {"gaussian": (-2.0, -1.0, 0.0, 1.0, 2.0), "linear": (-1.0, -0.5, 0.0, 0.5, 1.0)}
#: Classes that are shown where none are given, at most.
_CLASSES = 16
_COORDINATE = re.compile(r"z(\d+)")


def traversed_rows(
    space: LatentSpace, numbers: Sequence[int], along: str, values: Sequence[float] | None = None
) -> tuple[list[float], list[list[Tensor]]]:
    """The values, and a row of images for each; all else about the samples stays (Chen et al. 2016, figure 2).

    Parameters
    ----------
    space
        Of a generator.
    numbers
        Of the samples.
    along
        ``"class"``, one of the model's `conditions`, or ``"z5"``: a coordinate of the latent vector, from 0.
    values
        None takes some that show what it does.

    Raises
    ------
    OptionError
        If there is no such thing, or it can't have such a value.
    """
    latents = space.latents(numbers)
    chosen = list(_usual_values(space, along)) if values is None else list(values)
    if not chosen:
        raise OptionError(f"there are no values of {along!r} to show")
    return chosen, [space.images(moved(space, latents, along, value)) for value in chosen]


def moved(space: LatentSpace, latents: Latents, along: str, value: float) -> Latents:
    """The same latents with one thing at a value; see `traversed_rows`."""
    model, coordinate = space.model, _COORDINATE.fullmatch(along)
    count = len(next(iter(latents.values())))
    if along in model.conditions:
        return model.conditioned(latents, {along: value})
    if along == CLASS:
        if not float(value).is_integer():
            raise OptionError(f"class {value:g} is asked for", hint="Classes are whole numbers.")
        require_class(model, int(value))
        return latents | {"label": torch.full((count,), int(value))}
    if coordinate is None:
        raise unknown_condition(along, [*model.conditions, *([CLASS] if model.classes else []), "z0"])
    space.require_paths()
    flat = latents["z"].flatten(1).clone()
    number = int(coordinate[1])
    if number >= flat.shape[1]:
        raise OptionError(f"z has no coordinate {number}", hint=f"This model's are z0 to z{flat.shape[1] - 1}.")
    flat[:, number] = value
    return latents | {"z": flat.reshape(latents["z"].shape)}


def _usual_values(space: LatentSpace, along: str) -> Sequence[float]:
    model = space.model
    if along in model.conditions:
        return model.conditions[along].values
    if along == CLASS:
        return range(min(model.classes, _CLASSES)) if model.classes else [0.0]
    return _COORDINATES.get(model.geometry, (0.0,))
