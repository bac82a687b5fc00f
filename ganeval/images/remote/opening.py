"""From a URL to the source of images behind it."""

from __future__ import annotations

import weakref
from collections.abc import Callable

from ganeval.errors import ImageSourceError
from ganeval.images.archive import ZipSource
from ganeval.images.arrays import ArraySource, open_npy_file, open_npz_file
from ganeval.images.names import has_image_suffix
from ganeval.images.remote.fetching import Fetched
from ganeval.images.remote.files import Web
from ganeval.images.remote.folder import RemoteFolderSource
from ganeval.images.remote.listing import RemoteListedSource
from ganeval.images.shards import ShardSource
from ganeval.images.source import ImageSource, SourceOptions
from ganeval.images.urls import without_secrets


def open_url(url: str, options: SourceOptions) -> ImageSource:
    """The images behind a URL: tar shards (with braces), a zip, npz, npy or list, by suffix; all else is a folder.

    Raises
    ------
    ImageSourceError
        If the protocol's package isn't installed, there is no such file or folder, access is denied, the network
        fails, or there is no image in it.
    """
    path = url.partition("?")[0].lower()
    if has_image_suffix(path):
        raise ImageSourceError(
            f"{without_secrets(url)} is a single image; a set of images is needed", hint="Give the URL of its folder."
        )
    opener = next((opener for suffix, opener in _OPENERS.items() if path.endswith(suffix)), RemoteFolderSource)
    return opener(url, options)


def _open_shards(url: str, options: SourceOptions) -> ImageSource:
    return ShardSource(url, options, place=Web())


def _open_zip(url: str, options: SourceOptions) -> ImageSource:
    return ZipSource(url, options, place=Web())


def _fetched(open_file: Callable[..., ArraySource]) -> Callable[[str, SourceOptions], ImageSource]:
    """An opener that fetches a file, which is there until its source isn't needed any more, and opens it."""

    def opened(url: str, options: SourceOptions) -> ImageSource:
        fetched = Fetched(url)
        file = fetched.file
        source = open_file(
            fetched.path, options, name=str(file), state=f"{file} {file.state()}" if file.state() else None
        )
        weakref.finalize(source, fetched.close)
        return source

    return opened


_OPENERS: dict[str, Callable[[str, SourceOptions], ImageSource]] = {
    **dict.fromkeys((".tar", ".tar.gz", ".tgz"), _open_shards),
    ".zip": _open_zip,
    ".npz": _fetched(open_npz_file),
    ".npy": _fetched(open_npy_file),
    **dict.fromkeys((".txt", ".lst"), RemoteListedSource),
}
