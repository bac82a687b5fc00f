"""The networks that make a model's samples, in one safetensors file whose header says how to build them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as parse_safetensors
from safetensors.torch import save as serialise

from ganeval.errors import GanevalError, WeightsError
from ganeval.generators.configuration import configured, plain
from ganeval.generators.model import GenerativeModel
from ganeval.generators.registry import MODELS
from ganeval.generators.training.checkpoint import write_result
from ganeval.generators.weights_header import HEADER_KEY, header_of_file

HEADER_FORMAT = "ganeval/generator@2"


def save_model(path: Path, name: str, model: GenerativeModel, made: dict[str, Any], *, half: bool = False) -> None:
    """Write `model_bytes` to a file.

    Parameters
    ----------
    path
        Replaced as a whole or not at all.
    name, model, made, half
        Of `model_bytes`.

    Raises
    ------
    OutputError
        If the file can't be written.
    """
    write_result(path, model_bytes(name, model, made, half=half))


def model_bytes(name: str, model: GenerativeModel, made: dict[str, Any], *, half: bool = False) -> bytes:
    """The networks of `model.sampled` as a safetensors file, with the model's name, configuration and `made` as header.

    The same weights and `made` give the same bytes.

    Parameters
    ----------
    name
        Of the model in `ganeval.generators.registry.MODELS`.
    model
        Whose networks are written.
    made
        JSON-ready: how it was trained.
    half
        Store float32 as float16, for half the size.
    """
    header = {"format": HEADER_FORMAT, "model": name, "config": plain(model.config), "made": made}
    metadata = {HEADER_KEY: json.dumps(header, sort_keys=True)}
    tensors = {
        key: (tensor.half() if half and tensor.dtype == torch.float32 else tensor).detach().cpu().contiguous()
        for key, tensor in model.state_dict().items()
        if key.split(".")[0] in model.sampled or "." not in key
    }
    return serialise(tensors, metadata=metadata)


def load_model(path: Path) -> GenerativeModel:
    """The model in a file of `save_model`: its sampled networks, in evaluation mode, on the CPU, in float32.

    Raises
    ------
    WeightsError
        If the file is missing, damaged, or of a model that isn't known here.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"can't read the generator's weights {path}: {error.strerror}") from error
    return read_model(content, str(path))


def read_model(content: bytes, name: str) -> GenerativeModel:
    """As `load_model`, from the bytes of such a file; `name` is what messages call it."""
    hint = "Weights are written by `ganeval train`."
    try:
        header = read_header(content)
        tensors = parse_safetensors(content)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{name} holds no weights of a ganeval generator: {error}", hint=hint) from error
    if header.get("format") != HEADER_FORMAT:
        raise WeightsError(f"{name} holds weights of another format: {header.get('format')}", hint=hint)
    try:
        kind = MODELS.get(header["model"])
        # First weights are drawn from torch's global generator, and replaced: its state stays as it was.
        with torch.random.fork_rng(devices=[]):
            model = kind(configured(kind.Config, header["config"]), only=kind.sampled)
        model.load_state_dict(tensors)
    except (KeyError, TypeError, RuntimeError, GanevalError) as error:
        raise WeightsError(f"the weights in {name} don't fit the network of its header: {error}", hint=hint) from error
    return model.eval().requires_grad_(False)


def read_header(content: bytes) -> dict[str, Any]:
    """What `save_model` put into the header: format, model, config and made.

    Raises
    ------
    ValueError
        If the bytes are no safetensors file with such a header.
    """
    return header_of_file(io.BytesIO(content))
