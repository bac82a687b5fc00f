"""Reads one image's C2PA manifests in a process of its own: a script, started by `manifest_reading`.

The parser is native code that is handed a stranger's bytes. Here a crash, an endless loop or a runaway allocation ends
this process and nothing else. On standard input stand the length of a JSON request (8 bytes), the request, and the
image; on standard output, one JSON object.
"""

from __future__ import annotations

import io
import json
import sys
from typing import Any

#: Longest answer, in bytes: a manifest store with more text than this is refused.
MAX_ANSWER = 16 << 20
#: Address space beyond four times the image, in bytes.
MEMORY = 1 << 30


def limit_memory(extra: int) -> None:
    """Let the process have `MEMORY` + `extra` bytes of address space, where the system can limit it."""
    try:
        import resource
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = MEMORY + extra
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))


def read(image: bytes, media_type: str, settings: dict[str, Any]) -> dict[str, Any]:
    """``{"store": ...}``, None for no manifest, or ``{"error": ...}``."""
    import c2pa

    try:
        context = c2pa.Context.from_dict(settings)
        reader = c2pa.Reader.try_create(media_type, io.BytesIO(image), context=context)
        if reader is None:
            return {"store": None}
        store = json.loads(reader.json())
        return {"store": store, "embedded": reader.is_embedded(), "remote": reader.get_remote_url()}
    except c2pa.C2paError as error:
        return {"error": str(error)}


def main() -> None:
    """Answer the one request."""
    source = sys.stdin.buffer
    request = json.loads(source.read(int.from_bytes(source.read(8), "big")))
    image = source.read()
    # Where the parent found the library, so must this process, which starts without the user's settings.
    sys.path[:] = request["paths"]
    limit_memory(4 * len(image))
    try:
        answer = read(image, request["media_type"], request["settings"])
    except ImportError as error:
        answer = {"error": f"c2pa-python can't be imported: {error}"}
    except (MemoryError, RecursionError, ValueError) as error:
        answer = {"error": f"the manifest store is too large or broken: {type(error).__name__}"}
    text = json.dumps(answer)
    sys.stdout.write(text if len(text) <= MAX_ANSWER else json.dumps({"error": "the manifest store is too large"}))


if __name__ == "__main__":
    main()
