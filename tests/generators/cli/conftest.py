"""Commands on generators run on one arithmetic thread, on small generators with first weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from ganeval.generators.configuration import configured
from ganeval.generators.registry import MODELS
from ganeval.generators.weights_file import save_model


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def weights(tmp_path: Path) -> Callable[..., Path]:
    """``weights("infogan", width=4)``: a safetensors file of such a model for grey images of 8 pixels."""

    def make(name: str, **options: Any) -> Path:
        kind = MODELS.get(name)
        model = kind.initialised(configured(kind.Config, {"size": [8, 8], "channels": 1} | options), seed=1)
        path = tmp_path / f"{name}.safetensors"
        save_model(path, name, model, {"steps": 7, "data": "digits"})
        return path

    return make


@pytest.fixture
def infogan(weights: Callable[..., Path]) -> Path:
    """An InfoGAN with a code of three categories (c1) and two continuous ones (c2, c3)."""
    return weights("infogan", width=4, latent=6, hidden=16, categories=[3])


@pytest.fixture
def stylegan2(weights: Callable[..., Path]) -> Path:
    return weights("stylegan2", width=4, widest=8, latent=8, style=8, mapping_layers=2)
