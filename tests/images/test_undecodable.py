"""What files are that no reader takes for an image: pictures of other formats are called by their names."""

from __future__ import annotations

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ganeval.errors import CorruptImageError
from ganeval.images.decode import decode_file
from ganeval.images.undecodable import what_it_is_instead


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"\0\0\0\x18ftypheic" + bytes(20), "a HEIC picture: export it"),
        (b"\0\0\0\x18ftypavif" + bytes(20), "an AVIF picture: export it"),
        (b"\0\0\0\x18ftypisom" + bytes(20), "a video or another ISO media file"),
        (b"\xff\x0a\1\2\3", "a JPEG XL picture"),
        (b"8BPS\0\1", "a Photoshop document"),
        (b'<?xml version="1.0"?>\n<SVG xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
        (b"hello", "begins like text"),
        (b"%PDF-1.4", "a PDF document"),
    ],
)
def test_other_formats_are_named(data: bytes, named: str) -> None:
    assert named in what_it_is_instead(data)


def test_texts_that_unpack_to_megabytes_are_no_broken_image(tmp_path) -> None:
    texts = PngInfo()
    texts.add_text("prompt", "A" * 2_000_000, zip=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "packed.png", pnginfo=texts)
    with pytest.raises(CorruptImageError, match="texts unpack to more than a megabyte"):
        decode_file(tmp_path / "packed.png")
