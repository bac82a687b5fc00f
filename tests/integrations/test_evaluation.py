"""Evaluations in a long loop: memory stays flat, and the samples are the first of those that are scored."""

from __future__ import annotations

import gc
import resource
from pathlib import Path

import pytest
import torch

from ganeval.integrations.evaluation import LoopEvaluation
from ganeval.streaming.generating import latents


def test_samples_are_the_first_that_are_scored(suite, generator) -> None:
    pictures = LoopEvaluation(suite, n=60, samples=5, seed=3).pictures(generator.train())
    with torch.no_grad():
        images = generator.eval()(latents((4,), 0, 5, seed=3))
    assert torch.equal(pictures, (images * 127.5 + 127.5).round().to(torch.uint8))
    assert LoopEvaluation(suite, n=60, samples=0).pictures(generator) is None
    assert LoopEvaluation(suite, n=60).pictures("generator:dcgan") is None


def test_inference_mode_leaves_no_traces(suite, generator) -> None:
    evaluation = LoopEvaluation(suite, n=60)
    with torch.inference_mode():
        inside = evaluation.scores(generator)
    assert inside["fid"].value == evaluation.scores(generator)["fid"].value


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads memory from /proc")
def test_memory_is_flat_over_200_evaluations(suite, generator) -> None:
    evaluation = LoopEvaluation(suite, n=200, samples=16)

    def resident() -> int:
        gc.collect()
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

    for number in range(200):
        evaluation.scores(generator)
        evaluation.pictures(generator)
        if number == 49:
            before = resident()
    # A kept batch of features alone would be 200 · 6 · 8 · 150 bytes = 1.4 MB, kept images 3.2 MB.
    assert resident() - before < 1.2e6
