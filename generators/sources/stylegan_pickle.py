"""StyleGAN2-ADA and StyleGAN3 networks in the ``.pkl`` files of their authors (Karras et al. 2020, 2021).

Such a file is a pickle that holds the source code of its classes, and imports the rest of it from its repository.
"""

from __future__ import annotations

import importlib
import pickle
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganeval.errors import OptionError, WeightsError
from ganeval.generators.model import Conditioned, Latents, Truncation
from ganeval.generators.sources.origin import FileOrigin, require_trust

# Bounds the memory of a pass, whose networks have up to 512 channels.
_PIXELS_IN_PASS = 1 << 20


class StyleGanOrigin(FileOrigin):
    """The averaged generator (``G_ema``) of such a file.

    Parameters
    ----------
    path
        The file.
    code
        Folder of the repository that wrote it; None where its modules can be imported already.
    trust
        Whether its code may run.

    Raises
    ------
    ImageSourceError
        If it isn't trusted.
    OptionError
        If there is no such folder.
    """

    kind = "stylegan-pkl"

    def __init__(self, path: Path, code: str | None = None, *, trust: bool) -> None:
        require_trust(trust, f"the pickle {path}")
        super().__init__(path)
        if code is not None and not Path(code).is_dir():
            raise OptionError(f"there is no folder {code!r} with the code of {path}", hint="Check code=FOLDER.")
        self._code = code

    def load(self, device: torch.device) -> StyleGanModel:
        """The generator; raises `WeightsError` if the file can't be unpickled or holds none."""
        # Which is also where a file that can't be read is told.
        self.digest()
        with _importing(self._code), open(self.path, "rb") as stream:
            try:
                content = pickle.load(stream)
            except ImportError as error:
                raise WeightsError(
                    f"{self.path} needs the code of its repository: {error}",
                    hint="Clone it (github.com/NVlabs/stylegan3 reads files of stylegan2-ada-pytorch too) and name the "
                    f"folder: 'generator:{self.path}?code=stylegan3'.",
                ) from error
            except Exception as error:
                # Unpickling runs code of the file, which may raise anything.
                raise WeightsError(
                    f"{self.path} can't be unpickled: {type(error).__name__}: {error}",
                    hint="Files of the first StyleGANs, for TensorFlow, have to be converted with their legacy.py.",
                ) from error
        network: Any = content.get("G_ema") if isinstance(content, Mapping) else content
        missing = [name for name in ("mapping", "synthesis", "z_dim", "c_dim") if not hasattr(network, name)]
        if missing:
            raise WeightsError(
                f"{self.path} holds no generator of StyleGAN2 or 3: {', '.join(missing)} missing",
                hint="It should be a snapshot, with an entry G_ema.",
            )
        return StyleGanModel(network.eval().requires_grad_(False).to(device), device)

    def facts(self) -> Mapping[str, Any]:
        """The folder of the code."""
        return {} if self._code is None else {"code": self._code}


class StyleGanModel(Conditioned):
    """Such a generator as a `ganeval.generators.sampling.samplable.Samplable`.

    Parameters
    ----------
    network
        With `mapping`, `synthesis`, `z_dim`, `c_dim` and `img_resolution`.
    device
        Where it is.
    """

    geometry = "gaussian"
    truncations: Mapping[str, str] = {
        "psi": "styles are drawn towards their mean by 1 − ψ; 1 takes no part, 0 one image"
    }

    def __init__(self, network: Any, device: torch.device) -> None:
        self._network, self.device = network, device
        self.classes = int(network.c_dim)
        side = int(getattr(network, "img_resolution", 256))
        self.pass_size = max(1, min(100, _PIXELS_IN_PASS // side**2))

    def draw(self, count: int, random: torch.Generator, labels: Tensor | None = None) -> Latents:
        """Normal ``"z"`` [count, z_dim], and ``"label"`` of networks with classes."""
        latents = {"z": torch.randn(count, int(self._network.z_dim), generator=random)}
        if self.classes:
            drawn = torch.randint(self.classes, (count,), generator=random)
            latents["label"] = drawn if labels is None else labels
        return latents

    def truncated(self, latents: Latents, truncation: Truncation) -> Latents:
        """With method ``"psi"``: ``"w"`` [count, layers, w_dim] in place of z's own styles; raises `OptionError`."""
        if truncation.method not in self.truncations:
            raise OptionError(f"this model can't truncate by {truncation.method!r}", hint="It has: psi.")
        if not 0 <= truncation.value <= 1:
            raise OptionError(f"the truncation psi is {truncation.value}", hint="It has to be from 0 to 1.")
        return latents | {"w": self._styles(latents, truncation.value).cpu()}

    def render(self, latents: Latents) -> Tensor:
        """Images float32 [N, C, H, W], mostly in [-1, 1], with the noise that is stored in the network."""
        styles = latents["w"].to(self.device) if "w" in latents else self._styles(latents, 1.0)
        # Half precision is for GPUs, and would round differently on them.
        images: Tensor = self._network.synthesis(styles, noise_mode="const", force_fp32=True)
        return images.float()

    def _styles(self, latents: Latents, psi: float) -> Tensor:
        z = latents["z"].to(self.device)
        label = latents.get("label")
        condition = torch.zeros(len(z), 0, device=self.device)
        if label is not None:
            condition = torch.nn.functional.one_hot(label.to(self.device), self.classes).float()
        styles: Tensor = self._network.mapping(z, condition, truncation_psi=psi)
        return styles


@contextmanager
def _importing(code: str | None) -> Iterator[None]:
    """Lets modules be imported from the folder; they stay imported, as the network goes on using them."""
    if code is None:
        yield
        return
    folder = str(Path(code).resolve())
    sys.path.insert(0, folder)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(folder)
