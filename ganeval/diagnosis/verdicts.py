"""From the evidence of all diagnostics to one verdict a failure, with a bound on false alarms over everything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ganeval.report.diagnosis import FAILURES, SEVERITIES, Diagnosis, Evidence, Finding
from ganeval.wording import counted

#: Probability that anything at all is found where the generated images are as real ones would be.
FALSE_ALARMS = 0.05

#: Pieces of evidence whose sentences make up a verdict; more are named only.
_TOLD = 2

_NOTHING = {
    "mode-collapse": "nothing of the data is seen to be missing",
    "memorisation": "nothing suggests that training images were copied",
    "usefulness": "a classifier trained on the samples is about as good as one trained on real images",
}


def holm(p_values: Mapping[str, float], level: float) -> tuple[str, ...]:
    """Names whose hypotheses are rejected with a family-wise error of at most `level` (Holm 1979), smallest p first.

    Parameters
    ----------
    p_values
        By name, each in [0, 1] and valid; they may depend on each other in any way.
    """
    ordered = sorted(p_values, key=lambda name: (p_values[name], name))
    rejected = []
    for place, name in enumerate(ordered):
        if p_values[name] > level / (len(ordered) - place):
            break
        rejected.append(name)
    return tuple(rejected)


def diagnosed(evidence: Sequence[Evidence], *, false_alarms: float = FALSE_ALARMS) -> Diagnosis:
    """The verdicts that the evidence bears out.

    A piece of evidence counts if its p-value survives Holm's procedure over all that have one, or if it has none and
    none is asked (its severity rests on a documented threshold then). The verdict on a failure is the worst severity
    that counts; "unknown" where nothing of it could be examined, or what was examined couldn't have found anything:
    it is information alone, or there are so few images that even the largest effect might pass unseen.

    Parameters
    ----------
    evidence
        One entry a diagnostic.
    false_alarms
        The family-wise level.
    """
    tested = {one.diagnostic: one.p_value for one in evidence if one.p_value is not None}
    significant = holm(tested, false_alarms)
    return Diagnosis(
        findings=tuple(_finding(failure, evidence, significant, false_alarms) for failure in FAILURES),
        evidence=tuple(evidence),
        significant=significant,
        false_alarms=false_alarms,
    )


def _finding(failure: str, evidence: Sequence[Evidence], significant: Sequence[str], false_alarms: float) -> Finding:
    own = [one for one in evidence if one.failure == failure]
    examined = [one for one in own if one.severity != "unknown"]
    if not examined:
        reasons = dict.fromkeys(one.reason for one in own if one.reason)
        return Finding(failure, "unknown", "; ".join(reasons) or "nothing of it was examined")
    counting = [one for one in examined if one.p_value is None or one.diagnostic in significant]
    alarms = [one for one in counting if one.severity in ("partial", "severe")]
    if not alarms:
        if not any(_can_find(one) for one in examined):
            return Finding(failure, "unknown", _nothing_to_see(own))
        hints = [one for one in examined if _hints(one, false_alarms)]
        return Finding(failure, "none", "; ".join([_same_pixels(own) + _NOTHING[failure], *map(_hint, hints)]))
    alarms.sort(key=lambda one: -SEVERITIES.index(one.severity))
    told = "; ".join(one.sentence.rstrip(".") for one in alarms[:_TOLD])
    others = alarms[_TOLD:]
    if others:
        told += f"; {', '.join(one.title for one in others)} {'agrees' if len(others) == 1 else 'agree'}"
    return Finding(failure, alarms[0].severity, told, tuple(one.diagnostic for one in alarms))


def _same_pixels(own: Sequence[Evidence]) -> str:
    """Copies that no test is needed for, however few they are."""
    told = [one.details for one in own if one.failure == "memorisation"]
    count = sum(details.get(kind, 0) for details in told for kind in ("exact_copies", "exact_mirrored_copies"))
    if not count:
        return ""
    has = "has" if count == 1 else "have"
    return f"{counted(count, 'sample')} {has} exactly a training image's pixels; beyond that, "


def _can_find(one: Evidence) -> bool:
    """Whether the evidence tests or measures the failure, and could have seen anything less than all of it."""
    judges = one.p_value is not None or one.effect is not None
    return judges and (one.smallest_effect is None or one.smallest_effect < 1)


def _nothing_to_see(own: Sequence[Evidence]) -> str:
    said = []
    for one in own:
        if one.severity == "unknown":
            said.append(one.reason or "")
        elif one.smallest_effect is not None and one.smallest_effect >= 1:
            said.append(f"with so few images even the largest effect might pass unseen ({one.title})")
        else:
            said.append(one.sentence.rstrip("."))
    return "; ".join(dict.fromkeys(text for text in said if text))


def _hints(one: Evidence, false_alarms: float) -> bool:
    """Whether a test would have counted by itself: among so many, chance explains it."""
    return one.severity in ("partial", "severe") and one.p_value is not None and one.p_value <= false_alarms


def _hint(one: Evidence) -> str:
    return f"{one.title} hints at something, which may be chance among so many tests (p = {one.p_value:.2g})"
