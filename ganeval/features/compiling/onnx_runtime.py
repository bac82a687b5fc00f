"""ONNX Runtime on the CPU: the network is exported once, kept, and loaded in a second or less from then on."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import hashlib
import importlib
import json
from importlib import metadata, util
from pathlib import Path

import torch

from ganeval.features.compiling.compiler import Compiler, Network, OutputsOf
from ganeval.features.extractor import FeatureExtractor
from ganeval.features.identity import code_of, digest_of_tensors
from ganeval.features.precision import EXACT
from ganeval.files import write_atomically
from ganeval.quiet_onnxruntime import import_onnxruntime
from ganeval.version import __version__

_NEEDED = ("onnxruntime", "onnx", "onnxscript")


class OnnxRuntime(Compiler):
    """Microsoft's ONNX Runtime, which has its own kernels for float32 on CPUs."""

    supposed_seconds = 15.0

    @property
    def version(self) -> str:
        return f"onnxruntime {_version('onnxruntime')}, torch {torch.__version__}"

    def unsuited(self, extractor: FeatureExtractor, device: torch.device) -> str | None:
        missing = [name for name in _NEEDED if util.find_spec(name) is None]
        if missing:
            return f"{' and '.join(missing)} isn't installed: pip install 'ganeval[onnx]'"
        if device.type != "cpu" or extractor.info.precision != EXACT:
            return "it is there for float32 on the CPU only"
        return None

    def compiled(self, extractor: FeatureExtractor, batch: torch.Tensor, folder: Path | None) -> Network:
        kept = self._kept(extractor, batch, folder)
        given = [output is not None for output in OutputsOf(extractor)(batch)]
        if kept is not None:
            # What can't be read or isn't a graph any more is made again.
            with contextlib.suppress(Exception):
                return _network(kept.read_bytes(), given)
        # Before the exporter, which may import it too.
        import_onnxruntime()
        graph = _exported(extractor, batch)
        network = _network(graph, given)
        if kept is not None:
            with contextlib.suppress(OSError):
                kept.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(kept, graph)
        return network

    def forget(self, extractor: FeatureExtractor, batch: torch.Tensor, folder: Path | None) -> None:
        kept = self._kept(extractor, batch, folder)
        if kept is not None:
            with contextlib.suppress(OSError):
                kept.unlink(missing_ok=True)

    def _kept(self, extractor: FeatureExtractor, batch: torch.Tensor, folder: Path | None) -> Path | None:
        return None if folder is None else folder / "artefacts" / "onnx" / f"{self._key(extractor, batch)}.onnx"

    def _key(self, extractor: FeatureExtractor, batch: torch.Tensor) -> str:
        """Of the graph: what it is made from and by what, and the shape that it is made for."""
        made_from = {
            "extractor": dataclasses.asdict(extractor.info),
            "code": code_of(type(extractor)),
            "weights": digest_of_tensors(extractor.network),  # type: ignore[attr-defined]
            "ganeval": __version__,
            "by": {name: _version(name) for name in ("torch", *_NEEDED)},
            "shape": list(batch.shape),
        }
        return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()


def _version(name: str) -> str:
    """Of a package by its module's name, which several builds of ONNX Runtime share under other names."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        module = import_onnxruntime() if name == "onnxruntime" else importlib.import_module(name)
        return str(module.__version__)


class _GivenOutputs(torch.nn.Module):
    """Those outputs of an extractor that it gives: a graph has no None."""

    def __init__(self, extractor: FeatureExtractor) -> None:
        super().__init__()
        self.outputs = OutputsOf(extractor)
        self.training = False

    def forward(self, prepared: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(output for output in self.outputs(prepared) if output is not None)


def _exported(extractor: FeatureExtractor, batch: torch.Tensor) -> bytes:
    # The exporter puts stand-ins in the place of the weights, which other threads are computing with.
    apart = copy.deepcopy(extractor, {id(vars(extractor).get("_compiled_networks")): {}})
    with torch.inference_mode(False), torch.no_grad():
        program = torch.onnx.export(
            _GivenOutputs(apart), (batch.clone(),), dynamo=True, verbose=False, input_names=["prepared"]
        )
        assert program is not None
        graph: bytes = program.model_proto.SerializeToString()
    return graph


def _network(graph: bytes, given: list[bool]) -> Network:
    """The graph as a function; it computes in the calling thread as long as PyTorch's batches have one thread each."""
    runtime = import_onnxruntime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = runtime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def run(batch: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        outputs = iter(session.run(None, {"prepared": batch.contiguous().numpy()}))
        return tuple(torch.from_numpy(next(outputs)) if there else None for there in given)

    return run


COMPILER = OnnxRuntime()
