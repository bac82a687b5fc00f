"""Pipelines of the diffusers package, saved as folders with a ``model_index.json``."""

from __future__ import annotations

import functools
import hashlib
import importlib
import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganeval.errors import OptionError, WeightsError
from ganeval.generators.configuration import configured
from ganeval.generators.model import Conditioned, Latents, Truncation
from ganeval.generators.sources.origin import Origin, file_sha256, require_trust

INDEX = "model_index.json"
# Their classes are in packages that the user installed; all others would be the folder's own code.
_PACKAGES = frozenset({"diffusers", "transformers"})
_LARGEST_SEED = 1 << 62


@dataclass(frozen=True)
class PipelineOptions:
    """How a pipeline makes images.

    Parameters
    ----------
    steps
        Of the denoising; None takes the pipeline's own.
    prompt
        For pipelines from text to images.
    guidance
        Scale of the guidance; None takes the pipeline's own.
    classes
        How many classes a class-conditional pipeline has.
    batch
        Images made at once. Part of what an image is, as rounding hangs on it.

    Raises
    ------
    OptionError
        If a value can't be used.
    """

    steps: int | None = None
    prompt: str | None = None
    guidance: float | None = None
    classes: int = 0
    batch: int = 4

    def __post_init__(self) -> None:
        for name, fits in (
            ("steps", self.steps is None or self.steps >= 1),
            ("classes", self.classes >= 0),
            ("batch", 1 <= self.batch <= 100),
        ):
            if not fits:
                raise OptionError(f"{name} of the pipeline is {getattr(self, name)}")


class PipelineOrigin(Origin):
    """A pipeline in a folder; nothing is downloaded.

    Parameters
    ----------
    folder
        With a ``model_index.json``.
    options
        How it makes images.
    trust
        Whether code in the folder may run, and weights be unpickled.

    Raises
    ------
    ImageSourceError
        If the folder holds code and isn't trusted.
    OptionError
        If diffusers isn't installed.
    WeightsError
        If the folder holds no pipeline.
    """

    kind = "diffusers"

    def __init__(self, folder: Path, options: PipelineOptions, *, trust: bool) -> None:
        super().__init__(str(folder))
        self._folder, self._options, self._trust = folder, options, trust
        self._index = _read_index(folder)
        if _holds_code(folder, self._index):
            require_trust(trust, f"the pipeline {folder}")
        try:
            self._diffusers: Any = importlib.import_module("diffusers")
        except ImportError as error:
            raise OptionError(
                f"{folder} needs diffusers, which isn't installed", hint="pip install 'ganeval[diffusers]'"
            ) from error

    @functools.cached_property
    def _digest(self) -> str:
        digest = hashlib.sha256()
        for path in sorted(path for path in self._folder.rglob("*") if path.is_file()):
            digest.update(f"{path.relative_to(self._folder).as_posix()} {file_sha256(path)} ".encode())
        return digest.hexdigest()

    def digest(self) -> str:
        """SHA-256 over names and checksums of all files of the folder."""
        return self._digest

    def load(self, device: torch.device) -> PipelineModel:
        """The pipeline; raises `WeightsError` if it can't be loaded or needs more than a prompt or a class."""
        try:
            pipeline = self._diffusers.DiffusionPipeline.from_pretrained(
                str(self._folder),
                local_files_only=True,
                use_safetensors=None if self._trust else True,
                trust_remote_code=self._trust,
            )
        except Exception as error:
            # Which errors there are depends on the pipeline and on the version of the package.
            raise WeightsError(
                f"the pipeline {self._folder} can't be loaded: {error}",
                hint="Weights that aren't safetensors are pickles, and need --trust.",
            ) from error
        pipeline.set_progress_bar_config(disable=True)
        return PipelineModel(pipeline.to(device), self._options, device)

    def facts(self) -> Mapping[str, Any]:
        """Pipeline, version of the package, and how images are made."""
        options = {"steps": self._options.steps, "prompt": self._options.prompt, "guidance": self._options.guidance}
        given = {name: value for name, value in options.items() if value is not None}
        return {"pipeline": self._index["_class_name"], "diffusers": self._diffusers.__version__, **given}

    def fingerprint_parts(self) -> tuple[str, ...]:
        """How images are made, and by which version of the package."""
        return (f"{self._options} diffusers {self._diffusers.__version__}",)


class PipelineModel(Conditioned):
    """A pipeline as a `ganeval.generators.sampling.samplable.Samplable`: each image from a seed of its own.

    Parameters
    ----------
    pipeline
        Of diffusers.
    options
        How it makes images.
    device
        Where it is.

    Raises
    ------
    OptionError
        If the pipeline needs a prompt that isn't given, or has none to give; or needs other things besides.
    """

    geometry = "none"
    truncations: Mapping[str, str] = {}

    def __init__(self, pipeline: Any, options: PipelineOptions, device: torch.device) -> None:
        self._pipeline, self._options, self.device = pipeline, options, device
        self.pass_size = options.batch
        parameters = inspect.signature(pipeline.__call__).parameters
        self._takes = set(parameters)
        self.classes = options.classes
        name = type(pipeline).__name__
        if "prompt" in self._takes and options.prompt is None:
            raise OptionError(f"{name} makes images of a prompt", hint="Say which: generator:FOLDER?prompt=a+red+coat")
        if "class_labels" in self._takes and not options.classes:
            raise OptionError(f"{name} makes images of classes", hint="Say how many there are: classes=1000.")
        if not self._takes & {"prompt", "class_labels", "batch_size"}:
            raise OptionError(f"{name} makes no images from noise, a prompt or a class alone")

    def draw(self, count: int, random: torch.Generator, labels: Tensor | None = None) -> Latents:
        """A ``"seed"`` int64 [count] for each image, and ``"label"`` where there are classes."""
        latents = {"seed": torch.randint(_LARGEST_SEED, (count,), generator=random)}
        if self.classes:
            drawn = torch.randint(self.classes, (count,), generator=random)
            latents["label"] = drawn if labels is None else labels
        return latents

    def truncated(self, latents: Latents, truncation: Truncation) -> Latents:
        """Nothing of the kind: raises `OptionError`."""
        raise OptionError(f"a pipeline can't truncate by {truncation.method!r}", hint="Leave out --truncation.")

    def render(self, latents: Latents) -> Tensor:
        """Images float32 [N, C, H, W] in [-1, 1]."""
        seeds = latents["seed"].tolist()
        count = len(seeds)
        possible: dict[str, Any] = {
            "batch_size": count,
            "prompt": None if self._options.prompt is None else [self._options.prompt] * count,
            "class_labels": latents["label"].tolist() if "label" in latents else None,
            "num_inference_steps": self._options.steps,
            "guidance_scale": self._options.guidance,
        }
        arguments = {name: value for name, value in possible.items() if name in self._takes and value is not None}
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        made = self._pipeline(generator=generators, output_type="np", **arguments).images
        return torch.as_tensor(made).permute(0, 3, 1, 2).float().cpu() * 2 - 1


def open_pipeline(folder: Path, options: Mapping[str, str], *, trust: bool) -> PipelineOrigin:
    """The pipeline with the options of a name."""
    return PipelineOrigin(folder, configured(PipelineOptions, options, what="the pipeline"), trust=trust)


def _read_index(folder: Path) -> dict[str, Any]:
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{folder / INDEX} can't be read: {error}") from error
    if not isinstance(index, dict) or "_class_name" not in index:
        raise WeightsError(f"{folder} holds no pipeline: {INDEX} names no class")
    return index


def _holds_code(folder: Path, index: Mapping[str, Any]) -> bool:
    if any(folder.rglob("*.py")) or not isinstance(index["_class_name"], str):
        return True
    parts = [value for name, value in index.items() if not name.startswith("_") and isinstance(value, list)]
    return any(package is not None and package not in _PACKAGES for package, *_ in parts)
