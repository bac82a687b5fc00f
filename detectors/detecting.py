"""One picture in, one verdict out: asks provenance and every detector, fuses, judges, and tries to shake it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np

from ganeval.detectors.bundled import BundledDetectors, load_bundled
from ganeval.detectors.conditions import conditions_of
from ganeval.detectors.detector import PixelDetector
from ganeval.detectors.evidence import TELLING, Evidence, Fact
from ganeval.detectors.fusion.bins import BINS, bin_of
from ganeval.detectors.fusion.fusing import Fused, Fusion
from ganeval.detectors.fusion.rules import Judgement, hints_of, judge
from ganeval.detectors.fusion.stability import TRIALS, can_turn_over, turns_over
from ganeval.detectors.provenance.examining import examine_provenance
from ganeval.detectors.specimen import Pixels, Specimen, open_specimen
from ganeval.detectors.verdict import Conditions, Verdict
from ganeval.errors import OptionError

LIMITS = (
    "It knows simulated traces of up-sampling and some kinds of cameras and handling; a generator that leaves other "
    "traces, or a picture made smaller or strongly compressed, can pass, and no verdict says whether what is shown "
    "is true."
)


class Examiner:
    """Holds the detectors, so that many pictures are examined with weights that are loaded once.

    Parameters
    ----------
    detectors
        Names of bundled detectors or folders of trained ones; `ganeval.detectors.bundled.DEFAULT` if None.
    prior
        Share of generated pictures before looking, in (0, 1).
    level
        Of intervals, in (0, 1).
    online
        Whether provenance may ask the network: remote manifests and revocation lists.
    trust_anchors
        PEM file of certificates whose signatures count as trusted, besides the C2PA trust list that ships.
    stability
        Whether a verdict is tried on slightly changed copies.
    weights
        Name of a published network to the file of its authors' weights. It is asked too, and its raw score shown;
        without reference scores it has no part in the verdict.

    Raises
    ------
    OptionError
        For a prior or level out of range, or an unknown detector.
    WeightsError
        For weights that can't be read.
    """

    def __init__(
        self,
        *,
        detectors: Sequence[str] | None = None,
        prior: float = 0.5,
        level: float = 0.95,
        online: bool = False,
        trust_anchors: str | os.PathLike[str] | None = None,
        stability: bool = True,
        weights: Mapping[str, str | os.PathLike[str]] | None = None,
    ) -> None:
        for name, value in (("prior", prior), ("level", level)):
            if not 0 < value < 1:
                raise OptionError(f"--{name} {value:g} isn't between 0 and 1", hint=f"Give such as --{name} 0.5.")
        self.names = None if detectors is None else tuple(detectors)
        self.prior = prior
        self.level = level
        self.online = online
        self.trust_anchors = trust_anchors
        self.stability = stability
        self.weights = dict(weights or {})

    @cached_property
    def bundle(self) -> BundledDetectors:
        """The detectors and their reference scores, loaded on first use."""
        return load_bundled(self.names, self.weights)

    @cached_property
    def fusion(self) -> Fusion:
        """Of those detectors."""
        return Fusion.fitted(self.bundle.reference)

    def detect(self, image: str | os.PathLike[str] | bytes | Pixels, name: str | None = None) -> Verdict:
        """Open and examine; raises what `open_specimen` raises."""
        return self.examine(open_specimen(image, name))

    def examine(self, specimen: Specimen, provenance: Sequence[Evidence] | None = None) -> Verdict:
        """The verdict on an opened picture.

        Parameters
        ----------
        specimen
            The picture.
        provenance
            What the file that it comes out of says of its origin, such as a video's; read from the picture's own if
            None.
        """
        conditions = conditions_of(specimen)
        if provenance is None:
            provenance = examine_provenance(specimen, online=self.online, trust_anchors=self.trust_anchors)
        evidence, scores = self._ask(specimen.pixels, conditions)
        key = bin_of(conditions)
        fused = self.fusion.together(scores, key)
        judgement = self._judge(fused, provenance, conditions, evidence)
        if self.stability and fused is not None and not any(one.decides for one in provenance):
            judgement = self._shaken(judgement, specimen.pixels, conditions, provenance)
        return Verdict(
            path=specimen.name,
            label=judgement.label,
            probability=judgement.probability,
            low=judgement.low,
            high=judgement.high,
            reason=judgement.reason,
            evidence=(*provenance, *evidence),
            conditions=conditions,
            not_checked=self._not_checked(evidence, specimen),
            limits=LIMITS,
            prior=self.prior,
            level=self.level,
        )

    def _ask(
        self, pixels: Pixels, conditions: Conditions, *, facts: bool = True
    ) -> tuple[tuple[Evidence, ...], dict[str, float]]:
        evidence, scores = [], {}
        for name, detector in self.bundle.detectors.items():
            score, one = self._ask_one(name, detector, pixels, conditions, facts)
            evidence.append(one)
            if score is not None:
                scores[name] = score
        return tuple(evidence), scores

    def _ask_one(
        self, name: str, detector: PixelDetector, pixels: Pixels, conditions: Conditions, facts: bool
    ) -> tuple[float | None, Evidence]:
        key = bin_of(conditions)
        side = min(pixels.shape[:2])
        least = self.bundle.least_side(name)
        if side < least:
            why = f"needs {least} pixels on the shorter side, this picture has {side}"
            return None, Evidence(name, why, in_domain=False)
        if name not in self.fusion.weights:
            score = detector.score(pixels)
            why = "published weights have no reference scores here: the raw score is shown, and doesn't count"
            return None, Evidence(name, why, score=score if np.isfinite(score) else None, in_domain=False)
        if not self.fusion.knows(key):
            return None, Evidence(name, f"never measured on {_kind(key, conditions)}", in_domain=False)
        score = detector.score(pixels)
        if not np.isfinite(score):
            return None, Evidence(name, "finds nothing to judge by: the picture has hardly any detail")
        ratio = self.fusion.single(name, score, key)
        if ratio is None:
            return None, Evidence(name, f"measured on too few {BINS[key]}", score=score, in_domain=False)
        measured = tuple(Fact(what, value) for what, value in detector.weigh_facts(pixels)) if facts else ()
        weight = self.fusion.weights[name]
        return score, Evidence(name, _in_words(ratio), score, ratio, True, weight, facts=measured)

    def _judge(
        self,
        fused: Fused | None,
        provenance: Sequence[Evidence],
        conditions: Conditions,
        evidence: Sequence[Evidence],
    ) -> Judgement:
        silent = "" if fused is not None else _why_silent(evidence)
        return judge(fused, provenance, key=bin_of(conditions), prior=self.prior, level=self.level, silent=silent)

    def _shaken(
        self, judgement: Judgement, pixels: Pixels, conditions: Conditions, provenance: Sequence[Evidence]
    ) -> Judgement:
        """The judgement, or "inconclusive" if a slightly changed copy gets the opposite one."""
        if not can_turn_over(judgement.label, hints_of(provenance)):
            return judgement
        for what, change in TRIALS.items():
            changed, handled = change(pixels, conditions)
            evidence, scores = self._ask(changed, handled, facts=False)
            fused = self.fusion.together(scores, bin_of(handled))
            if fused is None:
                continue
            other = self._judge(fused, provenance, handled, evidence)
            if turns_over(judgement.label, other.label):
                ways = ("generated", "photographic")
                first, second = ways if judgement.label != "probably camera" else ways[::-1]
                reason = f"it looks {first} as it is, and {second} when {what}"
                return replace(judgement, label="inconclusive", reason=reason)
        return judgement

    def _not_checked(self, evidence: Sequence[Evidence], specimen: Specimen) -> tuple[tuple[str, str], ...]:
        """Detectors that may not speak here, and the network; a file without marks was checked, and had none."""
        silent = [(one.detector, one.sentence) for one in evidence if one.abstains]
        if specimen.has_more_frames:
            silent.append(("other frames", "the file holds several frames or pages, and only the first is judged"))
        if specimen.is_preview:
            silent.append(("full picture", "a raw file: only the small preview in it is judged, not the picture"))
        if not self.online:
            silent.append(("network", "remote manifests and revocation of certificates: only with --online"))
        return tuple(silent)


def detect(
    image: str | os.PathLike[str] | bytes | Pixels,
    *,
    detectors: Sequence[str] | None = None,
    prior: float = 0.5,
    level: float = 0.95,
    online: bool = False,
    trust_anchors: str | Path | None = None,
    name: str | None = None,
) -> Verdict:
    """Judge whether one picture is generated.

    Parameters
    ----------
    image
        A path, an image file's bytes, or uint8 [height, width, 3] (then nothing is known of its provenance).
    detectors, prior, level, online, trust_anchors
        See `Examiner`, which is faster for many pictures.
    name
        What the verdict calls it.

    Raises
    ------
    CorruptImageError
        For bytes that are no image, or a broken or too large one.
    ImageRangeError
        For an array of another shape or type.
    OptionError
        For an option that can't be used.

    Examples
    --------
    >>> import numpy as np
    >>> detect(np.zeros((64, 64, 3), np.uint8)).label
    'inconclusive'
    """
    examiner = Examiner(detectors=detectors, prior=prior, level=level, online=online, trust_anchors=trust_anchors)
    return examiner.detect(image, name)


def _in_words(ratio: float) -> str:
    size = abs(ratio)
    if size < TELLING:
        return "doesn't tell one from the other"
    strength = "speaks strongly for" if size > 3 else "speaks for" if size > 1.2 else "speaks weakly for"
    if ratio > 0:
        return f"traces, which {strength.replace('speaks', 'speak')} a generated picture"
    return f"no clear trace, which {strength} a photograph"


def _why_silent(evidence: Sequence[Evidence]) -> str:
    """Which detectors abstain, those of one reason together."""
    reasons: dict[str, list[str]] = {}
    for one in evidence:
        if one.abstains:
            reasons.setdefault(one.sentence, []).append(one.detector)
    if not reasons:
        return "no detector of the pixels was asked"
    said = "; ".join(f"{', '.join(names)}: {reason}" for reason, names in reasons.items())
    return f"no detector can judge the pixels ({said})"


def _kind(key: str, conditions: Conditions) -> str:
    """The bin in words; of formats that were never measured, the format itself."""
    return f"{conditions.format} files" if key == "other" else BINS[key]
