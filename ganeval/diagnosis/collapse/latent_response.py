"""How a generator's images respond to its latent vectors: over random pairs of them, and in the small."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ganeval.diagnosis.small_pictures import SIDE
from ganeval.errors import MetricError
from ganeval.images.source import LatentSampler

#: Step of a local difference, in standard deviations of a latent coordinate.
STEP = 0.01
_BATCH = 32

Values = npt.NDArray[np.float64]
#: Images float32 [n, 3, H, W] in 0..255 to vectors [n, D].
Embedding = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class LatentPairs:
    """Independent pairs of latent vectors, and how far apart their images are.

    Parameters
    ----------
    latent
        float64 [P], Euclidean distance of the two latent vectors.
    image
        float64 [P], root mean square difference of their images in grey levels, 0..255.
    pictures
        float64 [P], the same after averaging to small pictures.
    features
        float64 [P], Euclidean distance of their features; None without an extractor that takes unrounded images.
    """

    latent: Values
    image: Values
    pictures: Values
    features: Values | None

    @property
    def far(self) -> npt.NDArray[np.bool_]:
        """Those whose latent vectors are farther apart than half of all pairs'."""
        return np.asarray(self.latent >= np.median(self.latent))


def latent_pairs(sampler: LatentSampler, *, pairs: int, seed: int, embed: Embedding | None = None) -> LatentPairs:
    """Images of random pairs of latent vectors: how far they are apart (compare Mao et al. 2019, equation 2).

    Raises
    ------
    MetricError
        If images or features aren't finite.
    """
    first, second = sampler.draw(2 * pairs, seed).chunk(2)
    latent = (second - first).double().flatten(1).norm(dim=1).numpy()
    found: dict[str, list[torch.Tensor]] = {"image": [], "pictures": [], "features": []}
    step = max(1, min(_BATCH, sampler.batch_size) // 2)
    for start in range(0, pairs, step):
        some = slice(start, start + step)
        images = sampler.render(torch.cat([first[some], second[some]])).detach().float()
        found["image"].append(_rms(images))
        found["pictures"].append(_rms(torch.nn.functional.adaptive_avg_pool2d(images, SIDE)))
        if embed is not None:
            one, other = embed(images).double().flatten(1).chunk(2)
            found["features"].append((other - one).norm(dim=1))
    values = {name: torch.cat(parts).numpy() if parts else None for name, parts in found.items()}
    if any(part is not None and not np.isfinite(part).all() for part in values.values()):
        raise MetricError("the generator gives images that are NaN or infinite for random latent vectors")
    image, pictures = values["image"], values["pictures"]
    assert image is not None
    assert pictures is not None
    return LatentPairs(latent, image, pictures, values["features"])


def _rms(images: torch.Tensor) -> torch.Tensor:
    one, other = images.double().flatten(1).chunk(2)
    return (other - one).square().mean(dim=1).sqrt()


def local_dimensions(sampler: LatentSampler, *, places: int, directions: int, seed: int, step: float = STEP) -> Values:
    """In how many independent directions images move when the latent vector does, at random places: float64 [places].

    With J the derivative of the image by the latent vector and M = JᵀJ it is (tr M)² / tr M², the participation ratio
    of the squared singular values: d where d directions matter alike. J is never formed: for Gaussian directions u, v
    the expectation of (Ju·Jv)² is tr M², and that of |Ju|²|Jv|² is (tr M)² for independent u, v, so that means over
    all pairs of a few finite differences estimate both without bias, however few they are. 0 where no image moves.

    Parameters
    ----------
    places
        Random latent vectors.
    directions
        Differences at each, at least 2.
    step
        Of the differences, in standard deviations of a latent coordinate.
    """
    latents = sampler.draw(places, seed + 1)
    random = torch.Generator().manual_seed(seed)
    scale = step * float(latents.double().std()) if latents.numel() > 1 else step
    found = np.empty(places)
    for place in range(places):
        moves = torch.randn(directions, *latents.shape[1:], generator=random, dtype=torch.float64).to(latents.dtype)
        points = torch.cat([latents[place][None], latents[place][None] + scale * moves])
        size = max(1, min(_BATCH, sampler.batch_size))
        images = torch.cat(
            [sampler.render(points[start : start + size]).detach().float() for start in range(0, len(points), size)]
        )
        if not bool(torch.isfinite(images).all()):
            raise MetricError("the generator gives images that are NaN or infinite near random latent vectors")
        found[place] = _participation((images[1:].double() - images[:1].double()).flatten(1))
    return found


def _participation(differences: torch.Tensor) -> float:
    gram = differences @ differences.T
    squares = gram.diagonal()
    traces = float(squares.sum() ** 2 - squares.square().sum())
    products = float(gram.square().sum() - squares.square().sum())
    return traces / products if products > 0 and math.isfinite(products) else 0.0
