"""Turns the bytes of one image file into uint8 RGB, in one documented way whatever the file's format and colour mode.

The policy:

=======================  ===========================================================================================
stored as                becomes
=======================  ===========================================================================================
RGB, 8 bits              itself
grey (L, 1 bit)          three equal channels
palette                  the palette's colours
alpha of any kind        composited on white, ``round((c*a + 255*(255 - a)) / 255)``; that is RGBA, LA, PA, and
                         palettes, grey and RGB with a transparent colour
CMYK, YCCK               Pillow's plain conversion ``(255 - c)*(255 - k)/255``
16-bit grey or colour    ``round(v * 255 / 65535)``, exactly, with alpha composited before rounding
32-bit integer grey      as 16-bit grey if all values lie in 0..65535, else corrupt
32-bit float grey        ``round(v * 255)`` if all values lie in [0, 1], else corrupt
EXIF (or XMP)            the orientation is applied
several frames or pages  the first
colour profiles          ignored
=======================  ===========================================================================================

Sixteen-bit TIFFs in layouts other than grey, RGB and RGBA keep Pillow's reduction, which drops the low byte.
Everything here may be called from any thread.
"""

from __future__ import annotations

import contextlib
import io
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import (
    BmpImagePlugin,
    ExifTags,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from ganeval.errors import CorruptImageError, ImageSourceError
from ganeval.images.depth import grey_to_rgb, on_white
from ganeval.images.digest import pixel_digest
from ganeval.images.jpeg_quality import estimate_quality
from ganeval.images.sixteen_bit import SixteenBitLayout, read_sixteen_bit, reduce_sixteen_bit, sixteen_bit_layout
from ganeval.images.source import DecodedImage, ImageInfo
from ganeval.images.undecodable import (
    TRUNCATED,
    UndecodableError,
    ends_early,
    limit_in_pixels,
    reason_for,
    what_it_is_instead,
)

Pixels = npt.NDArray[np.uint8]

# Only these: each reader less is one less to be attacked through, and importing a plugin is what registers it.
_PLUGINS = (PngImagePlugin, JpegImagePlugin, WebPImagePlugin, GifImagePlugin, BmpImagePlugin, TiffImagePlugin)
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
# A multi-picture JPEG (from a phone) is a JPEG whose first picture counts.
_FORMAT_NAMES = {"MPO": "JPEG"}
_ORIENTED_BY = ("exif", "Raw profile type exif", "XML:com.adobe.xmp", "xmp")
_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_WITH_TRANSPARENT_COLOUR = {"P": "PA", "L": "LA", "1": "LA", "I": "LA;16", "I;16": "LA;16", "RGB": "RGBA"}


def decode_bytes(data: bytes, image_id: str) -> DecodedImage:
    """Decode an image file that is in memory.

    Parameters
    ----------
    data
        The whole file.
    image_id
        How errors call the image.

    Returns
    -------
    DecodedImage
        uint8 [height, width, 3] in 0..255, and what the image was before.

    Raises
    ------
    CorruptImageError
        With one failure, if the bytes are no image, or a truncated, broken or too large one.
    ImageSourceError
        If Pillow has been told to make up the rest of truncated images.
    """
    if ImageFile.LOAD_TRUNCATED_IMAGES:
        raise ImageSourceError(
            "PIL.ImageFile.LOAD_TRUNCATED_IMAGES is set in this process: truncated images would pass as whole ones",
            hint="Set it to False before scoring.",
        )
    try:
        image = _open(data)
        with _pillow_errors(image.format):
            layout = sixteen_bit_layout(image)
            if layout is not None:
                return _decode_sixteen_bit(data, image, layout)
            return _decode_pillow(image, image.format, getattr(image, "quantization", None))
    except UndecodableError as error:
        raise CorruptImageError([(image_id, str(error))]) from error


def decode_file(path: str | Path, image_id: str | None = None) -> DecodedImage:
    """Decode an image file; see `decode_bytes` for what is returned and raised.

    A file that can't be read is a `CorruptImageError` too, so that ``on_error="skip"`` passes over it.
    """
    name = str(path) if image_id is None else image_id
    try:
        with open(path, "rb") as stream:
            data = stream.read()
    except OSError as error:
        raise CorruptImageError([(name, f"can't be read: {(error.strerror or str(error)).lower()}")]) from error
    return decode_bytes(data, name)


def decode_pillow(image: Image.Image, image_id: str) -> DecodedImage:
    """Decode an open Pillow image with the policy of files; see `decode_bytes` for what is returned and raised.

    The image handed in keeps its mode and orientation. Colour of 16 bits a channel has lost its low bytes to Pillow.
    """
    try:
        with _pillow_errors(image.format):
            return _decode_pillow(image.copy(), image.format, getattr(image, "quantization", None))
    except UndecodableError as error:
        raise CorruptImageError([(image_id, str(error))]) from error


@contextlib.contextmanager
def _pillow_errors(name: str | None) -> Iterator[None]:
    try:
        yield
    except (UndecodableError, MemoryError):
        raise
    # Pillow's readers raise nearly anything on hostile bytes: OSError, SyntaxError, ValueError, KeyError, struct.error.
    except Exception as error:
        raise UndecodableError(reason_for(error, name)) from error


def _open(data: bytes) -> ImageFile.ImageFile:
    if not data:
        raise UndecodableError("empty file (0 bytes)")
    # Image.open would speak of decompression bombs through the warning filters, which belong to the whole process;
    # going by its table of formats does the same without.
    for name in _FORMATS:
        factory, accept = Image.OPEN[name]
        if accept is None or accept(data[:16]) is not True:
            continue
        if ends_early(data):
            raise UndecodableError(TRUNCATED)
        with _pillow_errors(name):
            image = factory(io.BytesIO(data), "")
        limit = limit_in_pixels()
        if limit is not None and image.width * image.height > limit:
            raise UndecodableError(
                f"{image.width} x {image.height} is larger than the limit of {limit} pixels (decompression bomb)"
            )
        return image
    raise UndecodableError(what_it_is_instead(data))


def _decode_sixteen_bit(data: bytes, image: ImageFile.ImageFile, layout: SixteenBitLayout) -> DecodedImage:
    pixels = read_sixteen_bit(lambda: _open(data), layout)
    keyed = "transparency" in image.info and layout.mode == "RGB;16"
    turned = _turned(Image.fromarray(pixels), _orientation(image)) if image.format == "PNG" else None
    upright = pixels if turned is None else np.array(turned)
    return _described(upright, image.format, "RGBA;16" if keyed else layout.mode, 0)


def _decode_pillow(
    image: Image.Image, name: str | None, quantization: Mapping[int, Sequence[int]] | None
) -> DecodedImage:
    image.load()
    mode = _stored_mode(image)
    if name == "TIFF" or any(key in image.info for key in _ORIENTED_BY):
        image = _turned(image, _orientation(image)) or image
    pixels = np.array(image) if mode == "RGB" else _rgb(image, mode)
    quality = estimate_quality(quantization) if quantization else 0
    return _described(pixels, name, mode, quality)


def _described(pixels: Pixels, name: str | None, mode: str, quality: int) -> DecodedImage:
    info = ImageInfo(
        format=_FORMAT_NAMES.get(name, name) if name else "array",
        mode=mode,
        width=pixels.shape[1],
        height=pixels.shape[0],
        jpeg_quality=quality,
        digest=pixel_digest(pixels),
    )
    return DecodedImage(pixels, info)


def _stored_mode(image: Image.Image) -> str:
    """The colour mode for `ImageInfo`: that of the file, made one with alpha where a colour stands for transparent."""
    mode = "I;16" if image.mode.startswith("I;16") else image.mode
    if "transparency" in image.info or (mode == "P" and image.has_transparency_data):
        return _WITH_TRANSPARENT_COLOUR.get(mode, mode)
    return mode


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    # A picture whose camera data is garbled is still a picture.
    except (SyntaxError, ValueError, TypeError, KeyError, IndexError, OSError, struct.error):
        return 1


def _turned(image: Image.Image, orientation: int) -> Image.Image | None:
    transposition = _TRANSPOSITIONS.get(orientation)
    return None if transposition is None else image.transpose(transposition)


def _rgb(image: Image.Image, mode: str) -> Pixels:
    convert = _CONVERSIONS.get(mode)
    if convert is None:
        raise UndecodableError(f"colour mode {mode} isn't supported")
    return convert(image)


def _plain(image: Image.Image) -> Pixels:
    return np.array(image.convert("RGB"))


def _with_alpha(image: Image.Image) -> Pixels:
    rgba = np.asarray(image.convert("RGBA"))
    return on_white(rgba[..., :3], rgba[..., 3:], 255)


def _grey_16(image: Image.Image) -> Pixels:
    values = np.asarray(image)
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        raise UndecodableError(f"integer grey values {low}..{high} outside 0..65535")
    return reduce_sixteen_bit(values.astype(np.uint16)[..., None], image.info.get("transparency"))


def _grey_float(image: Image.Image) -> Pixels:
    values = np.asarray(image)
    low, high = float(values.min()), float(values.max())
    # Written so that NaN fails too.
    if not (low >= 0 and high <= 1):
        raise UndecodableError(f"floating-point grey values {low:g}..{high:g} outside [0, 1]")
    return grey_to_rgb(np.rint(values * 255).astype(np.uint8))


_CONVERSIONS: dict[str, Callable[[Image.Image], Pixels]] = {
    **dict.fromkeys(("1", "L", "P", "RGBX", "CMYK", "YCbCr", "HSV"), _plain),
    **dict.fromkeys(("PA", "LA", "RGBA", "RGBa"), _with_alpha),
    **dict.fromkeys(("I", "I;16", "LA;16"), _grey_16),
    "F": _grey_float,
}
