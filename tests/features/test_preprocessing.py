"""Resizing equals that of torch-fidelity and of clean-fid, at the sizes users have."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cleanfid.resize import make_resizer
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x

from ganeval.errors import OptionError
from ganeval.features.preprocessing import PREPROCESSINGS, find_preprocessing, resize_clean, resize_tf1

SHAPES = [(1, 1), (28, 28), (64, 64), (90, 130), (256, 256), (299, 299), (300, 299), (481, 321), (512, 512), (17, 700)]


def noise(height: int, width: int, count: int = 2, seed: int = 0) -> Tensor:
    """Uniform noise: every pixel differs from its neighbours, so a shifted sample shows at once."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, height, width), dtype=torch.uint8, generator=generator)


def torch_fidelity_resize(images: Tensor, size: int) -> Tensor:
    resized: Tensor = interpolate_bilinear_2d_like_tensorflow1x(images.float(), size=(size, size), align_corners=False)
    return resized


def clean_fid_resize(images: Tensor, size: int) -> Tensor:
    resize = make_resizer("PIL", False, "bicubic", (size, size))
    resized = [resize(np.ascontiguousarray(image.permute(1, 2, 0).numpy())) for image in images]
    return torch.from_numpy(np.stack(resized)).permute(0, 3, 1, 2)


@pytest.mark.parametrize("size", [224, 299])
@pytest.mark.parametrize("shape", SHAPES)
def test_tf1_equals_torch_fidelity(shape: tuple[int, int], size: int) -> None:
    images = noise(*shape)
    torch.testing.assert_close(resize_tf1(images, size), torch_fidelity_resize(images, size), atol=1e-4, rtol=0)


@pytest.mark.parametrize("size", [32, 224, 299])
@pytest.mark.parametrize("shape", SHAPES)
def test_clean_equals_clean_fid(shape: tuple[int, int], size: int) -> None:
    images = noise(*shape)
    torch.testing.assert_close(resize_clean(images, size), clean_fid_resize(images, size), atol=1e-3, rtol=0)


@settings(max_examples=15, deadline=None)
@given(height=st.integers(1, 400), width=st.integers(1, 400), size=st.integers(1, 320), seed=st.integers(0, 9))
def test_both_equal_their_oracles_at_any_size(height: int, width: int, size: int, seed: int) -> None:
    images = noise(height, width, count=1, seed=seed)
    torch.testing.assert_close(resize_tf1(images, size), torch_fidelity_resize(images, size), atol=1e-4, rtol=0)
    torch.testing.assert_close(resize_clean(images, size), clean_fid_resize(images, size), atol=1e-3, rtol=0)


def test_the_two_ways_of_clean_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    images = noise(120, 200)
    monkeypatch.setattr("ganeval.features.preprocessing._MATRIX_PIXELS", 0)
    with_pillow = resize_clean(images, 224)
    monkeypatch.setattr("ganeval.features.preprocessing._MATRIX_PIXELS", 1 << 40)
    torch.testing.assert_close(resize_clean(images, 224), with_pillow, atol=1e-3, rtol=0)


@pytest.mark.parametrize("name", sorted(PREPROCESSINGS))
def test_contract(name: str) -> None:
    resize = PREPROCESSINGS[name].resize
    photo_like = noise(40, 60).contiguous(memory_format=torch.channels_last)
    out = resize(photo_like, 299)
    assert out.dtype == torch.float32
    assert out.shape == (2, 3, 299, 299)
    assert out.is_contiguous(memory_format=torch.channels_last)
    assert 0.0 <= float(out.min()) < float(out.max()) <= 255.0
    torch.testing.assert_close(out, resize(photo_like.contiguous(), 299), atol=1e-4, rtol=0)
    same = noise(299, 299)
    assert torch.equal(resize(same, 299), same.float())
    flat = torch.full((1, 3, 50, 70), 77, dtype=torch.uint8)
    torch.testing.assert_close(resize(flat, 224), torch.full((1, 3, 224, 224), 77.0), atol=1e-3, rtol=0)


def test_the_two_names_differ_where_aliasing_shows() -> None:
    images = noise(512, 512)
    assert float((resize_tf1(images, 224) - resize_clean(images, 224)).abs().mean()) > 10


def test_unknown_name_is_an_option_error() -> None:
    with pytest.raises(OptionError, match="'claen'") as caught:
        find_preprocessing("claen", "tf1")
    assert "'clean'" in str(caught.value)
    with pytest.raises(OptionError):
        find_preprocessing("clean", "tf1", allowed=("tf1",))
    assert find_preprocessing(None, "tf1").name == "tf1"
