"""Imports ONNX Runtime so that it reports nothing: nothing that anybody does with ganeval leaves the machine."""

from __future__ import annotations

import importlib
import os
from typing import Any

#: Read when the library is first loaded; from then on no uploader, no identifier of the machine and no cache of events
#: exists in this process. The published builds have reported sessions and models by default since 1.29.
_OPT_OUT = "ORT_DISABLE_TELEMETRY"


def import_onnxruntime() -> Any:
    """The module `onnxruntime`; raises `ImportError` where it isn't installed.

    The variable that switches its reports off is set for this process and those that it starts.
    """
    os.environ[_OPT_OUT] = "1"
    runtime = importlib.import_module("onnxruntime")
    # For the case that somebody else imported it before.
    runtime.disable_telemetry_events()
    return runtime
