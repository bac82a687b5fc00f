"""Conditional batch norm: plain batch norm for each class."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ganeval.generators.networks.conditional_norm import ConditionalBatchNorm


def filled(channels: int, condition: int) -> ConditionalBatchNorm:
    random = torch.Generator().manual_seed(3)
    norm = ConditionalBatchNorm(channels, condition)
    for parameter in norm.parameters():
        parameter.data = torch.randn(parameter.shape, generator=random)
    return norm


def test_with_one_class_it_is_plain_batch_norm() -> None:
    random = torch.Generator().manual_seed(1)
    conditional, plain = filled(4, 1), nn.BatchNorm2d(4)
    plain.weight.data, plain.bias.data = 1 + conditional.gain.weight[:, 0], conditional.bias.weight[:, 0].clone()
    for _ in range(3):
        features = 3 + 2 * torch.randn(8, 4, 5, 5, generator=random)
        mine, theirs = features.clone().requires_grad_(True), features.clone().requires_grad_(True)
        outputs, expected = conditional(mine, torch.ones(8, 1)), plain(theirs)
        torch.testing.assert_close(outputs, expected)
        outputs.square().sum().backward()
        expected.square().sum().backward()
        torch.testing.assert_close(mine.grad, theirs.grad)
    torch.testing.assert_close(conditional.norm.running_var, plain.running_var)
    conditional.eval(), plain.eval()
    torch.testing.assert_close(conditional(features, torch.ones(8, 1)), plain(features))


def test_each_sample_gets_its_own_gain_and_bias() -> None:
    norm = filled(2, 3)
    features = torch.randn(6, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    classes = torch.tensor([0, 1, 2, 2, 1, 0])
    outputs = norm(features, torch.eye(3)[classes])
    whitened = nn.functional.batch_norm(features, None, None, training=True)
    for sample, label in enumerate(classes.tolist()):
        for channel in range(2):
            gain, bias = norm.gain.weight[channel, label].item(), norm.bias.weight[channel, label].item()
            torch.testing.assert_close(outputs[sample, channel], whitened[sample, channel] * (1 + gain) + bias)


def test_without_weights_nothing_is_conditioned() -> None:
    norm = ConditionalBatchNorm(3, 2)
    for layer in (norm.gain, norm.bias):
        nn.init.zeros_(layer.weight)
    outputs = norm(5 * torch.randn(16, 3, 4, 4), torch.randn(16, 2))
    assert outputs.mean(dim=(0, 2, 3)).tolist() == pytest.approx([0, 0, 0], abs=1e-5)
    assert outputs.std(dim=(0, 2, 3)).tolist() == pytest.approx([1, 1, 1], abs=0.01)
