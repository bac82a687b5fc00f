"""The families of pairs of sides, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from coverage_simulation.other_scenes import clips, textures
from coverage_simulation.scenes import gaussian, heavy, logits, mixture, sparse

#: Name of a family to the scene of a dimension, a decay and a distance.
FAMILIES: Mapping[str, Callable[[int, float, str], Any]] = {
    "gaussian": gaussian,
    "mixture": mixture,
    "heavy": heavy,
    "sparse": sparse,
    "logits": logits,
    "clips": clips,
    "textures": textures,
}
