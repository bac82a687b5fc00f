"""The rules that turn numbers into one of four words, and that word's one sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ganeval.detectors.evidence import Evidence
from ganeval.detectors.fusion.bins import BINS
from ganeval.detectors.fusion.fusing import Fused
from ganeval.detectors.verdict import Label

#: "probably generated" needs at least this probability, and at most this share of the photographs of any source (with
#: `SOURCE` of ``fusing.py`` of them) that score as high: so few, because a source that wasn't there raises more
#: (``benchmarks/detector_reference.py`` leaves out each in turn). This share has the most found of simulated families
#: left out (46 %, the mean over families) of those, in steps of .1 %, where no more than one source left out raises
#: over 3 % of false alarms; all left out together, 1.3 % do.
LIKELY = 0.5
LIKELY_ALARMS = 0.014
#: "generated" needs more: this probability, and at most this share of all photographs together.
SURE = 0.95
SURE_ALARMS = 0.01
#: "probably camera" needs at most this probability, at most this share of generated references that score as low, and
#: marks of a camera in the file worth at least this much.
UNLIKELY = 0.2
MISSES = 0.1
CAMERA_HINT = -0.5
#: An absent trace counts for no more than this, whatever the references say: shrinking, strong compression and
#: generators of another kind leave none. A judgement, not a measurement.
ABSENCE = -1.5
#: Unsigned marks are easily forged and easily stripped: together they count for no more than this, either way.
MOST_OF_HINTS = 3.0
#: From here on unsigned marks alone make "probably generated"; as far on the other side lies only what a trusted signer
#: says of a camera.
TELLING_HINT = 2.0


@dataclass(frozen=True)
class Judgement:
    """A label with its sentence and its probability.

    Parameters
    ----------
    label
        One of `ganeval.detectors.verdict.LABELS`.
    reason
        One sentence, without a full stop.
    probability, low, high
        Of being generated; None where nothing speaks.
    """

    label: Label
    reason: str
    probability: float | None
    low: float | None
    high: float | None


def hints_of(evidence: Sequence[Evidence]) -> float:
    """Sum of the log-likelihood ratios of what the file says of itself, within plus and minus `MOST_OF_HINTS`."""
    total = sum(one.log_likelihood_ratio for one in evidence if one.log_likelihood_ratio is not None)
    return max(-MOST_OF_HINTS, min(MOST_OF_HINTS, total))


def decisive_of(evidence: Sequence[Evidence]) -> Evidence | None:
    """What a valid signature says, if it settles the matter."""
    return next((one for one in evidence if one.decides and one.log_likelihood_ratio is not None), None)


def judge(
    fused: Fused | None,
    provenance: Sequence[Evidence],
    *,
    key: str,
    prior: float,
    level: float,
    silent: str = "",
) -> Judgement:
    """The judgement on one picture.

    Parameters
    ----------
    fused
        What the pixel detectors say; None where none may speak.
    provenance
        Evidence of the file itself.
    key
        The picture's bin of conditions.
    prior
        Share of generated pictures before looking, in (0, 1).
    level
        Of the interval.
    silent
        Why no pixel detector speaks, for the sentence.
    """
    decisive = decisive_of(provenance)
    hints = hints_of(provenance)
    pixels = max(fused.ratio, ABSENCE) if fused is not None else 0.0
    if decisive is not None:
        ratio = float(decisive.log_likelihood_ratio or 0.0)
        generated = ratio > 0
        p = _probability(ratio, 0.5)  # What a signature settles doesn't hang on what was assumed before.
        return Judgement("generated" if generated else "probably camera", decisive.sentence, p, p, p)
    if fused is None and not any(not one.abstains for one in provenance):
        return Judgement("inconclusive", silent or "no detector can speak about this picture", None, None, None)
    total = pixels + hints
    p = _probability(total, prior)
    low, high = _interval(fused, hints, prior, level, p)
    label, reason = _label(fused, hints, p, key, provenance, silent)
    return Judgement(label, reason, p, low, high)


def _label(
    fused: Fused | None, hints: float, p: float, key: str, provenance: Sequence[Evidence], silent: str
) -> tuple[Label, str]:
    told = _strongest(provenance, hints)
    marked = hints >= TELLING_HINT and told is not None
    if fused is None:
        if marked and p >= LIKELY:
            return "probably generated", f"{told}; the pixels couldn't be judged: {silent}"
        return "inconclusive", f"{silent}, and what the file says of itself doesn't settle it"
    kind = f"compared with {BINS[key]}"
    rare = fused.p_camera <= LIKELY_ALARMS
    traces = f"traces of a generator that {_share(fused.p_pooled)} of comparable photographs show ({kind})"
    # Hardly a generated picture scores as low.
    weak = fused.p_generated <= MISSES
    if rare and not weak and fused.p_pooled <= SURE_ALARMS and p >= SURE and hints > -TELLING_HINT:
        return "generated", traces
    if rare and weak and not marked:
        return "inconclusive", f"it is like neither the photographs nor the generated pictures known here ({kind})"
    if rare and not weak and p >= LIKELY:
        return "probably generated", traces
    if marked and p >= LIKELY:
        return "probably generated", f"{told}; the pixels neither confirm nor rule it out"
    if marked:
        return "inconclusive", f"{told}; against it stands that so few such pictures were taken to be generated"
    if rare:
        return "inconclusive", f"{traces}; against it stands that {_against(fused, hints, told)}"
    if hints <= -TELLING_HINT and p <= UNLIKELY:
        return "probably camera", f"{told}, and the pixels don't contradict it"
    if weak and p <= UNLIKELY and hints <= CAMERA_HINT:
        return (
            "probably camera",
            f"the file's camera data agree with it, and no trace of a generator was found where "
            f"{_found(fused.p_generated)} of the reference generators would have left a stronger one ({kind}); camera "
            "data can be forged",
        )
    if weak:
        return (
            "inconclusive",
            f"no trace of a generator was found, which proves nothing by itself: {_unproven(hints)} ({kind})",
        )
    return "inconclusive", _undecided(fused, kind)


def _undecided(fused: Fused, kind: str) -> str:
    if fused.p_generated > 0.3:
        return f"no clear trace was found, but many generated pictures show none either ({kind})"
    return f"its traces are as common among photographs as among generated pictures ({kind})"


def _against(fused: Fused, hints: float, told: str | None) -> str:
    """Why rare traces make no verdict."""
    if hints < 0 and told is not None:
        return told
    if fused.ratio > 0:
        return "so few such pictures were taken to be generated"
    return "known generators leave others"


def _unproven(hints: float) -> str:
    if hints < 0:
        return "what the file says of a camera is too little"
    return "nothing in the file speaks for a camera"


def _strongest(provenance: Sequence[Evidence], hints: float) -> str | None:
    """What the evidence says that speaks most for the side on which the hints come out."""
    side = 1 if hints > 0 else -1
    speaking = [one for one in provenance if side * (one.log_likelihood_ratio or 0.0) > 0]
    best = max(speaking, key=lambda one: abs(one.log_likelihood_ratio or 0.0), default=None)
    return None if best is None else best.sentence


def _share(p: float) -> str:
    return "fewer than 1 %" if p < 0.01 else f"{100 * p:.0f} %"


def _found(p: float) -> str:
    return f"{100 * (1 - p):.0f} %"


def _probability(ratio: float, prior: float) -> float:
    return 1 / (1 + math.exp(-(ratio + math.log(prior / (1 - prior)))))


def _interval(fused: Fused | None, hints: float, prior: float, level: float, p: float) -> tuple[float, float]:
    """Percentiles over redrawn references, widened to hold the estimate.

    Where the ratio is at the bound that the number of references sets, redrawing tells nothing: then it reaches from
    what none of n allows (the binomial limit, a share of at most ``-ln(tail) / n``) up to 1.

    An absent trace may be worth nothing at all, because a generator that leaves none isn't among the references: then
    the interval reaches up to what is known without the pixels.
    """
    if fused is None or len(fused.ratios) == 0:
        return p, p
    drawn = sorted(_probability(max(float(ratio), ABSENCE) + hints, prior) for ratio in fused.ratios)
    tail = (1 - level) / 2
    low = drawn[int(tail * len(drawn))]
    high = drawn[min(len(drawn) - 1, int((1 - tail) * len(drawn)))]
    if fused.ratio >= fused.bound:
        least = fused.bound - math.log(-math.log(tail))
        return min(low, _probability(least + hints, prior)), 1.0
    without = _probability(hints, prior) if fused.ratio < 0 else p
    return min(low, p), max(high, p, without)
