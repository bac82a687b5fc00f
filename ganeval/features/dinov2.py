"""DINOv2's vision transformers, as torch-fidelity uses them: features that judge images more as people do."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ganeval.errors import ExtractorError, WeightsError
from ganeval.features.extractor import Availability, ExtractorOutput, ExtractorRequest, ExtractorSpec, FeatureExtractor
from ganeval.features.features import ExtractorInfo
from ganeval.features.preprocessing import find_preprocessing
from ganeval.features.weights import (
    PublishedWeights,
    availability_reason,
    check_state_dict,
    load_state_dict,
    obtain,
    sha256_of,
)

INPUT_SIZE = 224
PREPROCESSINGS = ("tf1", "clean")
REPOSITORY = "facebookresearch/dinov2"

# ImageNet's per-channel statistics for pixels in 0..1, on which DINOv2 was trained.
_MEAN = (0.485, 0.456, 0.406)
_DEVIATION = (0.229, 0.224, 0.225)


class DinoV2Extractor(FeatureExtractor):
    """Class-token features [N, D] of a DINOv2 transformer at 224 x 224; no logits.

    Oquab et al. 2023; for evaluation of generators Stein et al. 2023. The network's code is not on PyPI: it comes from
    torch.hub, that is, from a repository whose code is downloaded and run, so `request.trust` is needed.

    Parameters
    ----------
    name
        Of the extractor, such as ``"dinov2-vit-s-14"``.
    entry
        What the network is called in the repository.
    published
        The weights that Meta published for it (without a checksum, so a download can't be verified).
    request
        `trust` must be true; weights other than the published ones, preprocessing ``"tf1"`` (default) or ``"clean"``.
    """

    thread_safe = True

    def __init__(self, name: str, entry: str, published: PublishedWeights, request: ExtractorRequest) -> None:
        self._preprocessing = find_preprocessing(request.preprocessing, PREPROCESSINGS[0], PREPROCESSINGS)
        if not request.trust:
            raise ExtractorError(
                f"the extractor {name} runs code of the repository {REPOSITORY}, fetched through torch.hub",
                hint="Pass --trust if you trust that code.",
            )
        network = _network(name, entry, request.download)
        path = request.weights
        if path is None:
            path = obtain(published, download=request.download, progress=request.progress)
        state = load_state_dict(path, network=name, published=published, trust=request.trust)
        check_state_dict(state, network.state_dict(), path=path, network=name)
        network.load_state_dict(state, strict=False)
        self.network = network.float().requires_grad_(False).eval()
        self._mean = 255 * torch.tensor(_MEAN).view(1, 3, 1, 1)
        self._deviation = 255 * torch.tensor(_DEVIATION).view(1, 3, 1, 1)
        checksum = sha256_of(path)
        self.info = ExtractorInfo(
            name=name,
            weights_sha256=checksum,
            preprocessing=self._preprocessing.name,
            published_weights=published.matches(checksum),
            feature_dim=getattr(network, "embed_dim", None),
        )

    def prepare(self, images: Tensor) -> Tensor:
        """uint8 [N, 3, H, W] to normalised float32 [N, 3, 224, 224]."""
        pixels = self._preprocessing.resize(images, INPUT_SIZE)
        return (pixels - self._mean.to(pixels.device)) / self._deviation.to(pixels.device)

    def forward(self, prepared: Tensor) -> ExtractorOutput:
        """Pooled [N, D]."""
        return ExtractorOutput(pooled=self.network(prepared).float())

    def to(self, device: torch.device) -> DinoV2Extractor:
        """Move the network to `device`."""
        self.network.to(device)
        return self


def _local_copy() -> Path | None:
    for branch in ("main", "master"):
        folder = Path(torch.hub.get_dir()) / f"{REPOSITORY.replace('/', '_')}_{branch}"
        if (folder / "hubconf.py").is_file():
            return folder
    return None


def _network(name: str, entry: str, download: bool) -> nn.Module:
    """The network without its weights, from torch.hub's copy on disk or the repository."""
    # The optional xformers kernels give other numbers; torch-fidelity turns them off too.
    os.environ.setdefault("XFORMERS_DISABLED", "1")
    local = _local_copy()
    if local is None and not download:
        raise ExtractorError(f"the code of {name} is not in torch.hub's folder and downloads are off")
    loader: Any = torch.hub.load
    try:
        if local is not None:
            network: nn.Module = loader(str(local), entry, source="local", pretrained=False)
        else:
            network = loader(f"{REPOSITORY}:main", entry, trust_repo=True, skip_validation=True, pretrained=False)
    except Exception as error:  # whatever the repository's code raises
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise WeightsError(
            f"the network {name} can't be had from torch.hub ({REPOSITORY}): {reason}",
            hint=f"It needs network access to GitHub once, or a copy of the repository in {torch.hub.get_dir()}.",
        ) from error
    return network


def _spec(name: str, summary: str, feature_dim: int, entry: str, megabytes: int) -> ExtractorSpec:
    published = PublishedWeights(
        network=name,
        url=f"https://dl.fbaipublicfiles.com/dinov2/{entry}/{entry}_pretrain.pth",
        filename=f"{entry}_pretrain.pth",
        sha256="",
        megabytes=megabytes,
    )

    def availability() -> Availability:
        on_disk, reason = availability_reason(published)
        code = _local_copy()
        where = f"code on disk at {code}" if code else f"code would be downloaded from {REPOSITORY}"
        return Availability(on_disk and code is not None, f"{reason}; {where} and is run: needs --trust")

    def create(request: ExtractorRequest) -> FeatureExtractor:
        return DinoV2Extractor(name, entry, published, request)

    return ExtractorSpec(name, summary, feature_dim, None, PREPROCESSINGS, availability, create)


VIT_S_14 = _spec("dinov2-vit-s-14", "DINOv2 ViT-S/14, self-supervised", 384, "dinov2_vits14", 88)
VIT_B_14 = _spec("dinov2-vit-b-14", "DINOv2 ViT-B/14, self-supervised", 768, "dinov2_vitb14", 346)
VIT_L_14 = _spec("dinov2-vit-l-14", "DINOv2 ViT-L/14, self-supervised", 1024, "dinov2_vitl14", 1217)
VIT_G_14 = _spec("dinov2-vit-g-14", "DINOv2 ViT-g/14, self-supervised", 1536, "dinov2_vitg14", 4545)
