"""How a JPEG was last saved: quantisation tables against the IJG scale, subsampling, coding, oddities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ganeval.detectors.evidence import Evidence, Fact
from ganeval.detectors.provenance.examination import Examination, abstain
from ganeval.detectors.provenance.iptc import resources
from ganeval.detectors.provenance.jpeg_segments import (
    APP0,
    APP12,
    APP13,
    APP14,
    DHT,
    DQT,
    DRI,
    FRAMES,
    segments,
)
from ganeval.images.jpeg_quality import estimate_quality, ijg_luminance_table

DETECTOR = "jpeg-tables"

# ITU-T T.81, table K.2, in natural order.
_K2_CHROMINANCE = np.array(
    [
        *(17, 18, 24, 47, 99, 99, 99, 99),
        *(18, 21, 26, 66, 99, 99, 99, 99),
        *(24, 26, 56, 99, 99, 99, 99, 99),
        *(47, 66, 99, 99, 99, 99, 99, 99),
        *([99] * 32),
    ],
    dtype=np.int64,
)
# How many codes of each length 1..16 the Huffman tables K.3 to K.6 have: what a coder writes that doesn't fit its
# tables to the picture.
_STANDARD_LENGTHS = frozenset(
    {
        bytes([0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0]),
        bytes([0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0]),
        bytes([0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7D]),
        bytes([0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77]),
    }
)
_PHOTOSHOP_QUALITY = 0x0406
_SUBSAMPLINGS = {(1, 1): "4:4:4", (2, 1): "4:2:2", (2, 2): "4:2:0", (1, 2): "4:4:0", (4, 1): "4:1:1", (4, 2): "4:1:0"}


def zigzag() -> npt.NDArray[np.int64]:
    """Natural index of each zigzag position, int64 [64] (T.81, figure A.6)."""
    cells = [(i, j) for i in range(8) for j in range(8)]
    # Along anti-diagonals, up on even ones and down on odd ones.
    cells.sort(key=lambda cell: (sum(cell), cell[0] if sum(cell) % 2 else cell[1]))
    return np.array([8 * i + j for i, j in cells], dtype=np.int64)


_ZIGZAG = zigzag()


@dataclass
class JpegHeader:
    """What stands in front of the first scan.

    Parameters
    ----------
    tables
        Quantisation tables by number, each a tuple of 64 in natural order; of a number defined twice, the last.
    frame
        Marker of the frame (0xC0 baseline, 0xC2 progressive, ...); 0 without one.
    sampling
        Horizontal and vertical factor of each component, in order.
    table_of
        Number of the quantisation table of each component.
    standard_huffman
        Whether all Huffman tables have the code lengths of T.81 K.3; None without tables.
    restart
        Blocks between restart markers, 0 without.
    jfif, adobe, photoshop, save_for_web
        Whether there is a JFIF header, Adobe's APP14, Photoshop's resources with a quality, Photoshop's "Ducky".
    oddities
        In words.
    """

    tables: dict[int, tuple[int, ...]] = field(default_factory=dict)
    frame: int = 0
    sampling: list[tuple[int, int]] = field(default_factory=list)
    table_of: list[int] = field(default_factory=list)
    standard_huffman: bool | None = None
    restart: int = 0
    jfif: bool = False
    adobe: bool = False
    photoshop: bool = False
    save_for_web: bool = False
    oddities: list[str] = field(default_factory=list)

    @property
    def progressive(self) -> bool:
        """Whether the frame is a progressive one."""
        return self.frame in (0xC2, 0xC6, 0xCA, 0xCE)

    @property
    def subsampling(self) -> str:
        """Such as ``"4:2:0"``; the factors where they have no usual name, ``"grey"`` for one component."""
        if len(self.sampling) == 1:
            return "grey"
        if len(self.sampling) < 3 or len(set(self.sampling[1:3])) > 1 or 0 in self.sampling[1]:
            return " ".join(f"{h}x{v}" for h, v in self.sampling)
        (h, v), (ch, cv) = self.sampling[:2]
        return _SUBSAMPLINGS.get((h // ch, v // cv), " ".join(f"{h}x{v}" for h, v in self.sampling))


def read_header(data: bytes) -> JpegHeader:
    """The header of a JPEG; broken segments are left out and named in `oddities`."""
    header = JpegHeader()
    for segment in segments(data):
        reader = _READERS.get(segment.marker)
        if reader is not None:
            reader(segment.payload, header)
        elif segment.marker in FRAMES:
            _read_frame(segment.marker, segment.payload, header)
    missing = sorted(set(header.table_of) - set(header.tables))
    if missing:
        header.oddities.append(f"a component refers to the quantisation table {missing[0]}, which isn't there")
    return header


def _read_tables(payload: bytes, header: JpegHeader) -> None:
    position = 0
    while position < len(payload):
        precision, number = payload[position] >> 4, payload[position] & 15
        width = 2 if precision else 1
        raw = payload[position + 1 : position + 1 + 64 * width]
        position += 1 + 64 * width
        if len(raw) < 64 * width or precision > 1 or number > 3:
            header.oddities.append("a quantisation table is broken")
            return
        table = np.empty(64, dtype=np.int64)
        table[_ZIGZAG] = np.frombuffer(raw, dtype=">u2" if precision else "u1")
        values = tuple(int(v) for v in table)
        if precision:
            header.oddities.append(f"the quantisation table {number} has 16 bits")
        if 0 in values:
            header.oddities.append(f"the quantisation table {number} contains a zero")
        if header.tables.get(number, values) != values:
            header.oddities.append(f"the quantisation table {number} is defined twice, differently")
        header.tables[number] = values


def _read_frame(marker: int, payload: bytes, header: JpegHeader) -> None:
    if header.frame:
        header.oddities.append("a second frame begins before the first scan")
        return
    header.frame = marker
    parts = payload[6:]
    for start in range(0, len(parts) - 2, 3):
        header.sampling.append((parts[start + 1] >> 4, parts[start + 1] & 15))
        header.table_of.append(parts[start + 2])


def _read_huffman(payload: bytes, header: JpegHeader) -> None:
    position = 0
    while position + 17 <= len(payload):
        lengths = payload[position + 1 : position + 17]
        header.standard_huffman = header.standard_huffman is not False and lengths in _STANDARD_LENGTHS
        position += 17 + sum(lengths)


def _read_restart(payload: bytes, header: JpegHeader) -> None:
    header.restart = int.from_bytes(payload[:2], "big")


def _read_jfif(payload: bytes, header: JpegHeader) -> None:
    header.jfif = header.jfif or payload.startswith(b"JFIF\0")


def _read_ducky(payload: bytes, header: JpegHeader) -> None:
    header.save_for_web = header.save_for_web or payload.startswith(b"Ducky")


def _read_photoshop(payload: bytes, header: JpegHeader) -> None:
    if payload.startswith(b"Photoshop 3.0\0"):
        header.photoshop |= any(number == _PHOTOSHOP_QUALITY for number, _ in resources(payload[14:]))


def _read_adobe(payload: bytes, header: JpegHeader) -> None:
    header.adobe = header.adobe or payload.startswith(b"Adobe")


_READERS: dict[int, Callable[[bytes, JpegHeader], None]] = {
    DQT: _read_tables,
    DHT: _read_huffman,
    DRI: _read_restart,
    APP0: _read_jfif,
    APP12: _read_ducky,
    APP13: _read_photoshop,
    APP14: _read_adobe,
}


def ijg_chrominance_table(quality: int) -> npt.NDArray[np.int64]:
    """The chrominance table of the Independent JPEG Group's scale, int64 [64] in natural order, for quality 1..100."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.clip((_K2_CHROMINANCE * scale + 50) // 100, 1, 255)


def describe_tables(header: JpegHeader) -> tuple[int, str]:
    """Quality on the IJG scale (0: not of it) and whose tables these are, in words."""
    luminance = header.tables.get(header.table_of[0] if header.table_of else 0, ())
    if len(luminance) != 64:
        return 0, "no quantisation table"
    quality = estimate_quality({0: luminance})
    if not quality:
        return 0, "tables that aren't of the IJG scale: of a camera, a phone or an editor with tables of its own"
    if tuple(ijg_luminance_table(quality)) != luminance:
        return quality, f"near quality {quality} of the IJG scale, but not its table: an encoder with tables of its own"
    chroma = {header.tables.get(number, ()) for number in header.table_of[1:3]}
    if not chroma or chroma == {tuple(int(v) for v in ijg_chrominance_table(quality))}:
        return quality, f"exactly the IJG tables of quality {quality}, as libjpeg and most software write"
    return quality, f"the IJG luminance table of quality {quality} with other tables for colour"


def examine(examination: Examination) -> Evidence:
    """Describe how the JPEG was last saved. Always abstains: that says nothing of how the picture was made."""
    if not examination.data.startswith(b"\xff\xd8\xff"):
        return abstain(DETECTOR, "not a JPEG, so there are no quantisation tables")
    header = read_header(examination.data)
    quality, family = describe_tables(header)
    facts = [
        Fact("quantisation", family),
        Fact("quality on the IJG scale", str(quality) if quality else "none"),
        Fact("colour subsampling", header.subsampling),
        Fact("coding", "progressive" if header.progressive else "sequential"),
    ]
    if header.standard_huffman is not None:
        facts.append(Fact("Huffman tables", "standard" if header.standard_huffman else "fitted to the picture"))
    if header.restart:
        facts.append(Fact("restart interval", str(header.restart)))
    facts += [Fact("saved by", maker, meaning) for maker, meaning in _makers(header)]
    facts += [Fact("oddity", text) for text in dict.fromkeys(header.oddities[:10])]
    quality_words = f"quality {quality}" if quality else "tables of no known scale"
    sentence = (
        f"last saved with {quality_words}, {header.subsampling}; "
        "that tells how the file was saved, not how the picture was made"
    )
    return abstain(DETECTOR, sentence, tuple(facts))


def _makers(header: JpegHeader) -> list[tuple[str, str]]:
    signs = (
        (header.save_for_web, "Adobe Photoshop, Save for Web", "the Ducky segment is there"),
        (header.photoshop, "Adobe Photoshop", "its quality resource (0x0406) is there"),
        (
            header.adobe and not header.photoshop,
            "a program with Adobe's APP14 marker",
            "Adobe's and some others write it",
        ),
    )
    return [(maker, meaning) for there, maker, meaning in signs if there]
