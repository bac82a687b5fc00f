"""Weights files come back as they were written, and anything else is refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from ganeval.errors import OutputError, WeightsError
from ganeval.generators.configuration import configured
from ganeval.generators.models.dcgan import DCGAN
from ganeval.generators.streams import random_stream
from ganeval.generators.weights_file import load_model, read_header, save_model


@pytest.fixture
def model() -> DCGAN:
    made = DCGAN.initialised(configured(DCGAN.Config, {"size": 8, "channels": 1, "latent": 8, "width": 8}), seed=1)
    made.generator.eval()
    return made


def test_they_come_back_and_say_what_they_are(model: DCGAN, tmp_path: Path) -> None:
    save_model(tmp_path / "g", "dcgan", model, {"steps": 3})
    again = load_model(tmp_path / "g")
    latents = model.draw(7, random_stream(1))
    assert isinstance(again, DCGAN)
    assert torch.equal(again.render(latents), model.render(latents))
    assert not hasattr(again, "discriminator")
    assert not any(parameter.requires_grad for parameter in again.parameters())
    header = read_header((tmp_path / "g").read_bytes())
    assert (header["model"], header["made"], header["config"]["size"]) == ("dcgan", {"steps": 3}, [8, 8])
    save_model(tmp_path / "same", "dcgan", model, {"steps": 3})
    assert (tmp_path / "same").read_bytes() == (tmp_path / "g").read_bytes()


def test_half_precision_is_half_as_large_and_near(model: DCGAN, tmp_path: Path) -> None:
    save_model(tmp_path / "whole", "dcgan", model, {})
    save_model(tmp_path / "half", "dcgan", model, {}, half=True)
    assert (tmp_path / "half").stat().st_size < 0.7 * (tmp_path / "whole").stat().st_size
    again, latents = load_model(tmp_path / "half"), model.draw(7, random_stream(1))
    assert isinstance(again, DCGAN)
    assert {value.dtype for value in again.parameters()} == {torch.float32}
    torch.testing.assert_close(again.render(latents), model.render(latents), rtol=0, atol=2e-3)


def test_those_of_others_are_told_apart(tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(3)}, tmp_path / "g.safetensors")
    with pytest.raises(WeightsError, match="its header names no model"):
        load_model(tmp_path / "g.safetensors")


def test_those_of_something_else_are_refused(model: DCGAN, tmp_path: Path) -> None:
    path = tmp_path / "g"
    save_model(path, "dcgan", model, {})
    good = path.read_bytes()
    length = int.from_bytes(good[:8], "little")

    def changed(**values: object) -> bytes:
        header = json.loads(good[8 : 8 + length])
        inner = json.loads(header["__metadata__"]["ganeval"]) | values
        header["__metadata__"]["ganeval"] = json.dumps(inner)
        text = json.dumps(header).encode()
        return len(text).to_bytes(8, "little") + text + good[8 + length :]

    config = json.loads(json.loads(good[8 : 8 + length])["__metadata__"]["ganeval"])["config"]
    path.write_bytes(changed())
    load_model(path)
    for content in (
        b"",
        b"x" * 100,
        good[:50],
        good[:-1],
        changed(config=config | {"width": 9}),
        changed(config=config | {"widht": 8}),
        changed(model="dcgn"),
        changed(format="ganeval/generator@1"),
    ):
        path.write_bytes(content)
        with pytest.raises(WeightsError, match=str(path)):
            load_model(path)
    with pytest.raises(WeightsError, match="missing"):
        load_model(tmp_path / "missing")
    with pytest.raises(OutputError, match="missing"):
        save_model(tmp_path / "missing" / "g", "dcgan", model, {})
