"""From a template and what it shows to one HTML page that loads nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganeval.report.digits import count_text, number_text, seconds_text
from ganeval.report.serialise import plain_text
from ganeval.report.writing import write_text
from ganeval.wording import counted


def render_page(
    template: str, context: Mapping[str, Any], path: str | Path | None, *, package: str = "ganeval.report"
) -> str:
    """The page, also written (atomically) to `path` if given; raises `OutputError`.

    Parameters
    ----------
    template
        Name of a file in ``templates/``; whatever it shows is escaped.
    context
        Its variables; one that is missing is an error.
    package
        Whose ``templates/`` are searched before those of `ganeval.report`, such as that of a plug-in.
    """
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=ChoiceLoader([PackageLoader(name) for name in dict.fromkeys((package, "ganeval.report"))]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        count=count_text, counted=counted, duration=seconds_text, number=lambda value: number_text(value, value)
    )
    page = plain_text(environment.get_template(template).render(context))
    if path is not None:
        write_text(path, page)
    return page
