"""The console shows every number with what is needed to read it, at 80 columns, in a pipe, and in ASCII."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from ganeval.metrics.score import Interval
from ganeval.notices import Notice
from ganeval.report.console import render_report
from ganeval.report.report import Report

Make = Callable[..., Report]


def shown(report: Report, *, terminal: bool = True, encoding: str = "utf-8", width: int | None = 80) -> str:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict", write_through=True)
    render_report(report, Console(file=stream, width=width, force_terminal=terminal, color_system=None))
    stream.seek(0)
    return stream.read()


def row(text: str, name: str) -> list[str]:
    return next(line.split() for line in text.splitlines() if line.split()[:1] == [name])


@pytest.mark.parametrize("terminal", [True, False])
def test_each_score_has_a_row(make_report: Make, terminal: bool) -> None:
    text = shown(make_report(), terminal=terminal)
    header = next(line for line in text.splitlines() if line.startswith("Score"))
    assert header.split() == ["Score", "Value", "Better", "N", "real", "N", "gen."]
    assert row(text, "fd_efficientnet-lite0")[1:] == ["23.417", "↓", "lower", "2,000", "2,000"]
    assert row(text, "kd_efficientnet-lite0")[1:6] == ["0.01235", "±", "0.00098", "↓", "lower"]
    assert row(text, "inception_score_efficientnet-lite0")[1:] == ["3.91", "±", "0.13", "↑", "higher", "2,000"]
    assert "standard deviation over 100 subsets" in " ".join(text.split())


def test_notices_comparability_extractor_and_time_are_there(make_report: Make) -> None:
    report = make_report()
    lines = shown(report, terminal=False).splitlines()
    notice = report.notices[0]
    assert f"warning: {notice.message} {notice.effect}" in lines
    assert "info: 10 generated images have an alpha channel and were composited on white." in lines
    assert f"compare: {report.comparable}" in lines
    assert "extractor: efficientnet-lite0 · preprocessing tf1 · float32 · weights 5d4c3b2a5d4c" in lines
    assert "time: 1 min 11 s on cpu (generated: 31.6 images/s; real: 2,000 from the store)" in lines


def test_a_terminal_of_80_columns_is_enough(make_report: Make) -> None:
    report = make_report()
    assert max(map(cell_len, shown(report).splitlines())) <= 80
    # Whole words of the notices, wherever the lines break.
    assert " ".join(report.comparable.split()) in " ".join(shown(report).replace("compare ", "").split())


def test_intervals_add_a_column_and_names_break_before_the_extractor(make_report: Make) -> None:
    report = make_report()
    assert "Interval" not in shown(report)
    name = "fd_efficientnet-lite0"
    with_interval = replace(report.scores[name], interval=Interval(22.9071, 23.9271, 0.95, "influence"))
    text = shown(replace(report, scores={**report.scores, name: with_interval}))
    assert "Interval" in text
    assert row(text, "fd")[1:4] == ["23.42", "[22.91,", "23.93]"]
    assert max(map(cell_len, text.splitlines())) <= 80
    assert "95%, influence" in text


def test_corrected_values_intervals_and_reasons_fit_80_columns(make_report: Make) -> None:
    report = make_report()
    scores = {
        name: replace(
            score,
            n_real=50_000,
            n_generated=50_000,
            corrected=score.value * 0.9,
            interval=Interval(score.value * 0.88, score.value * 0.92, 0.95, "influence functions"),
        )
        for name, score in report.scores.items()
    }
    last = f"coverage_{report.extractor.name}"
    scores[last] = report.scores[last].without_interval("fewer than 10 images")
    text = shown(replace(report, scores=scores))
    assert row(text, "fd")[1:5] == ["23.42", "21.08", "[20.61,", "21.54]"]
    assert max(map(cell_len, text.splitlines())) <= 80
    words = " ".join(text.split())
    assert f"no interval: fewer than 10 images ({last})" in words
    assert "corrected: without the bias of a finite sample" in words


def test_where_even_short_names_are_too_wide_the_counts_go_below(make_report: Make) -> None:
    report = make_report()
    like = replace(
        report.scores["fd_efficientnet-lite0"],
        value=0.0123456,
        corrected=0.0101234,
        interval=Interval(-0.0001234, 0.0202345, 0.95, "influence"),
        details={"std": 0.000123},
    )
    names = ("feature_diversity_efficientnet-lite0", "paired_ms_ssim", "fd_efficientnet-lite0")
    scores = {name: replace(like, name=name) for name in names}
    scores["paired_ms_ssim"] = replace(like, name="paired_ms_ssim", n_real=123, n_generated=123)
    text = shown(replace(report, scores=scores))
    assert max(map(cell_len, text.splitlines())) <= 80
    header = next(line for line in text.splitlines() if line.startswith("Score"))
    assert header.split() == ["Score", "Value", "Corrected", "Interval", "Better"]
    # Names break nowhere but before the extractor's.
    assert row(text, "feature_diversity")
    assert row(text, "_efficientnet-lite0") == ["_efficientnet-lite0"]
    assert "on 123 generated and 123 real images: paired_ms_ssim" in " ".join(text.split())
    piped = shown(replace(report, scores=scores), terminal=False)
    assert "N real" in piped
    assert "on 123 generated" not in piped


def test_a_pipe_keeps_names_whole_at_any_width(make_report: Make) -> None:
    name = "precision_" + "long-extractor-name-" * 5
    score = make_report().scores["precision_efficientnet-lite0"]
    text = shown(make_report(scores={name: score}), terminal=False, width=None)
    assert row(text, name)[1:] == ["0.81250", "↑", "higher", "2,000", "2,000"]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
@pytest.mark.parametrize("terminal", [True, False])
def test_consoles_without_unicode_get_ascii(make_report: Make, encoding: str, terminal: bool) -> None:
    side = replace(make_report().generated, source="Größe/✓/\udcff")
    text = shown(make_report(generated=side), encoding=encoding, terminal=terminal)
    assert text.isascii()
    assert "0.01235 +/- 0.00098" in text
    assert "\\u2713" in text
    assert "\\udcff" in text


def test_names_can_not_steer_the_terminal(make_report: Make) -> None:
    side = replace(make_report().generated, source="a\x1b[31m\nfake: line[bold]x[/bold]")
    text = shown(make_report(generated=side), terminal=False)
    assert "\x1b" not in text
    assert "a\\x1b[31m\\nfake: line[bold]x[/bold]" in text


def test_without_real_side_notices_or_scores(make_report: Make) -> None:
    text = shown(make_report(real=None, notices=(), scores={}), terminal=False)
    assert "against" not in text
    assert "warning" not in text
    assert "time: 1 min 11 s on cpu (generated: 31.6 images/s)" in text


def test_an_unknown_severity_is_shown_too(make_report: Make) -> None:
    text = shown(make_report(notices=(Notice("c", "Seen.", "Effect.", "odd"),)), terminal=False)
    assert "odd: Seen. Effect." in text
