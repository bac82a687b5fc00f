"""Has an image's C2PA manifests read and checked, in a process of its own, without the network unless asked."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Seconds after which the reader is stopped; a 50-megapixel image takes less than one.
TIMEOUT = 8.0
#: The same where remote manifests may be fetched.
ONLINE_TIMEOUT = 30.0

#: Media types by the name that the decoder gives a format, or that of a video's container; BMP can't carry manifests.
MEDIA_TYPES: Mapping[str, str] = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "TIFF": "image/tiff",
    "GIF": "image/gif",
    "MP4": "video/mp4",
    "MOV": "video/quicktime",
    "AVI": "video/avi",
}

#: The C2PA's list of certificates whose signers it trusts; see the card beside it.
TRUST_LIST = Path(__file__).with_name("trust_list") / "signers.pem"
#: What a signer's certificate may be made for, one of these at least: protecting mail, signing documents, C2PA's
#: claims, stamping times, answering of revocation. By itself the library asks for the first.
_USAGES = ("1.3.6.1.5.5.7.3.4", "1.3.6.1.5.5.7.3.36", "1.3.6.1.4.1.62558.2.1", "1.3.6.1.5.5.7.3.8", "1.3.6.1.5.5.7.3.9")
_CHILD = Path(__file__).with_name("manifest_child.py")


@dataclass(frozen=True)
class Reading:
    """What came of reading.

    Parameters
    ----------
    store
        The manifest store as c2pa-python's JSON; None without manifests or with an error.
    error
        Why it couldn't be read, in words; empty if it could.
    remote
        Address from which the manifest was fetched; empty for one in the file.
    """

    store: dict[str, Any] | None = None
    error: str = ""
    remote: str = ""


def may_carry_manifest(data: bytes) -> bool:
    """Whether the bytes that begin every manifest store occur; False is certain and spares starting a process."""
    return b"jumb" in data and b"c2pa" in data


def reader_settings(online: bool, trust_anchors: str) -> dict[str, Any]:
    """Settings of c2pa-python's `Context`.

    Two locks each on the network: the fetches are off, and no host is allowed. Trusted are the signers of the C2PA's
    list, and those of `trust_anchors`.
    """
    settings: dict[str, Any] = {
        "version": 1,
        "verify": {"remote_manifest_fetch": online, "ocsp_fetch": online},
        "core": {"decode_identity_assertions": online},
    }
    if not online:
        settings["core"]["allowed_network_hosts"] = []
    anchors = f"{TRUST_LIST.read_text(encoding='ascii')}\n{trust_anchors}"
    settings["trust"] = {
        "trust_config": "".join(f"{usage}\n" for usage in _USAGES),
        "anchors": [
            {"trust_kind": kind, "trust_uri": f"ganeval:{TRUST_LIST.name}", "trust_anchors": anchors}
            for kind in ("manifest", "tsa")
        ],
    }
    return settings


def read_manifests(data: bytes, image_format: str, *, online: bool = False, trust_anchors: str = "") -> Reading:
    """Read and check the manifests of an image file.

    Parameters
    ----------
    data
        The whole file.
    image_format
        A key of `MEDIA_TYPES`.
    online
        Whether remote manifests and certificates' revocation may be fetched.
    trust_anchors
        PEM text of root certificates that are trusted besides the C2PA's list; empty for none.

    Returns
    -------
    Reading
        Nothing is raised for hostile bytes: a reader that crashes, hangs or takes too much memory is an error in words.
    """
    request = {
        "media_type": MEDIA_TYPES[image_format],
        "settings": reader_settings(online, trust_anchors),
        "paths": [path for path in sys.path if path],
    }
    header = json.dumps(request).encode()
    timeout = ONLINE_TIMEOUT if online else TIMEOUT
    try:
        # Isolated (-I): neither this folder nor the current one is searched for modules.
        ended = subprocess.run(
            [sys.executable, "-I", str(_CHILD)],
            input=len(header).to_bytes(8, "big") + header + data,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Reading(error=f"the reader was stopped after {timeout:g} s")
    except OSError as error:
        return Reading(error=f"the reader can't be started: {error.strerror or error}")
    if ended.returncode != 0:
        return Reading(error="the reader broke down over it")
    return _answer(ended.stdout)


def _answer(output: bytes) -> Reading:
    try:
        answer = json.loads(output)
    except (ValueError, RecursionError):
        return Reading(error="the reader's answer can't be read")
    store = answer.get("store")
    return Reading(
        store=store if isinstance(store, dict) else None,
        error=str(answer.get("error") or ""),
        remote=str(answer.get("remote") or ""),
    )
