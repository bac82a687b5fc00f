"""The generative models whose weights come with ganeval."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

from ganeval.errors import ImageSourceError, WeightsError, did_you_mean


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


BUNDLED = (BundledGenerator("dcgan-fashion-mnist", "dcgan-fashion-mnist.safetensors", aliases=("dcgan",)),)


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
