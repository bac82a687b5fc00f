"""Files of weights that authors of detectors published: what is read from them, and what is said if it doesn't fit."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

from ganeval.errors import OptionError, WeightsError
from ganeval.features.weights import check_state_dict, load_state_dict

# As torch.nn.DataParallel saves them.
_PARALLEL = "module."


def load_published(
    network: nn.Module, path: Path, *, title: str, entry: str | None = None, unused: Iterable[str] = ()
) -> None:
    """Set the parameters of `network` from the authors' file; nothing in the file is run.

    Parameters
    ----------
    network
        With parameters of the authors' names.
    path
        A PyTorch file of tensors, read with ``weights_only=True``, or safetensors.
    title
        What messages call the network.
    entry
        Under which the file keeps the parameters; a file that has them at its top is read as well.
    unused
        Parameters that the authors' training saves and their network never uses.

    Raises
    ------
    WeightsError
        If the file is missing or unreadable, or some of its arrays are missing, unknown or of other shapes.
    """
    state = _named_tensors(path, title, entry)
    state = {name.removeprefix(_PARALLEL): value for name, value in state.items()}
    for name in unused:
        state.pop(name, None)
    hint = f"The file that the authors of {title} published is needed, or one that their code saved."
    try:
        check_state_dict(state, network.state_dict(), path=path, network=title)
    except WeightsError as error:
        raise WeightsError(error.message, hint=hint) from error
    network.load_state_dict({name: value.float() for name, value in state.items()}, strict=False)


def _named_tensors(path: Path, title: str, entry: str | None) -> dict[str, Tensor]:
    if not path.is_file() or path.suffix == ".safetensors":
        return load_state_dict(path, network=title)
    try:
        with warnings.catch_warnings():
            # About pickle protocols, for PyTorch's developers.
            warnings.simplefilter("ignore", UserWarning)
            loaded: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the unpickler raises whatever the bytes lead it to
        first_line = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise WeightsError(
            f"{path} is not a readable weights file of {title}: {first_line}",
            hint="A PyTorch file of tensors only, or a .safetensors file, is needed.",
        ) from error
    if entry is not None and isinstance(loaded, Mapping) and isinstance(loaded.get(entry), Mapping):
        loaded = loaded[entry]
    if not isinstance(loaded, Mapping) or not loaded:
        raise WeightsError(
            f"{path} holds {type(loaded).__name__} and no named tensors",
            hint=f"The file that the authors of {title} published is needed.",
        )
    wrong = [str(name) for name, value in loaded.items() if not (isinstance(name, str) and isinstance(value, Tensor))]
    if wrong:
        raise WeightsError(
            f"{path} doesn't hold the weights of {title}: its entry {wrong[0]!r} is no tensor",
            hint=f"The file that the authors of {title} published is needed.",
        )
    return dict(loaded)


def refuse_to_train(name: str, instead: str) -> NoReturn:
    """Raises `OptionError`: detectors of published weights are loaded and not trained."""
    raise OptionError(
        f"the detector {name} isn't trained here: it is the authors' network with the authors' weights",
        hint=f"Load their file with --weights FILE, or train the detector {instead}.",
    )
