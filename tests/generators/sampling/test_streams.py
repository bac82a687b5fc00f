"""Samples have random numbers of their own: none that a training with the same seed has used."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ganeval.generators import streams
from ganeval.generators.models.stylegan2 import StyleConfig, StyleGAN2
from ganeval.generators.sampling.blocks import Blocks, Drawing
from ganeval.images.opening import open_source
from ganeval.images.source import SourceOptions
from ganeval.random_streams import DRAWINGS, stream_seed
from ganeval.streaming.generating import latents

USES = ("WEIGHTS", "ORDER", "TRAINING", "SAMPLES", "STATISTICS", "AUGMENTATION")


@pytest.mark.parametrize("seed", [0, 1, 2020])
def test_no_block_of_samples_has_a_stream_of_training(seed: int) -> None:
    training = {stream_seed(seed, getattr(streams, use), *rest) for use in USES for rest in ((), (0,), (1,), (0, 1))}
    assert not training & {stream_seed(seed, DRAWINGS, block) for block in range(1000)}


def test_latents_are_not_the_first_weights_again() -> None:
    config = StyleConfig(size=(16, 16), channels=1, latent=64, style=100, mapping_layers=2, width=4, widest=8)
    model = StyleGAN2.initialised(config, seed=0)
    weight = model.generator.mapping.layers[0].weight.detach()
    for drawn in (
        Blocks(model.eval(), Drawing(seed=0)).raw_latents(0)["z"],
        latents((weight.shape[1],), 0, len(weight), seed=0),
    ):
        count = min(len(weight), len(drawn))
        both = torch.corrcoef(torch.stack([weight[:count].flatten(), drawn[:count].flatten()]))
        assert abs(float(both[0, 1])) < 0.05


@pytest.mark.parametrize("name", ["stylegan2", "dcgan", "gan"])
def test_the_first_samples_of_bundled_models_are_as_the_others(name: str) -> None:
    source = open_source(f"generator:{name}", SourceOptions(count=300, seed=0))
    pixels = np.stack([item.load().pixels for item in source]).astype(float)
    blocks = pixels.reshape(3, 100, -1)
    means, spread = blocks.mean(axis=(1, 2)), blocks.mean(axis=2).std()
    # Means of 100: ten times as near to each other as single images; 4 standard errors of a difference.
    assert np.ptp(means) < 4 * spread / 10 * np.sqrt(2)
