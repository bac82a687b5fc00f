"""Generation parameters of the common programs, as PNG texts and in EXIF, and texts that only look like them."""

from __future__ import annotations

import io
import json
import struct
import zlib

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ganeval.detectors.evidence import Evidence
from ganeval.detectors.provenance import judgements
from ganeval.detectors.provenance.carried import MAX_BLOCK, MAX_TEXTS, read_carried
from ganeval.detectors.provenance.examination import Examination
from ganeval.detectors.provenance.known_generators import KNOWN_GENERATORS, name_generator
from ganeval.detectors.provenance.png_text import examine
from ganeval.detectors.provenance.shown_text import MAX_SHOWN, shown
from ganeval.detectors.specimen import open_specimen

A1111 = (
    "a cat on a roof\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512, "
    "Model hash: 6ce0161689, Model: v1-5-pruned"
)
COMFY = {"3": {"class_type": "KSampler", "inputs": {"seed": 5, "steps": 20}}}
WORKFLOW = {"last_node_id": 9, "nodes": [{"id": 3, "type": "KSampler"}], "links": []}


def _examine(data: bytes) -> Evidence:
    return examine(Examination(open_specimen(data), data))


def _png(picture, texts: dict[str, str], compressed: bool = False) -> bytes:
    stream = io.BytesIO()
    info = PngInfo()
    for keyword, text in texts.items():
        info.add_text(keyword, text, zip=compressed)
    Image.open(io.BytesIO(picture("PNG"))).save(stream, "PNG", pnginfo=info)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("texts", "program"),
    [
        ({"parameters": A1111}, "AUTOMATIC1111"),
        ({"prompt": json.dumps(COMFY)}, "ComfyUI"),
        ({"workflow": json.dumps(WORKFLOW)}, "ComfyUI"),
        ({"sd-metadata": json.dumps({"model": "stable diffusion", "image": {"seed": 1}})}, "InvokeAI"),
        ({"invokeai_metadata": json.dumps({"app_version": "3.0", "seed": 1})}, "InvokeAI"),
        ({"Dream": '"a cat" -s 50 -S 123 -W 512 -H 512 -C 7.5 -A k_lms'}, "InvokeAI"),
        ({"Software": "NovelAI", "Comment": "{}"}, "NovelAI"),
        ({"Comment": json.dumps({"steps": 28, "sampler": "k_euler", "uc": "lowres", "n_samples": 1})}, "NovelAI"),
        ({"fooocus_scheme": "fooocus"}, "Fooocus"),
        ({"parameters": json.dumps({"sui_image_params": {"prompt": "cat"}})}, "SwarmUI"),
        ({"Description": "a cat --ar 16:9 --v 5.2 Job ID: 01234567-89ab-cdef-0123-456789abcdef"}, "Midjourney"),
        ({"AIGC": json.dumps({"AIGC": {"Label": "1", "ContentProducer": "x"}})}, "AIGC"),
        ({"meta": json.dumps({"prompt": "x", "seed": 1, "steps": 3, "sampler": "y"})}, "isn't known by name"),
        ({"prompt": "a cat", "seed": "1", "negative_prompt": "dog"}, "negative_prompt, prompt, seed"),
    ],
)
@pytest.mark.parametrize("compressed", [False, True])
def test_programs_are_known_by_their_texts(picture, texts, program, compressed):
    found = _examine(_png(picture, texts, compressed))
    assert program in found.sentence
    assert found.log_likelihood_ratio == judgements.GENERATION_PARAMETERS
    assert not found.decides


@pytest.mark.parametrize(
    "texts",
    [
        {},
        {"Software": "Adobe Photoshop 25.1"},
        {"Description": "A lecture on stable diffusion in gases"},
        {"prompt": "who goes there?"},
        {"parameters": "f=2.8"},
        {"Comment": json.dumps({"steps": 4000, "walked": True})},
        {"workflow": json.dumps({"nodes": 3})},
        {"prompt": json.dumps([1, 2])},
        {"Dream": "I had a dream"},
        {"AIGC": '{"Label": "9"}'},
        {"prompt": "[" * 100_000},
    ],
)
def test_other_texts_abstain(picture, texts):
    found = _examine(_png(picture, texts))
    assert found.abstains
    assert "proves nothing" in found.sentence


def test_named_software_weighs_less_than_parameters(picture):
    found = _examine(_png(picture, {"Software": "Midjourney"}))
    assert found.log_likelihood_ratio == judgements.GENERATOR_NAMED < judgements.GENERATION_PARAMETERS
    assert "Midjourney" in found.sentence


@pytest.mark.parametrize("image_format", ["JPEG", "WEBP", "PNG"])
@pytest.mark.parametrize("order", ["utf-16-be", "utf-16-le", "ascii"])
def test_parameters_in_exif_comments(picture, image_format, order):
    exif = Image.Exif()
    code = b"ASCII\0\0\0" if order == "ascii" else b"UNICODE\0"
    exif.get_ifd(0x8769)[0x9286] = code + A1111.encode(order)
    found = _examine(picture(image_format, exif=exif.tobytes()))
    assert "AUTOMATIC1111" in found.sentence
    assert any(fact.name == "UserComment" and fact.value.startswith("a cat on a roof") for fact in found.facts)


def test_comfyui_in_the_exif_of_a_webp(picture):
    exif = Image.Exif()
    exif[0x010F] = "workflow:" + json.dumps(WORKFLOW)
    exif[0x0110] = "prompt:" + json.dumps(COMFY)
    assert "ComfyUI" in _examine(picture("WEBP", exif=exif.tobytes())).sentence


def test_international_text_is_read(picture):
    stream = io.BytesIO()
    info = PngInfo()
    info.add_itxt("parameters", "Катя " + A1111, zip=True)
    Image.open(io.BytesIO(picture("PNG"))).save(stream, "PNG", pnginfo=info)
    found = _examine(stream.getvalue())
    assert "AUTOMATIC1111" in found.sentence
    assert any("Катя" in fact.value for fact in found.facts)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def test_text_bombs_are_cut(picture):
    png = picture("PNG")
    bomb = _chunk(b"zTXt", b"bomb\0\0" + zlib.compress(b"A" * (64 << 20)))
    carried = read_carried(png[:33] + bomb * 10 + png[33:])
    assert all(len(text.text) == MAX_BLOCK for text in carried.texts)
    assert sum(len(text.text) for text in carried.texts) <= MAX_TEXTS
    assert any("cut at 4 MiB" in problem for problem in carried.problems)
    assert any("passed over" in problem for problem in carried.problems)


def test_flood_of_texts_does_not_hide_the_one_that_counts(picture):
    texts = {f"note {i}": "nothing" for i in range(200)} | {"parameters": A1111}
    found = _examine(_png(picture, texts))
    assert found.facts[0].name == "parameters"
    assert "AUTOMATIC1111" in found.sentence


def test_broken_compressed_text_is_reported(picture):
    png = picture("PNG")
    found = _examine(png[:33] + _chunk(b"zTXt", b"parameters\0\0not zlib") + png[33:])
    assert any("is broken" in fact.value for fact in found.facts)


def test_imagemagick_profiles_are_unpacked(picture):
    exif = Image.Exif()
    exif[0x0131] = "Midjourney"
    block = b"Exif\0\0" + exif.tobytes().removeprefix(b"Exif\0\0")
    text = f"\nexif\n{len(block):8d}\n{block.hex()}\n"
    assert read_carried(_png(picture, {"Raw profile type exif": text}, True)).exif == block[6:]
    broken = read_carried(_png(picture, {"Raw profile type exif": "\nexif\n 4\nzz"}))
    assert broken.exif is None
    assert broken.problems


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Made with Google AI", "Google AI"),
        ("DALL·E 3", "OpenAI DALL-E"),
        ("ChatGPT", "OpenAI"),
        ("Adobe Firefly 1.0", "Adobe Firefly"),
        ("stable-diffusion-webui", "Stable Diffusion"),
        ("FLUX.1 [dev]", "Black Forest Labs FLUX"),
        # Editors of photographs with names that sound alike.
        ("Imagenomic Portraiture", None),
        ("Imagen AI", None),
        ("Luminar AI", None),
        ("Topaz Photo AI 2.1", None),
        ("Aurora HDR 2019", None),
        ("Adobe Photoshop Lightroom Classic 13.0", None),
        ("HDR+ 1.0.345618096zd", None),
        ("Gemini Man, film still", None),
        ("f.lux", None),
        ("", None),
    ],
)
def test_generators_are_named_and_editors_are_not(text, name):
    assert name_generator(text) == name


def test_every_generator_knows_its_own_name():
    assert [one.name for one in KNOWN_GENERATORS if name_generator(one.name) is None] == []


def test_shown_text_is_one_safe_line():
    assert shown("a\x1b[31m\nb\u202ec\0") == "a [31m b c"
    long = shown("x" * 10_000)
    assert len(long) < MAX_SHOWN + 60
    assert "10,000 characters" in long


@pytest.mark.parametrize(
    "texts",
    [
        {"Comment": "Steps: 3 to bake. Seed: pumpkin. Size: large"},
        {"Description": "a terminal: ls --chaos x --v verbose --ar wide"},
        {"Software": "this was not made by Midjourney"},
        {"Software": "without Stable Diffusion"},
    ],
)
def test_texts_that_only_sound_like_it(picture, texts):
    assert _examine(_png(picture, texts)).abstains
