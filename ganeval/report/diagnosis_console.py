"""A diagnosis on a console: the verdicts in plain words first, then a table of the evidence."""

from __future__ import annotations

from ganeval.report.diagnosis import Diagnosis
from ganeval.report.diagnosis_in_words import effect_text, finding_lines, p_value_text, share_text, smallest_text
from ganeval.report.lines import Lines

_STYLES = {"none": "green", "partial": "bold yellow", "severe": "bold red", "unknown": "dim"}


def write_diagnosis(diagnosis: Diagnosis, lines: Lines) -> None:
    """Print it; evidence that counts is marked with its verdict, and what couldn't be examined says why."""
    for severity, sentence in finding_lines(diagnosis):
        lines.line("", sentence, _STYLES[severity])
    examined = [one for one in diagnosis.evidence if one.severity != "unknown"]
    if examined:
        table = lines.table()
        table.add_column("Evidence", no_wrap=True)
        table.add_column("Verdict", no_wrap=True)
        for title in ("Effect", "Seen from", "p"):
            table.add_column(title, justify="right", no_wrap=True)
        for one in examined:
            counts = one.diagnostic in diagnosis.significant
            verdict = one.severity if counts else "none"
            cells = (effect_text(one), smallest_text(one), p_value_text(one))
            table.add_row(lines.text(one.title), lines.text(verdict, _STYLES[verdict]), *map(lines.text, cells))
        lines.show(table)
        for one in examined:
            # What a verdict quotes isn't said twice.
            if not any(one.sentence.rstrip(".") in finding.sentence for finding in diagnosis.findings):
                lines.line(one.diagnostic, one.sentence, "dim")
    for one in diagnosis.evidence:
        if one.severity == "unknown":
            lines.line(one.diagnostic, one.sentence, "dim")
    if any(one.p_value is not None for one in diagnosis.evidence):
        bound = share_text(diagnosis.false_alarms)
        lines.line("", f"where nothing is wrong, anything at all is found in at most {bound} of cases", "dim")
