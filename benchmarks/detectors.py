"""How good are the verdicts of ``ganeval detect`` on generators and photographs that nothing was trained on?

    python benchmarks/detectors.py --photos PHOTOS/imagenet_sample --photos PHOTOS/bsds500 --sources-in PACKAGES \
        --validation VALIDATION --write

Two questions, each asked of images as they are and after handling that both sides go through:

- *pix2pix*: its pictures against the real ones they are paired with (AUC and average precision mean something here,
  because the two sides are files of one format and size);
- *all*: the photographs with the role "test" in ``detectors/weights/photographs.tsv`` (neither trained nor calibrated
  on) as their files are, against every generator: false alarms, detection, inconclusive verdicts, calibration.

Thresholds are the shipped ones; nothing is fitted here. Durall's spectrum (``spectral``) and Frank's DCT (``dct``),
trained on the same pairs as the others, are the baselines; columns of single detectors are AUCs of their raw scores.
``--write`` keeps the results in ``benchmarks/results/detectors.json`` and the tables in ``docs/detectors.md``.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ganeval.cli.progress import make_progress
from ganeval.detectors import Examiner
from ganeval.detectors.bundled import DEFAULT
from ganeval.detectors.bundling.photographs import find_photographs
from ganeval.detectors.evaluating.evaluation import ALL, Evaluation, evaluate
from ganeval.detectors.evaluating.sets import NamedSet
from ganeval.detectors.perturbations import parse_perturbations
from ganeval.detectors.reporting.evaluation import evaluation_document
from ganeval.files import write_atomically
from ganeval.images.opening import open_source

RESULTS = Path(__file__).parent / "results" / "detectors.json"
DOCUMENT = Path(__file__).parent.parent / "docs" / "detectors.md"
WEIGHTS = Path(__file__).parent.parent / "detectors" / "weights"
MARKS = ("<!-- table -->", "<!-- end of table -->")
#: Published methods that ship, but aren't asked by default.
BASELINES = ("dct", "peaks", "spectral")
HANDLING = (
    "jpeg:95,jpeg:90,jpeg:75,jpeg:50,webp:80,resize:0.5,resize:0.75,resize:1.5,blur:1,noise:3,noise:8,screenshot,"
    "video:23,video:28"
)


def _linked(paths: Sequence[Path], names: Sequence[str], folder: Path) -> Path:
    """A folder of links, so that any set of files is one source."""
    folder.mkdir(parents=True, exist_ok=True)
    for place, (path, name) in enumerate(zip(paths, names, strict=True)):
        target = folder / name / f"{place:05d}{path.suffix}"
        target.parent.mkdir(exist_ok=True)
        target.symlink_to(path.resolve())
    return folder


def _run(sets: Sequence[NamedSet], handling: str, jobs: int, detectors: Sequence[str] | None = None) -> Evaluation:
    with make_progress(quiet=False) as progress:
        return evaluate(
            sets,
            partial(Examiner, detectors=detectors, stability=detectors is None),
            perturbations=parse_perturbations(handling) if handling else (),
            jobs=jobs,
            progress=progress,
        )


def _number(measure: dict[str, Any] | None, scale: float = 1, digits: int = 3) -> str:
    if measure is None or measure["value"] is None:
        return "–"
    low, high = (measure.get(end) for end in ("low", "high"))
    shown = f"{scale * measure['value']:.{digits}f}"
    return shown if low is None else f"{shown} [{scale * low:.{digits}f}, {scale * high:.{digits}f}]"


def _percent(measure: dict[str, Any] | None) -> str:
    return _number(measure, 100, 0)


def _undecided(outcome: dict[str, Any]) -> str:
    refused = outcome.get("unjudged")  # Not in results of before 24 November 2026.
    share = f" ({_percent(refused)} not judged)" if refused is not None and refused["value"] else ""
    return _percent(outcome["inconclusive"]) + share


def _paired_table(document: dict[str, Any], baselines: Sequence[str]) -> list[str]:
    alarms = {one["condition"]: one["false_alarms_wide"] for one in document["real_outcomes"] if one["by"] == "all"}
    rows = [
        "| handling of both sides | AUC | AP | found, % | false alarms, % | "
        f"{' | '.join(f'{name} AUC' for name in baselines)} |"
    ]
    rows.append("|---" * (5 + len(baselines)) + "|")
    for one in document["outcomes"]:
        single = [_number(one["detectors"].get(name)) for name in baselines]
        told = [_percent(one["detected_wide"]), _percent(alarms[one["condition"]])]
        cells = [one["condition"], _number(one["auc"]), _number(one["average_precision"]), *told, *single]
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def _detection_table(document: dict[str, Any]) -> list[str]:
    rows = [
        '| handling | generator | images | "generated", % | or "probably", % | inconclusive, % |',
        "|---|---|---|---|---|---|",
    ]
    for one in document["outcomes"]:
        if one["generator"] == ALL:
            continue
        rows.append(
            f"| {one['condition']} | {one['generator']} | {document['generated_counts'][one['generator']]} | "
            f"{_percent(one['detected'])} | {_percent(one['detected_wide'])} | {_undecided(one)} |"
        )
    return rows


def _alarm_table(document: dict[str, Any]) -> list[str]:
    calibration = {one["condition"]: one["error"] for one in document["calibration"]}
    rows = [
        '| handling | photographs | false "generated", % | or "probably", % | inconclusive, % | "probably camera", % '
        "| calibration error |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in document["real_outcomes"]:
        kind = "all" if one["by"] == "all" else f"{one['by']}: {one['group']}"
        if one["by"] != "all" and one["condition"] != "as is":
            continue
        error = _number(calibration.get(one["condition"])) if one["by"] == "all" else ""
        rows.append(
            f"| {one['condition']} | {kind} | {_percent(one['false_alarms'])} | {_percent(one['false_alarms_wide'])} | "
            f"{_undecided(one)} | {_percent(one['camera'])} | {error} |"
        )
    return rows


def tables(results: dict[str, Any]) -> str:
    """Markdown of all results."""
    parts = ["Intervals of 95 %. `python benchmarks/detectors.py` makes the tables again.", ""]
    if "pix2pix" in results:
        document = results["pix2pix"]
        parts += [
            f"**pix2pix** ({document['generated_counts']['pix2pix']} pictures and the {document['real_count']} real "
            'ones they are paired with), the fused probability, the verdicts "generated" or "probably generated", '
            "and single detectors:",
            "",
            *_paired_table(document, results["detectors"]),
            "",
        ]
    if "all" in results:
        document = results["all"]
        parts += [
            f"**Photographs**, neither trained nor calibrated on ({document['real_count']}), as their files are:",
            "",
            *_alarm_table(document),
            "",
            "**Generators**, none of which was trained on:",
            "",
            *_detection_table(document),
            "",
        ]
    return "\n".join(parts)


def _write_cards(results: dict[str, Any]) -> None:
    """What each detector's raw score is worth by itself, into the card beside its weights."""
    for name in results["detectors"]:
        card = WEIGHTS / f"{name}.json"
        document = json.loads(card.read_text(encoding="utf-8"))
        document["measured"] = {
            f"AUC on pix2pix, {one['condition']}": one["detectors"][name]["value"]
            for one in results["pix2pix"]["outcomes"]
            if name in one["detectors"] and one["condition"] in ("as is", "jpeg:75")
        }
        write_atomically(card, (json.dumps(document, indent=2) + "\n").encode())


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--photos", type=Path, action="append", default=[])
    parser.add_argument("--sources-in", type=Path, action="append", default=[])
    parser.add_argument("--validation", type=Path, help="folder with pix2pix/, stable_diffusion/, ...")
    parser.add_argument("--generated", action="append", default=[], help="NAME=FOLDER, a further generator")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--handling", help="in the place of the usual perturbations")
    parser.add_argument("--only", choices=("pix2pix", "all"))
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    results: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    if chosen.validation is not None:
        results["detectors"] = [*DEFAULT, *BASELINES]
        paired = chosen.validation / "pix2pix"
        if chosen.only != "all":
            sets = [
                NamedSet("photographs", open_source(str(paired / "real")), False),
                NamedSet("pix2pix", open_source(str(paired / "fake")), True),
            ]
            document = evaluation_document(
                _run(sets, chosen.handling or HANDLING, chosen.jobs), "benchmarks/detectors.py"
            )
            others = evaluation_document(_run(sets, chosen.handling or HANDLING, chosen.jobs, BASELINES), "")
            for ours, theirs in zip(document["outcomes"], others["outcomes"], strict=True):
                ours["detectors"].update(theirs["detectors"])
            results["pix2pix"] = document
        if chosen.only != "pix2pix":
            with tempfile.TemporaryDirectory() as place:
                test = [one for one in find_photographs(chosen.photos, chosen.sources_in) if one.role == "test"]
                real = _linked([one.path for one in test], [one.source for one in test], Path(place) / "real")
                sets = [NamedSet("photographs", open_source(str(real)), False)]
                for folder in sorted(chosen.validation.iterdir()):
                    if (folder / "fake").is_dir():
                        sets.append(NamedSet(folder.name, open_source(str(folder / "fake")), True))
                for text in chosen.generated:
                    name, _, path = text.partition("=")
                    sets.append(NamedSet(name, open_source(path), True))
                results["all"] = evaluation_document(
                    _run(sets, chosen.handling or HANDLING, chosen.jobs), "benchmarks/detectors.py"
                )
    if chosen.write and "pix2pix" in results:
        _write_cards(results)
    text = tables(results)
    print(text)
    if chosen.write:
        write_atomically(RESULTS, (json.dumps(results, indent=1) + "\n").encode())
        before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(MARKS[0])
        after = rest.partition(MARKS[1])[2]
        write_atomically(DOCUMENT, f"{before}{MARKS[0]}\n{text}{MARKS[1]}{after}".encode())


if __name__ == "__main__":
    main()
