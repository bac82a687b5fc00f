"""All that a file says of its own origin, one piece of evidence for each kind of trace."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ganeval.detectors.evidence import Evidence
from ganeval.detectors.provenance.examination import Examination, Examiner, abstain
from ganeval.detectors.provenance.trust_anchors import read_trust_anchors
from ganeval.detectors.specimen import Specimen
from ganeval.errors import OptionError
from ganeval.registry import Registry

#: Kinds of trace by the name of their evidence; other packages may add theirs.
EXAMINERS: Registry[Examiner] = Registry(
    kind="provenance examiner",
    group="ganeval.provenance",
    builtin={
        "c2pa": "ganeval.detectors.provenance.c2pa_manifests:examine",
        "png-text": "ganeval.detectors.provenance.png_text:examine",
        "metadata": "ganeval.detectors.provenance.metadata:examine",
        "jpeg-tables": "ganeval.detectors.provenance.jpeg_tables:examine",
        "camera": "ganeval.detectors.provenance.camera:examine",
    },
    error=OptionError,
)


def examine_provenance(
    specimen: Specimen, *, online: bool = False, trust_anchors: str | os.PathLike[str] | None = None
) -> tuple[Evidence, ...]:
    """Read what the file says of its own origin.

    Parameters
    ----------
    specimen
        The image; one without a file's bytes gets evidence that abstains.
    online
        Whether remote manifests and revocation lists may be fetched. Nothing is sent or fetched otherwise.
    trust_anchors
        PEM file, or folder of such, of roots whose signers are trusted besides those of the C2PA's list.

    Returns
    -------
    tuple of Evidence
        One for each of `EXAMINERS`, in their order. Only a valid signature decides; of several unsigned texts that say
        "generated", the strongest counts and the others have the ratio 0, since one hand wrote them all. What
        speaks has the weight 1: the ratios are set by hand, and summed as they are.

    Raises
    ------
    OptionError
        If the trust anchors can't be read. Nothing that stands in the image's file raises.
    """
    anchors = "" if trust_anchors is None else read_trust_anchors(Path(trust_anchors))
    if specimen.data is None:
        reason = "an array of pixels has no file whose origin could be read"
        return tuple(abstain(name, reason) for name in EXAMINERS)
    examination = Examination(specimen, specimen.data, online=online, trust_anchors=anchors)
    return examine_each({name: EXAMINERS.get(name) for name in EXAMINERS}, examination)


def examine_each(examiners: Mapping[str, Examiner], examination: Examination) -> tuple[Evidence, ...]:
    """What each of them finds, by name; what speaks has the weight 1, and of several unsigned texts one counts."""
    found = _count_once(tuple(_examine(name, one, examination) for name, one in examiners.items()))
    return tuple(one if one.abstains else replace(one, weight=1.0) for one in found)


def _examine(name: str, examiner: Examiner, examination: Examination) -> Evidence:
    try:
        return examiner(examination)
    # A stranger's bytes: what no check foresaw costs this one trace, not the verdict. Fuzzing the examiners themselves
    # is what finds such errors, so the tests call them without this net.
    except Exception as error:
        return abstain(name, f"couldn't be read: {type(error).__name__}")


def _count_once(evidence: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    """Leave the strongest statement "generated" its ratio: texts of one file aren't independent witnesses."""
    stated = [one for one in evidence if (one.log_likelihood_ratio or 0.0) > 0.0]
    if len(stated) < 2:
        return evidence
    strongest = max(stated, key=lambda one: (one.decides, one.log_likelihood_ratio or 0.0))
    return tuple(
        replace(one, log_likelihood_ratio=0.0, sentence=f"{one.sentence}; counted once, under {strongest.detector}")
        if any(one is other for other in stated) and one is not strongest
        else one
        for one in evidence
    )
