"""What the shipped references say of verdicts on pictures that are left out of them: no photographs are needed.

    python benchmarks/detector_reference.py

- *sources*: each source of photographs in turn is left out of calibration and fusion; how many of its photographs raise
  a false alarm by the shipped rule, and how many of each kind of file? That is the rate to expect on a camera or
  collection that nobody has seen.
- *families*: each family of simulated generators in turn is left out of calibration and fusion (not of training); how
  many of its pictures are found?
- *calibration*: probabilities of photographs, and of what was made of them, from fits to the other four fifths of the
  photographs; expected calibration error in each bin of conditions.

``--write`` puts the tables into ``docs/detectors.md``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ganeval.detectors.bundled import DEFAULT, shipped_reference
from ganeval.detectors.calibration.reference import ReferenceScores
from ganeval.detectors.evaluating.measures import calibration_error
from ganeval.detectors.fusion.bins import BINS
from ganeval.detectors.fusion.fusing import Fusion
from ganeval.detectors.fusion.rules import Judgement, judge
from ganeval.files import write_atomically

DOCUMENT = Path(__file__).parent.parent / "docs" / "detectors.md"
MARKS = ("<!-- reference -->", "<!-- end of reference -->")
#: Parts into which photographs are divided; fewest pictures of which a rate is told.
FOLDS = 5
FEWEST = 30
FOUND = ("generated", "probably generated")

Chosen = npt.NDArray[np.bool_]


def judged(fusion: Fusion, reference: ReferenceScores) -> list[Judgement]:
    """The judgement on each picture by its pixels alone."""
    found = []
    for scores, key in zip(reference.scores, map(str, reference.bins), strict=True):
        fused = fusion.together(dict(zip(reference.detectors, map(float, scores), strict=True)), key)
        found.append(judge(fused, (), key=key, prior=0.5, level=0.95, silent="no detector speaks"))
    return found


def found_in(fusion: Fusion, reference: ReferenceScores) -> Chosen:
    """Which pictures are called generated or probably generated."""
    return np.array([one.label in FOUND for one in judged(fusion, reference)])


def fitted_without(reference: ReferenceScores, left_out: Chosen) -> Fusion:
    """The fit to all other pictures."""
    return Fusion.fitted(reference.where(~left_out), replicates=2)


def alarms(reference: ReferenceScores) -> Chosen:
    """Which photographs raise a false alarm if their source is left out."""
    found = np.zeros(len(reference.generated), np.bool_)
    photographs = ~reference.generated
    for name in np.unique(reference.clusters[photographs]):
        of_it = photographs & (reference.clusters == name)
        # What was made of its photographs would tell of them.
        made_of_it = np.isin(reference.groups, reference.groups[of_it])
        found[of_it] = found_in(fitted_without(reference, of_it | made_of_it), reference.where(of_it))
    return found


def sources(reference: ReferenceScores, raised: Chosen) -> Iterator[Sequence[str]]:
    """Rows of false alarms by source."""
    photographs = ~reference.generated
    for name in np.unique(reference.clusters[photographs]):
        of_it = photographs & (reference.clusters == name)
        if of_it.sum() >= FEWEST:
            count = len(np.unique(reference.groups[of_it]))
            yield str(name), str(count), str(of_it.sum()), f"{100 * raised[of_it].mean():.1f}"


def kinds(reference: ReferenceScores, raised: Chosen) -> Iterator[Sequence[str]]:
    """Rows of false alarms by kind of file, with the source that raises most of those that have enough there."""
    for key, words in BINS.items():
        here = ~reference.generated & (reference.bins == key)
        if here.sum() < FEWEST:
            continue
        rates = [
            (float(raised[here & (reference.clusters == name)].mean()), str(name))
            for name in np.unique(reference.clusters[here])
            if (here & (reference.clusters == name)).sum() >= FEWEST
        ]
        worst, name = max(rates)
        cells = str(here.sum()), f"{100 * raised[here].mean():.1f}", f"{name} {100 * worst:.1f}"
        yield words, *cells


def families(reference: ReferenceScores) -> Iterator[Sequence[str]]:
    """Rows of detection by family of simulated generators and kind of file."""
    for name in np.unique(reference.clusters[reference.generated]):
        of_it = reference.generated & (reference.clusters == name)
        fusion = fitted_without(reference, of_it)
        cells = []
        for key in BINS:
            here = of_it & (reference.bins == key)
            cells.append(f"{100 * found_in(fusion, reference.where(here)).mean():.0f}" if here.sum() >= 10 else "")
        yield str(name), *cells


def calibration(reference: ReferenceScores, seed: int = 2020) -> Iterator[Sequence[str]]:
    """Rows of calibration errors by kind of file."""
    groups, of = np.unique(reference.groups, return_inverse=True)
    fold = np.random.default_rng(seed).permutation(len(groups))[of] % FOLDS
    stated = np.full(len(of), np.nan)
    for one in range(FOLDS):
        there = fold == one
        verdicts = judged(fitted_without(reference, there), reference.where(there))
        stated[there] = [np.nan if verdict.probability is None else verdict.probability for verdict in verdicts]
    for key, words in [*BINS.items(), (None, "all together")]:
        here = np.isfinite(stated) & (True if key is None else reference.bins == key)
        sides = [stated[here & side] for side in (reference.generated, ~reference.generated)]
        if min(map(len, sides)) >= FEWEST:
            yield words, str(len(sides[1])), str(len(sides[0])), f"{calibration_error(*sides):.3f}"


def table(header: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    """As Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Print the tables, and write them where they are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args().write
    reference = shipped_reference().only(DEFAULT)
    raised = alarms(reference)
    text = "\n\n".join(
        [
            "False alarms on each source of photographs, left out of calibration and fusion:",
            table(("source", "photographs", "files and changed copies", "false alarms, %"), sources(reference, raised)),
            "The same by kind of file, each photograph judged without its source:",
            table(
                ("kind", "files and changed copies", "false alarms, %", "most of a source, %"), kinds(reference, raised)
            ),
            "Found of each simulated family, left out of calibration and fusion, by what was done to the file, %:",
            table(("family", *BINS), families(reference)),
            "Calibration error on photographs left out, and on what was made of them:",
            table(("pictures", "photographs", "generated", "error"), calibration(reference)),
        ]
    )
    print(text)
    if write:
        document = DOCUMENT.read_text(encoding="utf-8")
        before, rest = document.split(MARKS[0])
        after = rest.split(MARKS[1])[1]
        write_atomically(DOCUMENT, f"{before}{MARKS[0]}\n{text}\n{MARKS[1]}{after}".encode())


if __name__ == "__main__":
    main()
