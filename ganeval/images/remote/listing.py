"""A text file behind a URL that lists images, one a line."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import PurePosixPath

from ganeval.errors import ImageSourceError
from ganeval.images.digest import set_fingerprint
from ganeval.images.listing import entries_of
from ganeval.images.names import folder_label, printable
from ganeval.images.remote.files import RemoteFile, Web
from ganeval.images.remote.folder import load_image
from ganeval.images.remote.together import looked_at
from ganeval.images.source import ImageItem, ImageSource, Label, SourceOptions
from ganeval.images.urls import is_url, without_secrets


class RemoteListedSource(ImageSource):
    """Images named one by one, in the order of the list, each fetched when it is wanted.

    Entries are URLs, or paths relative to the list's own folder; blank lines and those that begin with # are ignored.

    Parameters
    ----------
    url
        Of the list, UTF-8.
    options
        With ``labels="folders"`` the class is the first folder of a relative path, or the folder of a URL's file.

    Raises
    ------
    ImageSourceError
        If there is no such list, it can't be read, it names no image or a path on this machine, or files are missing
        (the first ten are named).
    """

    kind = "list"

    def __init__(self, url: str, options: SourceOptions | None = None) -> None:
        web = Web()
        self.name = without_secrets(url)
        entries = entries_of(_text(web.file(url)), self.name)
        folder = url.partition("?")[0].rpartition("/")[0]
        self._files = [web.file(_url(entry, folder, self.name)) for entry in entries]
        self._ids = [printable(without_secrets(entry)) for entry in entries]
        states = looked_at(self._files, lambda file: file.state() if file.exists() else None)
        missing = [name for name, state in zip(self._ids, states, strict=True) if state is None]
        if missing:
            shown = "\n".join(f"  {name}" for name in missing[:10])
            raise ImageSourceError(
                f"{self.name}: {len(missing):,} of {len(entries):,} listed files don't exist:\n{shown}",
                hint=f"Relative paths are taken relative to {without_secrets(folder)}/.",
            )
        self._states: list[str] = states
        with_labels = options is not None and options.labels == "folders"
        self._labels = [_label(entry) if with_labels else None for entry in entries]

    def __iter__(self) -> Iterator[ImageItem]:
        return self.between(0, len(self._files))

    def between(self, start: int, stop: int) -> Iterator[ImageItem]:
        parts = (self._ids[start:stop], self._files[start:stop], self._labels[start:stop])
        for name, file, label in zip(*parts, strict=True):
            yield ImageItem(name, partial(load_image, file, name), label)

    @property
    def count(self) -> int:
        return len(self._files)

    def fingerprint(self) -> str | None:
        if not all(self._states):
            return None
        parts = zip(self._files, self._labels, self._states, strict=True)
        return set_fingerprint(self.kind, (f"{file}\0{label}\0{state}" for file, label, state in parts))


def _text(file: RemoteFile) -> str:
    try:
        return file.read_all().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise ImageSourceError(f"{file}: there is no such file", hint="Check the URL.") from error
    except UnicodeDecodeError as error:
        raise ImageSourceError(f"{file}: not a text file in UTF-8: {error.reason}") from error


def _url(entry: str, folder: str, name: str) -> str:
    if is_url(entry):
        return entry
    if entry.startswith(("/", "~")):
        raise ImageSourceError(
            f"{name}: the list names {printable(entry)}, a path on a machine",
            hint="A list behind a URL names images by paths relative to itself, or by URL.",
        )
    return f"{folder}/{entry}"


def _label(entry: str) -> Label:
    if is_url(entry):
        return PurePosixPath(entry.partition("?")[0]).parent.name
    return folder_label(entry)
