"""What tells one extractor of a user's own from another: its code, weights and settings, as part of the store's key."""

from __future__ import annotations

import functools
import hashlib
import inspect
import itertools
import secrets
import types
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ganeval.features.weights import sha256_of

# What every module has, hooks apart: nothing of it but parameters and buffers bears on inference.
_HOUSEKEEPING = frozenset(vars(nn.Module()))
_HOOKS = ("_forward_hooks", "_forward_pre_hooks")
_PLAIN = (type(None), bool, int, float, complex, str, bytes, PurePath, torch.dtype, torch.device, np.dtype)


class _UnknowableError(Exception):
    """Something whose effect on the features can't be told."""


def identity_of(function: Any, *, source: str | None = None, weights: Path | None = None) -> str:
    """Hex digest that changes whenever the features of `function` may change.

    Parameters
    ----------
    function
        The callable. Of an `nn.Module` the parameters and buffers count, and the files of all classes in it.
    source
        The file that makes it from nothing but itself and `weights`; None for an object handed over, which may be in
        any state: then the attributes of an `nn.Module` count too, and where they can't be read, or it is no
        `nn.Module`, the digest is a new one each time.
    weights
        A weights file that went into it.
    """
    try:
        made_of = _digest(_parts(function, source))
    except (_UnknowableError, OSError, RecursionError):
        made_of = secrets.token_hex(32)
    return made_of if weights is None else _digest([made_of.encode(), sha256_of(weights).encode()])


def _parts(function: Any, source: str | None) -> Iterator[bytes]:
    kinds = {type(function)} - {types.FunctionType}
    if isinstance(function, nn.Module):
        kinds = {type(module) for module in function.modules()}
        yield from _tensors(function)
        yield from [repr(function).encode()] if source is not None else _Settings().of_module(function)
    elif source is None:
        raise _UnknowableError
    yield from _contents([*_files_of(_lineage(kinds)), *([] if source is None else [Path(source)])])


@functools.lru_cache(maxsize=256)
def code_of(kind: type) -> str | None:
    """Hex digest of the source files of a class and its bases outside ganeval, None if it is one of ganeval's own.

    A class without a source file (typed into a console or notebook) has a digest that holds for this process only.
    """
    foreign = {one for one in _lineage([kind]) if not f"{one.__module__}.".startswith("ganeval.")}
    if not foreign:
        return None
    try:
        return _digest(_contents(_files_of(foreign)))
    except (_UnknowableError, OSError):
        return secrets.token_hex(32)


def digest_of_tensors(module: nn.Module) -> str:
    """Hex digest of all parameters and buffers of a module; a new one each time where they can't be read."""
    try:
        return _digest(_tensors(module))
    except _UnknowableError:
        return secrets.token_hex(32)


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()


def _lineage(kinds: Iterable[type]) -> set[type]:
    """Classes and what they inherit from, less what Python and its abstract classes are made of."""
    return {base for kind in kinds for base in kind.__mro__ if base.__module__ not in ("builtins", "abc", "typing")}


def _files_of(kinds: Iterable[type]) -> set[Path]:
    files = set()
    for kind in kinds:
        try:
            found = inspect.getsourcefile(kind)
        except (TypeError, OSError):
            found = None
        if found is None or not Path(found).is_file():
            raise _UnknowableError
        files.add(Path(found))
    return files


def _contents(paths: Iterable[Path]) -> Iterator[bytes]:
    return (path.read_bytes() for path in sorted(set(paths)))


def _tensors(module: nn.Module) -> Iterator[bytes]:
    # Not the state dict: it leaves out buffers that are not to be saved, though the network computes with them.
    for name, tensor in itertools.chain(module.named_parameters(), module.named_buffers()):
        yield name.encode()
        yield from _tensor(tensor)


def _tensor(tensor: Tensor) -> Iterator[bytes]:
    try:
        yield f"{tensor.dtype} {tuple(tensor.shape)}".encode()
        yield tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
    except (RuntimeError, TypeError, ValueError) as error:  # sparse, quantised, on the meta device, not initialised
        raise _UnknowableError from error


class _Settings:
    """Reads what is set in a module and in the objects that it holds, each of them once."""

    def __init__(self) -> None:
        self._seen: dict[int, object] = {}

    def of_module(self, module: nn.Module) -> Iterator[bytes]:
        """The classes and attributes of a module and of those in it, such as which layer it returns."""
        for name, part in module.named_modules():
            if any(getattr(part, hooks) for hooks in _HOOKS):
                raise _UnknowableError
            self._seen[id(part)] = part
            yield f"{name} {_class_name(type(part))}".encode()
            yield from self.of({key: value for key, value in vars(part).items() if key not in _HOUSEKEEPING})

    def of(self, value: Any) -> Iterator[bytes]:
        """Bytes that differ where two values do."""
        yield _class_name(type(value)).encode()
        if isinstance(value, _PLAIN):
            yield repr(value).encode()
        elif isinstance(value, Tensor):
            yield from _tensor(value)
        elif isinstance(value, (np.ndarray, np.generic)) and value.dtype != object:
            yield f"{value.dtype.str} {value.shape}".encode()
            yield value.tobytes()
        elif isinstance(value, Mapping):
            for pair in value.items():
                yield from self.of(pair)
        elif isinstance(value, (set, frozenset)):
            yield from sorted(_digest(self.of(entry)).encode() for entry in value)
        elif isinstance(value, (list, tuple)):
            yield str(len(value)).encode()
            for entry in value:
                yield from self.of(entry)
        elif id(value) not in self._seen:
            self._seen[id(value)] = value
            yield from self._of_object(value)

    def _of_object(self, value: Any) -> Iterator[bytes]:
        if isinstance(value, nn.Module):
            yield from _tensors(value)
            yield from self.of_module(value)
        elif isinstance(value, functools.partial):
            yield from self.of((value.func, value.args, value.keywords))
        elif isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType)):
            if "<" in value.__qualname__:  # a lambda or a local function, with whatever it closes over
                raise _UnknowableError
            yield f"{value.__module__}.{value.__qualname__}".encode()
        elif hasattr(value, "__dict__") and not any(getattr(kind, "__slots__", ()) for kind in type(value).__mro__):
            # An object of a class written in Python keeps all that it knows in its dictionary.
            yield from _contents(_files_of(_lineage([type(value)])))
            yield from self.of(vars(value))
        else:
            raise _UnknowableError


def _class_name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
