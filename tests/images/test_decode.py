"""Decoding: every colour mode against an independent computation, and every kind of broken file."""

from __future__ import annotations

import contextlib
import hashlib
import io
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageFile

from ganeval.errors import CorruptImageError, ImageSourceError
from ganeval.images.decode import decode_bytes, decode_file, decode_pillow
from ganeval.images.jpeg_quality import estimate_quality, ijg_luminance_table

Encoder = Callable[..., bytes]
Photo = npt.NDArray[np.uint8]

ORIENTED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 1),
}


def reason(data: bytes) -> str:
    with pytest.raises(CorruptImageError) as caught:
        decode_bytes(data, "x.png")
    ((name, why),) = caught.value.failures
    assert name == "x.png"
    return why


def over_white(colour: npt.NDArray[np.float64], alpha: npt.NDArray[np.float64]) -> Photo:
    """Compositing of values in [0, 1] in floating point: the oracle for the integer arithmetic."""
    return np.rint(255 * (colour * alpha + (1 - alpha))).astype(np.uint8)


@settings(max_examples=40, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12), st.just(3))))
def test_any_rgb_array_survives_lossless_formats(pixels: Photo) -> None:
    for file_format, options in (("PNG", {}), ("BMP", {}), ("TIFF", {}), ("WEBP", {"lossless": True})):
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, file_format, **options)
        decoded = decode_bytes(stream.getvalue(), "x")
        np.testing.assert_array_equal(decoded.pixels, pixels)
        assert decoded.pixels.dtype == np.uint8
        assert decoded.pixels.flags.writeable
        assert (decoded.info.format, decoded.info.mode) == (file_format, "RGB")
        assert (decoded.info.width, decoded.info.height) == (pixels.shape[1], pixels.shape[0])


@settings(max_examples=40, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(4))))
def test_rgba_is_composited_on_white(pixels: Photo) -> None:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    decoded = decode_bytes(stream.getvalue(), "x")
    unit = pixels / 255
    np.testing.assert_array_equal(decoded.pixels, over_white(unit[..., :3], unit[..., 3:]))
    assert decoded.info.mode == "RGBA"


@settings(max_examples=40, deadline=None)
@given(arrays(np.uint16, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(1))))
def test_16_bit_grey_is_rounded(values: npt.NDArray[np.uint16]) -> None:
    stream = io.BytesIO()
    Image.fromarray(values[..., 0]).save(stream, "PNG")
    decoded = decode_bytes(stream.getvalue(), "x")
    expected = np.rint(values * (255 / 65535)).astype(np.uint8)
    np.testing.assert_array_equal(decoded.pixels, np.concatenate([expected] * 3, axis=2))
    assert decoded.info.mode == "I;16"


def test_16_bit_values_that_dropping_the_low_byte_gets_wrong(encoded_16: Encoder) -> None:
    values = np.array([[[0, 128, 129], [65535, 65407, 65406], [256, 383, 385]]], dtype=np.uint16)
    expected = [[[0, 0, 1], [255, 255, 254], [1, 1, 1]]]
    np.testing.assert_array_equal(decode_bytes(encoded_16(values), "x").pixels, expected)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bit_png_of_every_layout(channels: int, encoded_16: Encoder, rng: np.random.Generator) -> None:
    values = rng.integers(0, 65536, (11, 7, channels)).astype(np.uint16)
    unit = values / 65535
    colour = unit if channels in (1, 3) else unit[..., :-1]
    alpha = np.ones_like(unit[..., :1]) if channels in (1, 3) else unit[..., -1:]
    decoded = decode_bytes(encoded_16(values), "x")
    np.testing.assert_array_equal(decoded.pixels, np.broadcast_to(over_white(colour, alpha), (11, 7, 3)))
    assert decoded.info.mode == {1: "I;16", 2: "LA;16", 3: "RGB;16", 4: "RGBA;16"}[channels]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bit_interlaced_png(
    channels: int, encoded_16: Encoder, encoded_16_interlaced: Encoder, rng: np.random.Generator
) -> None:
    values = rng.integers(0, 65536, (21, 13, channels)).astype(np.uint16)
    plain, interlaced = decode_bytes(encoded_16(values), "x"), decode_bytes(encoded_16_interlaced(values), "x")
    np.testing.assert_array_equal(interlaced.pixels, plain.pixels)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("deflate", [False, True])
@pytest.mark.parametrize("channels", [3, 4])
def test_16_bit_tiff(
    order: str, deflate: bool, channels: int, encoded_tiff_16: Encoder, rng: np.random.Generator
) -> None:
    values = rng.integers(0, 65536, (21, 13, channels)).astype(np.uint16)
    unit = values / 65535
    decoded = decode_bytes(encoded_tiff_16(values, order, deflate), "x")
    alpha = unit[..., 3:] if channels == 4 else np.ones_like(unit[..., :1])
    np.testing.assert_array_equal(decoded.pixels, over_white(unit[..., :3], alpha))
    assert decoded.info.mode == {3: "RGB;16", 4: "RGBA;16"}[channels]


@pytest.mark.parametrize("channels", [1, 3])
def test_16_bit_transparent_colour_is_white_and_its_neighbour_is_not(channels: int, encoded_16: Encoder) -> None:
    values = np.full((2, 2, channels), 1000, dtype=np.uint16)
    values[0, 0] = 1001
    decoded = decode_bytes(encoded_16(values, transparent=(1001,) * channels), "x")
    np.testing.assert_array_equal(decoded.pixels[0, 0], [255] * 3)
    np.testing.assert_array_equal(decoded.pixels[1, 1], [4] * 3)
    assert decoded.info.mode == {1: "LA;16", 3: "RGBA;16"}[channels]


def test_grey_and_bilevel_are_three_equal_channels(photo: Photo, encoded: Encoder) -> None:
    grey = photo[..., 1]
    for data in (encoded(grey), encoded(grey, "TIFF"), encoded(grey, "GIF"), encoded(grey, "BMP")):
        np.testing.assert_array_equal(decode_bytes(data, "x").pixels, np.stack([grey] * 3, axis=2))
    bits = grey > 127
    decoded = decode_bytes(encoded(Image.fromarray(bits)), "x")
    np.testing.assert_array_equal(decoded.pixels, np.stack([bits * np.uint8(255)] * 3, axis=2))
    assert decoded.info.mode == "1"


def test_grey_with_alpha(photo: Photo, encoded: Encoder) -> None:
    decoded = decode_bytes(encoded(Image.fromarray(photo[..., :2], "LA")), "x")
    unit = photo / 255
    expected = over_white(unit[..., :1], unit[..., 1:2])
    np.testing.assert_array_equal(decoded.pixels, np.concatenate([expected] * 3, axis=2))
    assert decoded.info.mode == "LA"


@pytest.mark.parametrize("file_format", ["PNG", "GIF"])
def test_palette_with_and_without_transparency(file_format: str, rng: np.random.Generator, encoded: Encoder) -> None:
    palette = rng.integers(0, 256, (16, 3), dtype=np.uint8)
    indices = rng.integers(0, 16, (9, 10), dtype=np.uint8)
    image = Image.fromarray(indices, "P")
    image.putpalette(palette.tobytes())
    plain = decode_bytes(encoded(image, file_format), "x")
    np.testing.assert_array_equal(plain.pixels, palette[indices])
    assert plain.info.mode == "P"
    keyed = decode_bytes(encoded(image, file_format, transparency=3), "x")
    expected = palette.copy()
    expected[3] = 255
    np.testing.assert_array_equal(keyed.pixels, expected[indices])
    assert keyed.info.mode == "PA"


def test_palette_with_an_alpha_for_each_entry(rng: np.random.Generator, encoded: Encoder) -> None:
    palette = rng.integers(0, 256, (16, 3), dtype=np.uint8)
    alphas = rng.integers(0, 256, 16, dtype=np.uint8)
    indices = rng.integers(0, 16, (9, 10), dtype=np.uint8)
    image = Image.fromarray(indices, "P")
    image.putpalette(palette.tobytes())
    decoded = decode_bytes(encoded(image, transparency=alphas.tobytes()), "x")
    expected = over_white(palette / 255, alphas[:, None] / 255)
    np.testing.assert_array_equal(decoded.pixels, expected[indices])


@pytest.mark.parametrize(("mode", "key"), [("RGB", (1, 2, 3)), ("L", 77)])
def test_a_transparent_colour_is_white(mode: str, key: object, encoded: Encoder) -> None:
    image = Image.new(mode, (4, 3), key)  # type: ignore[arg-type]
    image.putpixel((0, 0), 50 if mode == "L" else (50, 50, 50))
    decoded = decode_bytes(encoded(image, transparency=key), "x")
    assert decoded.pixels[1, 1].tolist() == [255, 255, 255]
    assert decoded.pixels[0, 0].tolist() == [50, 50, 50]
    assert decoded.info.mode == {"RGB": "RGBA", "L": "LA"}[mode]


def test_cmyk(rng: np.random.Generator, encoded: Encoder) -> None:
    cmyk = rng.integers(0, 256, (16, 16, 4), dtype=np.uint8)
    decoded = decode_bytes(encoded(Image.fromarray(cmyk, "CMYK"), "TIFF"), "x")
    inverse = 255.0 - cmyk
    expected = inverse[..., :3] * inverse[..., 3:] / 255
    assert np.abs(decoded.pixels - expected).max() <= 1.0
    assert decoded.info.mode == "CMYK"


def test_cmyk_jpeg_is_not_inverted(encoded: Encoder) -> None:
    cyan = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    decoded = decode_bytes(encoded(cyan, "JPEG", quality=95), "x")
    assert np.abs(decoded.pixels.astype(int) - [0, 255, 255]).max() <= 4


def test_float_and_32_bit_grey_tiff(encoded: Encoder, rng: np.random.Generator) -> None:
    unit = rng.random((5, 6)).astype(np.float32)
    decoded = decode_bytes(encoded(unit, "TIFF"), "x")
    np.testing.assert_array_equal(decoded.pixels[..., 0], np.rint(unit.astype(np.float64) * 255))
    assert "outside [0, 1]" in reason(encoded(unit * 255, "TIFF"))
    assert "outside [0, 1]" in reason(encoded(unit * np.float32(np.nan), "TIFF"))
    wide = rng.integers(0, 65536, (5, 6)).astype(np.int32)
    np.testing.assert_array_equal(decode_bytes(encoded(wide, "TIFF"), "x").pixels[..., 1], np.rint(wide / 257))
    assert "outside 0..65535" in reason(encoded(wide + 70_000, "TIFF"))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "JPEG", "WEBP"])
def test_exif_orientation(orientation: int, file_format: str, photo: Photo, encoded: Encoder) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"WEBP": {"lossless": True}}.get(file_format, {})
    plain = decode_bytes(encoded(photo, file_format, **options), "x").pixels
    decoded = decode_bytes(encoded(photo, file_format, exif=exif.tobytes(), **options), "x")
    np.testing.assert_array_equal(decoded.pixels, ORIENTED[orientation](plain))
    assert (decoded.info.height, decoded.info.width) == decoded.pixels.shape[:2]


def test_orientation_of_16_bit_png(encoded: Encoder, rng: np.random.Generator) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    values = rng.integers(0, 65536, (4, 5)).astype(np.uint16)
    decoded = decode_bytes(encoded(values, exif=exif.tobytes()), "x")
    np.testing.assert_array_equal(decoded.pixels[..., 0], np.rot90(np.rint(values / 257), -1))


def test_garbled_exif_is_ignored(photo: Photo, encoded: Encoder) -> None:
    data = encoded(photo, exif=b"Exif\0\0II*\0\xff\xff\xff\xff garbage")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.testing.assert_array_equal(decode_bytes(data, "x").pixels, photo)


@pytest.mark.parametrize("file_format", ["GIF", "PNG", "WEBP", "TIFF"])
def test_first_frame_or_page(file_format: str, encoded: Encoder) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255))]
    options = {"WEBP": {"lossless": True}}.get(file_format, {})
    data = encoded(frames[0], file_format, save_all=True, append_images=frames[1:], **options)
    assert (decode_bytes(data, "x").pixels == [255, 0, 0]).all()


@pytest.mark.parametrize("quality", [1, 10, 49, 50, 75, 90, 95, 100])
def test_jpeg_quality_is_read_from_the_tables(quality: int, photo: Photo, encoded: Encoder) -> None:
    assert decode_bytes(encoded(photo, "JPEG", quality=quality), "x").info.jpeg_quality == quality
    assert decode_bytes(encoded(photo[..., 0], "JPEG", quality=quality), "x").info.jpeg_quality == quality


def test_jpeg_quality_near_and_far_from_the_scale(photo: Photo, encoded: Encoder) -> None:
    near = ijg_luminance_table(60)
    near[5] += 1
    assert estimate_quality({0: near.tolist()}) == 60
    assert estimate_quality({0: [16] * 64}) == 0
    assert estimate_quality({}) == 0
    assert decode_bytes(encoded(photo), "x").info.jpeg_quality == 0


def test_digest_is_of_shape_and_pixels(encoded: Encoder) -> None:
    flat = np.zeros((2, 6, 3), np.uint8)
    digests = {
        decode_bytes(encoded(flat.reshape(shape)), "x").info.digest for shape in ((2, 6, 3), (6, 2, 3), (3, 4, 3))
    }
    assert len(digests) == 3
    oracle = hashlib.blake2b(np.array([2, 6, 3], "<i8").tobytes() + flat.tobytes(), digest_size=16).digest()
    assert oracle in digests
    assert decode_bytes(encoded(flat), "x").info.digest == decode_bytes(encoded(flat, "BMP"), "y").info.digest


@pytest.mark.parametrize(
    ("file_format", "options"),
    [
        ("PNG", {}),
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("WEBP", {}),
        ("GIF", {}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
    ],
)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.97])
def test_truncated(file_format: str, options: dict[str, object], share: float, photo: Photo, encoded: Encoder) -> None:
    data = encoded(photo, file_format, **options)
    assert reason(data[: int(len(data) * share)]) == "truncated: the file ends in the middle of the image"


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_hostile_bytes_never_raise_anything_else(data: st.DataObject) -> None:
    pixels = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, data.draw(st.sampled_from(["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])))
    broken = bytearray(stream.getvalue())
    for _ in range(data.draw(st.integers(1, 6))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with contextlib.suppress(CorruptImageError):
            assert decode_bytes(bytes(broken), "x").pixels.ndim == 3


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "empty file (0 bytes)"),
        ("Über images, just text\n".encode(), "not an image: begins like text"),
        (b"<!DOCTYPE html><html>", "not an image: begins like a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "Git LFS pointer"),
        (b"\0" * 600, "begins with zero bytes"),
        (bytes(range(128, 256)), "not an image of a known format"),
    ],
)
def test_what_is_no_image_is_named(data: bytes, expected: str) -> None:
    assert expected in reason(data)


def test_a_broken_header_is_named_with_its_format(photo: Photo, encoded: Encoder) -> None:
    data = bytearray(encoded(photo))
    data[17] ^= 1
    assert reason(bytes(data)).startswith("broken PNG: ")


@pytest.mark.parametrize("factor", [1.5, 3.0])
def test_decompression_bomb_at_both_of_pillows_levels(
    factor: float, encoded: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    side = int((1000 * factor) ** 0.5) + 1
    bomb = encoded(np.zeros((side, side, 3), np.uint8))
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        why = reason(bomb)
    assert "larger than the limit of 1000 pixels (decompression bomb)" in why
    assert not heard
    assert decode_bytes(encoded(np.zeros((31, 31, 3), np.uint8)), "x").info.width == 31


def test_truncated_images_never_pass_even_if_pillow_was_told_to(
    photo: Photo, encoded: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with pytest.raises(ImageSourceError, match="LOAD_TRUNCATED_IMAGES"):
        decode_bytes(encoded(photo), "x")


def test_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(CorruptImageError) as caught:
        decode_file(tmp_path / "x.png", "x.png")
    assert caught.value.failures == [("x.png", "can't be read: permission denied")]


def test_files_and_pillow_images_agree_with_bytes(tmp_path: Path, photo: Photo, encoded: Encoder) -> None:
    data = encoded(photo, "JPEG", quality=80)
    (tmp_path / "x.jpg").write_bytes(data)
    expected = decode_bytes(data, "x")
    from_file = decode_file(tmp_path / "x.jpg")
    image = Image.open(io.BytesIO(data))
    from_pillow = decode_pillow(image, "x")
    assert from_file.info == expected.info == from_pillow.info
    np.testing.assert_array_equal(from_pillow.pixels, expected.pixels)
    assert decode_pillow(Image.fromarray(photo), "x").info.format == "array"


def test_threads_decode_the_same(photo: Photo, encoded: Encoder, encoded_16: Encoder, rng: np.random.Generator) -> None:
    files = [encoded(np.roll(photo, i, axis=0), f) for i in range(8) for f in ("PNG", "JPEG", "WEBP", "TIFF", "GIF")]
    files += [encoded_16(rng.integers(0, 65536, (9, 9, 3)).astype(np.uint16)) for _ in range(8)]
    alone = [decode_bytes(data, "x").info for data in files]
    with ThreadPoolExecutor(8) as pool:
        for together in (list(pool.map(lambda data: decode_bytes(data, "x").info, files)) for _ in range(5)):
            assert together == alone
