"""The generative models whose weights come with ganeval: the files of the folder ``weights``.

A file ``NAME.safetensors`` with a card ``NAME.md`` beside it is all it takes to add one.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib import resources
from typing import Any

from ganeval.errors import ImageSourceError, WeightsError, did_you_mean
from ganeval.generators.weights_header import header_of_file

_SUFFIX = ".safetensors"


@dataclass(frozen=True)
class BundledGenerator:
    """One model of the package.

    Parameters
    ----------
    name
        How it is called on the command line and in reports.
    file
        Its weights in the folder ``weights``, with a card of the same name ending in ``.md`` beside them.
    aliases
        Further names.
    """

    name: str
    file: str
    aliases: tuple[str, ...] = ()

    def weights(self) -> bytes:
        """The content of the weights file.

        Raises
        ------
        WeightsError
            If the installation lacks it.
        """
        try:
            return (resources.files("ganeval.generators") / "weights" / self.file).read_bytes()
        except OSError as error:
            raise WeightsError(
                f"the weights of {self.name} are missing from this installation: weights/{self.file}",
                hint="Install ganeval anew.",
            ) from error

    @property
    def header(self) -> dict[str, Any]:
        """Model, configuration and training, as the weights file tells them; raises `ValueError` if it is damaged."""
        with (resources.files("ganeval.generators") / "weights" / self.file).open("rb") as stream:
            return header_of_file(stream)

    def card(self) -> str:
        """What is known of it, in Markdown; raises `OSError` if there is no card."""
        card = self.file.removesuffix(_SUFFIX) + ".md"
        return (resources.files("ganeval.generators") / "weights" / card).read_text(encoding="utf-8")


@functools.cache
def bundled_generators() -> tuple[BundledGenerator, ...]:
    """All of them, by name. The first of each model is also called by the model's name: ``"dcgan"``."""
    folder = resources.files("ganeval.generators") / "weights"
    files = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(_SUFFIX))
    found: list[BundledGenerator] = []
    taken = {file.removesuffix(_SUFFIX) for file in files}
    for file in files:
        name = file.removesuffix(_SUFFIX)
        plain = BundledGenerator(name, file)
        try:
            model = str(plain.header["model"])
        except (OSError, ValueError, KeyError):
            # A damaged file has its name still; what is wrong is told to whoever opens it.
            model = name
        found.append(plain if model in taken else BundledGenerator(name, file, (model,)))
        taken.add(model)
    return tuple(found)


BUNDLED = bundled_generators()


def find_bundled(name: str) -> BundledGenerator:
    """The bundled model of that name or alias.

    Raises
    ------
    ImageSourceError
        If there is none, with the nearest name.
    """
    table = {known: model for model in BUNDLED for known in (model.name, *model.aliases)}
    if name not in table:
        asked = f"unknown generator {name!r}" if name else "no generator is named"
        raise ImageSourceError(asked, hint=did_you_mean(name, table))
    return table[name]
