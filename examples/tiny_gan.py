"""What the examples train: a small GAN on the Fashion-MNIST images that come with ganeval."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.utils.data import DataLoader, Dataset, RandomSampler

from ganeval.images.opening import open_source


class Generator(nn.Module):
    """Latent vectors [N, 32] to grey images [N, 1, 28, 28] in [-1, 1]; `z_dim` tells ganeval what to draw."""

    z_dim = 32

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(nn.Linear(self.z_dim, 32 * 7 * 7), nn.Unflatten(1, (32, 7, 7)), nn.BatchNorm2d(32), nn.ReLU()),
            *(nn.ConvTranspose2d(32, 16, kernel_size=4, stride=2, padding=1), nn.BatchNorm2d(16), nn.ReLU()),
            *(nn.ConvTranspose2d(16, 1, kernel_size=4, stride=2, padding=1), nn.Tanh()),
        )

    def forward(self, z: Tensor) -> Tensor:
        """Images."""
        images: Tensor = self.layers(z)
        return images


def make_discriminator() -> nn.Sequential:
    """Images to one number each, larger for real ones."""
    return nn.Sequential(
        *(nn.Conv2d(1, 16, kernel_size=4, stride=2, padding=1), nn.LeakyReLU(0.2)),
        *(nn.Conv2d(16, 32, kernel_size=4, stride=2, padding=1), nn.LeakyReLU(0.2)),
        *(nn.Flatten(), nn.Linear(32 * 7 * 7, 1)),
    )


def adam(module: nn.Module) -> torch.optim.Optimizer:
    """As DCGAN has it (Radford et al. 2016)."""
    return torch.optim.Adam(module.parameters(), lr=2e-4, betas=(0.5, 0.999))


def gan_step(
    generator: nn.Module,
    discriminator: nn.Module,
    optimisers: Any,
    images: Tensor,
    backward: Callable[[Tensor], object] = Tensor.backward,
) -> Tensor:
    """One step of both networks with the non-saturating loss (Goodfellow et al. 2014); gives the generated images.

    `optimisers` are those of the generator and of the discriminator, or what a library has wrapped them in.
    """
    of_generator, of_discriminator = optimisers
    generated: Tensor = generator(torch.randn(len(images), Generator.z_dim, device=images.device))
    of_discriminator.zero_grad()
    backward(softplus(-discriminator(images)).mean() + softplus(discriminator(generated.detach())).mean())
    of_discriminator.step()
    of_generator.zero_grad()
    backward(softplus(-discriminator(generated)).mean())
    of_generator.step()
    return generated


def training_images(count: int) -> Tensor:
    """The first images of the set, float32 [count, 1, 28, 28] in [-1, 1]."""
    items = islice(open_source("fashion-mnist"), count)
    pixels = np.stack([item.load().pixels[..., 0] for item in items])
    return torch.from_numpy(pixels)[:, None].float() / 127.5 - 1


def batches(images: Tensor, count: int) -> DataLoader[Tensor]:
    """So many batches of 64, over and over in random order."""
    sampler = RandomSampler(images, num_samples=64 * count)
    return DataLoader(cast("Dataset[Tensor]", images), batch_size=64, sampler=sampler)


def arguments(description: str | None, argv: list[str] | None) -> argparse.Namespace:
    """What all examples can be told."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--steps", type=int, default=2000, help="steps of training")
    parser.add_argument("--every", type=int, default=500, help="steps between two evaluations")
    parser.add_argument("--images", type=int, default=10_000, help="training images, which are the real side too")
    parser.add_argument("--samples", type=int, default=2_000, help="generated images in an evaluation")
    parser.add_argument("--extractor", default="efficientnet-lite0", help="as in 'ganeval score --extractor'")
    parser.add_argument("--out", type=Path, default=Path("runs"), help="folder for logs and checkpoints")
    return parser.parse_args(argv)
