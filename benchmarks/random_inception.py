"""Random Inception-v3 weights whose features and logits vary from image to image, for parity tests and benchmarks.

Weights drawn at random and used as they are give features that hardly vary, and a comparison on them proves nothing.
Here the batch norms' statistics come from a pass over given images in training mode, their shifts keep most units above
zero, and the classifier sees how features differ from their mean, scaled so that the logits vary as a trained network's
do. The shifts matter: a deep random network without them amplifies rounding a few hundred times, so that two exact
implementations, or one in two memory layouts, disagree in the fifth digit.
"""

from __future__ import annotations

import io
from pathlib import Path

import torch
from torch import Tensor, nn
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from ganeval.features.inception_network import InceptionLayers

#: Standard deviation of the logits over images.
LOGIT_DEVIATION = 3.0
#: Shift of every batch norm, in standard deviations of its output.
NORM_SHIFT = 1.5


def write_random_inception(path: Path, seed: int, images: Tensor) -> Path:
    """Write a state dict (566 entries) that torch-fidelity and ganeval both read.

    Parameters
    ----------
    path
        Where to; a PyTorch file of tensors.
    seed
        Of the random weights: same seed and images, same file contents.
    images
        uint8 [N, 3, H, W], real photographs or something like them, at least two.

    Returns
    -------
    Path
        `path`.
    """
    if images.dtype != torch.uint8 or images.ndim != 4 or len(images) < 2:
        raise ValueError(f"at least two uint8 images [N, 3, H, W] are needed, not {images.dtype} {tuple(images.shape)}")
    network = _reference(_random_state(seed))
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None
        norm.reset_running_stats()
        norm.train()
    with torch.no_grad():
        network(images)
    network.eval()
    with torch.no_grad():
        features, _ = network(images)
        mean = features.mean(dim=0)
        network.fc.weight.sub_((network.fc.weight @ mean)[:, None] * (mean / mean.square().sum()))
        logits = features @ network.fc.weight.T
        network.fc.weight.mul_(LOGIT_DEVIATION / (logits - logits.mean(dim=0)).std())
    torch.save(network.state_dict(), path)
    return path


def _random_state(seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    layers = InceptionLayers()
    with torch.no_grad():
        for module in layers.modules():
            if isinstance(module, nn.Conv2d):
                fan_in = module.weight[0].numel()
                module.weight.normal_(0.0, (2.0 / fan_in) ** 0.5, generator=generator)
            elif isinstance(module, nn.BatchNorm2d):
                module.bias.fill_(NORM_SHIFT)
            elif isinstance(module, nn.Linear):
                module.weight.normal_(generator=generator)
                module.bias.normal_(generator=generator)
    return layers.state_dict()


def _reference(state: dict[str, Tensor]) -> FeatureExtractorInceptionV3:
    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.seek(0)
    return FeatureExtractorInceptionV3(
        "inception-v3-compat", ["2048", "logits_unbiased"], feature_extractor_weights_path=buffer
    )
