"""Opens ``generator:NAME``: bundled models, what `ganeval train` wrote, and generators of others."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ganeval.errors import ImageSourceError, OptionError, did_you_mean
from ganeval.generators.bundled import BUNDLED, find_bundled
from ganeval.generators.sources.asked import Asked, split_options, split_target
from ganeval.generators.sources.diffusers_folder import INDEX, open_pipeline
from ganeval.generators.sources.foreign import read_interface
from ganeval.generators.sources.hub import open_hub
from ganeval.generators.sources.model_weights import BundledOrigin, TrainedOrigin
from ganeval.generators.sources.onnx_file import OnnxOrigin
from ganeval.generators.sources.origin import Origin
from ganeval.generators.sources.source import DEFAULT_COUNT, SampleSource
from ganeval.generators.sources.stylegan_pickle import StyleGanOrigin
from ganeval.generators.sources.torchscript import TorchScriptOrigin
from ganeval.images.source import SourceOptions

Options = Mapping[str, str]
_HUB = "hub:"


def open_generator(argument: str, options: SourceOptions) -> SampleSource:
    """A source of samples for ``generator:ARGUMENT``.

    Parameters
    ----------
    argument
        What makes the images, and behind a question mark how:

        - a bundled model by name or alias, ``"dcgan-fashion-mnist"`` or ``"dcgan"``;
        - what `ganeval train` wrote: a run folder, ``RUN/best``, a checkpoint folder or a safetensors file;
        - a TorchScript file (.pt, .ts, .jit), trusted; an ONNX file (.onnx);
        - ``"hub:owner/repository:entry"`` of torch.hub, trusted;
        - a folder that diffusers saved, trusted if code is in it;
        - a .pkl of StyleGAN2-ADA or StyleGAN3, trusted.

        ``class=3``, ``truncation=0.5`` and ``truncation-method=psi`` are understood by all that have such a thing, as
        in ``"biggan?class=3&truncation=0.5"``. Further ones say what a file doesn't: `Interface` (``latent=128``,
        ``classes=10``, ``range=0,1``, ...), `PipelineOptions` (``steps=50``, ``prompt=...``), ``code=FOLDER`` of a
        .pkl.
    options
        `count` (default 2,000), `seed`, `trust` and `device` are used.

    Raises
    ------
    ImageSourceError
        If there is no such generator, with the nearest name; or its code isn't trusted.
    OptionError
        If the count, seed, class, truncation or another option can't be used.
    WeightsError
        If its file can't be read or is damaged.
    """
    target, given = split_target(argument)
    asked, others = split_options(given)
    return source_of(find_origin(target, others, trust=options.trust), options, asked)


def source_of(origin: Origin, options: SourceOptions, asked: Asked | None = None) -> SampleSource:
    """Samples of a generator with the count, seed and device of `options`; loaded, so that it is known to work."""
    count = DEFAULT_COUNT if options.count is None else options.count
    source = SampleSource(origin, count, options.seed, asked, options.device)
    source.model()
    return source


def find_origin(target: str, options: Options | None = None, *, trust: bool = False) -> Origin:
    """What `target` means: see `open_generator`, which tells the errors too. A bundled name wins over a path."""
    given = options or {}
    names = {name for model in BUNDLED for name in (model.name, *model.aliases)}
    if target in names:
        _refuse(given, target)
        return BundledOrigin(find_bundled(target))
    if target.startswith(_HUB):
        return open_hub(target.removeprefix(_HUB), given, trust=trust)
    path = Path(target).expanduser()
    if target and path.is_dir():
        return _open_folder(path, given, trust)
    opener = _FILES.get(path.suffix.lower())
    if path.is_file() and opener is not None:
        return opener(path, given, trust)
    if path.is_file():
        raise ImageSourceError(
            f"{target}: a file of this type holds no generator that can be opened",
            hint=f"Files that can: {', '.join(_FILES)}.",
        )
    if opener is not None or os.sep in target or "/" in target:
        return _open_trained(path, given, trust)
    find_bundled(target)
    raise AssertionError("a bundled name was found twice")


def _open_folder(path: Path, options: Options, trust: bool) -> Origin:
    if (path / INDEX).is_file():
        return open_pipeline(path, options, trust=trust)
    return _open_trained(path, options, trust)


def _open_trained(path: Path, options: Options, trust: bool) -> Origin:
    _refuse(options, str(path))
    return TrainedOrigin(path)


def _open_torchscript(path: Path, options: Options, trust: bool) -> Origin:
    return TorchScriptOrigin(path, read_interface(options), trust=trust)


def _open_onnx(path: Path, options: Options, trust: bool) -> Origin:
    return OnnxOrigin(path, read_interface(options))


def _open_pickle(path: Path, options: Options, trust: bool) -> Origin:
    _refuse(options, str(path), allowed=("code",))
    return StyleGanOrigin(path, options.get("code"), trust=trust)


def _refuse(options: Mapping[str, Any], target: str, allowed: tuple[str, ...] = ()) -> None:
    known = ("class", "truncation", "truncation-method", *allowed)
    for name in options:
        if name not in allowed:
            raise OptionError(f"generator:{target} has no option {name!r}", hint=did_you_mean(name, known))


_FILES: dict[str, Callable[[Path, Options, bool], Origin]] = {
    ".safetensors": _open_trained,
    **dict.fromkeys((".pt", ".ts", ".jit", ".torchscript"), _open_torchscript),
    ".onnx": _open_onnx,
    ".pkl": _open_pickle,
}
