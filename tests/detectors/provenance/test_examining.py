"""The whole of provenance: all examiners, arrays, counting once, and mutated files of every format."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from ganeval.detectors.evidence import Evidence
from ganeval.detectors.provenance import judgements
from ganeval.detectors.provenance.examination import Examination
from ganeval.detectors.provenance.examining import EXAMINERS, examine_provenance
from ganeval.detectors.specimen import Specimen, open_specimen

NAMES = ["c2pa", "png-text", "metadata", "jpeg-tables", "camera"]
A1111 = "a cat\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1"
XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description xmlns:e="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    'e:DigitalSourceType="trainedAlgorithmicMedia"/></rdf:RDF></x:xmpmeta>'
)


def _marked(picture, image_format: str) -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "Canon"
    exif[0x0110] = "Canon EOS R5"
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + A1111.encode("utf-16-be")
    if image_format == "PNG":
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        info.add_text("parameters", A1111, zip=True)
        info.add_itxt("XML:com.adobe.xmp", XMP)
        return picture("PNG", exif=exif.tobytes(), pnginfo=info)
    if image_format in ("JPEG", "WEBP"):
        return picture(image_format, exif=exif.tobytes(), xmp=XMP.encode())
    return picture(image_format, exif=exif) if image_format == "TIFF" else picture(image_format)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP"])
def test_plain_pictures_abstain_everywhere(picture, image_format):
    found = examine_provenance(open_specimen(picture(image_format)))
    assert [one.detector for one in found] == NAMES
    assert all(one.abstains and not one.decides and one.sentence for one in found)


def test_array_has_no_provenance():
    found = examine_provenance(open_specimen(np.zeros((8, 8, 3), np.uint8)))
    assert [one.detector for one in found] == NAMES
    assert all(one.abstains for one in found)


def test_animations_and_single_pixels(picture):
    import io

    stream = io.BytesIO()
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    frames[0].save(stream, "GIF", save_all=True, append_images=frames[1:])
    assert all(one.abstains for one in examine_provenance(open_specimen(stream.getvalue())))
    stream = io.BytesIO()
    frames[0].save(stream, "PNG", save_all=True, append_images=frames[1:])
    assert all(one.abstains for one in examine_provenance(open_specimen(stream.getvalue())))
    assert all(one.abstains for one in examine_provenance(open_specimen(picture("JPEG", (1, 1)))))


def test_several_texts_of_one_file_count_once(picture):
    found = {one.detector: one for one in examine_provenance(open_specimen(_marked(picture, "PNG")))}
    assert found["png-text"].log_likelihood_ratio == judgements.GENERATION_PARAMETERS
    assert found["metadata"].log_likelihood_ratio == 0.0
    assert found["metadata"].sentence.endswith("counted once, under png-text")
    # The camera speaks the other way and isn't silenced.
    assert found["camera"].log_likelihood_ratio == judgements.CAMERA_PARTIAL


def test_nothing_unsigned_decides_and_no_sum_of_camera_signs_is_strong(picture):
    for image_format in ("JPEG", "PNG", "WEBP", "TIFF"):
        found = examine_provenance(open_specimen(_marked(picture, image_format)))
        assert not any(one.decides for one in found)
    assert -math.log(3) < judgements.CAMERA_WHOLE + judgements.UNSIGNED_CAPTURE


def _segment(marker: int, payload: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(payload) + 2).to_bytes(2, "big") + payload


def test_floods_of_blocks_are_examined_in_a_moment(picture):
    """Thirty megabytes each of filling bytes, Photoshop blocks, XMP packets, and EXIF values that overlap."""
    jpeg = picture("JPEG")
    xmp = b"http://ns.adobe.com/xap/1.0/\0<x " + b" ".join(b'a%d="1"' % i for i in range(6000)) + b"/>"
    entries = b"".join(
        b"\x31\x01\x02\0" + (1 << 20).to_bytes(4, "little") + (8).to_bytes(4, "little") for _ in range(900)
    )
    exif = b"II*\0\x08\0\0\0" + (900).to_bytes(2, "little") + entries + bytes(2 << 20)
    floods = [
        jpeg[:2] + b"\xff" * (30 << 20) + jpeg[2:],
        jpeg[:2] + _segment(0xED, b"Photoshop 3.0\0" + bytes(65_000)) * 480 + jpeg[2:],
        jpeg[:2] + _segment(0xE1, xmp) * 480 + jpeg[2:],
        exif,
    ]
    plain = open_specimen(jpeg)
    for data in floods:
        began = time.process_time()
        examination = Examination(Specimen("flood", plain.pixels, plain.info, data), data)
        assert [EXAMINERS.get(name)(examination).detector for name in NAMES[1:]] == NAMES[1:]
        assert time.process_time() - began < 3


def test_examiner_that_breaks_costs_only_itself(picture, monkeypatch):
    def broken(_: Examination) -> Evidence:
        raise RuntimeError("never thought of")

    monkeypatch.setitem(EXAMINERS._loaded, "metadata", broken)
    found = {one.detector: one for one in examine_provenance(open_specimen(picture("JPEG")))}
    assert found["metadata"].abstains
    assert found["metadata"].sentence == "couldn't be read: RuntimeError"


def test_evidence_is_lower_case_without_a_full_stop(picture):
    for image_format in ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP"):
        for one in examine_provenance(open_specimen(_marked(picture, image_format))):
            assert not one.sentence.endswith(".")
            assert one.sentence[0].islower() or one.sentence[:4].isupper()


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mutated_files_raise_nothing(picture, data):
    """The examiners themselves, without the net that `examine_provenance` spans under them."""
    image_format = data.draw(st.sampled_from(["JPEG", "PNG", "WEBP", "TIFF", "GIF"]))
    whole = _marked(picture, image_format)
    mutated = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 10))):
        position = data.draw(st.integers(0, len(mutated) - 1))
        kind = data.draw(st.integers(0, 2))
        if kind == 0:
            mutated[position] = data.draw(st.integers(0, 255))
        elif kind == 1:
            mutated[position : position + 4] = data.draw(st.sampled_from([b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff"]))
        else:
            del mutated[position : position + data.draw(st.integers(1, 20))]
    # The pixels are the original's: these examiners are handed files that may not decode any more.
    plain = open_specimen(whole)
    specimen = Specimen("mutated", plain.pixels, plain.info, bytes(mutated))
    examination = Examination(specimen, bytes(mutated))
    for name in NAMES[1:]:
        found = EXAMINERS.get(name)(examination)
        assert found.detector == name
        assert not found.decides
        assert all(fact.value.isprintable() or not fact.value for fact in found.facts)
