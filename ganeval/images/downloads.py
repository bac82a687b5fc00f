"""Where data sets that don't come with ganeval lie on this machine, or are put."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from ganeval.errors import ImageSourceError

#: The environment variable that names a folder of data sets.
DATA_VARIABLE = "GANEVAL_DATA"


def data_folders() -> list[Path]:
    """The folders in which data sets are looked for: that of GANEVAL_DATA if set, then ganeval's own."""
    named = os.environ.get(DATA_VARIABLE)
    folders = [download_folder()]
    return [Path(named).expanduser(), *folders] if named else folders


def download_folder() -> Path:
    """The folder in the user's cache into which data sets are downloaded."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("ganeval")) / "datasets"


@contextlib.contextmanager
def fetching(name: str, layout: str) -> Iterator[None]:
    """Turns what goes wrong in a download by torchvision into an `ImageSourceError`.

    Parameters
    ----------
    name
        Of the set.
    layout
        What a user's own copy, in the folder that GANEVAL_DATA names, looks like.
    """
    try:
        yield
    # URLError and its like are OSErrors; torchvision reports failed mirrors and checksums as RuntimeError.
    except (OSError, RuntimeError, ValueError, EOFError) as error:
        raise ImageSourceError(
            f"{name} is not on this machine and can't be downloaded: {' '.join(str(error).split())[:300]}",
            hint=f"Connect to the network, or set {DATA_VARIABLE} to {layout}.",
        ) from error
