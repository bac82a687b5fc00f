"""What a video's file says of its own origin: signed manifests, XMP, and the texts that its container carries."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from ganeval.detectors.evidence import Evidence
from ganeval.detectors.provenance import c2pa_manifests, metadata, png_text
from ganeval.detectors.provenance.carried import MAX_BLOCK, Carried, Text
from ganeval.detectors.provenance.examination import Examination, abstain
from ganeval.detectors.provenance.examining import count_once
from ganeval.detectors.provenance.trust_anchors import read_trust_anchors
from ganeval.detectors.specimen import LARGEST_FILE, Specimen

#: How a packet of XMP begins and ends, wherever it stands in the file: containers differ in the box, and agree on the
#: text. Beginnings that are followed up at most, and the longest packet.
_XMP = (b"<x:xmpmeta", b"</x:xmpmeta>")
_MOST_PACKETS = 16
#: By name of the evidence. Containers' tags are keywords with texts, as those of PNGs are.
_EXAMINERS: Mapping[str, Callable[[Examination], Evidence]] = MappingProxyType(
    {"c2pa": c2pa_manifests.examine, "tags": png_text.examine, "metadata": metadata.examine}
)


@dataclass(frozen=True)
class ClipExamination(Examination):
    """A video's file under examination; `specimen` is one of its frames with the container as its format.

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
    frame: Specimen,
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
    frame
        One of its frames, whose ``info.format`` is the container: ``"MP4"``, ``"MOV"``, or others, which carry no
        manifests.
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
    examination = ClipExamination(frame, data, online=online, trust_anchors=anchors, tags=tags)
    found = count_once(tuple(_examine(name, examination) for name in _EXAMINERS))
    return tuple(one if one.abstains else replace(one, weight=1.0) for one in found)


def _examine(name: str, examination: Examination) -> Evidence:
    try:
        return replace(_EXAMINERS[name](examination), detector=name)
    # As for pictures: what no check foresaw in a stranger's bytes costs this one trace, not the verdict.
    except Exception as error:
        return abstain(name, f"couldn't be read: {type(error).__name__}")


def _packets(data: bytes) -> Iterator[bytes]:
    end = 0
    for _ in range(_MOST_PACKETS):
        begin = data.find(_XMP[0], end)
        if begin < 0:
            return
        end = data.find(_XMP[1], begin, begin + MAX_BLOCK)
        if end < 0:
            end = begin + len(_XMP[0])
            continue
        end += len(_XMP[1])
        yield data[begin:end]


def _keyword(name: str) -> str:
    """A tag's last part, as in ``com.apple.quicktime.software``; an encoder is software too."""
    last = name.rpartition(".")[2]
    return "software" if last.lower() in ("encoder", "encoded_by", "tool") else last
