"""What a video's file says of its origin: signed manifests decide, tags and XMP are hints, hostile ones do no harm."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganeval.detectors import Examiner
from ganeval.detectors.video import examine_clip

pytest.importorskip("av")

GREY = [np.full((48, 64, 3), 128, np.uint8)] * 10


def test_a_signed_statement_in_the_file_decides(sign: Any, write_film: Any, tmp_path: Path) -> None:
    path = write_film(tmp_path / "c.mp4", GREY, "mpeg4")
    signed = sign(("c2pa.created", "trainedAlgorithmicMedia"), image_format="MP4", unsigned=path.read_bytes())
    path.write_bytes(signed.image)
    clip = examine_clip(str(path), Examiner(), frames=2)
    assert clip.label == "generated"
    assert "a valid signature by" in clip.reason
    assert clip.probability > 0.99
    assert [one.decides for one in clip.provenance if one.detector == "c2pa"] == [True]
    broken = bytearray(signed.image)
    media = broken.rindex(b"mdat") - 4
    broken[media + int.from_bytes(broken[media : media + 4], "big") - 1] ^= 0xFF  # In the last frame.
    path.write_bytes(bytes(broken))
    clip = examine_clip(str(path), Examiner(), frames=2)
    assert clip.label != "generated"
    assert any("tampered" in one.sentence for one in clip.provenance)


@pytest.mark.parametrize(
    ("tags", "label"),
    [
        ({}, "inconclusive"),
        ({"comment": "a film of mine"}, "inconclusive"),
        ({"com.apple.quicktime.software": "Kling AI 2.1"}, "probably generated"),
        ({"comment": '{"3": {"class_type": "KSampler", "inputs": {}}}'}, "probably generated"),
    ],
)
def test_what_the_containers_tags_say_is_a_hint(
    write_film: Any, tmp_path: Path, tags: dict[str, str], label: str
) -> None:
    path = write_film(tmp_path / "c.mkv", GREY, "mpeg4", tags=tags)
    clip = examine_clip(str(path), Examiner(), frames=2)
    assert clip.label == label
    assert not any(one.decides for one in clip.provenance)


def test_xmp_in_a_container_is_read_and_a_flood_of_beginnings_ends(write_film: Any, tmp_path: Path) -> None:
    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
        b'Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"/>'
        b"</rdf:RDF></x:xmpmeta>"
    )
    path = write_film(tmp_path / "c.mp4", GREY, "mpeg4")
    whole = path.read_bytes()
    begin, end = packet.index(b"<rdf:RDF"), packet.index(b"</x:xmpmeta>")
    bare = packet[begin:end]
    # With its wrapper, without, with half of it, with a space in its end, and after beginnings without an end.
    strays = [b"<x:xmpmeta junk " + packet, b"<rdf:RDF junk " + bare, 40 * b"<x:xmpmeta " + packet]
    for held in (packet, bare, packet[:end], bare.replace(b"</rdf:RDF>", b"</rdf:RDF >"), *strays):
        path.write_bytes(whole + (len(held) + 8).to_bytes(4, "big") + b"free" + held)
        found = {one.detector: one for one in examine_clip(str(path), Examiner(), frames=1).provenance}
        assert "trainedAlgorithmicMedia" in found["metadata"].sentence
    flood = b"<x:xmpmeta " * 400_000
    path.write_bytes(whole + (len(flood) + 8).to_bytes(4, "big") + b"free" + flood)
    began = time.monotonic()
    found = {one.detector: one for one in examine_clip(str(path), Examiner(), frames=1).provenance}
    assert time.monotonic() - began < 10
    assert found["metadata"].abstains
    assert "looks like XMP data and can't be read" in found["metadata"].sentence


def test_a_tag_that_is_no_utf_8_is_read_as_far_as_it_goes(write_film: Any, tmp_path: Path) -> None:
    path = write_film(tmp_path / "c.mp4", GREY, "mpeg4", tags={"comment": "XYZZYXYZZY"})
    path.write_bytes(path.read_bytes().replace(b"XYZZYXYZZY", b"XYZZY\xff\xfeZZY"))
    clip = examine_clip(str(path), Examiner(), frames=1)
    assert any("XYZZY" in fact.value for one in clip.provenance for fact in one.facts)
