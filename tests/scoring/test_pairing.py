"""Remarks on pairs."""

from __future__ import annotations

import numpy as np

from ganeval.metrics import psnr, ssim
from ganeval.metrics.score import Score
from ganeval.scoring.pairing import notices_of_pairs


def _images(count: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, 12, 12, 3), dtype=np.uint8)


def test_unmatched_and_identical_are_said_once() -> None:
    real, generated = _images(7), _images(4)
    generated[0] ^= 1
    names = [f"{i}.png" for i in range(7)], ["1.png", "2.png", "3.png", "x.png"]
    scores = [function(real, generated, names=names) for function in (psnr, ssim)]
    generated[:3] = real[1:4]
    found = notices_of_pairs([Score("fd", 1.0, 2, 2, False), *scores])
    assert [notice.code for notice in found] == ["unpaired-images"]
    assert found[0].message == (
        "1 generated image (x.png) and 4 real images (0.png, 4.png, 5.png, …) have no partner of the same name"
    )
    assert "3 pairs" in found[0].effect
    equal = notices_of_pairs([psnr(real[1:4], generated[:3])])
    assert [notice.code for notice in equal] == ["identical-pairs"]
    assert "3 of 3 pairs are" in equal[0].message
    assert "infinite" in equal[0].effect
    generated[2] ^= 1
    (some,) = notices_of_pairs([psnr(real[1:4], generated[:3])])
    assert "2 of 3" in some.message
    assert "others" in some.effect


def test_nothing_to_say() -> None:
    assert notices_of_pairs([Score("fd", 1.0, 2, 2, False)]) == []
    assert notices_of_pairs([ssim(_images(3), _images(3))]) == []
