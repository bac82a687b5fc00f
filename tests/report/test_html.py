"""The page is whole in itself, holds every number, lets no name of a file become markup, and loads in a browser."""

from __future__ import annotations

import base64
import io
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganeval.errors import OutputError
from ganeval.features.features import ExtractorInfo, Preview
from ganeval.metrics.score import Interval, Score
from ganeval.report.explain import explanation
from ganeval.report.figures import preview_uri, projection_svg
from ganeval.report.html import class_bars, report_to_html
from ganeval.report.report import Gallery, Report

Make = Callable[..., Report]
VOID = {"meta", "link", "img", "br", "hr", "input", "image", "path", "use"}


class Page(HTMLParser):
    """Elements, their attributes and the text of a page; raises if tags aren't closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.styles: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        (self.styles if "style" in self.open else self.words).append(data)


def fetched(page: Page) -> list[str]:
    """Every address that a browser would load for the page."""
    addresses = [
        attributes[name]
        for _, attributes in page.elements
        for name in ("src", "srcset", "href", "xlink:href", "data", "poster", "action", "background")
        if name in attributes
    ]
    sheets = [*page.styles, *(attributes.get("style", "") for _, attributes in page.elements)]
    for sheet in sheets:
        addresses += re.findall(r"url\(\s*['\"]?([^'\")]*)", sheet)
        assert "@import" not in sheet
    return addresses


def test_the_page_loads_nothing_and_runs_nothing(make_report: Make) -> None:
    source = make_report().to_html()
    page = Page(source)
    addresses = fetched(page)
    assert len(addresses) > 24
    assert [a for a in addresses if not a.startswith(("data:image/png;base64,", "data:image/jpeg;base64,", "#"))] == []
    assert {tag for tag, _ in page.elements} & {"script", "link", "iframe", "object", "embed", "form", "base"} == set()
    assert [name for _, attributes in page.elements for name in attributes if name.startswith("on")] == []
    policy = [m["content"] for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    assert policy == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]


def test_every_score_is_there_with_direction_counts_parameters_and_meaning(make_report: Make) -> None:
    report = make_report()
    text = Page(report.to_html()).text
    for shown in ("23.417", "0.01235", "± 0.00098", "3.91", "± 0.13", "0.81250", "0.49350", "1.0422", "0.77550"):
        assert shown in text
    for name in report.scores:
        meaning = explanation(name)
        assert meaning is not None
        assert f"{meaning.title} {name}" in text
        assert meaning.sentence in text
    assert "also fid" in text
    assert "2,000 generated 2,000 real" in text
    assert "subsets 100" in text
    assert "mean term 4.2150" in text
    assert text.count("↑ higher") == 5
    assert text.count("↓ lower") == 2


def test_notices_comparability_and_provenance_are_there(make_report: Make) -> None:
    report = make_report()
    text = Page(report.to_html()).text
    for notice in report.notices:
        assert notice.message in text
        assert notice.effect in text
        assert notice.code in text
    assert report.comparable in text
    assert report.real is not None
    for expected in (
        report.run.command,
        report.run.platform,
        str(report.extractor.weights_sha256),
        str(report.generated.fingerprint),
        str(report.real.fingerprint),
        "torch 2.9.0",
        "Seed 2020",
        "RGB 1,990",
        "28 × 28 2,000",
        "samples/00017.png image file is truncated",
        "31.6 images/s",
        "2,000 from the feature store",
        "21 November 2025, 22:41 UTC",
        "1 min 11 s",
    ):
        assert expected in text, expected


def test_pictures_are_the_previews_to_the_last_bit(make_report: Make) -> None:
    report = make_report()
    images = Page(report.to_html()).all("img")
    expected = [*report.gallery.generated, *report.gallery.real]
    assert [image["title"] for image in images] == [preview.id for preview in expected]
    assert all(image["alt"] and image["class"] == "pixelated" for image in images)
    for image, preview in zip(images, expected, strict=True):
        data = base64.b64decode(image["src"].partition(",")[2])
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data)).convert("RGB")), preview.pixels)


def test_names_never_become_markup(make_report: Make) -> None:
    report = make_report()
    evil = '<script>alert("x")</script><img src=http://evil.example/x onerror=alert(1)> \' " & {{ 7*7 }} </style>'
    pixels = np.zeros((4, 4, 3), np.uint8)
    score = Score(evil, 1.5, 2, 2, True, Interval(1, 2, 0.9, evil), {evil: evil}, {evil: evil})
    side = replace(report.generated, source=evil, kind=evil, fingerprint=evil, sizes={evil: 1}, skipped=((evil, evil),))
    page_source = replace(
        report,
        scores={evil: score},
        requested={evil + "2": evil},
        generated=side,
        real=side,
        comparable=evil,
        extractor=ExtractorInfo(evil, evil, evil, evil),
        run=replace(report.run, command=evil, started=evil, device=evil, versions={evil: evil}, options={evil: [evil]}),
        notices=tuple(replace(notice, code=evil, message=evil, effect=evil) for notice in report.notices),
        gallery=replace(report.gallery, generated=(Preview(evil, pixels),), class_names=(evil,) * 40),
    ).to_html()
    page = Page(page_source)
    assert page.all("script") == []
    assert all(address.startswith(("data:image/", "#")) for address in fetched(page))
    assert "alert(1)" not in "".join(page.styles)
    assert [name for _, attributes in page.elements for name in attributes if name == "onerror"] == []
    assert page.text.count('<script>alert("x")</script>') >= 20
    assert "{{ 7*7 }}" in page.text


def test_names_that_are_no_unicode_can_be_written(make_report: Make, tmp_path: Path) -> None:
    side = replace(make_report().generated, source="a\udcff")
    make_report(generated=side).to_html(tmp_path / "r.html")
    assert "a\\udcff" in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_sections_without_data_are_left_out(make_report: Make) -> None:
    page = Page(make_report(real=None, notices=(), gallery=Gallery(), requested={}).to_html())
    sections = [attributes["id"] for attributes in page.all("section")]
    assert sections == ["scores", "images", "provenance"]
    assert page.all("img") == page.all("svg") == []
    assert "against" not in page.text


def test_generated_side_alone(make_report: Make) -> None:
    gallery = replace(make_report().gallery, real=(), projection_real=None, histogram_real=None)
    text = Page(make_report(real=None, gallery=gallery).to_html()).text
    assert "most frequent of 40" in text
    assert "Where the images lie" in text
    assert "that both sides share" not in text


def test_no_scores_huge_tiny_and_missing_numbers(make_report: Make) -> None:
    assert "No scores were computed." in Page(make_report(scores={}).to_html()).text
    values = {"huge": 1.5e300, "tiny": 1.5e-300, "nan": float("nan"), "inf": float("inf"), "zero": 0.0}
    scores = {name: Score(name, value, None, None, False) for name, value in values.items()}
    text = Page(make_report(scores=scores).to_html()).text
    for shown in ("1.5000e+300", "1.5000e-300", "not a number", "infinite"):
        assert shown in text


def test_long_lists_are_cut_and_counted(make_report: Make) -> None:
    side = replace(
        make_report().generated,
        sizes={f"{i}x{i}": 1 for i in range(1, 500)},
        skipped=tuple((f"s{i}", "bad") for i in range(5000)),
    )
    page = make_report(generated=side).to_html()
    text = Page(page).text
    assert "491 others 491" in text
    assert "5,000 images" in text
    assert "and 4,800 more" in text
    score = Score("s", 1.0, 1, 1, True, None, {}, {"values": list(range(1000)), "pair": [1.5, 2.25]})
    text = Page(make_report(scores={"s": score}).to_html()).text
    assert "values 1,000 values" in text
    assert "pair 1.5, 2.25" in text


def test_same_report_same_bytes(make_report: Make) -> None:
    assert make_report().to_html() == make_report().to_html()


def test_written_atomically_or_said_why_not(make_report: Make, tmp_path: Path) -> None:
    page = report_to_html(make_report(), tmp_path / "r.html")
    assert (tmp_path / "r.html").read_text(encoding="utf-8") == page
    with pytest.raises(OutputError, match="doesn't exist"):
        report_to_html(make_report(), tmp_path / "none" / "r.html")


def test_96_noisy_previews_stay_under_3_mb(make_report: Make) -> None:
    rng = np.random.default_rng(0)

    def noise(word: str) -> tuple[Preview, ...]:
        return tuple(Preview(f"{word}{i}", rng.integers(0, 256, (128, 128, 3), np.uint8)) for i in range(48))

    gallery = replace(make_report().gallery, generated=noise("g"), real=noise("r"))
    page = make_report(gallery=gallery).to_html()
    assert len(page) < 3_000_000
    assert "compressed, for this page only" in page


def test_a_large_smooth_preview_stays_close(make_previews: Callable[..., tuple[Preview, ...]]) -> None:
    smooth = make_previews("x", 1, 128, 0)[0]
    grain = np.random.default_rng(0).integers(0, 12, smooth.pixels.shape, np.uint8)
    preview = Preview("x", smooth.pixels + grain)
    kind, _, data = preview_uri(preview).partition(";base64,")
    assert kind == "data:image/jpeg"
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))).astype(float)
    assert np.abs(shown - preview.pixels).mean() < 4


def test_the_histogram_shows_the_classes_that_differ_most() -> None:
    gallery = Gallery(
        class_names=("a", "b", "c", "d"),
        histogram_real=np.array([0.5, 0.25, 0.25, 0.0]),
        histogram_generated=np.array([0.5, 0.0, 0.375, 0.125]),
    )
    bars = class_bars(gallery)
    # b differs by .25, c and d by .125, a not at all; the longest bar shown is c's .375 (generated).
    assert [bar.name for bar in bars] == ["b", "c", "d"]
    assert [bar.real for bar in bars] == [0.25, 0.25, 0.0]
    assert [bar.real_width for bar in bars] == pytest.approx([200 / 3, 200 / 3, 0.0])
    assert [bar.generated_width for bar in bars] == pytest.approx([0.0, 100.0, 100 / 3])
    alone = class_bars(replace(gallery, histogram_real=None))
    assert [bar.name for bar in alone] == ["a", "c", "d"]
    assert all(bar.real is None for bar in alone)
    assert class_bars(Gallery()) == ()


def test_the_projection_has_one_mark_a_point() -> None:
    rng = np.random.default_rng(0)
    real, generated = rng.normal(size=(60, 2)), rng.normal(size=(45, 2))
    real[7] = np.nan
    svg = projection_svg(real, generated, (0.25, 0.125))
    assert svg is not None
    marks = [attributes for attributes in Page(svg).all("use") if "var(--" in attributes.get("style", "")]
    assert sum("var(--real)" in attributes["style"] for attributes in marks) == 59
    assert sum("var(--generated)" in attributes["style"] for attributes in marks) == 45
    assert "25.0% of the variance" in svg
    assert "12.5% of the variance" in svg
    assert "<metadata" not in svg


def test_many_points_become_a_picture_inside_the_plot() -> None:
    points = np.random.default_rng(0).normal(size=(20_000, 2))
    svg = projection_svg(points, None, None)
    assert svg is not None
    assert 'href="data:image/png;base64,' in svg
    assert len(svg) < 700_000


def test_nothing_to_project() -> None:
    assert projection_svg(None, None, None) is None
    assert projection_svg(np.zeros((0, 2)), np.full((3, 2), np.nan), None) is None
    assert projection_svg(np.zeros((1, 2)), np.zeros((5, 2)), (1.0, 0.0)) is not None


def test_matplotlib_s_settings_stay_as_they_were() -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    projection_svg(np.eye(2), None, None)
    assert dict(matplotlib.rcParams) == before


def test_importing_the_report_is_light() -> None:
    heavy = "{'jinja2', 'matplotlib', 'rich', 'PIL', 'typer', 'sklearn', 'torchvision'}"
    code = f"import sys, ganeval.report, ganeval.report.html, ganeval.report.console; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# Contrast, by WCAG 2: (L1 + 0.05) / (L2 + 0.05) of the relative luminances.


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_text_and_marks_have_enough_contrast_in_light_and_dark(make_report: Make) -> None:
    style = "".join(Page(make_report().to_html()).styles)
    themes = [dict(re.findall(r"--([\w-]+): (#\w{6})", block)) for block in re.findall(r":root \{(.*?)\}", style, re.S)]
    light, dark = themes[0], {**themes[0], **themes[1]}
    for theme in (light, dark):
        for ground in ("page", "card", "soft"):
            assert contrast(theme["ink"], theme[ground]) >= 7
            assert contrast(theme["muted"], theme[ground]) >= 4.5
        assert contrast(theme["warning"], theme["warning-soft"]) >= 4.5
        assert contrast(theme["muted"], theme["warning-soft"]) >= 4.5
        assert contrast(theme["info"], theme["info-soft"]) >= 4.5
        for mark in ("real", "generated"):
            assert contrast(theme[mark], theme["card"]) >= 3


CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium or Chrome is installed")


def browse(page: Path, profile: Path, *arguments: str) -> str:
    assert CHROMIUM is not None
    quiet = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
        "--disable-component-update --disable-sync --hide-scrollbars"
    )
    profile.mkdir()
    command = [CHROMIUM, *quiet.split(), f"--user-data-dir={profile}", *arguments, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=90, check=True).stdout


@needs_browser
def test_a_browser_shows_the_scores_and_every_picture(make_report: Make, tmp_path: Path) -> None:
    # A script of the test's own, which the page's policy would forbid, writes down what the browser made of it.
    probe = """<script>addEventListener("load", () => {
      const images = [...document.images];
      const svg = document.querySelector(".plot svg").getBoundingClientRect();
      document.body.dataset.seen = JSON.stringify({
        images: images.length, loaded: images.filter(i => i.complete && i.naturalWidth === 28).length,
        plot: svg.width > 200 && svg.height > 150, wide: document.documentElement.scrollWidth <= innerWidth,
        mode: document.compatMode});
    });</script>"""
    source = make_report().to_html()
    page = tmp_path / "probe.html"
    page.write_text(re.sub(r"<meta http-equiv[^>]*>", "", source).replace("</body>", probe + "</body>"), "utf-8")
    dom = Page(browse(page, tmp_path / "profile", "--window-size=400,900", "--dump-dom"))
    seen = dom.all("body")[0]["data-seen"]
    assert seen == '{"images":24,"loaded":24,"plot":true,"wide":true,"mode":"CSS1Compat"}'
    for shown in ("fd_efficientnet-lite0", "23.417", "0.01235", "0.81250"):
        assert shown in dom.text


@needs_browser
def test_a_browser_paints_the_page_as_it_is(make_report: Make, tmp_path: Path) -> None:
    page = tmp_path / "r.html"
    make_report().to_html(page)
    shot = tmp_path / "shot.png"
    browse(page, tmp_path / "profile", "--window-size=1280,3600", f"--screenshot={shot}")
    painted = np.asarray(Image.open(shot).convert("RGB")).astype(int)
    assert painted.shape == (3600, 1280, 3)
    # The page's own colours in number: its ground, and bars and points of both sides.
    for colour, pixels in (((246, 247, 249), 500_000), ((0, 114, 178), 2_000), ((198, 81, 2), 2_000)):
        near = (np.abs(painted - np.array(colour)) <= 2).all(axis=-1)
        assert near.sum() > pixels, colour


def test_what_numbers_mean_stands_below_the_table_each_meaning_once(make_report):
    score = Score("fd_a", 12.0, 9, 9, False, Interval(10, 14, 0.95, "leave-one-out <influence>"), corrected=11.0)
    spread = Score("kd_a", 0.3, 9, 9, False, None, {"subsets": 5}, {"std": 0.1}).without_interval("too few images")
    scores = {"fd_a": score, "fd_b": replace(score, name="fd_b"), "kd_a": spread}
    html = make_report(scores=scores).to_html()
    notes = re.search(r'<ol class="footnotes".*?</ol>', html, flags=re.DOTALL)[0]
    assert re.findall(r'<li id="note-(\d)">(.*?)</li>', notes) == [
        ("1", "Corrected: without the bias of a finite sample."),
        ("2", "Interval: 95%, leave-one-out &lt;influence&gt;."),
        ("3", "±: standard deviation over 5 subsets."),
        ("4", "No interval: too few images."),
    ]
    assert html.count("leave-one-out &lt;influence&gt;") == 1
    assert re.findall(r'href="#note-(\d)"', html) == ["1", "2", "1", "2", "3", "4"]
    plain = Score("fd_a", 12.0, 9, 9, False)
    assert "footnotes" not in make_report(scores={"fd_a": plain}).to_html().split("</style>")[1]
