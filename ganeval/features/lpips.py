"""LPIPS, the learned distance between two images, with its backbone's weights from the disk."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganeval.errors import MetricError, OptionError, WeightsError, did_you_mean
from ganeval.features.downloading import weights_folder
from ganeval.features.weights import PublishedWeights, check_state_dict, find_on_disk, load_state_dict, obtain

#: Side in pixels below which images are enlarged: the backbones can't look at less.
SMALLEST_SIDE = 64

#: The ImageNet networks on which LPIPS rests (Zhang et al. 2018), by LPIPS's names, as torchvision publishes them.
BACKBONES = {
    "alex": PublishedWeights(
        network="AlexNet",
        url="https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
        filename="alexnet-owt-7be5be79.pth",
        sha256="7be5be79",
        megabytes=233,
    ),
    "vgg": PublishedWeights(
        network="VGG-16",
        url="https://download.pytorch.org/models/vgg16-397923af.pth",
        filename="vgg16-397923af.pth",
        sha256="397923af",
        megabytes=528,
    ),
    "squeeze": PublishedWeights(
        network="SqueezeNet 1.1",
        url="https://download.pytorch.org/models/squeezenet1_1-b8a52dc0.pth",
        filename="squeezenet1_1-b8a52dc0.pth",
        sha256="b8a52dc0",
        megabytes=5,
    ),
}


class PerceptualDistance:
    """LPIPS version 0.1 of pairs of images (Zhang et al. 2018), computed by torchmetrics.

    Parameters
    ----------
    network
        ``"alex"``, ``"vgg"`` or ``"squeeze"``.
    side
        To which images are resized first; None takes them as they are, or enlarges them to 64 pixels where a side is
        shorter.
    download
        Whether the backbone's weights may be fetched; else they must be in ganeval's or torch.hub's folder.

    Raises
    ------
    MetricError
        If the weights aren't to be had.
    OptionError
        For an unknown network.
    """

    def __init__(self, network: str = "alex", *, side: int | None = None, download: bool = False) -> None:
        if network not in BACKBONES:
            raise OptionError(f"unknown network {network!r} for LPIPS", hint=did_you_mean(network, BACKBONES))
        self.network, self.side = network, side
        self._model = _load(network, _weights_of(network, download))

    @torch.no_grad()
    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        """Distances float64 [n] of two batches [n, 3, H, W] in 0..255, of any dtype; they need not be whole numbers."""
        images = [batch.float() / 127.5 - 1 for batch in (first, second)]
        side = self.side
        if side is None and min(first.shape[-2:]) < SMALLEST_SIDE:
            side = SMALLEST_SIDE
        if side is not None:
            images = [_resized(batch, side) for batch in images]
        distances: Tensor = self._model(*images)
        return distances.double().reshape(len(first))


def _resized(images: Tensor, side: int) -> Tensor:
    """As torch-fidelity does before LPIPS: by area where the image shrinks, bilinear elsewhere."""
    if min(images.shape[-2:]) > side:
        return torch.nn.functional.interpolate(images, (side, side), mode="area")
    return torch.nn.functional.interpolate(images, (side, side), mode="bilinear", align_corners=False)


def _weights_of(network: str, download: bool) -> Path:
    published = BACKBONES[network]
    found = find_on_disk(published)
    if found is not None:
        return found
    if not download:
        raise _not_on_disk(published)
    try:
        return obtain(published)
    except WeightsError as error:
        message = f"LPIPS needs the weights of {published.network}: {error.message}"
        raise MetricError(message, hint=_hint(published, "NAME")) from error


def require_weights(metric: str, network: str, *, download: bool) -> None:
    """Raise `MetricError` if the weights of a backbone are neither on disk nor to be fetched.

    Parameters
    ----------
    metric
        Whose option ``download`` it is, for the hint.
    network
        A key of `BACKBONES`.
    download
        Whether they may be fetched when they are needed.
    """
    published = BACKBONES[network]
    if not download and find_on_disk(published) is None:
        raise _not_on_disk(published, metric)


def _not_on_disk(published: PublishedWeights, metric: str = "NAME") -> MetricError:
    named = "LPIPS needs" if metric == "NAME" else f"{metric} needs LPIPS with"
    message = f"{named} the weights of {published.network}, which are not on disk"
    return MetricError(message, hint=_hint(published, metric))


def _hint(published: PublishedWeights, metric: str) -> str:
    told = ", NAME being the metric" if metric == "NAME" else ""
    return (
        f"Put {published.url} ({published.megabytes} MB) into {weights_folder()}, or allow the download with "
        f"--option {metric}.download=true{told}."
    )


@lru_cache(maxsize=2)
def _load(network: str, path: Path) -> Any:
    # The public classes of torchmetrics fetch the backbone's weights by themselves, which only this project's own
    # download may do; the model behind them takes weights that are there.
    from torchmetrics.functional.image.lpips import _LPIPS

    published = BACKBONES[network]
    # The layers are drawn at random before they are loaded, and nobody else's random numbers should change by it.
    with torch.random.fork_rng(devices=[]):
        model = _LPIPS(pretrained=True, net=network, pnet_rand=True)  # type: ignore[arg-type]
    expected = model.net.state_dict()
    names = {name: _published_name(name) for name in expected}
    try:
        stored = load_state_dict(path, network=published.network, published=published)
        state = {name: stored[source] for name, source in names.items() if source in stored}
        check_state_dict(state, expected, path=path, network=published.network)
    except WeightsError as error:
        raise MetricError(error.message, hint="Remove the file and fetch it again.") from error
    model.net.load_state_dict(state)
    return model.eval().requires_grad_(False)


def _published_name(name: str) -> str:
    """``slice2.3.weight`` or ``slices.1.3.weight`` to torchvision's ``features.3.weight``."""
    parts = name.split(".")
    return ".".join(["features", *parts[2 if parts[0] == "slices" else 1 :]])
