"""Paths between latent vectors and sums of them, against their formulas."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganeval.errors import OptionError
from ganeval.generators import CallableSource
from ganeval.generators.latent.numbers import parse_numbers, parse_strengths
from ganeval.generators.latent.paths import Term, interpolated, parse_sum, path, summed
from ganeval.generators.latent.space import LatentSpace


def space(prior: str = "normal") -> LatentSpace:
    """Images are the latent vectors themselves."""
    source = CallableSource(lambda z: (z / 4).reshape(-1, 1, 2, 4), latent=8, prior=prior, classes=0)
    return LatentSpace(source)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), steps=st.integers(2, 9))
def test_slerp_is_the_formula_on_a_sphere(seed: int, steps: int) -> None:
    random = torch.Generator().manual_seed(seed)
    a, b = (vector / vector.norm() * 3 for vector in torch.randn(2, 16, generator=random))
    omega = math.acos(float(a @ b) / 9)
    points = path(a, b, steps, "gaussian")
    for number in range(steps):
        t = number / (steps - 1)
        expected = (math.sin((1 - t) * omega) * a + math.sin(t * omega) * b) / math.sin(omega)
        torch.testing.assert_close(points[number], expected, atol=2e-5, rtol=0)
    torch.testing.assert_close(points.norm(dim=1), torch.full((steps,), 3.0))


def test_slerp_of_ends_of_other_lengths_turns_evenly_and_grows_evenly() -> None:
    points = path(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 3.0]), 5, "gaussian")
    torch.testing.assert_close(points.norm(dim=1), torch.tensor([1.0, 1.5, 2.0, 2.5, 3.0]))
    angles = torch.atan2(points[:, 1], points[:, 0])
    torch.testing.assert_close(angles, torch.linspace(0, math.pi / 2, 5))


def test_lerp_and_ends() -> None:
    a, b = torch.randn(2, 3, 2, generator=torch.Generator().manual_seed(0))
    points = path(a, b, 5, "linear")
    torch.testing.assert_close(points[1], 0.75 * a + 0.25 * b)
    for geometry in ("linear", "gaussian"):
        points = path(a, b, 3, geometry)
        assert torch.equal(points[0], a)
        assert torch.equal(points[2], b)
    torch.testing.assert_close(path(a, a, 4, "gaussian"), a.expand(4, 3, 2))


def test_interpolation_begins_and_ends_with_the_samples() -> None:
    normal = space()
    first, second = interpolated(normal, [3, 250, 7], 6)
    samples = normal.latents([3, 250, 7])["z"]
    assert torch.equal(first["z"][[0, -1]], samples[:2])
    assert torch.equal(second["z"][[0, -1]], samples[1:])
    images = normal.images(first)
    assert torch.equal(images[0], normal.images(normal.latents([3]))[0])
    # Along straight lines the latents of a cube stay in it.
    assert interpolated(space("uniform"), [0, 1], 9)[0]["z"].abs().max() <= 1


@pytest.mark.parametrize(("numbers", "steps"), [([1], 5), ([], 5), ([1, 2], 1), ([1, -2], 5)])
def test_paths_that_cannot_be(numbers: list[int], steps: int) -> None:
    with pytest.raises(OptionError):
        interpolated(space(), numbers, steps)


def test_sums_are_read() -> None:
    assert parse_sum("3,5, 8 - 4 + 1,2") == [Term(1, (3, 5, 8)), Term(-1, (4,)), Term(1, (1, 2))]
    assert parse_sum("-4") == [Term(-1, (4,))]
    assert [str(term) for term in parse_sum("1,2-3")] == ["+ 1, 2", "- 3"]


@pytest.mark.parametrize("text", ["", "a", "1 +", "1,,2", "1 * 2", "1 -- 2", "1.5"])
def test_sums_that_cannot_be_read(text: str) -> None:
    with pytest.raises(OptionError, match="no sum of samples"):
        parse_sum(text)


def test_arithmetic_of_a_cube_is_that_of_vectors() -> None:
    cube = space("uniform")
    z = cube.latents([0, 1, 2, 3])["z"]
    means, total = summed(cube, parse_sum("0,1 - 2 + 3"))
    torch.testing.assert_close(means[0]["z"][0], (z[0] + z[1]) / 2)
    torch.testing.assert_close(total["z"][0], (z[0] + z[1]) / 2 - z[2] + z[3])


def test_arithmetic_of_normal_vectors_keeps_the_length_of_samples() -> None:
    normal = space()
    z = normal.latents([0, 1, 2])["z"]
    means, total = summed(normal, parse_sum("0,1 - 2"))
    mean = (z[0] + z[1]) / 2
    mean = mean * ((z[0].norm() + z[1].norm()) / 2 / mean.norm())
    torch.testing.assert_close(means[0]["z"][0], mean)
    expected = mean - z[2]
    torch.testing.assert_close(total["z"][0], expected * (z.norm(dim=1).mean() / expected.norm()))
    # One sample is itself; a sample less itself is nothing, and stays so.
    torch.testing.assert_close(summed(normal, parse_sum("5"))[1]["z"], normal.latents([5])["z"])
    assert summed(normal, parse_sum("5 - 5"))[1]["z"].abs().max() == 0


def test_numbers_as_they_are_typed() -> None:
    assert parse_numbers("0-3,7, 5", "--x") == [0, 1, 2, 3, 7, 5]
    assert parse_strengths("0.5,-1,2") == [0.5, -1.0, 2.0]
    for text in ("", "3-1", "a", "1-", "-1", "0-99999999"):
        with pytest.raises(OptionError, match="--x"):
            parse_numbers(text, "--x")
    for text in ("", "a", "nan", "1,,2"):
        with pytest.raises(OptionError, match="--values"):
            parse_strengths(text)
