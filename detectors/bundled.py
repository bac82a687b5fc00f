"""The detectors that ship, and a user's own, with the reference scores that calibrate them."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from ganeval.detectors.calibration.reference import ReferenceScores
from ganeval.detectors.detector import PIXEL_DETECTORS, PixelDetector, State
from ganeval.errors import OptionError, WeightsError, did_you_mean

_REFERENCE = "reference.npz"
#: Who is asked unless somebody names others. The rest ships as published baselines: they add nothing to these, and
#: with weights of 23 November 2026 `dct` made 15 false alarms of 8 on pix2pix' real pictures as JPEGs of quality 75.
DEFAULT = ("lattice", "npr")
#: Shorter side, in pixels, of the smallest reference pictures that ship (`ganeval.detectors.artefacts.training_set`).
#: Below it nobody knows how often photographs score as high: at 80 to 96 pixels one in ten did.
SMALLEST = 128


@dataclass(frozen=True)
class BundledDetectors:
    """Detectors that are asked together.

    Parameters
    ----------
    detectors
        By name; a user's own by its folder.
    reference
        Scores of all of them on pictures that they weren't trained on.
    """

    detectors: Mapping[str, PixelDetector]
    reference: ReferenceScores

    def least_side(self, name: str) -> int:
        """Shorter side, in pixels, below which a detector abstains: for those that ship, `SMALLEST` at least."""
        own = self.detectors[name].minimum_side
        return max(own, SMALLEST) if name in PIXEL_DETECTORS else own


def shipped_reference() -> ReferenceScores:
    """The reference scores that ship; raises `WeightsError` if they can't be read."""
    file = files("ganeval.detectors").joinpath("weights").joinpath(_REFERENCE)
    try:
        with np.load(io.BytesIO(file.read_bytes()), allow_pickle=False) as arrays:
            return ReferenceScores.from_arrays(dict(arrays))
    except (OSError, ValueError) as error:
        raise WeightsError(f"the detectors' reference scores can't be read: {error}") from error


def shipped_detector(name: str) -> PixelDetector:
    """A detector with the weights that ship; `WeightsError` if they are broken, `OptionError` if there are none."""
    folder = files("ganeval.detectors").joinpath("weights")
    try:
        document = json.loads(folder.joinpath(f"{name}.json").read_text(encoding="utf-8"))
        arrays = load(folder.joinpath(f"{name}.safetensors").read_bytes())
    except FileNotFoundError as error:
        PIXEL_DETECTORS.get(name)  # An unknown name is another error than one without weights.
        raise OptionError(
            f"the detector {name!r} ships without weights",
            hint=f"Those with weights: {', '.join(shipped_reference().detectors)}. "
            "Train it: ganeval detect train REAL GENERATED --detector "
            f"{name} --out FOLDER",
        ) from error
    except (OSError, ValueError, SafetensorError) as error:
        raise WeightsError(f"the weights of the detector {name!r} can't be read: {error}") from error
    return PIXEL_DETECTORS.get(name).restore(State(arrays, document["settings"]))


def load_bundled(
    names: Sequence[str] | None = None, weights: Mapping[str, str | os.PathLike[str]] | None = None
) -> BundledDetectors:
    """Detectors by name or folder, those of `DEFAULT` if None, and published networks with their authors' weights.

    Raises
    ------
    OptionError
        For a name that is neither a detector nor a folder, or none at all, or weights for one that isn't published.
    WeightsError
        For weights that can't be read.
    """
    shipped = shipped_reference()
    chosen = list(dict.fromkeys(DEFAULT if names is None else names))
    if not chosen:
        raise OptionError("no detector is named")
    detectors: dict[str, PixelDetector] = {}
    references = []
    bundled = [name for name in chosen if name in PIXEL_DETECTORS]
    if bundled:
        detectors.update((name, shipped_detector(name)) for name in bundled)
        references.append(shipped.only(bundled))
    for name in chosen:
        if name not in bundled:
            detector, reference = _own(name)
            detectors[name] = detector
            references.append(reference)
    ordered = {name: detectors[name] for name in chosen} | {
        name: _published(name, file) for name, file in (weights or {}).items()
    }
    return BundledDetectors(ordered, ReferenceScores.joined(references))


def _published(name: str, file: str | os.PathLike[str]) -> PixelDetector:
    """A published network from its authors' file."""
    kind = PIXEL_DETECTORS.get(name)
    load_file = getattr(kind, "from_file", None)
    if load_file is None:
        published = [other for other in PIXEL_DETECTORS if hasattr(PIXEL_DETECTORS.get(other), "from_file")]
        raise OptionError(
            f"--weights {name}: its weights ship or are your own", hint=f"Those are: {', '.join(published)}."
        )
    detector: PixelDetector = load_file(file)
    return detector


def _own(folder: str) -> tuple[PixelDetector, ReferenceScores]:
    from ganeval.detectors.training.folder import load_detector, load_reference

    if not Path(folder).is_dir():
        raise OptionError(
            f"--detector {folder} is neither a detector nor a folder of one",
            hint=did_you_mean(folder, PIXEL_DETECTORS.names()),
        )
    detector, _ = load_detector(folder)
    return detector, load_reference(folder).renamed(folder)
