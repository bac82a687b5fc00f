"""A folder of images behind a URL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from ganeval.errors import CorruptImageError, ImageSourceError
from ganeval.images.decode import decode_bytes
from ganeval.images.digest import set_fingerprint
from ganeval.images.names import folder_label, frames_in_order, has_image_suffix, is_clutter
from ganeval.images.remote.connection import asked, file_system
from ganeval.images.remote.files import RemoteFile, state_of
from ganeval.images.remote.together import looked_at
from ganeval.images.source import DecodedImage, ImageItem, ImageSource, SourceOptions
from ganeval.images.urls import without_secrets


class RemoteFolderSource(ImageSource):
    """All image files below a URL, sorted as those of a local folder; listed once, each fetched when it is wanted.

    Hidden files and folders, ``__MACOSX`` and ``Thumbs`` are passed over.

    Parameters
    ----------
    url
        Of the folder.
    options
        `recursive`, `clips` and ``labels="folders"`` are heeded.

    Raises
    ------
    ImageSourceError
        If there is no such folder, it can't be listed, there is no image in it, or one that belongs to no clip.
    """

    kind = "folder"

    def __init__(self, url: str, options: SourceOptions | None = None) -> None:
        options = options or SourceOptions()
        self.name = without_secrets(url)
        self._files, self._root = file_system(url)
        self._url = url
        # One process lists for all that share the work.
        listed, others = looked_at([self], lambda each: each._listed())[0]
        states: dict[str, str] = {path: state for path, state in listed if options.recursive or "/" not in path}
        if not states:
            raise _nothing_found(self.name, len(listed), others)
        self.in_clips = options.clips == "folders"
        self._paths = frames_in_order(self.name, states) if self.in_clips else sorted(states)
        self._labels = [folder_label(path) if options.labels == "folders" else None for path in self._paths]
        if options.labels == "folders" and not any(self._labels):
            raise ImageSourceError(
                f"{self.name}: class labels are to come from sub-folders, but no image lies in one",
                hint="Leave out --labels folders, or put each class into a sub-folder of its own.",
            )
        self._states = [states[path] for path in self._paths]

    def __iter__(self) -> Iterator[ImageItem]:
        return self.between(0, len(self._paths))

    def between(self, start: int, stop: int) -> Iterator[ImageItem]:
        for path, label in zip(self._paths[start:stop], self._labels[start:stop], strict=True):
            yield ImageItem(path, partial(self._load, path), label)

    @property
    def count(self) -> int:
        return len(self._paths)

    def fingerprint(self) -> str | None:
        if not all(self._states):
            return None
        parts = zip(self._paths, self._labels, self._states, strict=True)
        return set_fingerprint(self.kind, (self.name, *(f"{path}\0{label}\0{state}" for path, label, state in parts)))

    def _listed(self) -> tuple[list[tuple[str, str]], dict[str, int]]:
        """Relative paths and states of all images, and how many other files of which suffix there are."""
        try:
            found: dict[str, Any] = asked(self.name, lambda: self._files.find(self._root, detail=True))
        except FileNotFoundError:
            found = {}
        images = []
        others: Counter[str] = Counter()
        root = str(self._files._strip_protocol(self._root)).rstrip("/")
        for place, info in found.items():
            path = str(place).removeprefix(root).lstrip("/")
            if any(is_clutter(part) for part in path.split("/")):
                continue
            if has_image_suffix(path):
                images.append((path, state_of(info)))
            else:
                others[PurePosixPath(path).suffix.lower() or "without suffix"] += 1
        return images, dict(others)

    def _load(self, path: str) -> DecodedImage:
        file = RemoteFile(self._files, f"{self._root.rstrip('/')}/{path}", f"{self.name.rstrip('/')}/{path}")
        return load_image(file, path)


def load_image(file: RemoteFile, path: str) -> DecodedImage:
    """The image in a file; raises `CorruptImageError`, naming it `path`, if it can't be decoded or has gone."""
    try:
        data = file.read_all()
    except FileNotFoundError as error:
        raise CorruptImageError([(path, "can't be read: no such file")]) from error
    return decode_bytes(data, path)


def _nothing_found(name: str, images: int, others: dict[str, int]) -> ImageSourceError:
    if images:
        return ImageSourceError(
            f"{name}: no image directly in this folder, but {images} in its sub-folders",
            hint="Leave out --no-recursive (recursive=False) to take them.",
        )
    if not others:
        return ImageSourceError(
            f"{name}: there is no such folder, or nothing in it", hint="Check the URL, and that you may list the place."
        )
    most = sorted(others.items(), key=lambda pair: (-pair[1], pair[0]))[:5]
    return ImageSourceError(
        f"{name}: no image in this folder; found {', '.join(f'{count} {suffix}' for suffix, count in most)} instead",
        hint="Images end in png, jpg, jpeg, webp, bmp, tif, tiff or gif. To score an archive or array, name the file.",
    )
