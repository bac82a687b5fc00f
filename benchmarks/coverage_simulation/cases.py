"""The table of what is simulated: one line for each metric, family of distributions, dimension and number of images."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from coverage_simulation.families import FAMILIES

ALL_DISTANCES = ("same", "near", "far")


@dataclass(frozen=True)
class Case:
    """One row of the result: a metric on one pair of distributions with given numbers of images.

    Parameters
    ----------
    metric
        Name in ganeval's table.
    family, dimension, decay, distance
        Of the scene, see `coverage_simulation.families`.
    n_real, n_generated
        Images a side.
    parameters
        Of the metric, over its defaults.
    """

    metric: str
    family: str
    dimension: int
    decay: float
    distance: str
    n_real: int
    n_generated: int
    parameters: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def key(self) -> str:
        """What results are filed under; readable, and another one for anything that changes the result."""
        sizes = f"{self.n_real}x{self.n_generated}"
        options = "".join(f" {name}={value}" for name, value in sorted(self.parameters.items()))
        return f"{self.metric} {self.family} D={self.dimension} p={self.decay:g} {self.distance} N={sizes}{options}"

    def scene(self) -> Any:
        """The distributions."""
        return FAMILIES[self.family](self.dimension, self.decay, self.distance)

    def seed(self, replicate: int) -> int:
        """Seed of the draws of one replicate: another one for each case and replicate, the same in each run."""
        text = json.dumps([self.key, replicate])
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")


@dataclass(frozen=True)
class Line:
    """One line of the table, which stands for a case a distance and a pair of sizes.

    Parameters
    ----------
    metrics
        Names in ganeval's table, with a space between them.
    scene
        Such as ``"gaussian D=64 p=1"``.
    sizes
        Such as ``"500 2000 500x5000"``: images on both sides, or real x generated.
    distances
        Of `coverage_simulation.scenes.DISTANCES`, with a space between them.
    parameters
        Of the metrics.
    """

    metrics: str
    scene: str
    sizes: str
    distances: str = "same near far"
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def cases(self) -> Iterator[Case]:
        """Those of the line."""
        family, *numbers = self.scene.split()
        values = dict(number.split("=") for number in numbers)
        for metric in self.metrics.split():
            for size in self.sizes.split():
                n_real, _, n_generated = size.partition("x")
                for distance in self.distances.split():
                    yield Case(
                        metric, family, int(values["D"]), float(values.get("p", 0)), distance,
                        int(n_real), int(n_generated or n_real), dict(self.parameters),
                    )  # fmt: skip


#: The whole simulation.
LINES: tuple[Line, ...] = (
    # The Fréchet distance: the closed form holds for any distribution with these moments.
    Line("fd", "gaussian D=16 p=0", "500 2000"),
    Line("fd", "gaussian D=64 p=1", "500 2000 10000 500x5000 5000x500"),
    Line("fd", "mixture D=64 p=0.5", "500 2000 500x5000"),
    Line("fd", "heavy D=64 p=0.5", "500 2000"),
    Line("fd", "sparse D=64 p=0.5", "500 2000 5000x500"),
    Line("fd", "gaussian D=256 p=0", "1000"),
    Line("fd", "mixture D=256 p=1", "500 1000 4000", "same far"),
    Line("fd", "sparse D=256 p=1", "500 1000", "same far"),
    Line("fd", "mixture D=1024 p=1", "700", "same far"),
    Line("fd", "mixture D=2048 p=1", "2500", "far"),
    Line("fd_infinity", "gaussian D=16 p=0", "2000", "far"),
    Line("intra_fd", "mixture D=16 p=0.5", "2000 2000x5000"),
    Line("temporal_fd", "clips D=4 p=0.5", "600 3000 600x3000"),
    Line("kd", "gaussian D=64 p=1", "500 2000 500x5000"),
    Line("kd", "mixture D=64 p=0.5", "500 500x5000"),
    Line("kd", "heavy D=64 p=0.5", "500"),
    Line("kd", "mixture D=1024 p=1", "2000", "same far"),
    Line("mmd_poly", "mixture D=64 p=0.5", "500 500x2000"),
    Line("mmd_rbf", "mixture D=64 p=0.5", "500 500x2000", parameters={"normalise": False, "sigma": 8.0}),
    Line("mmd_rbf", "sparse D=64 p=0.5", "500 2000"),
    Line("mind", "gaussian D=64 p=0.5", "500 2000"),
    Line("mind", "mixture D=64 p=0.5", "500 500x2000"),
    Line("mind", "mixture D=512 p=1", "1000", "same far"),
    # For the mean over repetitions with as many images.
    Line("precision_recall density_coverage", "gaussian D=16 p=0", "500 500x3000 3000x500"),
    Line("precision_recall density_coverage", "mixture D=64 p=0.5", "500 2000", "same near"),
    Line("precision_recall density_coverage", "sparse D=64 p=0.5", "1000", "same far"),
    Line("prd", "mixture D=64 p=0.5", "500", "same near"),
    Line("prd", "sparse D=64 p=0.5", "500x1000", "far"),
    Line("vendi", "mixture D=16 p=0.5", "500 2000", "same far"),
    Line("vendi", "sparse D=64 p=0.5", "1000 5000", "same"),
    Line("rke", "mixture D=64 p=0.5", "500 2000", "same far"),
    Line("rke", "sparse D=64 p=0.5", "1000", "far"),
    Line("feature_diversity", "mixture D=64 p=0.5", "500 2000", "same"),
    Line("feature_diversity", "sparse D=64 p=0.5", "500", "far", {"distance": "euclidean"}),
    Line("inception_score", "logits D=10 p=0", "500 5000", "same far"),
    Line("inception_score", "logits D=200 p=0.5", "2000 10000", "same far"),
    Line("is_infinity", "logits D=10 p=0", "5000", "same far"),
    Line("realism", "gaussian D=16 p=0", "500 500x2000"),
    Line("c2st", "mixture D=64 p=0.5", "500"),
    Line("c2st", "sparse D=64 p=0.5", "500x1500", "near"),
    Line("parzen", "gaussian D=16 p=0", "1000", "near"),
    Line("spectral_distance", "textures D=16", "300 300x1000"),
)


def all_cases() -> list[Case]:
    """Every case of the table; raises ValueError if two would be filed under one key."""
    cases = [case for line in LINES for case in line.cases()]
    keys = [case.key for case in cases]
    repeated = {key for key in keys if keys.count(key) > 1}
    if repeated:
        raise ValueError(f"the table names these cases twice: {sorted(repeated)}")
    return cases
