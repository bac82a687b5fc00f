"""Quantisation tables against Pillow's and the standard's, and cameras that do or don't fit their files."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from ganeval.detectors.evidence import Evidence
from ganeval.detectors.provenance import judgements
from ganeval.detectors.provenance.camera import examine as examine_camera
from ganeval.detectors.provenance.examination import Examination
from ganeval.detectors.provenance.jpeg_tables import (
    describe_tables,
    examine,
    ijg_chrominance_table,
    read_header,
    zigzag,
)
from ganeval.detectors.specimen import open_specimen


def _facts(evidence: Evidence) -> dict[str, str]:
    return {fact.name: fact.value for fact in evidence.facts}


def _tables(data: bytes) -> Evidence:
    return examine(Examination(open_specimen(data), data))


def _camera(data: bytes) -> Evidence:
    return examine_camera(Examination(open_specimen(data), data))


def test_zigzag_begins_and_ends_as_in_the_standard():
    order = zigzag()
    assert order[:10].tolist() == [0, 1, 8, 16, 9, 2, 3, 10, 17, 24]
    assert order[-3:].tolist() == [55, 62, 63]
    assert sorted(order.tolist()) == list(range(64))


@pytest.mark.parametrize("quality", [1, 10, 49, 50, 75, 92, 100])
@pytest.mark.parametrize(("sampling", "name"), [(0, "4:4:4"), (1, "4:2:2"), (2, "4:2:0")])
def test_what_pillow_saved_is_read_back(picture, quality, sampling, name):
    data = picture("JPEG", quality=quality, subsampling=sampling)
    header = read_header(data)
    reference = Image.open(io.BytesIO(data)).quantization
    assert {number: tuple(table) for number, table in reference.items()} == header.tables
    assert tuple(ijg_chrominance_table(quality).tolist()) == header.tables[1]
    assert header.subsampling == name
    assert describe_tables(header)[0] == quality
    assert "exactly the IJG tables" in describe_tables(header)[1]
    assert header.oddities == []


def test_tables_never_speak_for_or_against(picture):
    found = _tables(picture("JPEG", quality=92))
    assert found.abstains
    assert _facts(found)["quality on the IJG scale"] == "92"
    assert "not how the picture was made" in found.sentence
    assert _tables(picture("PNG")).abstains


def test_coding_and_huffman_tables(picture):
    plain = _facts(_tables(picture("JPEG")))
    assert plain["coding"] == "sequential"
    assert plain["Huffman tables"] == "standard"
    assert _facts(_tables(picture("JPEG", progressive=True)))["coding"] == "progressive"
    assert _facts(_tables(picture("JPEG", optimize=True)))["Huffman tables"] == "fitted to the picture"


def test_tables_of_another_kind(picture):
    flat = _facts(_tables(picture("JPEG", qtables=[[7] * 64, [9] * 64])))
    assert flat["quality on the IJG scale"] == "none"
    assert "aren't of the IJG scale" in flat["quantisation"]
    luminance = list(Image.open(io.BytesIO(picture("JPEG", quality=90))).quantization[0])
    mixed = _facts(_tables(picture("JPEG", qtables=[luminance, luminance])))
    assert "other tables for colour" in mixed["quantisation"]
    luminance[5] += 1
    near = _facts(_tables(picture("JPEG", qtables=[luminance, luminance])))
    assert "near quality 90" in near["quantisation"]


def test_grey_jpeg():
    stream = io.BytesIO()
    Image.fromarray(np.full((16, 16), 99, np.uint8)).save(stream, "JPEG", quality=80)
    found = _facts(_tables(stream.getvalue()))
    assert found["colour subsampling"] == "grey"
    assert found["quality on the IJG scale"] == "80"


def _insert(data: bytes, marker: int, payload: bytes) -> bytes:
    at = data.index(b"\xff\xdb")
    return data[:at] + bytes([0xFF, marker]) + struct.pack(">H", len(payload) + 2) + payload + data[at:]


def test_oddities_are_reported(picture):
    jpeg = picture("JPEG")
    twice = read_header(_insert(jpeg, 0xDB, b"\0" + bytes([3] * 64)))
    assert twice.oddities == ["the quantisation table 0 is defined twice, differently"]
    assert twice.tables == read_header(jpeg).tables
    assert read_header(_insert(jpeg, 0xDB, b"\x03" + bytes(64))).oddities == [
        "the quantisation table 3 contains a zero"
    ]
    assert read_header(_insert(jpeg, 0xDB, b"\x12" + b"\0\5" * 64)).oddities == ["the quantisation table 2 has 16 bits"]
    assert read_header(_insert(jpeg, 0xDB, b"\0abc")).oddities == ["a quantisation table is broken"]


def test_photoshop_is_known_by_its_segments(picture):
    block = b"Photoshop 3.0\0" + b"8BIM\x04\x06\0\0" + struct.pack(">I", 2) + b"\0\x08"
    assert _facts(_tables(_insert(picture("JPEG"), 0xED, block)))["saved by"] == "Adobe Photoshop"
    assert "Save for Web" in _facts(_tables(_insert(picture("JPEG"), 0xEC, b"Ducky\0\1")))["saved by"]


@given(st.binary(max_size=200))
def test_any_bytes_as_header(data):
    header = read_header(b"\xff\xd8\xff\xdb\0\x43\0" + bytes(range(64)) + b"\xff\xc0" + data)
    assert isinstance(describe_tables(header)[1], str)
    assert isinstance(header.subsampling, str)


SIZE = (160, 120)


def _shot(
    picture, *, make: str = "Canon", model: str = "Canon EOS R5", size=SIZE, claimed=None, **options: Any
) -> bytes:
    """A JPEG as from a camera: exposure, date, maker's note, size and thumbnail."""
    left_out = options.pop("without", ())
    exif = Image.Exif()
    exif[0x010F] = make
    exif[0x0110] = model
    if "software" in options:
        exif[0x0131] = options.pop("software")
    inner = exif.get_ifd(0x8769)
    values = {
        0x829A: options.pop("exposure", IFDRational(1, 250)),
        0x829D: IFDRational(28, 10),
        0x8827: 400,
        0x920A: IFDRational(50, 1),
        0x9003: "2024:05:06 07:08:09",
        0x927C: b"maker's note",
        0xA002: (claimed or size)[0],
        0xA003: (claimed or size)[1],
    }
    for tag, value in values.items():
        if tag not in left_out:
            inner[tag] = value
    block = exif.tobytes().removeprefix(b"Exif\0\0")
    thumbnail = options.pop("thumbnail", picture("JPEG", (160, 120)))
    return picture(
        "JPEG", size, exif=b"Exif\0\0" + (_with_thumbnail(block, thumbnail) if thumbnail else block), **options
    )


def _with_thumbnail(block: bytes, thumbnail: bytes) -> bytes:
    """Hang a second directory with the thumbnail behind the first, which is what cameras do and Pillow doesn't."""
    order = "<" if block[:2] == b"II" else ">"
    count = struct.unpack(order + "H", block[8:10])[0]
    link = 10 + 12 * count
    start = len(block) + 2 + 24 + 4
    directory = struct.pack(order + "H", 2) + b"".join(
        struct.pack(order + "HHII", tag, 4, 1, value) for tag, value in ((0x0201, start), (0x0202, len(thumbnail)))
    )
    linked = block[:link] + struct.pack(order + "I", len(block)) + block[link + 4 :]
    return linked + directory + struct.pack(order + "I", 0) + thumbnail


def test_whole_camera_data(picture):
    found = _camera(_shot(picture))
    assert found.log_likelihood_ratio == judgements.CAMERA_WHOLE
    assert "Canon EOS R5, and all of it fits" in found.sentence
    # Alone it moves even odds to no less than one in three.
    assert -0.7 <= found.log_likelihood_ratio < 0
    assert not found.decides


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"without": (0x927C,)}, "maker's note is missing"),
        ({"without": (0x9003,)}, "date of the shot"),
        ({"without": (0xA002,)}, "size is missing"),
        ({"claimed": (6000, 4000)}, "resized or cropped"),
        ({"thumbnail": b""}, "thumbnail is missing"),
        ({"size": (120, 120), "thumbnail": None}, "thumbnail is missing"),
        ({"progressive": True}, "saved again"),
        ({"software": "Adobe Photoshop 25.0"}, "edited with Adobe Photoshop"),
        ({"model": ""}, "model is missing"),
    ],
)
def test_camera_data_with_gaps_weighs_less(picture, options, words):
    found = _camera(_shot(picture, **options))
    assert found.log_likelihood_ratio == judgements.CAMERA_PARTIAL
    assert words in found.sentence


def test_cropped_picture_with_its_old_thumbnail(picture):
    found = _camera(_shot(picture, size=(200, 50), thumbnail=picture("JPEG", (160, 90))))
    assert "cropped since" in found.sentence


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"make": "Apple", "model": "Canon EOS R5"}, "makes no model of such a name"),
        ({"exposure": IFDRational(0, 1)}, "ExposureTime has an impossible value"),
    ],
)
def test_camera_data_that_contradicts_itself(picture, options, words):
    found = _camera(_shot(picture, **options))
    assert found.log_likelihood_ratio == judgements.CAMERA_CONTRADICTS > 0
    assert words in found.sentence


@pytest.mark.parametrize(
    ("make", "model"),
    [("Apple", "iPhone 15 Pro"), ("NIKON CORPORATION", "NIKON D850"), ("Google", "Pixel 8"), ("SONY", "ILCE-7M4")],
)
def test_makers_and_their_models(picture, make, model):
    assert _camera(_shot(picture, make=make, model=model)).log_likelihood_ratio == judgements.CAMERA_WHOLE


def test_turned_camera_fits_too(picture):
    data = _shot(picture, size=(120, 160), claimed=(160, 120))
    assert _camera(data).log_likelihood_ratio == judgements.CAMERA_WHOLE


@pytest.mark.parametrize(("size", "hint"), [((512, 512), True), ((832, 1216), True), ((640, 480), False)])
def test_sizes_of_generators_are_a_weak_hint(picture, size, hint):
    found = _camera(picture("PNG", size))
    assert found.log_likelihood_ratio == (judgements.GENERATOR_SIZE if hint else None)
    assert judgements.GENERATOR_SIZE <= 0.3


def test_unknown_make_is_no_camera(picture):
    found = _camera(_shot(picture, make="Nobody's"))
    assert found.abstains
    assert _facts(found)["make"] == "Nobody's"
