"""The latent space of a trained generator: its samples' latents by number, and the images of others."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import torch
from torch import Tensor

from ganeval.errors import OptionError
from ganeval.generators.model import Latents, Truncation
from ganeval.generators.sampling.blocks import BLOCK_SIZE, levels, to_bytes
from ganeval.generators.sources.source import SampleSource


class LatentSpace:
    """A generator whose latents can be taken, changed and looked at.

    Samples are called by their numbers: number 12 is the picture ``000012.png`` of `ganeval generate` with the same
    seed, class and truncation.

    Parameters
    ----------
    source
        Its samples; truncation and class are heeded, the count is not.
    """

    def __init__(self, source: SampleSource) -> None:
        self._source = source
        self.model, self._blocks = source.model(), source.blocks()

    @property
    def name(self) -> str:
        """How the generator is called."""
        return self._source.name

    def latents(self, numbers: Sequence[int]) -> Latents:
        """Latents of samples, a row each, as they are drawn, before truncation; raises `OptionError` below 0."""
        rows = []
        for number in numbers:
            if number < 0:
                raise OptionError(f"sample {number} is asked for", hint="Samples are numbered from 0.")
            block, position = divmod(number, BLOCK_SIZE)
            drawn = self._blocks.raw_latents(block)
            rows.append({name: values[position : position + 1] for name, values in drawn.items()})
        return stacked(rows)

    def images(self, latents: Latents, truncation: Truncation | None = None) -> list[Tensor]:
        """Their images, uint8 [C, H, W] each, truncated as the source says, or as `truncation` does.

        Raises
        ------
        OptionError
            If the model can't truncate so.
        """
        if truncation is not None:
            with torch.inference_mode():
                return self.images_as_they_are(self.model.truncated(latents, truncation))
        return self.images_as_they_are(self._blocks.truncated(latents))

    def images_as_they_are(self, latents: Latents) -> list[Tensor]:
        """Images of latents that are truncated already where they are to be, uint8 [C, H, W] each."""
        count, size = len(next(iter(latents.values()))), self.model.pass_size
        made: list[Tensor] = []
        for start in range(0, count, size):
            # Passes of the usual size, so that samples are rounded as `ganeval generate` rounds them.
            chosen = torch.arange(start, start + size).clamp(max=count - 1)
            some = {name: values[chosen] for name, values in latents.items()}
            made += list(to_bytes(levels(self.model, some))[: count - start])
        return made

    def require_paths(self) -> str:
        """The geometry of ``"z"``; raises `OptionError` if the generator has no latent vectors."""
        if self.model.geometry == "none":
            raise OptionError(
                f"{self.name} has no latent vectors, only a seed for each image", hint="Take another kind of generator."
            )
        return self.model.geometry

    def mixed(self, first: Latents, second: Latents, layers: Collection[int]) -> Latents:
        """Latents with the styles of `second` in some layers; both are truncated first, as the source says.

        Raises
        ------
        OptionError
            If the model has no layers of styles, or not those.
        """
        model: Any = self.model
        if not hasattr(model, "mix"):
            raise OptionError(
                f"{self.name} can't mix styles: its generator has no style for each layer",
                hint="Take a StyleGAN2, or `ganeval latent interpolate`.",
            )
        with torch.inference_mode():
            mixed: Latents = model.mix(self._blocks.truncated(first), self._blocks.truncated(second), layers)
        return mixed

    def styled(self, latents: Latents) -> Latents:
        """Latents with the style w of each layer in the place of z, truncated as the source says.

        Raises
        ------
        OptionError
            If the model has no styles.
        """
        if not self.style_count:
            raise OptionError(
                f"{self.name} has no w: its generator has no styles", hint="Take a StyleGAN2, or --space z."
            )
        return self.mixed(latents, latents, ())

    @property
    def style_count(self) -> int:
        """How many layers have a style of their own; 0 where styles can't be mixed."""
        return int(getattr(self.model, "style_count", 0))


def stacked(rows: Sequence[Latents]) -> Latents:
    """Latents one below the other."""
    return {name: torch.cat([row[name] for row in rows]) for name in rows[0]}


def repeated(latents: Latents, count: int) -> Latents:
    """One sample's latents, `count` times."""
    return {name: values.expand(count, *values.shape[1:]).contiguous() for name, values in latents.items()}
