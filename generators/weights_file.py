"""Weights of a DCGAN's generator in one safetensors file, whose header says how to build the network."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load as parse_safetensors
from safetensors.torch import save as serialise

from ganeval.errors import OptionError, WeightsError
from ganeval.generators.models.dcgan import DCGANConfig, Generator, without_weights
from ganeval.generators.training.checkpoint import write_result

# One key, as safetensors writes several in an order that changes from process to process.
HEADER_KEY = "ganeval"
HEADER_FORMAT = "ganeval/generator@1"


def save_generator(path: Path, generator: Generator, made: dict[str, Any]) -> None:
    """Write the weights in float32, with the generator's sizes and `made` (JSON-ready: how it was trained) as header.

    The same weights and `made` give the same bytes.

    Raises
    ------
    OutputError
        If the file can't be written.
    """
    header = {"format": HEADER_FORMAT, "architecture": "dcgan", "model": asdict(generator.config), "made": made}
    metadata = {HEADER_KEY: json.dumps(header, sort_keys=True)}
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in generator.state_dict().items()}
    write_result(path, serialise(tensors, metadata=metadata))


def load_generator(path: Path) -> Generator:
    """The generator in a file of `save_generator`, in evaluation mode, on the CPU.

    Raises
    ------
    WeightsError
        If the file is missing, damaged, or of another network.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"can't read the generator's weights {path}: {error.strerror}") from error
    return read_generator(content, str(path))


def read_generator(content: bytes, name: str) -> Generator:
    """As `load_generator`, from the bytes of such a file; `name` is what messages call it."""
    hint = "Weights are written by `python -m ganeval.generators.train_dcgan`."
    try:
        header = read_header(content)
        tensors = parse_safetensors(content)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{name} holds no weights of a ganeval generator: {error}", hint=hint) from error
    if header.get("format") != HEADER_FORMAT or header.get("architecture") != "dcgan":
        raise WeightsError(f"{name} holds weights of another network: {header.get('architecture')}", hint=hint)
    try:
        generator = without_weights(Generator, DCGANConfig(**header["model"]))
        generator.load_state_dict(tensors)
    except (KeyError, TypeError, RuntimeError, OptionError) as error:
        raise WeightsError(f"the weights in {name} don't fit the network of its header: {error}", hint=hint) from error
    return generator.eval().requires_grad_(False)


def read_header(content: bytes) -> dict[str, Any]:
    """What `save_generator` put into the header: format, architecture, model and made.

    Raises
    ------
    ValueError, KeyError
        If the bytes are no safetensors file with such a header.
    """
    length = int.from_bytes(content[:8], "little")
    if length > len(content) - 8:
        raise ValueError("the header is longer than the file")
    header: dict[str, Any] = json.loads(json.loads(content[8 : 8 + length])["__metadata__"][HEADER_KEY])
    return header
