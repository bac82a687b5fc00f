"""The parts of a report that only some runs have, in sentences: where it stopped, and what drives the scores."""

from __future__ import annotations

from collections.abc import Iterator

from ganeval.report.digits import count_text, number_text
from ganeval.report.drivers import Drivers, ImageRecord
from ganeval.report.report import Report
from ganeval.report.stopping import Stopping, TargetOutcome
from ganeval.wording import counted

_NAMED = 3


def extra_lines(report: Report) -> Iterator[tuple[str, str]]:
    """Pairs of label and sentence for the console; none for a report without such parts."""
    if report.stopping is not None:
        yield "until", stopping_sentence(report.stopping)
    if report.drivers is not None:
        yield from (("drivers", line) for line in drivers_sentences(report.drivers))


def stopping_sentence(stopping: Stopping) -> str:
    """What was asked, what was reached, and after how many looks at how many images."""
    targets = "; ".join(
        f"{_asked(target)}: "
        + ("met" if target.met else "not met")
        + ("" if target.reached is None else f", {_plus_minus(target.reached)}")
        for target in stopping.targets
    )
    sizes = ", ".join(count_text(look.n_generated) for look in stopping.looks)
    together = f"at all {len(stopping.planned)} planned looks " if len(stopping.planned) > 1 else ""
    return (
        f"{targets} · {counted(stopping.looks, 'look')} at {sizes} generated images · intervals of "
        f"{number_text(stopping.critical, 0.01)} standard errors, which hold {together}with {100 * stopping.level:g}%"
    )


def unmet_words(stopping: Stopping) -> str:
    """What was asked and wasn't reached, with what was reached instead."""
    return "; ".join(
        f"{_asked(target)}; "
        + ("it has no interval" if target.reached is None else f"it ended at {_plus_minus(target.reached)}")
        for target in stopping.targets
        if not target.met
    )


def _asked(target: TargetOutcome) -> str:
    relative = f" ({target.asked})" if target.asked.endswith("%") else ""
    return f"{target.score} within {_plus_minus(target.half_width)}{relative}"


def _plus_minus(half_width: float) -> str:
    return f"±{number_text(half_width, half_width)}"


def drivers_sentences(drivers: Drivers) -> Iterator[str]:
    """The first few images and classes of each list, and what isn't known."""
    if drivers.worst:
        what = "least realistic" if drivers.score is None else f"spoil {drivers.score} most"
        yield f"{what}: {', '.join(_named(image, drivers.score) for image in drivers.worst[:_NAMED])}"
    classes = [one for one in drivers.classes if one.side == "generated" and one.contribution is not None]
    if len(classes) > 1:
        listed = ", ".join(f"{one.name} ({_signed(one.contribution or 0.0)})" for one in classes[:_NAMED])
        yield f"generated classes that do: {listed}"
    if drivers.uncovered_count is not None:
        furthest = ", ".join(image.id for image in drivers.uncovered[:_NAMED])
        total = counted(
            drivers.uncovered_count,
            "real image has no generated one in its neighbourhood",
            "real images have no generated one in their neighbourhood",
        )
        yield f"{total}, the loneliest: {furthest}" if furthest else "every real image has a generated one near it"
    for reason in drivers.unknown:
        yield f"without {reason}"


def influence_text(image: ImageRecord, score: str | None) -> str:
    """The image's influence on `score` with its sign, else its realism; empty where neither is known."""
    if score is not None and score in image.influence:
        return _signed(image.influence[score])
    return "" if image.realism is None else f"realism {number_text(image.realism, 0.01)}"


def _named(image: ImageRecord, score: str | None) -> str:
    text = influence_text(image, score)
    return f"{image.id} ({text})" if text else image.id


def _signed(value: float) -> str:
    text = f"{value:+.3g}"
    return text.replace("-", "−") if text.startswith("-") else text
