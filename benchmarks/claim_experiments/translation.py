"""What translators claim, measured on hidden pairs of Fashion-MNIST that they never met.

``cycle``: CycleGAN's cycle loss falls (Zhu et al. 2017, equation 2), but that holds of wrong mappings too: does the
error on hidden pairs fall below that of doing nothing? ``pairs``: is pix2pix (Isola et al. 2017) better than doing
nothing on held-out pairs? Both along training, in mean absolute difference on the scale [-1, 1].

    python benchmarks/claims.py cycle pairs
    python benchmarks/claims.py cycle --domain edges --steps 5000 --out cycle.json
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from claim_tables import markdown
from torch import Tensor

from ganeval.generators.configuration import configured
from ganeval.generators.derived_sets import edges, inverted_texture
from ganeval.generators.model import DIRECTIONS, Translator
from ganeval.generators.registry import MODELS
from ganeval.generators.streams import SAMPLES, random_stream
from ganeval.generators.training.data import ImageArrays, scaled
from ganeval.generators.training.finishing import finished_model
from ganeval.generators.training.settings import TrainingSettings
from ganeval.generators.training.trainer import Trainer
from ganeval.images.opening import open_source

Images = npt.NDArray[np.uint8]
#: What a claim gives: rows of a table, JSON-ready.
Table = list[dict[str, Any]]

#: What the second domain is, from images of the first.
DOMAINS: Mapping[str, Callable[[Images], Images]] = {"edges": edges, "inverted": inverted_texture}
_BATCH = 100


@dataclass(frozen=True)
class Benchmark:
    """How large the experiments are.

    Parameters
    ----------
    domain
        A key of `DOMAINS`.
    data
        The first domain's images to train on.
    steps
        Of each training.
    rows
        How often it is measured.
    width
        Of each model.
    batch_size
        Of each training.
    hidden
        Pairs to measure on, of the test images.
    seed
        Of everything.
    device
        Where networks run.
    """

    domain: str
    data: str
    steps: int
    rows: int
    width: int
    batch_size: int
    hidden: int
    seed: int
    device: str

    @cached_property
    def both(self) -> tuple[Images, Images]:
        """All images to train on in both domains, uint8 [N, 1, 28, 28], paired."""
        return self._both(self.data, None)

    @cached_property
    def pairs(self) -> tuple[Tensor, Tensor]:
        """Hidden pairs, float32 [N, 1, 28, 28] in [-1, 1]."""
        first, second = self._both("fashion-mnist:test", self.hidden)
        return scaled(first), scaled(second)

    def _both(self, data: str, count: int | None) -> tuple[Images, Images]:
        images = np.stack([item.load().pixels[..., 0] for item in list(open_source(data))[:count]])
        others = np.stack([DOMAINS[self.domain](image) for image in images])
        return images[:, np.newaxis], others[:, np.newaxis]

    def trainer(self, name: str, examples: ImageArrays) -> Trainer:
        """A model at the beginning of its training."""
        kind = MODELS.get(name)
        config = configured(kind.Config, {"size": (28, 28), "channels": 1, "width": self.width})
        settings = TrainingSettings(batch_size=self.batch_size, seed=self.seed)
        return Trainer(kind.initialised(config, self.seed), examples, settings, torch.device(self.device))

    def along(self, name: str, examples: ImageArrays) -> Table:
        """What `measured` finds at the beginning, along and at the end of a training."""
        trainer, table = self.trainer(name, examples), []
        for row in range(self.rows + 1):
            while trainer.steps < row * self.steps // self.rows:
                trainer.step()
            model = finished_model(trainer)
            assert isinstance(model, Translator)
            table.append({"step": trainer.steps} | measured(model, *self.pairs, self.seed))
        return table


@torch.inference_mode()
def translated(model: Translator, images: Tensor, direction: str, seed: int) -> Tensor:
    """Translations [N, C', H, W] of images [N, C, H, W], on the CPU."""
    parts = [
        model.translate(part.to(model.device), direction, random_stream(seed, SAMPLES, number)).float().cpu()
        for number, part in enumerate(images.split(_BATCH))
    ]
    return torch.cat(parts)


def measured(model: Translator, first: Tensor, second: Tensor, seed: int) -> dict[str, float]:
    """Errors of a translator on hidden pairs.

    Parameters
    ----------
    model
        In evaluation mode.
    first, second
        float32 [N, C, H, W] in [-1, 1], pairs row by row.
    seed
        Of its noise.

    Returns
    -------
    dict
        For each direction of the model: ``"pair error"``, the mean absolute difference from the hidden partner;
        ``"own partner"``, the share of translations that no other partner is nearer to (1/N by chance); and of models
        that go both ways ``"cycle"``, the mean absolute difference after there and back. Also the error of doing
        nothing, and that of the best constant image for each direction.
    """
    found: dict[str, float] = {}
    for direction in model.directions:
        start, end = ((first, second)[domain] for domain in DIRECTIONS[direction])
        made = translated(model, start, direction, seed)
        found[f"pair error {direction}"] = _distance(made, end)
        found[f"own partner {direction}"] = _own(made, end)
        found[f"constant {direction}"] = _distance(end.median(dim=0).values.expand_as(end), end)
        back = next((name for name in model.directions if name != direction), None)
        if back is not None:
            found[f"cycle {direction}"] = _distance(translated(model, made, back, seed), start)
    return found | {"identity": _distance(first, second)}


def _distance(one: Tensor, other: Tensor) -> float:
    return float((one - other).abs().double().mean())


def _own(made: Tensor, partners: Tensor) -> float:
    nearest = torch.cdist(made.flatten(1), partners.flatten(1), p=1).argmin(dim=1)
    return float((nearest == torch.arange(len(made))).double().mean())


def cycle(benchmark: Benchmark) -> Table:
    """CycleGAN: cycle loss and hidden-pair errors along training, next to doing nothing and the best constant."""
    images, others = benchmark.both
    # One half of the images gives the one domain, the rest the other: no image is seen in both.
    half = len(images) // 2
    return benchmark.along("cyclegan", ImageArrays(images[:half], None, others[half:], "unpaired"))


def pairs(benchmark: Benchmark) -> Table:
    """pix2pix: errors on held-out pairs along training, next to doing nothing and the best constant."""
    images, others = benchmark.both
    return benchmark.along("pix2pix", ImageArrays(images, None, others, "paired"))


#: Experiments by name.
CLAIMS: Mapping[str, Callable[[Benchmark], Table]] = {"cycle": cycle, "pairs": pairs}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the experiments, print their tables, write them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("claims", nargs="+", choices=list(CLAIMS))
    parser.add_argument("--domain", choices=list(DOMAINS), default="inverted")
    parser.add_argument("--data", default="fashion-mnist:train", help="images of the first domain")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--rows", type=int, default=6)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--hidden", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, help="JSON file")
    chosen = vars(parser.parse_args(arguments))
    names, out = chosen.pop("claims"), chosen.pop("out")
    benchmark = Benchmark(**chosen)
    found: dict[str, Any] = {"settings": asdict(benchmark)}
    for name in names:
        began = time.perf_counter()
        found[name] = CLAIMS[name](benchmark)
        print(f"\n## {name} ({time.perf_counter() - began:.0f} s)\n\n{CLAIMS[name].__doc__}\n\n{markdown(found[name])}")
        if out is not None:
            out.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
