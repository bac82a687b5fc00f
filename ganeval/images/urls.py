"""URLs that name sets of images, and what of them may be shown: never what gives access."""

from __future__ import annotations

import re

# Of at least two letters, so that a Windows drive is none; fsspec chains protocols by "::".
_URL = re.compile(r"(?:[A-Za-z][\w+.-]*::)*[A-Za-z][\w+.-]+://")
_USER = re.compile(r"(?<=://)[^/\s@'\"]*@")
# Signed links carry their signature in the query.
_QUERY = re.compile(r"(\b[A-Za-z][\w+.-]+://[^\s?'\"]*)\?[^\s'\"]*=[^\s'\"]*")


def is_url(text: str) -> bool:
    """Whether it names something by URL, such as ``s3://bucket/samples``."""
    return _URL.match(text) is not None


def without_secrets(text: str) -> str:
    """Text in which URLs have neither user and password nor a query, in whose place ``?…`` stands."""
    return _QUERY.sub(r"\1?…", _USER.sub("", text))
