"""What unconditional models claim of their training, each claim with a bound that can fail.

A claim is a function that `claim` registers: it trains, measures and says whether the bound holds. Results go to a JSON
file as they come, so that a run that was stopped keeps what it has.

    python benchmarks/claims.py wgan-gp-critic --steps 1500 --out benchmarks/results/claims.json
    python benchmarks/claims.py began-convergence --device cuda
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.stats import spearmanr

from ganeval.features.engine import extract
from ganeval.features.resolving import resolve_extractor
from ganeval.generators.configuration import configured
from ganeval.generators.model import GenerativeModel, Sampler
from ganeval.generators.networks.spectral_norm import reshaped_weights
from ganeval.generators.registry import MODELS
from ganeval.generators.sampling.blocks import Blocks, Drawing
from ganeval.generators.training.data import ImageArrays
from ganeval.generators.training.settings import TrainingSettings
from ganeval.generators.training.trainer import Trainer
from ganeval.images.arrays import ArraySource
from ganeval.images.opening import open_source
from ganeval.images.source import SourceOptions
from ganeval.metrics import frechet_distance

Rows = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Finding:
    """What a claim's experiment gave.

    Parameters
    ----------
    holds
        Whether the bound was met.
    bound
        In words.
    numbers
        What was measured, JSON-ready.
    """

    holds: bool
    bound: str
    numbers: dict[str, Any]


@dataclass(frozen=True)
class Bench:
    """What experiments share.

    Parameters
    ----------
    steps
        Training steps; None takes each claim's own.
    width
        Of the networks.
    batch_size
        Of the training.
    count
        Images on each side of a Fréchet distance.
    extractor
        Of its features.
    seed
        Of everything.
    device
        Where networks run.
    data
        Images to train on, as ``ganeval score`` takes them; reduced to grey.
    """

    steps: int | None
    width: int
    batch_size: int
    count: int
    extractor: str
    seed: int
    device: str
    data: str

    @cached_property
    def images(self) -> ImageArrays:
        """All images of `data`, uint8 [N, 1, H, W]."""
        source = open_source(self.data, SourceOptions())
        planes = [item.load().pixels[..., 0] for item in source]
        return ImageArrays(np.stack(planes)[:, np.newaxis])

    @cached_property
    def real(self) -> Rows:
        """Features of the first `count` real images."""
        return self.features(self.images.images[: self.count])

    def features(self, images: npt.NDArray[np.uint8]) -> Rows:
        """Features of images uint8 [N, 1, H, W]."""
        source = ArraySource(images.transpose(0, 2, 3, 1), None, name="images", kind="array")
        return extract(source, resolve_extractor(self.extractor)[0], device=self.device).features.pooled

    def distance(self, model: GenerativeModel) -> float:
        """Fréchet distance of `count` samples of a model to as many real images."""
        assert isinstance(model, Sampler)
        blocks = Blocks(model, Drawing(self.seed))
        samples = torch.stack([blocks.image(number)[0] for number in range(self.count)])
        return frechet_distance(self.real, self.features(samples.numpy()), level=None).value

    def trainer(self, name: str, **options: Any) -> Trainer:
        """A model's training on `images`; averages are short, so that they are of the networks of the moment."""
        channels, *size = self.images.shape
        kind = MODELS.get(name)
        config = configured(kind.Config, {"size": size, "channels": channels, "width": self.width, **options})
        settings = TrainingSettings(batch_size=self.batch_size, seed=self.seed, average_decay=0.9)
        return Trainer(kind.initialised(config, self.seed), self.images, settings, self.device)

    def steps_of(self, default: int) -> Iterator[int]:
        """Numbers of the steps done, with a line now and then."""
        total, began = self.steps or default, time.perf_counter()
        for number in range(1, total + 1):
            yield number
            if number % max(1, total // 20) == 0:
                print(f"  step {number} of {total}, {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)


#: Passes that refine the estimates of spectral norms after training.
_PASSES = 1000

#: Experiments by name.
CLAIMS: dict[str, Callable[[Bench], Finding]] = {}


def claim(name: str) -> Callable[[Callable[[Bench], Finding]], Callable[[Bench], Finding]]:
    """Register an experiment, whose docstring is the claim."""

    def registered(experiment: Callable[[Bench], Finding]) -> Callable[[Bench], Finding]:
        CLAIMS[name] = experiment
        return experiment

    return registered


@claim("wgan-gp-critic")
def wgan_gp_critic(bench: Bench) -> Finding:
    """The critic's estimate follows the samples' quality along training (Gulrajani et al. 2017, section 5.3)."""
    window, every, warm_up = 40, 100, 300
    trainer = bench.trainer("wgan-gp")
    estimates: list[float] = []
    curve: list[dict[str, float]] = []
    for number in bench.steps_of(2500):
        estimates.append(-trainer.step()["discriminator/adversarial"])
        if number % every == 0:
            estimate = float(np.mean(estimates[-window:]))
            curve.append({"step": number, "estimate": estimate, "fd": bench.distance(trainer.averaged_model())})
            print(f"  {curve[-1]}", file=sys.stderr, flush=True)

    def correlation(rows: list[dict[str, float]]) -> float:
        return float(spearmanr([row["estimate"] for row in rows], [row["fd"] for row in rows]).statistic)

    # A critic that has hardly been trained estimates 0 whatever the distance; it takes so long to catch up.
    settled = correlation([row for row in curve if row["step"] > warm_up])
    return Finding(
        settled > 0.7,
        f"Spearman's correlation of the estimate over {window} steps with FD is above 0.7 after {warm_up} steps",
        {"correlation": settled, "with the first steps": correlation(curve), "curve": curve},
    )


@claim("spectral-norm")
def spectral_norm(bench: Bench) -> Finding:
    """Trained weights have largest singular values of 1, but for the lag of one iteration (Miyato et al. 2018)."""
    trainer = bench.trainer("sngan", architecture="convolutional")
    discriminator = trainer.model.get_submodule("discriminator")

    def furthest() -> float:
        weights = reshaped_weights(discriminator).values()
        return max(abs(float(torch.linalg.matrix_norm(weight.double(), ord=2)) - 1) for weight in weights)

    lags = []
    for number in bench.steps_of(300):
        trainer.step()
        if number % 20 == 0:
            lags.append({"step": number, "furthest from 1": furthest()})
    # Passes that refine the estimates while the weights stay as training left them. One iteration shrinks the error by
    # the square of the second over the largest singular value, which may be near 1: some layers need hundreds.
    settling = []
    with torch.no_grad():
        for number in range(1, _PASSES + 1):
            discriminator(torch.zeros(2, *bench.images.shape, device=trainer.device))
            if number in (1, 10, 100, _PASSES):
                settling.append({"passes": number, "furthest from 1": furthest()})
    settled = settling[-1]["furthest from 1"]
    return Finding(
        settled < 1e-3,
        f"the furthest is within 0.001 of 1 after {_PASSES:,} passes without training",
        {"settled": settled, "settling": settling, "while training": lags},
    )


@claim("began-convergence")
def began_convergence(bench: Bench) -> Finding:
    """BEGAN's measure of convergence falls, and with it FD (Berthelot et al. 2017, section 3.4.1)."""
    trainer = bench.trainer("began")
    measures: list[float] = []
    distances = [bench.distance(trainer.averaged_model())]
    for _ in bench.steps_of(600):
        measures.append(trainer.step()["generator/convergence"])
    distances.append(bench.distance(trainer.averaged_model()))
    tenth = max(1, len(measures) // 10)
    first, last = float(np.mean(measures[:tenth])), float(np.mean(measures[-tenth:]))
    return Finding(
        last < 0.6 * first and distances[1] < distances[0],
        "the last tenth's mean is below 0.6 of the first's, and FD is lower than before training",
        {"first": first, "last": last, "fd before": distances[0], "fd after": distances[1]},
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen claims; 1 if one doesn't hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("claims", nargs="+", choices=list(CLAIMS))
    parser.add_argument("--steps", type=int, help="training steps (default: each claim's own)")
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--count", type=int, default=1000, help="images on each side of a Fréchet distance")
    parser.add_argument("--extractor", default="efficientnet-lite0")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--data", default="fashion-mnist")
    parser.add_argument("--out", type=Path, help="JSON file; other claims' results in it stay")
    chosen = vars(parser.parse_args(arguments))
    names, out = chosen.pop("claims"), chosen.pop("out")
    return run(names, Bench(**chosen), out)


def run(names: list[str], bench: Bench, out: Path | None) -> int:
    """Run claims by name, print what they found, and keep it in a file."""
    kept = json.loads(out.read_text(encoding="utf-8")) if out is not None and out.exists() else {}
    failed = False
    for name in names:
        began = time.perf_counter()
        finding = CLAIMS[name](bench)
        seconds = round(time.perf_counter() - began)
        failed |= not finding.holds
        print(f"{name}: {'holds' if finding.holds else 'DOES NOT HOLD'} ({finding.bound}); {seconds} s")
        kept[name] = asdict(finding) | {"settings": asdict(bench), "seconds": seconds, "torch": torch.__version__}
        if out is not None:
            out.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
