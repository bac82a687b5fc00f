"""The named set ``fashion-mnist`` (Xiao, Rasul & Vollgraf 2017): its test part comes with ganeval.

``python -m ganeval.images.fashion_mnist --build FOLDER`` makes the embedded file again from the original idx files.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ganeval.errors import ImageSourceError, did_you_mean
from ganeval.images.arrays import ArraySource
from ganeval.images.downloads import data_folders, download_folder, fetching
from ganeval.images.source import ImageSource, Label, SourceOptions

_EMBEDDED = "fashion-mnist-test.npz"
_FILES = {"train": "train", "test": "t10k"}
# Where a folder of data sets has the idx files: itself, a folder of the set's name, torchvision's layout.
_LAYOUTS = (".", "fashion-mnist", "FashionMNIST/raw")
_DEBIAN = Path("/usr/share/datasets")

#: What labels 0..9 show.
CLASS_NAMES = (
    "t-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"
)  # fmt: skip

Images = npt.NDArray[np.uint8]
Part = tuple[Images, Images]


class FashionMNIST(ArraySource):
    """A part of the set, whose labels 0..9 have names."""

    @property
    def class_names(self) -> Mapping[Label, str]:
        """From the authors' table."""
        return dict(enumerate(CLASS_NAMES))


def open_fashion_mnist(argument: str, options: SourceOptions) -> ImageSource:
    """Fashion-MNIST, grey, 28 x 28, with labels 0..9.

    ``fashion-mnist`` and ``fashion-mnist:test`` are the 10,000 test images, which come with ganeval;
    ``fashion-mnist:train`` the 60,000 training images and ``fashion-mnist:all`` both, training first. Those are read
    from the folder that GANEVAL_DATA names, from Debian's package dataset-fashion-mnist, or from an earlier download
    (idx files, gzipped or not), else torchvision downloads them into the user's cache.

    Raises
    ------
    ImageSourceError
        If there is no such part, or the set is not here and can't be downloaded.
    """
    reader = _READERS.get(argument)
    if reader is None:
        raise ImageSourceError(
            f"fashion-mnist has no part {argument!r}", hint=did_you_mean(argument, [name for name in _READERS if name])
        )
    images, labels = reader()
    name = f"fashion-mnist:{argument or 'test'}"
    return FashionMNIST(images[..., None], [int(label) for label in labels], name=name, kind="named set")


def read_idx(path: Path) -> Images:
    """The array of an idx file of unsigned bytes, gzipped if it ends in ``.gz``.

    Raises
    ------
    ImageSourceError
        If it can't be read, is truncated or of another type.
    """
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise ImageSourceError(f"{path}: can't be read: {error}", hint="Fetch it again.") from error
    # Two zero bytes, the type (8 is unsigned bytes), the number of dimensions; then each as a big-endian integer.
    dimensions = data[3] if len(data) > 3 and data[:3] == b"\0\0\x08" else 0
    shape = tuple(int(size) for size in np.frombuffer(data, ">u4", dimensions, 4)) if dimensions else ()
    start = 4 + 4 * dimensions
    if not shape or len(data) != start + int(np.prod(shape)):
        raise ImageSourceError(f"{path}: not an idx file of bytes, or a truncated one", hint="Fetch it again.")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


def _embedded_test() -> Part:
    resource = resources.files("ganeval.images") / "data" / _EMBEDDED
    with resource.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
        return arrays["arr_0"], arrays["arr_1"]


def _train() -> Part:
    for folder in [*data_folders(), _DEBIAN]:
        for layout in _LAYOUTS:
            found = _idx_pair(folder / layout, "train")
            if found is not None:
                return read_idx(found[0]), read_idx(found[1])
    return _downloaded_train()


def _downloaded_train() -> Part:
    from torchvision.datasets import FashionMNIST

    layout = "a folder with the idx files, or install Debian's package dataset-fashion-mnist"
    with fetching("fashion-mnist:train", layout):
        found = FashionMNIST(str(download_folder()), train=True, download=True)
    return found.data.numpy(), found.targets.numpy()


def _all() -> Part:
    parts = (_train(), _embedded_test())
    return np.concatenate([images for images, _ in parts]), np.concatenate([labels for _, labels in parts])


_READERS: dict[str, Callable[[], Part]] = {"": _embedded_test, "test": _embedded_test, "train": _train, "all": _all}


def _idx_pair(folder: Path, part: str) -> tuple[Path, Path] | None:
    found = []
    for kind in ("images-idx3", "labels-idx1"):
        names = (f"{_FILES[part]}-{kind}-ubyte{suffix}" for suffix in ("", ".gz"))
        path = next((folder / name for name in names if (folder / name).is_file()), None)
        if path is None:
            return None
        found.append(path)
    return found[0], found[1]


def build(folder: Path, target: Path) -> None:
    """Write the test images and labels, from the idx files in `folder`, as ``arr_0`` and ``arr_1`` of a npz."""
    pair = _idx_pair(folder, "test")
    if pair is None:
        raise ImageSourceError(f"{folder}: t10k-images-idx3-ubyte(.gz) and its labels are not here")
    np.savez_compressed(target, read_idx(pair[0]), read_idx(pair[1]))


def main(arguments: Sequence[str] | None = None) -> None:
    """The command that makes the embedded file again."""
    import argparse

    parser = argparse.ArgumentParser(prog="python -m ganeval.images.fashion_mnist", description=build.__doc__)
    parser.add_argument(
        "--build", metavar="FOLDER", type=Path, required=True, help="folder with the original idx files"
    )
    parser.add_argument("--to", metavar="NPZ", type=Path, default=Path(_EMBEDDED), help="the file to write")
    chosen = parser.parse_args(arguments)
    build(chosen.build, chosen.to)


if __name__ == "__main__":
    main()
