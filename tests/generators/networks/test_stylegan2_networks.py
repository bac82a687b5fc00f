"""StyleGAN2's networks: formulas by loops, variances at the start, and what each input changes."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv2d

from ganeval.generators.networks.equalised import EqualisedConvolution, EqualisedLinear, activate, normalised
from ganeval.generators.networks.modulated import ModulatedConvolution
from ganeval.generators.networks.resampling import blur
from ganeval.generators.networks.sizes import halvings
from ganeval.generators.networks.stylegan2 import Mapping, Synthesis
from ganeval.generators.networks.stylegan2_discriminator import MinibatchDeviation, StyleDiscriminator


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def explicit_weights(layer: ModulatedConvolution, scales: Tensor, *, demodulate: bool) -> Tensor:
    """w''_ijk of one sample by equations 1 and 3, number by number."""
    weight = (layer.weight * layer._gain).detach().double()
    result = torch.zeros_like(weight)
    for j in range(weight.shape[0]):
        for i in range(weight.shape[1]):
            result[j, i] = scales[i] * weight[j, i]
        if demodulate:
            result[j] /= math.sqrt(sum(float(value) ** 2 for value in result[j].flatten()) + 1e-8)
    return result


@pytest.mark.parametrize("demodulate", [True, False])
def test_modulation_and_demodulation_as_the_equations(demodulate: bool) -> None:
    layer = ModulatedConvolution(3, 5, 3, styles=4, demodulate=demodulate)
    maps, style = torch.randn(2, 3, 6, 6), torch.randn(2, 4)
    scales = layer.affine(style).detach().double()
    for sample, result in enumerate(layer(maps, style)):
        weight = explicit_weights(layer, scales[sample], demodulate=demodulate)
        expected = conv2d(maps[sample : sample + 1].double(), weight, padding=1)[0]
        torch.testing.assert_close(result.double(), expected, atol=1e-5, rtol=1e-5)


def test_upsampling_convolution_inserts_zeros_convolves_and_blurs() -> None:
    layer = ModulatedConvolution(2, 3, 3, styles=4, up=True)
    maps, scales = torch.randn(1, 2, 4, 5), torch.rand(1, 2) + 0.5
    weight = explicit_weights(layer, scales[0].double(), demodulate=True)
    spread = torch.zeros(1, 2, 12, 14, dtype=torch.float64)
    # A transposed convolution is a convolution of the turned kernel over maps with zeros between and around.
    spread[..., 2:10:2, 2:12:2] = maps.double()
    wide = conv2d(spread, weight.flip(2, 3))[..., :9, :11]
    expected = blur(wide, (1, 1), gain=4.0)
    result = layer.convolve(maps, scales)
    assert result.shape == (1, 3, 8, 10)
    torch.testing.assert_close(result.double(), expected, atol=1e-5, rtol=1e-5)


def test_demodulated_outputs_have_unit_variance_whatever_the_style() -> None:
    layer = ModulatedConvolution(32, 64, 3, styles=8)
    maps = torch.randn(4, 32, 40, 40)
    for strength in (0.1, 1.0, 30.0):
        scales = strength * torch.randn(4, 32)
        inner = layer.convolve(maps, scales)[..., 1:-1, 1:-1]
        assert inner.var(dim=(2, 3)).mean().item() == pytest.approx(1.0, abs=0.02)


def test_float16_arithmetic_is_the_same_convolution() -> None:
    layer = ModulatedConvolution(8, 4, 3, styles=4)
    maps, scales = torch.randn(2, 8, 6, 6), 2000 * torch.randn(2, 8)
    layer.weight.data = layer.weight.data.half().float()
    full = layer.convolve(maps.half().float(), scales)
    with torch.autocast("cpu", dtype=torch.float16):
        half = layer.convolve(maps.half() * 100, scales)
    assert half.dtype == torch.float16
    torch.testing.assert_close(half.float() / 100, full, atol=0.02, rtol=0.02)


def test_equalised_layers_keep_unit_variance_and_slow_the_mapping_down() -> None:
    values = torch.randn(2000, 256)
    for rate in (1.0, 0.01):
        layer = EqualisedLinear(256, 64, rate)
        assert layer(values).var().item() == pytest.approx(1.0, abs=0.05)
        assert layer.weight.std().item() == pytest.approx(1 / rate, rel=0.05)
        # One step of Adam moves each weight by the rate; the effect on the output is `rate` times that of rate 1.
        (slope,) = torch.autograd.grad(layer(torch.ones(1, 256)).sum(), layer.weight)
        torch.testing.assert_close(slope, torch.full_like(slope, rate / 16))
    assert EqualisedLinear(4, 2, 0.01, bias=1.0)(torch.zeros(1, 4)).tolist() == [[pytest.approx(1.0)] * 2]
    images = EqualisedConvolution(16, 32, 3)(torch.randn(8, 16, 20, 20))
    assert images.var().item() == pytest.approx(1.0, abs=0.1)


def test_activation_keeps_the_mean_square() -> None:
    values = activate(torch.randn(100_000))
    # E[lrelu(x)²]·2 = (1 + 0.2²)/2·2
    assert values.square().mean().item() == pytest.approx(1.04, abs=0.02)


def test_normalised_vectors_have_mean_square_one() -> None:
    torch.testing.assert_close(normalised(torch.tensor([[3.0, -4.0]])), torch.tensor([[0.6, -0.8]]) * math.sqrt(2))


def test_the_mapping_ignores_the_length_of_z_and_depends_on_the_label() -> None:
    mapping = Mapping(8, 16, layers=3, classes=4)
    z, labels = torch.randn(5, 8), torch.arange(5) % 4
    assert mapping(z, labels).shape == (5, 16)
    torch.testing.assert_close(mapping(z, labels), mapping(7 * z, labels))
    assert not torch.allclose(mapping(z, labels), mapping(z, (labels + 1) % 4))


def test_the_average_of_w_follows_the_given_means() -> None:
    mapping = Mapping(4, 2, layers=1)
    mapping.track(torch.tensor([1.0, -2.0]), decay=0.75)
    mapping.track(torch.tensor([1.0, -2.0]), decay=0.75)
    torch.testing.assert_close(mapping.average, torch.tensor([1.0, -2.0]) * (1 - 0.75**2))


def test_synthesis_has_the_papers_layers() -> None:
    # 1024 pixels: 18 styles (Karras et al. 2019), noise for 17 convolutions.
    shapes = Synthesis(3, halvings((1024, 1024), "it"), width=1, widest=2, styles=2)
    assert shapes.style_count == 18
    assert len(shapes.noise_shapes) == 17
    assert shapes.noise_shapes[:3] == [(4, 4), (8, 8), (8, 8)]
    assert shapes.noise_shapes[-1] == (1024, 1024)
    assert shapes.noise_count == 16 + 2 * sum(4**level * 16 for level in range(1, 9))


@pytest.mark.parametrize("size", [(28, 28), (32, 48), (64, 64)])
def test_sizes_of_images(size: tuple[int, int]) -> None:
    synthesis = Synthesis(2, halvings(size, "it"), width=4, widest=8, styles=6)
    images = synthesis(torch.randn(3, synthesis.style_count, 6), torch.randn(3, synthesis.noise_count))
    assert images.shape == (3, 2, *size)
    assert StyleDiscriminator(2, halvings(size, "it"), width=4, widest=8)(images).shape == (3,)


def test_noise_has_no_effect_until_its_strength_is_learned() -> None:
    synthesis = Synthesis(1, halvings((16, 16), "it"), width=4, widest=8, styles=6)
    styles = torch.randn(2, synthesis.style_count, 6)
    noise = torch.randn(2, synthesis.noise_count)
    torch.testing.assert_close(synthesis(styles, noise), synthesis(styles, None), rtol=0, atol=0)
    synthesis.flats[-1].strength.data.fill_(0.5)
    changed = (synthesis(styles, noise) - synthesis(styles, None)).abs()
    assert changed.mean() > 0.01
    # The noise of one layer only: that of the others still does nothing.
    others = noise.clone()
    others[:, : -16 * 16] = 7.0
    torch.testing.assert_close(synthesis(styles, others), synthesis(styles, noise), rtol=0, atol=0)


def test_each_style_moves_the_image_and_no_sample_another() -> None:
    synthesis = Synthesis(1, halvings((16, 16), "it"), width=4, widest=8, styles=6)
    styles = torch.randn(2, synthesis.style_count, 6, requires_grad=True)
    (slope,) = torch.autograd.grad(synthesis(styles, None)[0].square().sum(), styles)
    assert (slope[0].abs().sum(dim=1) > 0).all()
    assert (slope[1] == 0).all()


def test_minibatch_deviation_by_hand() -> None:
    maps = torch.zeros(6, 1, 1, 2)
    maps[:, 0, 0] = torch.tensor([[0.0, 0], [1, 1], [2, 4], [5, 5], [6, 6], [9, 9]])

    # 6 images: groups of 3 (4 doesn't divide), samples 0, 2, 4 and 1, 3, 5.
    def deviation(*values: float) -> float:
        mean = sum(values) / len(values)
        return math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))

    first, second = (deviation(0, 2, 6) + deviation(0, 4, 6)) / 2, deviation(1, 5, 9)
    added = MinibatchDeviation(4)(maps)[:, 1, 0, 0]
    torch.testing.assert_close(added, torch.tensor([first, second] * 3), atol=1e-4, rtol=1e-4)


def test_discriminator_outputs_have_about_unit_variance_at_the_start_and_depend_on_labels() -> None:
    discriminator = StyleDiscriminator(1, halvings((16, 16), "it"), width=16, widest=32, classes=3)
    images = torch.randn(32, 1, 16, 16)
    labels = torch.arange(32) % 3
    outputs = discriminator(images, labels)
    assert outputs.shape == (32,)
    assert 0.05 < outputs.square().mean().item() < 20
    assert not torch.allclose(outputs, discriminator(images, (labels + 1) % 3))
