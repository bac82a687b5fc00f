"""From the evidence of all diagnostics to one verdict a failure, with a bound on false alarms over everything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ganeval.report.diagnosis import FAILURES, SEVERITIES, Diagnosis, Evidence, Finding

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
    that counts; "unknown" where nothing of it could be examined.

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
        findings=tuple(_finding(failure, evidence, significant) for failure in FAILURES),
        evidence=tuple(evidence),
        significant=significant,
        false_alarms=false_alarms,
    )


def _finding(failure: str, evidence: Sequence[Evidence], significant: Sequence[str]) -> Finding:
    own = [one for one in evidence if one.failure == failure]
    examined = [one for one in own if one.severity != "unknown"]
    if not examined:
        reasons = dict.fromkeys(one.reason for one in own if one.reason)
        return Finding(failure, "unknown", "; ".join(reasons) or "nothing of it was examined")
    counting = [one for one in examined if one.p_value is None or one.diagnostic in significant]
    alarms = [one for one in counting if one.severity in ("partial", "severe")]
    if not alarms:
        tested = any(one.p_value is not None for one in examined)
        return Finding(failure, "none", _NOTHING[failure] if tested else _information(examined))
    alarms.sort(key=lambda one: -SEVERITIES.index(one.severity))
    told = "; ".join(one.sentence.rstrip(".") for one in alarms[:_TOLD])
    others = alarms[_TOLD:]
    if others:
        told += f"; {', '.join(one.title for one in others)} {'agrees' if len(others) == 1 else 'agree'}"
    return Finding(failure, alarms[0].severity, told, tuple(one.diagnostic for one in alarms))


def _information(examined: Sequence[Evidence]) -> str:
    return "; ".join(one.sentence.rstrip(".") for one in examined)
