"""How long does a verdict take? CPU seconds of start-up and of pictures of several sizes, and the peak of memory.

    OMP_NUM_THREADS=1 python benchmarks/detect_speed.py PHOTOGRAPH

Larger sizes than the photograph's are made by repeating it.
"""

from __future__ import annotations

import resource
import sys
import time

import numpy as np

from ganeval.detectors import Examiner, open_specimen

SIZES = ((512, 512), (1024, 1024), (6000, 9000))


def main() -> None:
    """Measure and print."""
    examiner = Examiner()
    examiner.detect(np.zeros((8, 8, 3), np.uint8))
    print(f"start-up: {time.process_time():.2f} s of CPU, imports and weights included")
    photograph = open_specimen(sys.argv[1]).pixels
    for height, width in SIZES:
        times = (-(-height // photograph.shape[0]), -(-width // photograph.shape[1]), 1)
        specimen = open_specimen(np.ascontiguousarray(np.tile(photograph, times)[:height, :width]))
        examiner.examine(specimen)
        began = time.process_time()
        verdict = examiner.examine(specimen)
        print(f"{width} x {height}: {time.process_time() - began:.2f} s of CPU ({verdict.label})")
    print(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
