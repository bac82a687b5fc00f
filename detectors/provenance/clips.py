"""What a video's file says of its own origin: signed manifests, XMP, and the texts that its container carries."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from types import MappingProxyType

import numpy as np

from ganeval.detectors.evidence import Evidence
from ganeval.detectors.provenance import c2pa_manifests, metadata, png_text
from ganeval.detectors.provenance.carried import MAX_BLOCK, Carried, Text
from ganeval.detectors.provenance.examination import Examination, Examiner, abstain
from ganeval.detectors.provenance.examining import examine_each
from ganeval.detectors.provenance.trust_anchors import read_trust_anchors
from ganeval.detectors.specimen import LARGEST_FILE, Specimen
from ganeval.images.source import ImageInfo

#: Elements that hold XMP, the outermost that there is, wherever it stands in the file: containers differ in the box,
#: and agree on the text. Packets of each that are read at most.
_XMP = (b"x:xmpmeta", b"x:xapmeta", b"rdf:RDF")
_MOST_PACKETS = 16


@dataclass(frozen=True)
class ClipExamination(Examination):
    """A video's file under examination; `specimen` has the container as its format, and no pixels.

    Parameters
    ----------
    tags
        Of the container and of the stream, in pairs of keyword and text: both may have one keyword.
    """

    tags: Sequence[tuple[str, str]] = ()

    @cached_property
    def carried(self) -> Carried:
        """The container's tags as texts, and packets of XMP."""
        texts = [Text(_keyword(name), text[:MAX_BLOCK]) for name, text in self.tags]
        return Carried(texts=texts, xmp=list(_packets(self.data)))


def examine_clip_provenance(
    path: str,
    container: str,
    tags: Sequence[tuple[str, str]],
    *,
    online: bool = False,
    trust_anchors: str | os.PathLike[str] | None = None,
) -> tuple[Evidence, ...]:
    """Read what a video's file says of its own origin.

    Parameters
    ----------
    path
        Of the file.
    container
        ``"MP4"``, ``"MOV"``, ``"AVI"``, or others, which carry no manifests.
    tags
        Keywords and texts of the container and of the stream.
    online, trust_anchors
        As of `ganeval.detectors.provenance.examining.examine_provenance`.

    Returns
    -------
    tuple of Evidence
        One each for signed manifests, tags and XMP. Only a valid signature decides. Files over 1 GiB aren't read.

    Raises
    ------
    OptionError
        If the trust anchors can't be read. Nothing that stands in the file raises.
    """
    anchors = "" if trust_anchors is None else read_trust_anchors(Path(trust_anchors))
    try:
        data = Path(path).read_bytes() if Path(path).stat().st_size <= LARGEST_FILE else None
    except OSError as error:
        return tuple(abstain(name, f"the file can't be read: {error.strerror or error}") for name in _EXAMINERS)
    if data is None:
        return tuple(abstain(name, "the file is larger than 1 GiB, and wasn't searched") for name in _EXAMINERS)
    info = ImageInfo(format=container, mode="RGB", width=0, height=0, digest=b"")
    specimen = Specimen(path, np.zeros((0, 0, 3), np.uint8), info, data)
    examination = ClipExamination(specimen, data, online=online, trust_anchors=anchors, tags=tags)
    return examine_each(_EXAMINERS, examination)


def _tags(examination: Examination) -> Evidence:
    """Containers' tags are keywords with texts, as those of PNGs are."""
    return replace(png_text.examine(examination), detector="tags")


#: By name of the evidence.
_EXAMINERS: Mapping[str, Examiner] = MappingProxyType(
    {"c2pa": c2pa_manifests.examine, "tags": _tags, "metadata": metadata.examine}
)


def _packets(data: bytes) -> Iterator[bytes]:
    """XMP in order, none within another; if no element ends, only how one begins, which can't be read."""
    spans = sorted(span for element in _XMP for span in islice(_spans(data, element), _MOST_PACKETS))
    if not spans:
        begun = next((b"<" + element for element in _XMP if b"<" + element in data), None)
        yield from [begun] if begun else []
    after = 0
    for begin, end in spans:
        if begin >= after:
            after = end
            yield data[begin:end]


def _spans(data: bytes, element: bytes) -> Iterator[tuple[int, int]]:
    """Where such elements stand that end before the next one begins."""
    opening, closing = b"<" + element, b"</" + element
    begin = data.find(opening)
    while begin >= 0:
        following = data.find(opening, begin + 1)
        last = min(len(data) if following < 0 else following, begin + MAX_BLOCK)
        closed = data.find(closing, begin, last)
        if closed >= 0 and (end := data.find(b">", closed, closed + len(closing) + 16)) >= 0:
            yield begin, end + 1
        begin = following


def _keyword(name: str) -> str:
    """A tag's last part, as in ``com.apple.quicktime.software``; an encoder is software too."""
    last = name.rpartition(".")[2]
    return "software" if last.lower() in ("encoder", "encoded_by", "tool") else last
