"""Whether the camera that EXIF claims fits the picture and the file; and sizes that generators make."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ganeval.detectors.evidence import Evidence, Fact
from ganeval.detectors.provenance import judgements
from ganeval.detectors.provenance.examination import Examination, abstain
from ganeval.detectors.provenance.exif import Exif
from ganeval.detectors.provenance.jpeg_segments import FRAMES, segments
from ganeval.detectors.provenance.jpeg_tables import JpegHeader, read_header
from ganeval.detectors.provenance.shown_text import shown

DETECTOR = "camera"


@dataclass(frozen=True)
class Maker:
    """A maker of cameras or phones.

    Parameters
    ----------
    make
        Pattern of the EXIF Make.
    model
        Pattern that all its models follow; empty where they follow none that could be relied on.
    """

    make: str
    model: str = ""


# A model is only held against a maker whose models all begin the same way.
MAKERS = (
    Maker(r"canon", r"canon |mg\d|canoscan"),
    Maker(r"nikon", r"nikon |coolpix|e\d+"),
    Maker(r"apple", r"iphone|ipad|ipod"),
    Maker(r"google", r"pixel|nexus"),
    Maker(r"panasonic", r"d[mc]|hc-|sdr-|ag-|hdc"),
    Maker(
        r"sony|fujifilm|fuji photo|olympus|om digital|leica|ricoh|pentax|asahi|casio|konica|minolta|sigma|kodak|eastman"
    ),
    Maker(
        r"samsung|huawei|honor|xiaomi|redmi|poco|oneplus|oppo|realme|vivo|motorola|lge?\b|htc|nokia|hmd|zte|asus|sharp"
    ),
    Maker(r"hasselblad|phase one|mamiya|gopro|dji|insta360|parrot|blackberry|microsoft|lenovo|tcl|nothing|fairphone"),
    Maker(r"hewlett|hp\b|polaroid|yi\b|arashi|raspberry|reconyx|bushnell|meizu|infinix|tecno|kyocera|jenoptik"),
)
_EXPOSURE = ("ExposureTime", "FNumber", "ISO", "FocalLength", "ShutterSpeedValue", "ApertureValue")
_DATE = re.compile(r"\d{4}:\d\d:\d\d \d\d:\d\d:\d\d")

# Sizes that generators make by default, as width x height of the wide form. Left out are 640x512, 1024x768, 1280x768
# and the like, which are also multiples of 64 but common for photographs and screens.
GENERATOR_SIZES = frozenset(
    {(512, 512), (768, 512), (768, 768), (1024, 1024), (2048, 2048)}  # Stable Diffusion 1, 2, XL, many others
    | {(1152, 896), (1216, 832), (1344, 768), (1536, 640)}  # the buckets of Stable Diffusion XL
    | {(1792, 1024), (1536, 1024)}  # DALL-E 3, GPT image
    | {(1456, 816), (1344, 896), (1232, 928)}  # Midjourney
    | {(1408, 768), (1408, 1056)}  # Imagen
)


@dataclass(frozen=True)
class Check:
    """One comparison of the claimed camera with the file.

    Parameters
    ----------
    name
        What was compared.
    found
        As it is.
    meaning
        What it speaks for.
    whole
        False where the file isn't as the camera wrote it, or data is missing.
    contradicts
        Whether no camera can have written that.
    """

    name: str
    found: str
    meaning: str = ""
    whole: bool = True
    contradicts: bool = False


def examine(examination: Examination) -> Evidence:
    """Compare the camera that EXIF names with the picture and the file; abstains where none is named.

    Alone this never makes a verdict of "probably camera": EXIF can be copied from one file to another.
    """
    exif = examination.exif
    make, model = exif.texts.get("Make", ""), exif.texts.get("Model", "")
    maker = next((one for one in MAKERS if re.match(one.make, make, re.IGNORECASE)), None)
    if maker is None:
        return _without_camera(examination, make)
    is_jpeg = examination.data.startswith(b"\xff\xd8\xff")
    header = read_header(examination.data) if is_jpeg else None
    checks = [
        _model(maker, make, model),
        _exposure(exif),
        _maker_note(exif),
        *_dimensions(examination),
        *_thumbnail(examination),
        *_saved(exif, header),
    ]
    facts = (
        Fact("make", shown(make)),
        Fact("model", shown(model)),
        *(Fact(check.name, check.found, check.meaning) for check in checks),
    )
    name = shown(model if model.lower().startswith(make.lower()[:5]) else f"{make} {model}".strip(), 80)
    wrong = [check for check in checks if check.contradicts]
    missing = [check for check in checks if not check.whole]
    if wrong:
        sentence = f"EXIF names {name}, but {wrong[0].meaning}; unsigned"
        return _weighed(sentence, judgements.CAMERA_CONTRADICTS, facts)
    if missing:
        sentence = f"EXIF names {name}; {missing[0].meaning}; unsigned, and copied with one command"
        return _weighed(sentence, judgements.CAMERA_PARTIAL, facts)
    sentence = f"EXIF names {name}, and all of it fits the file; unsigned, and copied with one command"
    return _weighed(sentence, judgements.CAMERA_WHOLE, facts)


def _weighed(sentence: str, ratio: float, facts: tuple[Fact, ...]) -> Evidence:
    return Evidence(DETECTOR, sentence, score=ratio, log_likelihood_ratio=ratio, facts=facts)


def _without_camera(examination: Examination, make: str) -> Evidence:
    width, height = examination.specimen.width, examination.specimen.height
    facts: tuple[Fact, ...] = (Fact("make", shown(make), "not a known maker of cameras"),) if make else ()
    if (max(width, height), min(width, height)) in GENERATOR_SIZES:
        facts += (Fact("size", f"{width} x {height}", "a size that generators make by default; a weak hint"),)
        sentence = f"no camera is named, and {width} x {height} is a size that generators make; crops have it too"
        return _weighed(sentence, judgements.GENERATOR_SIZE, facts)
    return abstain(DETECTOR, "no camera is named in the file; that proves nothing, most sites strip it", facts)


def _model(maker: Maker, make: str, model: str) -> Check:
    if not model:
        return Check("model", "missing", "the model is missing", whole=False)
    fits = not maker.model or re.match(maker.model, model, re.IGNORECASE) is not None
    meaning = "" if fits else f"{shown(make, 40)} makes no model of such a name"
    return Check("model of that make", "fits" if fits else "doesn't fit", meaning, contradicts=not fits)


def _exposure(exif: Exif) -> Check:
    present = [name for name in _EXPOSURE if name in exif.numbers]
    absurd = [name for name in present[:4] if name in _EXPOSURE[:2] and not 0 < exif.numbers[name] < 1e5]
    dated = _DATE.fullmatch(exif.texts.get("DateTimeOriginal", "")) is not None
    if absurd:
        return Check("exposure", absurd[0], f"{absurd[0]} has an impossible value", contradicts=True)
    found = ", ".join(f"{name} {exif.numbers[name]:.6g}" for name in present) or "missing"
    if len(present) < 3 or not dated:
        return Check("exposure", found, "exposure or date of the shot are missing", whole=False)
    return Check("exposure", found)


def _maker_note(exif: Exif) -> Check:
    if not exif.maker_note:
        return Check("maker's note", "missing", "the maker's note is missing, as after editing", whole=False)
    return Check("maker's note", f"{exif.maker_note:,} bytes")


def _dimensions(examination: Examination) -> list[Check]:
    numbers = examination.exif.numbers
    claimed = sorted(int(numbers.get(name, 0)) for name in ("PixelXDimension", "PixelYDimension"))
    actual = sorted((examination.specimen.width, examination.specimen.height))
    if not all(claimed):
        return [Check("size in EXIF", "missing", "the size is missing", whole=False)]
    found = f"{claimed[1]} x {claimed[0]}"
    if claimed == actual:
        return [Check("size in EXIF", found)]
    return [Check("size in EXIF", found, "the picture was resized or cropped since", whole=False)]


def _thumbnail(examination: Examination) -> list[Check]:
    """DCF wants 160 x 120, with bars for other proportions; some makers follow the picture's."""
    size = _jpeg_size(examination.exif.thumbnail)
    if size is None:
        return [Check("thumbnail", "missing", "the thumbnail is missing, as after editing", whole=False)]
    width, height = sorted(size, reverse=True)
    actual = sorted((examination.specimen.width, examination.specimen.height), reverse=True)
    ratio, expected = width / height, actual[0] / actual[1]
    fits = min(abs(ratio / expected - 1), abs(ratio / (4 / 3) - 1)) < 0.03
    found = f"{size[0]} x {size[1]}"
    if fits:
        return [Check("thumbnail", found)]
    return [
        Check("thumbnail", found, "the thumbnail has other proportions: the picture was cropped since", whole=False)
    ]


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    for segment in segments(data) if data.startswith(b"\xff\xd8") else ():
        if segment.marker in FRAMES and len(segment.payload) >= 5:
            height, width = (int.from_bytes(segment.payload[at : at + 2], "big") for at in (1, 3))
            return (width, height) if width and height else None
    return None


def _saved(exif: Exif, header: JpegHeader | None) -> list[Check]:
    if header is None:
        return [Check("file", "not a JPEG", "the file isn't the JPEG that a camera writes", whole=False)]
    found = []
    if header.progressive:
        found.append(Check("coding", "progressive", "it was saved again: cameras write sequential JPEGs", whole=False))
    if header.photoshop or header.save_for_web:
        found.append(Check("saved by", "Adobe Photoshop", "it was saved again with Photoshop", whole=False))
    software = exif.texts.get("Software", "")
    if re.search(r"photoshop|lightroom|gimp|capture one|snapseed|picasa|affinity|darktable|pixelmator", software, re.I):
        found.append(Check("software", shown(software, 80), f"it was edited with {shown(software, 60)}", whole=False))
    return found
