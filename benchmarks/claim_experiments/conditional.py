"""What models with labels and codes claim, measured on Fashion-MNIST by a classifier that they never met.

``labels``: does an independent classifier recover the label that a cGAN and an AC-GAN were asked for (Mirza and
Osindero 2014; Odena et al. 2017)? ``information``: how much does InfoGAN's categorical code tell about an independent
classifier's class, with λ = 1 and λ = 0 (Chen et al. 2016)? ``truncation``: Inception Score (with the classifier in
Inception's place), precision, recall, Fréchet distance and classification accuracy score over BigGAN's thresholds
(Brock et al. 2019, figure 2; Ravuri and Vinyals 2019, table 3).

    python benchmarks/claims.py labels information truncation
    python benchmarks/claims.py truncation --model runs/biggan/model.safetensors --out truncation.json
"""

from __future__ import annotations

import argparse
import json
import math
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
from sklearn.metrics import mutual_info_score
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ganeval.errors import OptionError
from ganeval.features.engine import extract
from ganeval.features.resolving import resolve_extractor
from ganeval.generators.adversarial import on_device
from ganeval.generators.configuration import configured
from ganeval.generators.model import Latents, Sampler, Truncation
from ganeval.generators.models.infogan import InfoGAN
from ganeval.generators.registry import MODELS
from ganeval.generators.sampling.blocks import levels, to_bytes
from ganeval.generators.streams import random_stream
from ganeval.generators.training.data import ImageArrays
from ganeval.generators.training.finishing import finished_model
from ganeval.generators.training.settings import TrainingSettings
from ganeval.generators.training.trainer import Trainer
from ganeval.generators.weights_file import load_model
from ganeval.images.arrays import ArraySource
from ganeval.images.fashion_mnist import _READERS
from ganeval.metrics import frechet_distance, inception_score, precision_recall

CLASSES = 10
#: Brock's thresholds; None is no truncation.
THRESHOLDS = (0.2, 0.5, 0.8, 1.0, 1.5, 2.0, None)
_BLOCK = 250

Rows = npt.NDArray[np.float32]
#: What a claim gives: rows of a table, JSON-ready.
Table = list[dict[str, Any]]


@dataclass(frozen=True)
class Labelled:
    """Images uint8 [N, 1, 28, 28] with their labels int64 [N]."""

    images: Tensor
    labels: Tensor

    def first(self, count: int) -> Labelled:
        """The first ones."""
        return Labelled(self.images[:count], self.labels[:count])


class Classifier(nn.Module):
    """Two convolutions and two linear layers; the last but one gives features."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(64 * 7 * 7, 128),
            nn.ReLU(),
        )
        self.head = nn.Linear(128, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        """Logits [N, 10] of images uint8 [N, 1, 28, 28]."""
        scores: Tensor = self.head(self.features(images))
        return scores

    def features(self, images: Tensor) -> Tensor:
        """[N, 128]."""
        found: Tensor = self.trunk(images.float() / 127.5 - 1)
        return found


def trained_classifier(data: Labelled, steps: int, seed: int, device: torch.device) -> Classifier:
    """A classifier of the data after so many Adam steps of 128 images, the learning rate falling to 0."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Classifier().to(device)
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=max(steps, 2))
    random = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        rows = torch.randint(len(data.images), (128,), generator=random)
        optimiser.zero_grad()
        cross_entropy(network(data.images[rows].to(device)), data.labels[rows].to(device)).backward()
        optimiser.step()
        schedule.step()
    return network.eval()


@torch.inference_mode()
def in_blocks(of: Callable[[Tensor], Tensor], images: Tensor, device: torch.device) -> Tensor:
    """What a network says of many images, on the CPU."""
    return torch.cat([of(part.to(device)).cpu() for part in images.split(1000)])


def accuracy(network: Classifier, data: Labelled, device: torch.device) -> float:
    """Share of images whose label the classifier gives."""
    found = in_blocks(network, data.images, device).argmax(dim=1)
    return (found == data.labels).double().mean().item()


@dataclass(frozen=True)
class Benchmark:
    """How large the experiments are, and what they share.

    Parameters
    ----------
    steps
        Of each model's training; the critic's steps of BigGAN are two to one of these.
    width
        Of each model.
    batch_size
        Of each training.
    samples
        Generated images for each number; the classification accuracy score is trained on as many.
    classifier_steps
        Of each classifier's training.
    features
        Of precision, recall and the Fréchet distance: ``"classifier"``, or an extractor of ganeval's.
    seed
        Of everything.
    model
        Weights to measure instead of a new BigGAN.
    device
        Where networks run.
    """

    steps: int
    width: int
    batch_size: int
    samples: int
    classifier_steps: int
    features: str
    seed: int
    model: Path | None
    device: str

    @cached_property
    def where(self) -> torch.device:
        """`device`."""
        return torch.device(self.device)

    @cached_property
    def train(self) -> Labelled:
        """60,000 real images."""
        return _part("train")

    @cached_property
    def test(self) -> Labelled:
        """10,000 real images that no network is trained on."""
        return _part("test")

    @cached_property
    def classifier(self) -> Classifier:
        """Trained on the real training images, apart from all generators."""
        return trained_classifier(self.train, self.classifier_steps, self.seed, self.where)

    @cached_property
    def real_accuracy(self) -> float:
        """The classifier's on real test images."""
        return accuracy(self.classifier, self.test, self.where)

    def trained(self, name: str, **options: Any) -> Sampler:
        """A model after its training, from averaged weights."""
        kind = MODELS.get(name)
        labelled = kind.info.data == "labelled"
        examples = ImageArrays(
            self.train.images.numpy(), self.train.labels.numpy() if labelled else None, kind=kind.info.data
        )
        values = {"size": (28, 28), "channels": 1, "width": self.width, **options}
        config = configured(kind.Config, values | ({"classes": CLASSES} if labelled else {}))
        settings = TrainingSettings(batch_size=self.batch_size, seed=self.seed)
        trainer = Trainer(kind.initialised(config, self.seed), examples, settings, self.where)
        for _ in range(self.steps):
            trainer.step()
        model = finished_model(trainer)
        assert isinstance(model, Sampler)
        return model

    def sampled(self, model: Sampler, truncation: Truncation | None = None) -> tuple[Tensor, Latents]:
        """Images uint8, classes in turn, and their latents; the same noise whatever the truncation."""
        images, latents = [], []
        for block in range(-(-self.samples // _BLOCK)):
            labels = (torch.arange(_BLOCK) + block * _BLOCK) % CLASSES
            drawn = model.draw(_BLOCK, random_stream(self.seed, 77, block), labels)
            drawn = drawn if truncation is None else model.truncated(drawn, truncation)
            images.append(to_bytes(levels(model, on_device(drawn, self.where))))
            latents.append(drawn)
        whole = {name: torch.cat([part[name] for part in latents])[: self.samples] for name in latents[0]}
        return torch.cat(images)[: self.samples], whole

    def rows(self, images: Tensor) -> Rows:
        """Features of images."""
        if self.features == "classifier":
            return in_blocks(self.classifier.features, images, self.where).numpy()
        source = ArraySource(images.permute(0, 2, 3, 1).numpy(), None, name="images", kind="array")
        return extract(source, resolve_extractor(self.features)[0]).features.pooled


def _part(name: str) -> Labelled:
    images, labels = _READERS[name]()
    return Labelled(torch.from_numpy(images.copy())[:, None], torch.from_numpy(labels.astype(np.int64)))


def labels(benchmark: Benchmark) -> Table:
    """Accuracy of the independent classifier on the labels that were asked for; chance is 0.1."""
    table = []
    for name in ("cgan", "acgan"):
        images, latents = benchmark.sampled(benchmark.trained(name))
        share = accuracy(benchmark.classifier, Labelled(images, latents["label"]), benchmark.where)
        table.append(
            {
                "model": name,
                "label recovered": share,
                # Of a share of independent images.
                "standard error": math.sqrt(share * (1 - share) / len(images)),
                "on real test images": benchmark.real_accuracy,
            }
        )
    return table


def information(benchmark: Benchmark) -> Table:
    """Nats that the code tells about the classifier's class (log 10 = 2.3 at most), and what Q believes of itself."""
    table = []
    for weight in (1.0, 0.0):
        model = benchmark.trained("infogan", category_weight=weight, continuous_weight=0.1 * weight)
        images, latents = benchmark.sampled(model)
        codes = latents["categories"][:, 0]
        classes = in_blocks(benchmark.classifier, images, benchmark.where).argmax(dim=1)
        assert isinstance(model, InfoGAN)
        table.append(
            {
                "λ": weight,
                "mutual information": mutual_information(codes.numpy(), classes.numpy()),
                "uncorrected": float(mutual_info_score(codes.numpy(), classes.numpy())),
                "Q's own accuracy": _own_accuracy(model, images, codes, benchmark.where),
            }
        )
    return table


def mutual_information(first: npt.NDArray[np.int64], second: npt.NDArray[np.int64]) -> float:
    """Nats between two labellings, with the first-order correction of the plug-in's bias (Miller 1955)."""
    rows, columns = len(np.unique(first)), len(np.unique(second))
    cells = len(np.unique(np.stack([first, second]), axis=1).T)
    return float(mutual_info_score(first, second)) - (cells - rows - columns + 1) / (2 * len(first))


def _own_accuracy(model: InfoGAN, images: Tensor, codes: Tensor, device: torch.device) -> float:
    def scores(part: Tensor) -> Tensor:
        return model.discriminator.judge_and_recognise(part.float() / 127.5 - 1)[1].categories[0]

    model.discriminator.eval()
    return (in_blocks(scores, images, device).argmax(dim=1) == codes).double().mean().item()


def truncation(benchmark: Benchmark) -> Table:
    """Inception Score, precision, recall, Fréchet distance and classification accuracy score over thresholds."""
    model = benchmark.trained("biggan") if benchmark.model is None else _loaded(benchmark.model)
    model.to(benchmark.where)
    real = benchmark.rows(benchmark.test.first(benchmark.samples).images)
    table = []
    for threshold in THRESHOLDS:
        cut = None if threshold is None else Truncation("threshold", threshold)
        images, latents = benchmark.sampled(model, cut)
        generated = benchmark.rows(images)
        sharp = precision_recall(real, generated, level=None)
        pupil = trained_classifier(
            Labelled(images, latents["label"]), benchmark.classifier_steps, benchmark.seed, benchmark.where
        )
        table.append(
            {
                "threshold": "none" if threshold is None else threshold,
                "IS": inception_score(
                    in_blocks(benchmark.classifier, images, benchmark.where).numpy(), splits=1, level=None
                ).value,
                "precision": sharp.precision.value,
                "recall": sharp.recall.value,
                "FD": frechet_distance(real, generated, level=None).value,
                "CAS": accuracy(pupil, benchmark.test, benchmark.where),
                "label recovered": accuracy(benchmark.classifier, Labelled(images, latents["label"]), benchmark.where),
            }
        )
    return table


def _loaded(path: Path) -> Sampler:
    model = load_model(path)
    if not isinstance(model, Sampler) or not model.config.classes or "threshold" not in model.truncations:
        raise OptionError(f"{path} holds no model with classes and truncation", hint="Train a biggan.")
    return model


def labels_hold(table: Table) -> bool:
    """Half of the labels of each model are recovered, five times what chance gives."""
    return all(row["label recovered"] > 0.5 for row in table)


def information_holds(table: Table) -> bool:
    """With λ = 1 the code tells 0.1 nats more about the class than with λ = 0."""
    informed, ignored = (row["mutual information"] for row in table)
    return bool(informed > ignored + 0.1)


def truncation_holds(table: Table) -> bool:
    """From the lowest to the highest threshold precision falls and recall rises; CAS is highest above the lowest."""
    precision, recall, scores = ([row[name] for row in table] for name in ("precision", "recall", "CAS"))
    return bool(precision[0] > precision[-1] and recall[0] < recall[-1] and max(scores) > scores[0])


@dataclass(frozen=True)
class Claim:
    """An experiment, and whether its table bears the claim out.

    Parameters
    ----------
    measure
        Makes the table.
    holds
        Judges it; its description is the bound in words.
    """

    measure: Callable[[Benchmark], Table]
    holds: Callable[[Table], bool]


#: Experiments by name.
CLAIMS: Mapping[str, Claim] = {
    "labels": Claim(labels, labels_hold),
    "information": Claim(information, information_holds),
    "truncation": Claim(truncation, truncation_holds),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the experiments, print their tables, write them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("claims", nargs="+", choices=list(CLAIMS))
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--classifier-steps", type=int, default=1500)
    parser.add_argument("--features", default="classifier", help="or an extractor such as efficientnet-lite0")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", type=Path, help="weights of a BigGAN, for the truncation table")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, help="JSON file")
    chosen = vars(parser.parse_args(arguments))
    names, out = chosen.pop("claims"), chosen.pop("out")
    benchmark = Benchmark(**chosen)
    found: dict[str, Any] = {
        "settings": {
            name: str(value) if isinstance(value, Path) else value for name, value in asdict(benchmark).items()
        }
    }
    for name in names:
        began, claim = time.perf_counter(), CLAIMS[name]
        table = claim.measure(benchmark)
        holds = claim.holds(table)
        found[name] = {"holds": holds, "bound": claim.holds.__doc__, "table": table}
        print(f"\n## {name} ({time.perf_counter() - began:.0f} s)\n\n{claim.measure.__doc__}\n\n{markdown(table)}\n")
        print(f"{claim.holds.__doc__} {'It holds.' if holds else 'It does not hold.'}", flush=True)
        if out is not None:
            out.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
