"""Checks of two sets: each difference gives its one notice, and equal sets give none."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from ganeval.images.checks import check_sets
from ganeval.images.source import ImageInfo
from ganeval.notices import Notice


def infos(count: int, start: int = 0, **fields: object) -> list[ImageInfo]:
    plain = ImageInfo("PNG", "RGB", 64, 64)
    return [replace(plain, digest=(start + i).to_bytes(16, "big"), **fields) for i in range(count)]  # type: ignore[arg-type]


def check(real: list[ImageInfo] | None, generated: list[ImageInfo]) -> list[Notice]:
    ids = [[f"{side}{i}" for i in range(len(images or ()))] for side, images in (("r", real), ("g", generated))]
    return check_sets(real, generated, ids[0], ids[1])


def only(real: list[ImageInfo] | None, generated: list[ImageInfo]) -> Notice:
    (notice,) = check(real, generated)
    assert notice.message
    assert notice.effect
    return notice


@pytest.mark.parametrize(
    "fields", [{}, {"format": "JPEG", "jpeg_quality": 90}, {"mode": "L"}, {"format": "array"}, {"mode": "CMYK"}]
)
def test_sets_stored_alike_give_none(fields: dict[str, object]) -> None:
    assert check(infos(50, **fields), infos(60, start=100, **fields)) == []
    assert check(None, infos(60, **fields)) == []
    assert check([], infos(3)) == []


def test_formats() -> None:
    notice = only(infos(20), infos(20, start=100, format="JPEG", jpeg_quality=90))
    assert notice.code == "format-mismatch"
    assert "20 PNG" in notice.message
    assert "20 JPEG" in notice.message
    assert "Parmar et al. 2022" in notice.effect
    lossless = only(infos(20), infos(20, start=100, format="BMP"))
    assert lossless.severity == "info"
    assert "JPEG" not in lossless.effect
    webp = infos(20, start=100, format="WEBP")
    assert "WebP" in only(infos(20), webp).effect
    assert "WebP" in only(infos(19) + infos(1, start=900, format="WEBP"), webp).effect
    # A photograph loses most of its colours to GIF's palette: not one of those that give the same pixels.
    gif = only(infos(20), infos(20, start=100, format="GIF"))
    assert gif.severity == "warning"
    assert "256 colours" in gif.effect


def test_a_few_of_another_format_among_many_are_no_mismatch() -> None:
    assert check(infos(1000), infos(999, start=5000) + infos(1, start=9000, format="BMP")) == []


def test_jpeg_quality() -> None:
    real = infos(20, format="JPEG", jpeg_quality=95)
    notice = only(real, infos(20, start=100, format="JPEG", jpeg_quality=75))
    assert notice.code == "jpeg-quality-mismatch"
    assert "about 95" in notice.message
    assert "about 75" in notice.message
    assert check(real, infos(20, start=100, format="JPEG", jpeg_quality=0)) == []


def test_sizes() -> None:
    notice = only(infos(20), infos(20, start=100, width=32, height=48))
    assert notice.code == "size-mismatch"
    assert "20 of 64 x 64" in notice.message
    assert "20 of 32 x 48" in notice.message


def mixed(start: int, scale: int = 1) -> list[ImageInfo]:
    return [replace(info, width=scale * (60 + i % 9)) for i, info in enumerate(infos(90, start))]


def test_mixed_sizes() -> None:
    notice = only(None, mixed(0))
    assert notice.code == "mixed-sizes-generated"
    assert "9 different sizes" in notice.message
    assert [n.code for n in check(mixed(0), mixed(1000))] == ["mixed-sizes-real", "mixed-sizes-generated"]
    assert "size-mismatch" in [n.code for n in check(mixed(0), mixed(1000, scale=4))]


def test_colour_modes() -> None:
    notice = only(infos(20), infos(20, start=100, mode="L"))
    assert notice.code == "mode-mismatch"
    assert "20 colour" in notice.message
    assert "20 grey" in notice.message
    assert only(infos(20, mode="CMYK"), infos(20, start=100)).code == "mode-mismatch"
    assert check(infos(20, mode="P"), infos(20, start=100)) == []


def test_alpha_and_depth_are_said_once_a_side() -> None:
    notice = only(infos(20), infos(20, start=100, mode="RGBA"))
    assert notice.code == "alpha-on-white-generated"
    assert "20 of 20" in notice.message
    both = check(infos(20, mode="PA"), infos(20, start=100, mode="RGBA"))
    assert [n.code for n in both] == ["alpha-on-white-real", "alpha-on-white-generated"]
    assert only(infos(20, mode="RGB;16"), infos(20, start=100)).code == "16-bit-reduced-real"
    assert [n.code for n in check(None, infos(2, mode="LA;16"))] == [
        "alpha-on-white-generated",
        "16-bit-reduced-generated",
    ]
    assert only(None, infos(2, mode="I;16")).code == "16-bit-reduced-generated"


def test_duplicates_within_a_side() -> None:
    generated = infos(10) + infos(4)
    notice = only(infos(10, start=100), generated)
    assert notice.code == "duplicates-generated"
    assert "4 of 14" in notice.message
    assert "g10, g11, g12, ..." in notice.message
    many = only(None, infos(1500) + infos(1200))
    assert "1,200 of 2,700 generated images" in many.message
    once = only(infos(5) + infos(1), infos(10, start=100))
    assert once.code == "duplicates-real"
    assert "1 of 6 real images is an exact copy of an earlier one: r5." in once.message


def test_duplicates_across_the_sides() -> None:
    notice = only(infos(10), infos(10, start=8))
    assert notice.code == "duplicates-across"
    assert "2 of 10 generated images are exact copies of a real one: g0, g1" in notice.message
    assert "the first of them is r8" in notice.message


def test_images_without_digest_are_no_copies() -> None:
    assert check([replace(i, digest=b"") for i in infos(5)], [replace(i, digest=b"") for i in infos(5)]) == []


def test_fifty_thousand_a_side_are_quick() -> None:
    real, generated = infos(50_000), infos(50_000, start=49_999)
    begin = time.perf_counter()
    found = check(real, generated)
    assert time.perf_counter() - begin < 5
    assert [notice.code for notice in found] == ["duplicates-across"]
