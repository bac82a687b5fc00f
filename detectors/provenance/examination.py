"""One specimen under examination: the blocks its file carries, read once for all examiners."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from ganeval.detectors.evidence import Evidence, Fact
from ganeval.detectors.provenance.carried import Carried, read_carried
from ganeval.detectors.provenance.exif import Exif, read_exif
from ganeval.detectors.provenance.iptc import IPTC_RESOURCE, read_iptc, resources
from ganeval.detectors.provenance.shown_text import shown
from ganeval.detectors.provenance.xmp import Property, XmpError, read_xmp
from ganeval.detectors.specimen import Specimen

# An honest file has one, or one with its extension.
_MAX_PACKETS = 16


@dataclass(frozen=True)
class Examination:
    """What examiners look at.

    Parameters
    ----------
    specimen
        The image.
    data
        The bytes of its file.
    online
        Whether remote manifests and revocation lists may be fetched.
    trust_anchors
        PEM text of the roots whose signers count as known; empty for none.
    """

    specimen: Specimen
    data: bytes
    online: bool = False
    trust_anchors: str = ""

    @cached_property
    def carried(self) -> Carried:
        """The file's blocks."""
        return read_carried(self.data)

    @cached_property
    def exif(self) -> Exif:
        """The EXIF data; empty where there is none."""
        return Exif() if self.carried.exif is None else read_exif(self.carried.exif)

    @cached_property
    def xmp(self) -> tuple[tuple[Property, ...], tuple[str, ...]]:
        """The properties of all XMP packets, and why others weren't read."""
        properties: list[Property] = []
        problems: list[str] = []
        packets = [*self.carried.xmp, *([self.exif.xmp] if self.exif.xmp else [])]
        if len(packets) > _MAX_PACKETS:
            problems.append(f"{len(packets) - _MAX_PACKETS:,} further packets")
        for packet in packets[:_MAX_PACKETS]:
            try:
                properties += read_xmp(packet)
            except XmpError as error:
                problems.append(shown(error))
        return tuple(properties), tuple(problems)

    @cached_property
    def iptc(self) -> dict[str, str]:
        """The IPTC-IIM fields."""
        blocks = [content for number, content in resources(self.carried.photoshop) if number == IPTC_RESOURCE]
        return read_iptc(b"".join(blocks) or self.exif.iptc)


#: One kind of trace.
Examiner = Callable[[Examination], Evidence]


def abstain(detector: str, reason: str, facts: tuple[Fact, ...] = ()) -> Evidence:
    """Evidence that says nothing for or against, and why."""
    return Evidence(detector, reason, facts=facts)
