"""Names of generators as they stand in Software, CreatorTool and Credit, and the editors that only sound like them."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class KnownGenerator:
    """A program or service that makes pictures with a trained model.

    Parameters
    ----------
    name
        As people know it.
    pattern
        Regular expression, in any capitals, searched for in a field that names software or a credit.
    """

    name: str
    pattern: str


# Narrow on purpose: "Imagen AI", "Imagenomic", "Luminar AI", "Topaz Photo AI" and "Aurora HDR" edit photographs, "Flux"
# alone is many things, and Photoshop says of its generative fill in signed manifests only.
KNOWN_GENERATORS = (
    KnownGenerator("Stable Diffusion", r"stable[ _-]?diffusion|\bsdxl\b|stability\.?\s?ai|dreamstudio"),
    KnownGenerator("AUTOMATIC1111 web UI", r"automatic1111|sd-webui"),
    KnownGenerator("ComfyUI", r"\bcomfyui\b"),
    KnownGenerator("InvokeAI", r"\binvoke\s?ai\b"),
    KnownGenerator("NovelAI", r"\bnovelai\b"),
    KnownGenerator("Fooocus", r"\bfooocus\b"),
    KnownGenerator("SwarmUI", r"\b(stable)?swarmui\b"),
    KnownGenerator("Easy Diffusion", r"\beasy ?diffusion\b"),
    KnownGenerator("Draw Things", r"^draw ?things\b"),
    KnownGenerator("DiffusionBee", r"\bdiffusion ?bee\b"),
    KnownGenerator("Midjourney", r"\bmid ?journey\b"),
    KnownGenerator("OpenAI DALL-E", r"\bdall[\W_]?e\b"),
    KnownGenerator("OpenAI", r"\bopenai\b|\bchatgpt\b|\bgpt-?4o\b|\bgpt-image\b"),
    KnownGenerator("Adobe Firefly", r"\badobe[ _]?firefly\b"),
    KnownGenerator("Google AI", r"\bgoogle (ai|gemini|imagen)\b|\bgemini[- ]\d|\bimagen[- ]?\d"),
    KnownGenerator("Meta AI", r"\bmeta ai\b|\bimagined? with (meta )?ai\b"),
    KnownGenerator("Bing Image Creator", r"\bbing image creator\b|\bmicrosoft designer\b"),
    KnownGenerator("xAI Grok", r"\bgrok\b"),
    KnownGenerator("Black Forest Labs FLUX", r"\bblack forest labs\b|\bflux\.?[12]\b"),
    KnownGenerator("Leonardo.Ai", r"\bleonardo\.?\s?ai\b"),
    KnownGenerator("Ideogram", r"\bideogram\b"),
    KnownGenerator("Recraft", r"\brecraft\b"),
    KnownGenerator("Krea", r"\bkrea(\.ai)?\b"),
    KnownGenerator("Playground AI", r"\bplayground ?ai\b"),
    KnownGenerator("Craiyon", r"\bcraiyon\b"),
    KnownGenerator("NightCafe", r"\bnightcafe\b"),
    KnownGenerator("WOMBO Dream", r"\bdream by wombo\b|\bwombo dream\b"),
    KnownGenerator("Artbreeder", r"\bartbreeder\b"),
    KnownGenerator("Seedream", r"\bseedream\b|\bjimeng\b|\bdreamina\b|\bdoubao\b"),
    KnownGenerator("Kling AI", r"\bkling ?ai\b"),
    KnownGenerator("Wanxiang", r"\bwanxiang\b"),
)
_COMPILED = tuple((one.name, re.compile(one.pattern, re.IGNORECASE)) for one in KNOWN_GENERATORS)

# As a word, before what it denies; of the languages in which credits mostly are.
_DENIAL = re.compile(
    r"\b(no|not|non|never|none|without|n/a|kein\w*|nicht|ohne|sans|pas|sin|senza)\b|n't\b", re.IGNORECASE
)


def denies(text: str) -> bool:
    """Whether `text` has a word of denial, as in "no AI was used"; looks at 1,000 characters."""
    return _DENIAL.search(text[:1000]) is not None


def name_generator(text: str) -> str | None:
    """The known generator that `text` (a software's name, a credit) names and doesn't deny before, or None.

    Looks at 1,000 characters.
    """
    head = text[:1000]
    for name, pattern in _COMPILED:
        found = pattern.search(head)
        if found and not denies(head[: found.start()]):
            return name
    return None
