"""A user's own network as an extractor: ``package.module:Class``, or any callable handed over in Python."""

from __future__ import annotations

import copy
import importlib
import inspect
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from ganeval.errors import OptionError, PluginError
from ganeval.features.extractor import EXTRACTORS, ExtractorOutput, ExtractorRequest, FeatureExtractor
from ganeval.features.features import ExtractorInfo
from ganeval.features.identity import identity_of
from ganeval.features.preprocessing import Preprocessing, find_preprocessing
from ganeval.features.weights import sha256_of
from ganeval.wording import counted


class CustomExtractor(FeatureExtractor):
    """Adapter of a callable: images to a tensor [N, D], a pair (pooled, logits), or a mapping with these keys.

    The callable gets float32 [N, 3, S, S] in 0..255 if it has an int attribute `input_size` (S), resized with the
    named preprocessing; else uint8 [N, 3, H, W] as the images are, those of one size in a batch. Further attributes
    that it may have: `name`, `class_names`, `thread_safe`. An `nn.Module` is put into evaluation mode.

    Parameters
    ----------
    function
        The callable.
    request
        `preprocessing` is used only with `input_size`.
    where
        What to call it in errors.
    identity
        Hex digest that changes whenever its features may change.

    Raises
    ------
    PluginError
        If its name belongs to a built-in extractor, or its attributes have wrong types.
    """

    def __init__(self, function: Callable[..., Any], request: ExtractorRequest, where: str, identity: str) -> None:
        self._function = function
        self._where = where
        size = getattr(function, "input_size", None)
        if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 1):
            raise PluginError(f"{where}: input_size must be a positive int, not {size!r}")
        if size is None and request.preprocessing is not None:
            raise OptionError(
                f"{where} takes images as they are, so the preprocessing {request.preprocessing!r} can't be used",
                hint="Give it an int attribute input_size, or leave --preprocessing out.",
            )
        self._size: int | None = size
        self._resizing: Preprocessing | None = (
            None if size is None else find_preprocessing(request.preprocessing, "clean")
        )
        self.thread_safe = bool(getattr(function, "thread_safe", False))
        names = getattr(function, "class_names", None)
        self.class_names = None if names is None else tuple(str(name) for name in names)
        if isinstance(function, nn.Module):
            function.eval().requires_grad_(False)
        self.info = ExtractorInfo(
            name=_name_of(function, where),
            weights_sha256=identity,
            preprocessing="native" if self._resizing is None else f"{self._resizing.name}-{size}",
        )

    def prepare(self, images: Tensor) -> Tensor:
        """uint8 [N, 3, H, W] to what the callable takes."""
        if self._resizing is None or self._size is None:
            return images
        return self._resizing.resize(images, self._size)

    def forward(self, prepared: Tensor) -> ExtractorOutput:
        """The callable's output, checked: 2-D, one finite row an image.

        Raises
        ------
        PluginError
            If the callable raises or gives something else.
        """
        try:
            output = self._function(prepared)
        except Exception as error:
            if _out_of_memory(error):
                raise
            raise PluginError(
                f"{self._where} failed on a batch {tuple(prepared.shape)}: {_described(error)}"
            ) from error
        pooled, logits = _pair(output, self._where)
        count = len(prepared)
        return ExtractorOutput(
            pooled=_checked(pooled, count, "features", self._where),
            logits=None if logits is None else _checked(logits, count, "logits", self._where),
        )

    def to(self, device: torch.device) -> CustomExtractor:
        """Move the callable to `device` if it is an `nn.Module`."""
        if isinstance(self._function, nn.Module):
            self._function.to(device)
        return self


def load_custom(target: str, request: ExtractorRequest) -> FeatureExtractor:
    """The extractor that ``package.module:attribute`` names.

    A class or function is called without arguments, or with ``weights=`` the path if weights were given; any other
    object is used as it is. The current folder is importable, after everything installed. The extractor's identity
    covers the files of the module and of the classes in it, the weights file and all parameters and buffers, but not
    other modules that it imports.

    Raises
    ------
    PluginError
        If it can't be imported or built, or is not callable.
    """
    module_name, _, attribute = target.partition(":")
    if not module_name or not attribute:
        raise PluginError(f"{target!r} is not of the form package.module:Class")
    folder = os.getcwd()
    if folder not in sys.path and "" not in sys.path:
        sys.path.append(folder)
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # the module's own code may raise anything
        raise PluginError(
            f"the extractor {target!r}: the module {module_name!r} can't be imported: {_described(error)}",
            hint="It must be installed, or lie in the current folder.",
        ) from error
    found: Any = module
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise PluginError(f"the extractor {target!r}: the module {module_name!r} has no {attribute!r}")
        found = getattr(found, part)
    made = _built(found, request, f"the extractor {target!r}")
    extractor = adapt(made, request, where=f"the extractor {target!r}", source=getattr(module, "__file__", None))
    if request.weights is not None and extractor.info.weights_sha256 is None:
        extractor.info = replace(extractor.info, weights_sha256=sha256_of(request.weights))
    return extractor


def adapt(
    candidate: Any, request: ExtractorRequest, *, where: str | None = None, source: str | None = None
) -> FeatureExtractor:
    """An extractor from an object: itself if it is one, else an adapter around the callable.

    An object that is not loaded by name may hold state that can't be seen, and then its features are never found in the
    store by another run: one that is no `nn.Module`, or whose attributes can't be read (see `identity_of`).

    An `nn.Module` that is handed over with parameters that a training may change, or in training mode, is copied: its
    training goes on untouched, and all features are of the weights that it had then.

    Raises
    ------
    PluginError
        If it is not callable, or has to be copied and can't be.
    """
    where = where or f"the extractor {type(candidate).__name__}"
    if isinstance(candidate, FeatureExtractor):
        if not isinstance(getattr(candidate, "info", None), ExtractorInfo):
            raise PluginError(f"{where} is a FeatureExtractor without an `info` of type ExtractorInfo")
        return candidate
    if isinstance(candidate, type):
        return adapt(_built(candidate, request, where), request, where=where, source=_source_of(candidate))
    if not callable(candidate):
        raise PluginError(f"{where} gives {type(candidate).__name__}, which is not callable")
    if source is None and isinstance(candidate, nn.Module):
        candidate = _out_of_training(candidate, where)
    identity = identity_of(candidate, source=source, weights=request.weights)
    return CustomExtractor(candidate, request, where, identity)


def _out_of_training(module: nn.Module, where: str) -> nn.Module:
    """The module, or a copy of one whose parameters may be in training, or whose mode would have to be changed."""
    in_training = any(parameter.requires_grad for parameter in module.parameters())
    if not in_training and not any(part.training for part in module.modules()):
        return module
    try:
        return copy.deepcopy(module)
    except Exception as error:  # whatever a module's own code or its attributes raise
        raise PluginError(
            f"{where} is in training and can't be copied: {_described(error)}",
            hint="Freeze it, if nothing trains it: module.eval().requires_grad_(False).",
        ) from error


def _built(found: Any, request: ExtractorRequest, where: str) -> Any:
    if not (isinstance(found, type) or inspect.isroutine(found)):
        return found
    arguments = {} if request.weights is None else {"weights": request.weights}
    try:
        return found(**arguments)
    except Exception as error:
        called = "weights=PATH" if arguments else "no arguments"
        raise PluginError(f"{where} can't be built with {called}: {_described(error)}") from error


def _source_of(kind: type) -> str | None:
    try:
        return inspect.getsourcefile(kind)
    except (TypeError, OSError):
        return None


def _name_of(function: Any, where: str) -> str:
    given = getattr(function, "name", None)
    raw = given if isinstance(given, str) else getattr(function, "__name__", type(function).__name__)
    name = re.sub(r"[^a-z0-9._-]+", "-", raw.lower()).strip("-")
    if not name:
        raise PluginError(f"{where}: its name {raw!r} has no letters or digits")
    if name in EXTRACTORS or name == "auto":
        raise PluginError(
            f"{where} calls itself {name!r}, the name of a built-in extractor", hint="Give it another `name`."
        )
    return name


def _pair(output: Any, where: str) -> tuple[Any, Any]:
    if isinstance(output, ExtractorOutput):
        return output.pooled, output.logits
    if isinstance(output, Mapping):
        if "pooled" not in output:
            raise PluginError(f"{where} gives a mapping without 'pooled' (keys: {', '.join(map(str, output))})")
        return output["pooled"], output.get("logits")
    if isinstance(output, tuple) and len(output) == 2:
        return output
    return output, None


def _checked(value: Any, count: int, what: str, where: str) -> Tensor:
    try:
        tensor = torch.as_tensor(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise PluginError(f"{where} gives {type(value).__name__} as {what}, a tensor [N, D] is needed") from error
    if tensor.ndim != 2 or tensor.shape[0] != count or tensor.shape[1] == 0:
        raise PluginError(
            f"{where} gives {what} of shape {tuple(tensor.shape)} for {counted(count, 'image')}, [{count}, D] is needed"
        )
    if tensor.is_complex():
        raise PluginError(f"{where} gives complex {what}")
    tensor = tensor.float()
    if not bool(torch.isfinite(tensor).all()):
        raise PluginError(f"{where} gives {what} with NaN or infinite values")
    return tensor


def _out_of_memory(error: Exception) -> bool:
    if isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and "memory" in str(error).lower()


def _described(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]
