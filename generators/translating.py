"""Images through a trained translator: what `ganeval translate` does."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from ganeval.errors import CorruptImageError, ImageSourceError, OptionError, OutputError, WeightsError, did_you_mean
from ganeval.generators.bundled import BUNDLED, find_bundled
from ganeval.generators.model import DIRECTIONS, GenerativeModel, Translator
from ganeval.generators.sampling.blocks import to_bytes
from ganeval.generators.streams import SAMPLES, random_stream
from ganeval.generators.training.checkpoint import write_result
from ganeval.generators.training.run_folder import weights_of
from ganeval.generators.weights_file import load_model, read_model
from ganeval.images.decode import decode_file
from ganeval.images.names import has_image_suffix
from ganeval.images.opening import open_source
from ganeval.images.source import DecodedImage
from ganeval.progress import Progress, SilentProgress

#: Channels of image files, with Pillow's names.
_MODES = {1: "L", 3: "RGB"}


def open_translator(target: str) -> Translator:
    """The translator that a user means, in evaluation mode, on the CPU.

    Parameters
    ----------
    target
        The name of a bundled one, which wins over a path, or what `ganeval.generators.training.run_folder.weights_of`
        takes: a run folder, one of its checkpoints, or a safetensors file.

    Raises
    ------
    ImageSourceError
        If there is nothing of that name.
    WeightsError
        If the weights can't be read, or are of a model that makes images from noise.
    """
    names = {name for bundled in BUNDLED for name in (bundled.name, *bundled.aliases)}
    path = Path(target).expanduser()
    model: GenerativeModel
    if target in names or not (path.exists() or len(path.parts) > 1):
        bundled = find_bundled(target)
        model = read_model(bundled.weights(), bundled.file)
    else:
        model = load_model(weights_of(path))
    if not isinstance(model, Translator):
        raise WeightsError(f"{target} makes images from noise, not from images", hint="Use `ganeval generate`.")
    return model


@dataclass(frozen=True)
class Translation:
    """How images are translated.

    Parameters
    ----------
    model
        In evaluation mode.
    direction
        One of the model's; None takes its first.
    seed
        Of the model's noise: an image's translation depends on the weights, the image and the seed alone.

    Raises
    ------
    OptionError
        If the model doesn't go in that direction, its images aren't grey or RGB, or the seed is below 0.
    """

    model: Translator
    direction: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        known = self.model.directions
        if self.direction is not None and self.direction not in known:
            raise OptionError(
                f"this model doesn't go in the direction {self.direction!r}", hint=did_you_mean(self.direction, known)
            )
        if self.seed < 0:
            raise OptionError(f"the seed of the translations is {self.seed}", hint="Choose 0 or more.")
        for end in self._ends:
            channels = self.model.domain_channels[end]
            if channels not in _MODES:
                raise OptionError(
                    f"this model translates images of {channels} channels, which image files don't have",
                    hint="Call its method `translate` from Python.",
                )

    @property
    def _ends(self) -> tuple[int, int]:
        return DIRECTIONS[self.direction or self.model.directions[0]]

    @torch.inference_mode()
    def of(self, image: DecodedImage) -> npt.NDArray[np.uint8]:
        """The translation, uint8 [height, width] where it's grey and [height, width, 3] where it's in colour."""
        start, _ = self._ends
        mode = _MODES[self.model.domain_channels[start]]
        pixels = np.asarray(Image.fromarray(image.pixels).convert(mode), dtype=np.float32)
        planes = torch.from_numpy(pixels.reshape(*pixels.shape[:2], -1)).permute(2, 0, 1)[None] / 127.5 - 1
        random = random_stream(self.seed, SAMPLES)
        direction = self.direction or self.model.directions[0]
        made = self.model.translate(planes.contiguous().to(self.model.device), direction, random)
        translated: npt.NDArray[np.uint8] = to_bytes((made[0].float().cpu() + 1) * 127.5).permute(1, 2, 0).numpy()
        return translated[..., 0] if translated.shape[2] == 1 else translated


@dataclass(frozen=True)
class _Input:
    name: str
    load: Callable[[], DecodedImage]
    file: Path | None


def translate_all(
    translation: Translation,
    source: str,
    out: Path,
    *,
    skip_corrupt: bool = False,
    progress: Progress | None = None,
) -> tuple[int, list[str]]:
    """Translate an image or a set of them into PNG files of the same names.

    Parameters
    ----------
    translation
        How.
    source
        An image file, or a set of images as `ganeval.images.opening.open_source` takes it. Sub-folders are kept.
    out
        Folder; made if it doesn't exist. Files of these names are replaced.
    skip_corrupt
        Pass over images that can't be decoded.
    progress
        Told of images.

    Returns
    -------
    tuple
        How many were translated, and a sentence for each that was skipped.

    Raises
    ------
    ImageSourceError
        If the source can't be opened, or an image can't be decoded.
    OutputError
        If a file can't be written, or would replace an image that is to be translated.
    """
    inputs = _inputs(source)
    targets = _targets([entry.name for entry in inputs], out)
    for entry, target in zip(inputs, targets, strict=True):
        if entry.file is not None and target.exists() and entry.file.exists() and target.samefile(entry.file):
            raise OutputError(f"{target} would replace the image that is translated", hint="Choose another --out.")
    task = (progress or SilentProgress()).start("translating", len(inputs))
    skipped: list[str] = []
    try:
        for entry, target in zip(inputs, targets, strict=True):
            try:
                image = entry.load()
            except CorruptImageError as error:
                if not skip_corrupt:
                    raise
                skipped.extend(f"{name}: {reason}" for name, reason in error.failures)
            else:
                _write(target, translation.of(image))
            task.advance(1)
    finally:
        task.finish()
    return len(inputs) - len(skipped), skipped


def _inputs(source: str) -> list[_Input]:
    path = Path(source).expanduser()
    if path.is_file() and has_image_suffix(path.name):
        return [_Input(path.name, partial(decode_file, path), path)]
    if not path.exists() and has_image_suffix(path.name):
        raise ImageSourceError(f"{source}: there is no such image")
    folder = path if path.is_dir() else None
    return [_Input(item.id, item.load, folder and folder / item.id) for item in open_source(source)]


def _targets(names: Sequence[str], out: Path) -> list[Path]:
    """Files in `out`: the same names with the ending .png, or behind their own where several would be the same."""
    inside = [_inside(name) for name in names]
    stems = [path.with_suffix("") if has_image_suffix(path.name) else path for path in inside]
    taken = Counter(stems)
    chosen = [out / f"{path if taken[stem] > 1 else stem}.png" for path, stem in zip(inside, stems, strict=True)]
    several = next(_repeated(chosen), None)
    if several is not None:
        raise OutputError(f"several images would be written to {several}", hint="Translate them one folder at a time.")
    return chosen


def _inside(name: str) -> PurePosixPath:
    """A relative path that doesn't lead out of its folder, as a name in an archive might."""
    parts = [part for part in PurePosixPath(name).parts if part not in ("/", "//", "..")]
    return PurePosixPath(*parts)


def _repeated(paths: Sequence[Path]) -> Iterator[Path]:
    return (path for path, count in Counter(paths).items() if count > 1)


def _write(target: Path, pixels: npt.NDArray[np.uint8]) -> None:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="PNG")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"can't make the folder {target.parent}: {(error.strerror or str(error)).lower()}",
            hint="Choose another --out.",
        ) from error
    write_result(target, stream.getvalue())
