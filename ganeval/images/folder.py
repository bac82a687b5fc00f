"""A folder of image files, with or without its sub-folders."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath

from ganeval.errors import ImageSourceError
from ganeval.images.decode import decode_file
from ganeval.images.digest import file_state, set_fingerprint
from ganeval.images.names import folder_label, frames_in_order, has_image_suffix, is_clutter, printable
from ganeval.images.source import ImageItem, ImageSource, SourceOptions


class FolderSource(ImageSource):
    """All image files of a folder, sorted by their relative POSIX path, character by character, whatever the locale.

    With ``clips="folders"`` they are frames, clip after clip, in natural order.

    Hidden files and folders, ``__MACOSX`` and ``Thumbs`` are passed over. Links to files are followed, and links to
    folders too unless they lead back into, or above, the folder itself; a folder outside is entered once.

    Parameters
    ----------
    path
        The folder.
    options
        `recursive`, `clips` and ``labels="folders"`` are heeded.

    Raises
    ------
    ImageSourceError
        If the folder or a sub-folder can't be read, there is no image in it, or one that belongs to no clip.
    """

    kind = "folder"

    def __init__(self, path: str | Path, options: SourceOptions | None = None) -> None:
        options = options or SourceOptions()
        self.name = str(path)
        self._root = str(path)
        found = _Search(self._root, options.recursive)
        self._paths = sorted(found.images)
        if not self._paths:
            raise _nothing_found(self.name, _Search(self._root, recursive=True))
        self.in_clips = options.clips == "folders"
        if self.in_clips:
            self._paths = frames_in_order(self.name, self._paths)
        self._labels = [folder_label(p) if options.labels == "folders" else None for p in self._paths]
        if options.labels == "folders" and not any(self._labels):
            raise ImageSourceError(
                f"{self.name}: class labels are to come from sub-folders, but no image lies in one",
                hint="Leave out --labels folders, or put each class into a sub-folder of its own.",
            )

    def __iter__(self) -> Iterator[ImageItem]:
        return self.between(0, len(self._paths))

    def between(self, start: int, stop: int) -> Iterator[ImageItem]:
        for path, label in zip(self._paths[start:stop], self._labels[start:stop], strict=True):
            name = printable(path)
            yield ImageItem(name, partial(decode_file, os.path.join(self._root, path), name), label)

    @property
    def count(self) -> int:
        return len(self._paths)

    def fingerprint(self) -> str:
        return set_fingerprint(
            self.kind,
            (
                f"{path}\0{label}\0{file_state(os.path.join(self._root, path))}"
                for path, label in zip(self._paths, self._labels, strict=True)
            ),
        )


class _Search:
    """Walks a folder and collects the relative paths of images, and counts what else there is."""

    def __init__(self, root: str, recursive: bool) -> None:
        self.images: list[str] = []
        self.others: dict[str, int] = {}
        self._real_root = os.path.realpath(root)
        self._outside: set[str] = set()
        self._recursive = recursive
        self._enter(root, "")

    def _enter(self, folder: str, relative: str) -> None:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            raise ImageSourceError(
                f"{printable(folder)}: the folder can't be read: {(error.strerror or str(error)).lower()}",
                hint="Check its permissions.",
            ) from error
        for entry in entries:
            if is_clutter(entry.name):
                continue
            path = f"{relative}{entry.name}"
            if _is_folder(entry):
                if self._recursive and (not entry.is_symlink() or self._may_follow(entry.path)):
                    self._enter(entry.path, f"{path}/")
            elif has_image_suffix(entry.name):
                self.images.append(path)
            else:
                suffix = PurePosixPath(entry.name).suffix.lower() or "without suffix"
                self.others[suffix] = self.others.get(suffix, 0) + 1

    def _may_follow(self, link: str) -> bool:
        target = os.path.realpath(link)
        if os.path.commonpath([target, self._real_root]) in (target, self._real_root) or target in self._outside:
            return False
        self._outside.add(target)
        return True


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    # A link that leads round in a circle; it is met again, by name, when the image is read.
    except OSError:
        return False


def _nothing_found(name: str, found: _Search) -> ImageSourceError:
    if found.images:
        return ImageSourceError(
            f"{name}: no image directly in this folder, but {len(found.images)} in its sub-folders",
            hint="Leave out --no-recursive (recursive=False) to take them.",
        )
    if not found.others:
        return ImageSourceError(f"{name}: the folder is empty", hint="Give a folder with images in it.")
    most = sorted(found.others.items(), key=lambda pair: (-pair[1], pair[0]))[:5]
    return ImageSourceError(
        f"{name}: no image in this folder; found {', '.join(f'{count} {suffix}' for suffix, count in most)} instead",
        hint="Images end in png, jpg, jpeg, webp, bmp, tif, tiff or gif. To score an archive or array, name the file.",
    )
