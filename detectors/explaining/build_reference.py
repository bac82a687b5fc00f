"""Makes the bundled spectra of photographs: ``python -m ganeval.detectors.explaining.build_reference FOLDER OUT``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ganeval.detectors.explaining.spectra import mean_spectrum, summarise
from ganeval.files import write_atomically
from ganeval.images.opening import open_source


def main(arguments: Sequence[str] | None = None) -> None:
    """Read a folder of photographs, write their spectra as safetensors."""
    from safetensors.numpy import save

    folder, out = sys.argv[1:] if arguments is None else arguments
    spectra = [mean_spectrum(item.load().pixels) for item in open_source(folder)]
    found = summarise(np.stack([one for one in spectra if one is not None]))
    arrays = {name: getattr(found, name).astype(np.float16) for name in ("spectrum", "spread", "low", "middle", "high")}
    arrays["count"] = np.array([found.count], dtype=np.int32)
    write_atomically(Path(out), save(arrays))
    print(f"{found.count} photographs")


if __name__ == "__main__":
    main()
