"""XMP, EXIF and IPTC: source types, names, labels, hostile XML, truncated blocks."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from ganeval.detectors.evidence import Evidence
from ganeval.detectors.provenance import judgements
from ganeval.detectors.provenance.examination import Examination
from ganeval.detectors.provenance.exif import read_exif
from ganeval.detectors.provenance.iptc import read_iptc, resources
from ganeval.detectors.provenance.metadata import examine
from ganeval.detectors.provenance.source_types import Making, read_source_type
from ganeval.detectors.provenance.xmp import Property, XmpError, read_xmp
from ganeval.detectors.specimen import open_specimen

HEAD = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
    'xmlns:e="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:ps="http://ns.adobe.com/photoshop/1.0/" '
    'xmlns:mm="http://ns.adobe.com/xap/1.0/mm/" xmlns:ev="http://ns.adobe.com/xap/1.0/sType/ResourceEvent#" '
    'xmlns:t="http://www.tc260.org.cn/ns/AIGC/1.0/"'
)
TAIL = "</rdf:RDF></x:xmpmeta>"
TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


def _xmp(attributes: str = "", body: str = "") -> bytes:
    return f"{HEAD} {attributes}>{body}</rdf:Description>{TAIL}".encode()


def _examine(data: bytes) -> Evidence:
    return examine(Examination(open_specimen(data), data))


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize(
    "packet",
    [
        _xmp(f'e:DigitalSourceType="{TRAINED}"'),
        _xmp("", f"<e:DigitalSourceType>{TRAINED}</e:DigitalSourceType>"),
        _xmp("", f'<e:DigitalSourceType rdf:resource="{TRAINED}"/>'),
    ],
)
def test_source_type_in_every_form_and_format(picture, image_format, packet):
    found = _examine(_with_xmp(picture, image_format, packet))
    assert found.log_likelihood_ratio == judgements.UNSIGNED_GENERATED
    assert "trainedAlgorithmicMedia" in found.sentence
    assert "unsigned" in found.sentence
    assert not found.decides


def _with_xmp(picture, image_format: str, packet: bytes) -> bytes:
    if image_format == "TIFF":
        return picture("TIFF", tiffinfo={700: packet})
    if image_format == "PNG":
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", packet.decode())
        return picture("PNG", pnginfo=info)
    return picture(image_format, xmp=packet)


@pytest.mark.parametrize(
    ("packet", "ratio", "words"),
    [
        (
            _xmp('e:DigitalSourceType="compositeWithTrainedAlgorithmicMedia"'),
            judgements.UNSIGNED_COMPOSITE,
            "composite",
        ),
        (_xmp('e:DigitalSourceType="digitalCapture"'), judgements.UNSIGNED_CAPTURE, "camera"),
        (_xmp('xmp:CreatorTool="Adobe Firefly"'), judgements.GENERATOR_NAMED, "xmp:CreatorTool names Adobe Firefly"),
        (_xmp('ps:Credit="Made with Google AI"'), judgements.GENERATOR_NAMED, "photoshop:Credit names Google AI"),
        (_xmp('e:AISystemUsed="some model"'), judgements.UNSIGNED_GENERATED, "AISystemUsed"),
        (_xmp('t:AIGC=\'{"Label":"1"}\''), judgements.UNSIGNED_GENERATED, "labelled as generated"),
        (
            _xmp(
                "",
                '<mm:History><rdf:Seq><rdf:li rdf:parseType="Resource"><ev:softwareAgent>Midjourney</ev:softwareAgent>'
                "</rdf:li></rdf:Seq></mm:History>",
            ),
            judgements.GENERATOR_NAMED,
            "stEvt:softwareAgent names Midjourney",
        ),
    ],
)
def test_statements_and_their_weights(picture, packet, ratio, words):
    found = _examine(picture("JPEG", xmp=packet))
    assert found.log_likelihood_ratio == ratio
    assert words in found.sentence


def test_generated_outweighs_capture_in_one_file(picture):
    packet = _xmp('e:DigitalSourceType="digitalCapture" xmp:CreatorTool="DALL-E"')
    assert _examine(picture("JPEG", xmp=packet)).log_likelihood_ratio == judgements.GENERATOR_NAMED


def test_description_that_mentions_a_generator_does_not_count(picture):
    exif = Image.Exif()
    exif[0x010E] = "Screenshot of a Midjourney forum"
    exif[0x0131] = "GIMP 2.10"
    found = _examine(picture("JPEG", exif=exif.tobytes()))
    assert found.abstains
    assert {"EXIF ImageDescription", "EXIF Software"} <= {fact.name for fact in found.facts}


def test_no_metadata_proves_nothing(picture):
    found = _examine(picture("JPEG"))
    assert found.abstains
    assert "proves nothing" in found.sentence


LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><x>&c;</x>'
)


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (LAUGHS, "document type or an entity"),
        ('<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>', "document type or an entity"),
        ("<x>&undefined;</x>", "broken XML"),
        ("<x>" * 1000, "deeper than"),
        ("<x><y></x>", "broken XML"),
        ("", "broken XML"),
        ('<?xml version="1.0" encoding="klingon"?><x/>', "broken XML|unknown encoding"),
        ("<x " + " ".join(f'a{i}="1"' for i in range(30_000)) + "/>", "more than 20,000"),
        ("<x>" + "a" * (5 << 20) + "</x>", "longer than"),
    ],
)
def test_hostile_xml_is_refused(picture, packet, reason):
    with pytest.raises(XmpError, match=reason):
        read_xmp(packet.encode())


def test_refused_xmp_is_reported_and_the_rest_is_read(picture):
    exif = Image.Exif()
    exif[0x0131] = "Midjourney"
    found = _examine(picture("JPEG", xmp=LAUGHS.encode(), exif=exif.tobytes()))
    assert "Midjourney" in found.sentence
    assert any(fact.name == "XMP not read" for fact in found.facts)


def test_xmp_properties_by_hand():
    packet = b"\xef\xbb\xbf" + _xmp(
        'xmp:CreatorTool="T"',
        "<ps:Credit> C </ps:Credit><mm:Pantry><rdf:Bag><rdf:li>one</rdf:li></rdf:Bag></mm:Pantry>",
    )
    found = read_xmp(packet + b"\0\0")
    assert Property("http://ns.adobe.com/xap/1.0/", "CreatorTool", "T") in found
    assert Property("http://ns.adobe.com/photoshop/1.0/", "Credit", "C") in found
    assert Property("http://ns.adobe.com/xap/1.0/mm/", "Pantry", "one") in found


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_xmp_in_other_encodings(encoding):
    packet = _xmp('ps:Credit="Zoë"').decode().encode(encoding)
    assert Property("http://ns.adobe.com/photoshop/1.0/", "Credit", "Zoë") in read_xmp(packet)


@given(st.binary(max_size=300))
def test_any_bytes_as_xmp(data):
    try:
        found = read_xmp(b"<x>" + data + b"</x>")
    except XmpError:
        return
    assert all(one.value for one in found)


def _camera_exif() -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "Canon"
    exif[0x0112] = 1
    inner = exif.get_ifd(0x8769)
    inner[0x829A] = IFDRational(1, 250)
    inner[0x8827] = 400
    inner[0x9003] = "2024:05:06 07:08:09"
    inner[0x927C] = b"maker" * 10
    return exif.tobytes().removeprefix(b"Exif\0\0")


def test_exif_agrees_with_pillow():
    found = read_exif(_camera_exif())
    assert found.texts == {"Make": "Canon", "DateTimeOriginal": "2024:05:06 07:08:09"}
    assert found.numbers == {"Orientation": 1, "ExposureTime": pytest.approx(0.004), "ISO": 400}
    assert found.maker_note == 50
    assert found.problems == []


@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_by_hand_in_both_byte_orders(order):
    entry = struct.pack(order + "HHI", 0x0131, 2, 4) + b"abc\0"
    data = {"<": b"II", ">": b"MM"}[order] + struct.pack(order + "HIH", 42, 8, 1) + entry + struct.pack(order + "I", 0)
    found = read_exif(data)
    assert found.texts == {"Software": "abc"}
    assert not found.problems


def test_truncated_exif_keeps_what_is_whole():
    whole = _camera_exif()
    kept = [len(read_exif(whole[:end]).texts) + len(read_exif(whole[:end]).numbers) for end in range(len(whole) + 1)]
    assert kept[0] == 0
    assert kept[-1] == 5
    assert read_exif(whole[: len(whole) // 2]).problems


def test_directory_that_points_to_itself_ends():
    entry = struct.pack("<HHII", 0x8769, 4, 1, 8)
    found = read_exif(b"II" + struct.pack("<HIH", 42, 8, 1) + entry + struct.pack("<I", 8))
    assert any("points back" in problem for problem in found.problems)


def test_counts_of_billions_are_not_allocated():
    entry = struct.pack("<HHII", 0x0131, 2, 0xFFFFFFFF, 8)
    found = read_exif(b"II" + struct.pack("<HIH", 42, 8, 1) + entry + struct.pack("<I", 0))
    assert found.texts == {}
    assert found.problems


@given(st.binary(max_size=400), st.sampled_from([b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b""]))
def test_any_bytes_as_exif(data, head):
    found = read_exif(head + data)
    assert all(isinstance(text, str) for text in found.texts.values())


@given(st.data())
def test_exif_with_changed_bytes(data):
    block = bytearray(_camera_exif())
    for _ in range(data.draw(st.integers(1, 6))):
        block[data.draw(st.integers(0, len(block) - 1))] = data.draw(st.integers(0, 255))
    assert read_exif(bytes(block)).maker_note <= len(block)


def test_iptc_by_hand(picture):
    record = b"".join(
        b"\x1c\x02" + bytes([number]) + struct.pack(">H", len(text)) + text
        for number, text in ((65, b"Midjourney"), (80, b"A"), (80, b"B"), (200, b"unknown"))
    )
    assert read_iptc(record) == {"OriginatingProgram": "Midjourney", "Byline": "A; B"}
    assert read_iptc(record[:-3])["Byline"] == "A; B"
    block = b"8BIM\x04\x04\x00\x00" + struct.pack(">I", len(record)) + record
    assert dict(resources(block)) == {0x0404: record}
    payload = b"Photoshop 3.0\0" + block
    jpeg = picture("JPEG")
    segment = b"\xff\xed" + struct.pack(">H", len(payload) + 2) + payload
    assert "IPTC OriginatingProgram names Midjourney" in _examine(jpeg[:2] + segment + jpeg[2:]).sentence


@given(st.binary(max_size=200))
def test_any_bytes_as_iptc(data):
    assert isinstance(read_iptc(b"\x1c\x02\x50\x00\x01" + data), dict)
    assert isinstance(list(resources(b"8BIM" + data)), list)


def test_extended_xmp_of_a_jpeg_is_joined(picture):
    packet = _xmp(f'e:DigitalSourceType="{TRAINED}"')
    half = len(packet) // 2
    jpeg = picture("JPEG")
    parts = b""
    for offset, part in ((0, packet[:half]), (half, packet[half:])):
        body = b"http://ns.adobe.com/xmp/extension/\0" + b"0" * 32 + struct.pack(">II", len(packet), offset) + part
        parts += b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    assert "trainedAlgorithmicMedia" in _examine(jpeg[:2] + parts + jpeg[2:]).sentence


def test_second_exif_is_reported(picture):
    exif = Image.Exif()
    exif[0x0131] = "first"
    jpeg = picture("JPEG", exif=exif.tobytes())
    body = b"Exif\0\0" + _camera_exif()
    other = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    at = jpeg.index(b"\xff\xdb")
    data = jpeg[:at] + other + jpeg[at:]
    examination = Examination(open_specimen(data), data)
    assert examination.exif.texts == {"Software": "first"}
    assert examination.carried.problems == ["a second EXIF block was passed over"]


@pytest.mark.parametrize(
    ("text", "making"),
    [
        (TRAINED, Making.GENERATED),
        ("https://cv.iptc.org/newscodes/digitalsourcetype/TrainedAlgorithmicMedia/", Making.GENERATED),
        ("digsrctype:compositeWithTrainedAlgorithmicMedia", Making.PARTLY_GENERATED),
        ("http://c2pa.org/digitalsourcetype/trainedAlgorithmicData", Making.GENERATED),
        ("algorithmicMedia", Making.SYNTHETIC),
        ("computationalCapture", Making.CAPTURED),
        ("compositeCapture", Making.MONTAGE),
        ("digitalArt", Making.OTHER),
        ("untrainedAlgorithmicMedia", Making.OTHER),
        ("", Making.OTHER),
    ],
)
def test_source_types(text, making):
    assert read_source_type(text).making is making


@pytest.mark.parametrize(
    ("attributes", "ratio"),
    [
        (f'e:DigitalSourcefileType="{TRAINED}"', judgements.UNSIGNED_GENERATED),
        ('e:DigitalSourceType="compositeCapture"', None),
        ('e:AISystemUsed="Midjourney 6"', judgements.UNSIGNED_GENERATED),
        ('e:AISystemUsed="none"', None),
        ('e:AISystemUsed="No AI was used"', None),
        ('ps:Credit="Made with Midjourney"', judgements.GENERATOR_NAMED),
        ('ps:Credit="Not made with Midjourney"', None),
        ('ps:Credit="ohne Midjourney"', None),
        ('xmp:CreatorTool="Adobe Firefly no. 1"', judgements.GENERATOR_NAMED),
    ],
)
def test_what_is_denied_does_not_count(picture, attributes, ratio):
    assert _examine(_with_xmp(picture, "JPEG", _xmp(attributes))).log_likelihood_ratio == ratio


def test_gif_with_xmp(picture):
    gif = picture("GIF")
    packet = b"<?xpacket begin=''?>" + _xmp('xmp:CreatorTool="Midjourney"') + b"<?xpacket end='w'?>"
    stream = io.BytesIO(gif)
    data = stream.getvalue()[:-1] + b"!\xff\x0bXMP DataXMP" + packet + b"\x00;"
    examination = Examination(open_specimen(gif), data)
    assert "Midjourney" in examine(examination).sentence
