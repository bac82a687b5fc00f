"""Images of whatever a training loop has as a generator: a module, a function of latent vectors or of a number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn

from ganeval.errors import ImageSourceError, OptionError
from ganeval.images.tensors import takes_number
from ganeval.metrics.options import require_count
from ganeval.random_streams import DRAWINGS, random_stream, stream_seed
from ganeval.streaming.untouched import evaluating, own_randomness

#: Attributes by which modules tell the size or shape of their latent vectors.
_LATENT_NAMES = ("latent_shape", "z_dim", "latent_dim", "nz")
#: Wrappers keep the module they wrap here: `DistributedDataParallel`, `AveragedModel`, compiled modules.
_WRAPPED_NAMES = ("module", "_orig_mod")
#: Latent vectors are drawn so many at a time, each block from a stream of its own, whatever the batches.
_BLOCK = 256


def generated_batches(
    generator: Callable[..., Any],
    count: int,
    *,
    seed: int,
    batch_size: int,
    latent: int | tuple[int, ...] | None = None,
    start: int = 0,
    autocast: torch.dtype | None = None,
) -> Iterator[Tensor]:
    """Batches of `count` images, without gradients, with the surroundings as they were after each of them.

    Latent vector i is a function of `seed` and i alone. Modules run in evaluation mode on their own device; wrapped
    ones (`AveragedModel` of an EMA, `DistributedDataParallel`) are called through the wrapper.

    Parameters
    ----------
    generator
        A module that tells what its latent vectors are, or with `latent` any function of normal latent vectors
        [n, *latent]; otherwise ``generator(n)`` gives n images, and ``generator()`` a batch of its own size.
    count, start
        How many images, from which on.
    seed
        Of latent vectors, and of what the generator draws from global generators.
    batch_size
        Images at once.
    latent
        Dimensions of a latent vector, or its shape.
    autocast
        The dtype of an autocast around the generator; None for none.

    Raises
    ------
    OptionError
        If a module doesn't tell what its latent vectors are, or a number can't be used.
    ImageSourceError
        If the generator gives no images.
    """
    for name, number, minimum in (("count", count, 1), ("batch_size", batch_size, 1), ("seed", seed, 0)):
        require_count(name, number, minimum=minimum)
    module = generator if isinstance(generator, nn.Module) else None
    shape = _latent_shape(generator, latent)
    device, dtype = _place(module)
    drawn = 0
    while drawn < count:
        wanted = min(batch_size, count - drawn)
        with ExitStack() as around:
            around.enter_context(own_randomness(stream_seed(seed, DRAWINGS, start + drawn), device))
            around.enter_context(evaluating(module))
            around.enter_context(torch.no_grad())
            around.enter_context(torch.autocast(device.type, dtype=autocast, enabled=autocast is not None))
            if shape is not None:
                made = generator(latents(shape, start + drawn, wanted, seed).to(device, dtype))
            else:
                made = generator(wanted) if takes_number(generator) else generator()
        images = _images(made)[:wanted]
        drawn += len(images)
        yield images


def latents(shape: tuple[int, ...], start: int, count: int, seed: int) -> Tensor:
    """Normal latent vectors float32 [count, *shape] from number `start` on."""
    first, last = start // _BLOCK, (start + count - 1) // _BLOCK
    blocks = [
        torch.randn(_BLOCK, *shape, generator=random_stream(seed, DRAWINGS, block)) for block in range(first, last + 1)
    ]
    return torch.cat(blocks)[start - first * _BLOCK :][:count]


def _latent_shape(generator: Any, latent: int | tuple[int, ...] | None) -> tuple[int, ...] | None:
    if latent is not None:
        shape = tuple(latent) if isinstance(latent, tuple | list | torch.Size) else (latent,)
        return tuple(require_count("latent", size) for size in shape)
    if not isinstance(generator, nn.Module):
        return None
    inner: Any = generator
    while inner is not None:
        for name in _LATENT_NAMES:
            told = getattr(inner, name, None)
            if isinstance(told, int) and not isinstance(told, bool):
                return (told,)
            if isinstance(told, tuple | list | torch.Size) and told:
                return tuple(int(end) for end in told)
        inner = next((getattr(inner, name) for name in _WRAPPED_NAMES if hasattr(inner, name)), None)
    raise OptionError(
        f"the module {type(generator).__name__} doesn't tell what its latent vectors are",
        hint="Say latent=128 (or a shape), give it an attribute z_dim, or pass a function of the number of images.",
    )


def _place(module: nn.Module | None) -> tuple[torch.device, torch.dtype]:
    """Where a module's latent vectors belong, and in which dtype."""
    weights = None if module is None else next(module.parameters(), next(module.buffers(), None))
    if weights is None:
        return torch.device("cpu"), torch.float32
    return weights.device, weights.dtype if weights.is_floating_point() else torch.float32


def _images(made: Any) -> Tensor:
    """What a generator returned; of several things the first, as generators give images first."""
    images = made[0] if isinstance(made, tuple | list) and made else made
    if not isinstance(images, Tensor) or images.ndim != 4 or not len(images):
        what = f"shape {tuple(images.shape)}" if isinstance(images, Tensor) else type(images).__name__
        raise ImageSourceError(f"the generator gives {what} instead of images", hint="It must give [N, C, H, W].")
    return images
