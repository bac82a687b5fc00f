"""Training a DCGAN as Radford et al. (2016) did, with an average of the generator's weights beside it."""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ganeval.errors import ImageRangeError, OptionError, WeightsError
from ganeval.generators.models.dcgan import DCGANConfig, Discriminator, Generator, initialise, without_weights

# Each use of randomness has a stream of its own, so that none depends on how often another was drawn from.
WEIGHTS_STREAM, ORDER_STREAM, LATENT_STREAM, STATISTICS_STREAM = range(4)
STATISTICS_BATCHES = 40


@dataclass(frozen=True)
class TrainingConfig:
    """How a DCGAN is trained; the defaults are those of section 4 of the paper, but for the average.

    Parameters
    ----------
    batch_size
        Real and generated images in each step.
    learning_rate, beta1, beta2
        Of Adam, for both networks.
    average_decay
        Share of the averaged generator that each step keeps; smaller in the first steps, when there is little to keep.
    seed
        All that is random follows from it; 0 or more.

    Raises
    ------
    OptionError
        If a value is out of its range.
    """

    batch_size: int = 128
    learning_rate: float = 2e-4
    beta1: float = 0.5
    beta2: float = 0.999
    average_decay: float = 0.999
    seed: int = 0

    def __post_init__(self) -> None:
        allowed = {
            "batch_size": (self.batch_size >= 2, "It has to be 2 or more."),
            "learning_rate": (0 < self.learning_rate < math.inf, "It has to be above 0."),
            "beta1": (0 <= self.beta1 < 1, "It has to be from 0 to below 1."),
            "beta2": (0 <= self.beta2 < 1, "It has to be from 0 to below 1."),
            "average_decay": (0 <= self.average_decay < 1, "It has to be from 0 to below 1."),
            "seed": (self.seed >= 0, "It has to be 0 or more."),
        }
        for name, (fits, hint) in allowed.items():
            if not fits:
                raise OptionError(f"{name} of the training is {getattr(self, name)}", hint=hint)


@dataclass(frozen=True)
class StepLosses:
    """Losses of one step in nats, mean over the batch: binary cross-entropies of both networks."""

    step: int
    discriminator: float
    generator: float


def random_stream(seed: int, *key: int) -> torch.Generator:
    """A generator that depends on `seed` and the numbers of `key` alone."""
    state = np.random.SeedSequence([seed, *key]).generate_state(2, np.uint64)
    # torch takes seeds below 2**63 from Python's integers.
    return torch.Generator().manual_seed(int(state[0]) >> 1)


class DCGANTrainer:
    """Both networks, their optimisers and the average, at some step of a training run.

    Everything random in step `t` is drawn from (seed, t) and not from a running state, so a resumed run repeats the
    uninterrupted one bit for bit on the same machine with the same number of threads.

    Parameters
    ----------
    images
        Training images, uint8 of shape [N, channels, resolution, resolution].
    model, training
        Sizes and hyper-parameters.
    device
        Where the networks are.

    Raises
    ------
    ImageRangeError
        If the images don't have the model's shape, or there are fewer than one batch.
    """

    def __init__(
        self,
        images: npt.NDArray[np.uint8],
        model: DCGANConfig,
        training: TrainingConfig,
        device: torch.device | str = "cpu",
    ) -> None:
        expected = (model.channels, model.resolution, model.resolution)
        if images.dtype != np.uint8 or images.shape[1:] != expected:
            raise ImageRangeError(
                f"training images are {images.dtype} of shape {images.shape[1:]}, the model needs uint8 of {expected}",
            )
        if len(images) < training.batch_size:
            raise ImageRangeError(
                f"{len(images)} training images are fewer than one batch of {training.batch_size}",
                hint="Choose a smaller --batch-size or a larger set.",
            )
        self.model, self.training, self.device = model, training, torch.device(device)
        self.step = 0
        self._images = torch.tensor(images)
        self._data_digest = hashlib.blake2b(images.tobytes(), digest_size=16).hexdigest()
        random = random_stream(training.seed, WEIGHTS_STREAM)
        self.generator, self.discriminator = without_weights(Generator, model), without_weights(Discriminator, model)
        for network in (self.generator, self.discriminator):
            initialise(network, random)
            network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.generator).requires_grad_(False)
        self._generator_optimiser = self._adam(self.generator)
        self._discriminator_optimiser = self._adam(self.discriminator)

    def _adam(self, network: nn.Module) -> torch.optim.Adam:
        training = self.training
        return torch.optim.Adam(network.parameters(), training.learning_rate, (training.beta1, training.beta2))

    @property
    def steps_per_epoch(self) -> int:
        """Steps that see each image at most once; a last incomplete batch is left out."""
        return len(self._images) // self.training.batch_size

    def _real_batch(self) -> Tensor:
        epoch, position = divmod(self.step, self.steps_per_epoch)
        order = torch.randperm(len(self._images), generator=random_stream(self.training.seed, ORDER_STREAM, epoch))
        size = self.training.batch_size
        chosen = self._images[order[position * size : (position + 1) * size]]
        return to_unit_range(chosen.to(self.device))

    def _latents(self) -> Tensor:
        random = random_stream(self.training.seed, LATENT_STREAM, self.step)
        return draw_latents(self.training.batch_size, self.model.latent, random).to(self.device)

    def train_step(self) -> StepLosses:
        """One step of the discriminator, one of the generator on the same latent vectors, one of the average."""
        generated = self.generator(self._latents())
        discriminator_loss = (
            softplus(-self.discriminator(self._real_batch())).mean()
            + softplus(self.discriminator(generated.detach())).mean()
        )
        _descend(self._discriminator_optimiser, discriminator_loss)
        self.discriminator.requires_grad_(False)
        # The non-saturating loss of Goodfellow et al. (2014), section 3.
        generator_loss = softplus(-self.discriminator(generated)).mean()
        _descend(self._generator_optimiser, generator_loss)
        self.discriminator.requires_grad_(True)
        self._update_average()
        self.step += 1
        return StepLosses(self.step, discriminator_loss.item(), generator_loss.item())

    @torch.no_grad()
    def _update_average(self) -> None:
        decay = min(self.training.average_decay, (1 + self.step) / (10 + self.step))
        for average, current in zip(self.average.parameters(), self.generator.parameters(), strict=True):
            average.lerp_(current, 1 - decay)

    def run(self, steps: int, after_step: Callable[[StepLosses], None] | None = None) -> None:
        """Train until `steps` steps are done in all, calling `after_step` after each.

        Raises
        ------
        WeightsError
            If a loss is no longer finite.
        """
        while self.step < steps:
            losses = self.train_step()
            if not np.isfinite([losses.discriminator, losses.generator]).all():
                raise WeightsError(
                    f"training diverged at step {losses.step}: the losses are {losses.discriminator} (discriminator) "
                    f"and {losses.generator} (generator)",
                    hint="Choose a smaller --learning-rate or another --seed.",
                )
            if after_step is not None:
                after_step(losses)

    @torch.no_grad()
    def finished_generator(self) -> Generator:
        """A copy of the averaged generator, on the CPU, in evaluation mode, its batch norms measured for its weights.

        Running statistics gathered during training belong to weights that moved on; here they are the mean over
        batches of latent vectors drawn from the seed.
        """
        generator = copy.deepcopy(self.average).train()
        for module in generator.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.reset_running_stats()
                module.momentum = None
        for batch in range(STATISTICS_BATCHES):
            random = random_stream(self.training.seed, STATISTICS_STREAM, batch)
            generator(draw_latents(self.training.batch_size, self.model.latent, random).to(self.device))
        return generator.cpu().eval()

    def made_of(self, data: str) -> dict[str, Any]:
        """What a weights file says of its making: the data's name and digest, images, steps, hyper-parameters."""
        return {
            "data": data,
            "data_digest": self._data_digest,
            "images": len(self._images),
            "steps": self.step,
            "training": asdict(self.training),
        }

    def state(self) -> dict[str, Any]:
        """All that `restore` needs to go on from here."""
        return {
            "algorithm": "dcgan",
            "step": self.step,
            "model": asdict(self.model),
            "training": asdict(self.training),
            "data": self._data_digest,
            **{name: network.state_dict() for name, network in self._networks().items()},
            **{name: optimiser.state_dict() for name, optimiser in self._optimisers().items()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to where `state` was taken.

        Raises
        ------
        WeightsError
            If it was taken with other sizes, hyper-parameters or images, or isn't complete.
        """
        now = self.state()
        for part in ("algorithm", "model", "training", "data"):
            if state.get(part) != now[part]:
                raise WeightsError(
                    f"the checkpoint was made with another {part}: {state.get(part)}, not {now[part]}",
                    hint="Give the options and data of the first run, or another --checkpoint.",
                )
        try:
            for name, network in self._networks().items():
                network.load_state_dict(state[name])
            for name, optimiser in self._optimisers().items():
                optimiser.load_state_dict(state[name])
            self.step = int(state["step"])
        except (KeyError, RuntimeError, ValueError) as error:
            raise WeightsError(f"the checkpoint is not complete: {error}", hint="Delete it to start anew.") from error

    def _networks(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "discriminator": self.discriminator, "average": self.average}

    def _optimisers(self) -> dict[str, torch.optim.Adam]:
        return {
            "generator_optimiser": self._generator_optimiser,
            "discriminator_optimiser": self._discriminator_optimiser,
        }


def _descend(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()


def draw_latents(count: int, dimensions: int, random: torch.Generator) -> Tensor:
    """`count` latent vectors, float32 of shape [count, dimensions], uniform on [-1, 1) (section 4)."""
    return torch.rand(count, dimensions, generator=random) * 2 - 1


def to_unit_range(images: Tensor) -> Tensor:
    """uint8 images to float32 in [-1, 1], the range of tanh (section 4)."""
    return images.to(torch.float32) / 127.5 - 1
