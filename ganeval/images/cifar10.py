"""The named set ``cifar10`` (Krizhevsky 2009), by torchvision's download."""

from __future__ import annotations

from ganeval.errors import ImageSourceError, did_you_mean
from ganeval.images.arrays import ArraySource
from ganeval.images.downloads import data_folders, download_folder, fetching
from ganeval.images.source import ImageSource, SourceOptions

_PARTS = {"": True, "train": True, "test": False}


def open_cifar10(argument: str, options: SourceOptions) -> ImageSource:
    """``cifar10`` and ``cifar10:train``: the 50,000 training images; ``cifar10:test``: the 10,000 test images.

    They are looked for in the folders of `data_folders`, then downloaded by torchvision into the user's cache.
    torchvision unpickles its files, but only after their checksums were compared with those of the published ones.

    Raises
    ------
    ImageSourceError
        If there is no such part, or the set is not here and can't be downloaded.
    """
    if argument not in _PARTS:
        raise ImageSourceError(f"cifar10 has no part {argument!r}", hint=did_you_mean(argument, ["train", "test"]))
    from torchvision.datasets import CIFAR10

    train = _PARTS[argument]
    here = next((folder for folder in data_folders() if (folder / CIFAR10.base_folder).is_dir()), None)
    with fetching("cifar10", "a folder that holds cifar-10-batches-py"):
        found = CIFAR10(str(here or download_folder()), train=train, download=here is None)
    name = f"cifar10:{argument or 'train'}"
    return ArraySource(found.data, [int(label) for label in found.targets], name=name, kind="named set")
