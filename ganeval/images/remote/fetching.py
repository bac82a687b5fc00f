"""Files behind a URL that are needed whole: fetched to this machine for as long as they are."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ganeval.errors import ImageSourceError
from ganeval.images.remote.files import Web

_PIECE = 1 << 24


class Fetched:
    """A copy of the file behind a URL, which goes when it is closed, or this object or the process does.

    Parameters
    ----------
    url
        Of the file.

    Raises
    ------
    ImageSourceError
        If there is no such file, access is denied, the network fails, or the protocol's package isn't installed.
    """

    def __init__(self, url: str) -> None:
        #: Where it came from; its text may be shown.
        self.file = Web().file(url)
        if not self.file.exists():
            raise ImageSourceError(f"{self.file}: there is no such file", hint="Check the URL.")
        self._folder = tempfile.TemporaryDirectory(prefix="ganeval-", ignore_cleanup_errors=True)
        self.path = Path(self._folder.name, self.file.name)
        with open(self.path, "wb") as stream:
            for start in range(0, self.file.size, _PIECE):
                stream.write(self.file.read(start, min(_PIECE, self.file.size - start)))

    def close(self) -> None:
        """Remove the copy."""
        self._folder.cleanup()
