"""Networks that classify images: any of torchvision's by name, with a stem that suits small images."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganeval.diagnosis.usefulness.classifiers.recipes import SMALL_EDGE
from ganeval.diagnosis.usefulness.classifiers.streams import WEIGHTS, stream_seed
from ganeval.errors import OptionError, did_you_mean

#: What the name ``auto`` stands for, by size.
SMALL_NETWORK, LARGE_NETWORK = "resnet18", "resnet50"


def network_for(name: str, size: int) -> str:
    """`name` itself, or for ``"auto"`` the network that suits images of `size` pixels a side."""
    if name == "auto":
        return SMALL_NETWORK if size <= SMALL_EDGE else LARGE_NETWORK
    return name


def build_network(name: str, classes: int, size: int, *, seed: int = 0) -> nn.Module:
    """A network without training, of images float32 [n, 3, size, size] to scores [n, classes].

    Residual networks for images of up to 64 pixels begin with a 3x3 convolution without stride or pooling, as on
    CIFAR (He et al. 2016, section 4.2): the usual stem would leave a sixteenth of the pixels.

    Parameters
    ----------
    name
        Of a classifier of torchvision, such as ``"resnet50"``.
    classes
        How many, 2 or more.
    size
        Of the images.
    seed
        Of the first weights.

    Raises
    ------
    OptionError
        For an unknown name, with the nearest, or a network that can't take images of that size.
    """
    from torchvision import models

    known = models.list_models(module=models)
    if name not in known:
        raise OptionError(f"torchvision has no classifier {name!r}", hint=did_you_mean(name, known))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(seed, WEIGHTS))
        options = {"aux_logits": False, "init_weights": True} if name in ("googlenet", "inception_v3") else {}
        network: nn.Module = models.get_model(name, weights=None, num_classes=classes, **options)
        if size <= SMALL_EDGE and isinstance(network, models.ResNet):
            network.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
            nn.init.kaiming_normal_(network.conv1.weight, mode="fan_out", nonlinearity="relu")
            network.maxpool = nn.Identity()
    _try(network, name, size)
    return network


def _try(network: nn.Module, name: str, size: int) -> None:
    was_training = network.training
    try:
        with torch.no_grad():
            scores_of(network.eval(), torch.zeros(1, 3, size, size))
    except (RuntimeError, AssertionError, ValueError) as error:
        raise OptionError(
            f"the network {name!r} can't take images of {size} x {size} pixels: {str(error).splitlines()[0]}",
            hint="Choose another --model, or larger images with --size.",
        ) from error
    finally:
        network.train(was_training)


def scores_of(network: nn.Module, images: Tensor) -> Tensor:
    """Scores [n, classes], of networks that give further outputs in training too."""
    found = network(images)
    scores: Tensor = found if isinstance(found, Tensor) else found[0]
    return scores
