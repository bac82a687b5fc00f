"""CLIP's image encoders through torch-fidelity's network: features for CMMD and for FD on CLIP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ganeval.errors import WeightsError
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

PREPROCESSINGS = ("tf1", "clean")

# Per-channel statistics on which CLIP was trained (Radford et al. 2021), for pixels in 0..1.
_MEAN = (0.48145466, 0.4578275, 0.40821073)
_DEVIATION = (0.26862954, 0.26130258, 0.27577711)

_PUBLISHED_AT = "https://openaipublic.azureedge.net/clip/models"


@dataclass(frozen=True)
class ClipShape:
    """What tells one CLIP image encoder from another: D, side of the input, and patch side (None for ResNets)."""

    feature_dim: int
    resolution: int
    patch: int | None

    def __str__(self) -> str:
        kind = "ResNet" if self.patch is None else f"transformer on {self.patch} px patches"
        return f"{self.feature_dim} features, {self.resolution} px, {kind}"


class ClipExtractor(FeatureExtractor):
    """Image embeddings [N, D] of a CLIP encoder, not normalised; no logits.

    Radford et al. 2021. The shape of the network is read off its weights, as OpenAI's loader does.

    Parameters
    ----------
    name
        Of the extractor, such as ``"clip-vit-b-32"``.
    published
        The weights that OpenAI published for it.
    shape
        That of the network of this name.
    request
        Weights other than the published ones (with ``visual.…`` entries), preprocessing ``"tf1"`` or ``"clean"``.
    """

    thread_safe = True

    def __init__(self, name: str, published: PublishedWeights, shape: ClipShape, request: ExtractorRequest) -> None:
        self._preprocessing = find_preprocessing(request.preprocessing, PREPROCESSINGS[0], PREPROCESSINGS)
        path = request.weights
        if path is None:
            path = obtain(published, download=request.download, progress=request.progress)
        state = load_state_dict(path, network=name, published=published, trust=request.trust)
        state = {key: value.float() if value.is_floating_point() else value for key, value in state.items()}
        try:
            self.network = _encoder(state)
        except (KeyError, IndexError, RuntimeError, AssertionError, ZeroDivisionError, ValueError) as error:
            raise WeightsError(
                f"{path} doesn't hold the weights of a CLIP image encoder ({name}): {_first_line(error)}",
                hint="A state dict with the entries visual.… of OpenAI's model is needed.",
            ) from error
        visual = {key: value for key, value in state.items() if key.startswith("visual.")}
        expected = {f"visual.{key}": value for key, value in self.network.state_dict().items()}
        check_state_dict(visual, expected, path=path, network=name)
        self.network.load_state_dict(
            {key.removeprefix("visual."): value for key, value in visual.items()}, strict=False
        )
        self.network.requires_grad_(False).eval()
        found = _shape_of(self.network)
        if found != shape:
            raise WeightsError(
                f"{path} holds another CLIP network ({found}) than {name} ({shape})",
                hint="Name the extractor that the file belongs to with --extractor.",
            )
        self._resolution = shape.resolution
        self._mean = 255 * torch.tensor(_MEAN).view(1, 3, 1, 1)
        self._deviation = 255 * torch.tensor(_DEVIATION).view(1, 3, 1, 1)
        checksum = sha256_of(path)
        self.info = ExtractorInfo(
            name=name,
            weights_sha256=checksum,
            preprocessing=self._preprocessing.name,
            published_weights=published.matches(checksum),
            feature_dim=shape.feature_dim,
        )

    def prepare(self, images: Tensor) -> Tensor:
        """uint8 [N, 3, H, W] to normalised float32 [N, 3, R, R]."""
        pixels = self._preprocessing.resize(images, self._resolution)
        return (pixels - self._mean.to(pixels.device)) / self._deviation.to(pixels.device)

    def forward(self, prepared: Tensor) -> ExtractorOutput:
        """Pooled [N, D]."""
        return ExtractorOutput(pooled=self.network(prepared).float())

    def to(self, device: torch.device) -> ClipExtractor:
        """Move the network to `device`."""
        self.network.to(device)
        return self


def _encoder(state: dict[str, Tensor]) -> nn.Module:
    """torch-fidelity's image encoder with the shape that the weights imply, not loaded yet."""
    from torch_fidelity.feature_extractor_clip import CLIPVisual

    if "visual.proj" in state:
        patch, width = state["visual.conv1.weight"].shape[-1], state["visual.conv1.weight"].shape[0]
        grid = round((state["visual.positional_embedding"].shape[0] - 1) ** 0.5)
        blocks = sum(key.startswith("visual.") and key.endswith(".attn.in_proj_weight") for key in state)
        model = CLIPVisual(state["visual.proj"].shape[1], patch * grid, blocks, width, patch)
    else:
        grid = round((state["visual.attnpool.positional_embedding"].shape[0] - 1) ** 0.5)
        width = state["visual.layer1.0.conv1.weight"].shape[0]
        stages = tuple(
            len({key.split(".")[2] for key in state if key.startswith(f"visual.layer{stage}.")})
            for stage in range(1, 5)
        )
        model = CLIPVisual(state["visual.attnpool.c_proj.weight"].shape[0], grid * 32, stages, width, None)
    visual: nn.Module = model.visual
    return visual.float()


def _shape_of(visual: Any) -> ClipShape:
    patch = int(visual.conv1.weight.shape[-1]) if hasattr(visual, "proj") else None
    return ClipShape(int(visual.output_dim), int(visual.input_resolution), patch)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0] or type(error).__name__


def _spec(name: str, summary: str, shape: ClipShape, filename: str, sha256: str, megabytes: int) -> ExtractorSpec:
    published = PublishedWeights(
        network=name,
        url=f"{_PUBLISHED_AT}/{sha256}/{filename}.pt",
        filename=f"{name}-{sha256}.pt",
        sha256=sha256,
        megabytes=megabytes,
    )

    def availability() -> Availability:
        return Availability(*availability_reason(published))

    def create(request: ExtractorRequest) -> FeatureExtractor:
        return ClipExtractor(name, published, shape, request)

    return ExtractorSpec(name, summary, shape.feature_dim, None, PREPROCESSINGS, availability, create)


RN50 = _spec(
    "clip-rn50",
    "CLIP ResNet-50 image encoder",
    ClipShape(1024, 224, None),
    "RN50",
    "afeb0e10f9e5a86da6080e35cf09123aca3b358a0c3e3b6c78a7b63bc04b6762",
    244,
)
VIT_B_32 = _spec(
    "clip-vit-b-32",
    "CLIP ViT-B/32 image encoder",
    ClipShape(512, 224, 32),
    "ViT-B-32",
    "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af",
    338,
)
VIT_B_16 = _spec(
    "clip-vit-b-16",
    "CLIP ViT-B/16 image encoder",
    ClipShape(512, 224, 16),
    "ViT-B-16",
    "5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f",
    335,
)
VIT_L_14 = _spec(
    "clip-vit-l-14",
    "CLIP ViT-L/14 image encoder",
    ClipShape(768, 224, 14),
    "ViT-L-14",
    "b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836",
    890,
)
VIT_L_14_336 = _spec(
    "clip-vit-l-14-336px",
    "CLIP ViT-L/14 image encoder at 336 px, the network of CMMD",
    ClipShape(768, 336, 14),
    "ViT-L-14-336px",
    "3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02",
    891,
)
