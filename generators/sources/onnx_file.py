"""Generators saved as ONNX, run by onnxruntime; an ONNX file is a graph of known operators and holds no code."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganeval.errors import OptionError, WeightsError
from ganeval.generators.sources.foreign import ForeignModel, Interface, require_latent
from ganeval.generators.sources.origin import FileOrigin
from ganeval.quiet_onnxruntime import import_onnxruntime

_FLOATS = {"tensor(float)": torch.float32, "tensor(float16)": torch.float16, "tensor(double)": torch.float64}
_TYPES = {**_FLOATS, "tensor(int64)": torch.int64, "tensor(int32)": torch.int32}


class OnnxOrigin(FileOrigin):
    """An ONNX graph whose first input is latent vectors, its second (if any) labels, and its first output images.

    Shapes that the graph tells needn't be given; a fixed batch size is kept to.

    Parameters
    ----------
    path
        The file.
    interface
        What it takes and gives.

    Raises
    ------
    OptionError
        If onnxruntime isn't installed.
    """

    kind = "onnx"

    def __init__(self, path: Path, interface: Interface) -> None:
        super().__init__(path)
        self._interface = interface
        try:
            self._runtime = import_onnxruntime()
        except ImportError as error:
            raise OptionError(
                f"{path} needs onnxruntime, which isn't installed", hint="pip install 'ganeval[onnx]'"
            ) from error

    def load(self, device: torch.device) -> ForeignModel:
        """The graph; raises `WeightsError` if the file holds none that makes images from latent vectors."""
        session = self._session(device)
        inputs = session.get_inputs()
        if not inputs or any(entry.type not in _TYPES for entry in inputs) or inputs[0].type not in _FLOATS:
            listed = ", ".join(f"{entry.name} {entry.type} {entry.shape}" for entry in inputs) or "nothing"
            raise WeightsError(f"{self.path} takes {listed}", hint="The first input has to be latent vectors.")
        if len(inputs) > 2 or (len(inputs) == 2) != (self._classes(inputs) > 0):
            raise OptionError(
                f"{self.path} has {len(inputs)} inputs ({', '.join(entry.name for entry in inputs)})",
                hint="It needs latent vectors, and with classes=N (generator:FILE.onnx?classes=10) labels too.",
            )
        batch, *told = inputs[0].shape
        known = told if all(isinstance(size, int) for size in told) else None
        latent = require_latent(self._interface, known, str(self.path))
        fixed = batch if isinstance(batch, int) else None
        interface = replace(
            self._interface,
            classes=self._classes(inputs),
            labels="one-hot" if self._one_hot(inputs) else self._interface.labels,
            batch=min(fixed, 100) if fixed else self._interface.batch,
        )

        def run(*arguments: Tensor) -> Tensor:
            feed = {
                entry.name: _padded(argument, fixed).to(_TYPES[entry.type]).numpy()
                for entry, argument in zip(inputs, arguments, strict=True)
            }
            made = torch.from_numpy(session.run(None, feed)[0])
            return made[: len(arguments[0])]

        # The runtime moves arrays to its own device by itself.
        return ForeignModel(run, latent, interface, "cpu")

    def fingerprint_parts(self) -> tuple[str, ...]:
        """All that was said about it, and the runtime."""
        return (str(self._interface), f"onnxruntime {self._runtime.__version__}")

    def _classes(self, inputs: list[Any]) -> int:
        return int(inputs[1].shape[1]) if self._one_hot(inputs) else self._interface.classes

    def _one_hot(self, inputs: list[Any]) -> bool:
        """Whether the second input is by its type and shape one row of numbers an image."""
        second = inputs[1] if len(inputs) == 2 else None
        return second is not None and second.type in _FLOATS and len(second.shape) == 2 and _whole(second.shape[1])

    def _session(self, device: torch.device) -> Any:
        options = self._runtime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3
        wanted = ["CUDAExecutionProvider"] if device.type == "cuda" else []
        providers = [name for name in wanted if name in self._runtime.get_available_providers()]
        try:
            return self._runtime.InferenceSession(str(self.path), options, [*providers, "CPUExecutionProvider"])
        except Exception as error:
            # The runtime has errors of its own, one for each way in which a file can be broken.
            raise WeightsError(f"{self.path} is no ONNX file that can run here: {error}") from error


def _whole(size: Any) -> bool:
    return isinstance(size, int) and size > 1


def _padded(values: Tensor, batch: int | None) -> Tensor:
    """Rows repeated up to a graph's fixed batch size."""
    values = values.cpu()
    if batch is None or len(values) == batch:
        return values
    return torch.cat([values, values[-1:].expand(batch - len(values), *values.shape[1:])])
