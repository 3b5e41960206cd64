"""Spectral normalisation, conditional batch normalisation and self-attention, each on its own."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from search_spaces.biggan.batch_norm import BatchNorm, ConditionalBatchNorm
from search_spaces.biggan.layers import (
    Embedding,
    SelfAttention,
    SpectralConv,
    SpectralEmbedding,
    SpectralLinear,
)


def converged(layer: SpectralConv | SpectralLinear) -> SpectralConv | SpectralLinear:
    layer.train()
    for _ in range(200):
        layer.normalized_weight()
    return layer


@pytest.mark.parametrize("layer", [SpectralConv(5, 7, 3), SpectralLinear(6, 9), SpectralLinear(9, 1)])
def test_a_normalised_weight_has_a_largest_singular_value_of_one(
    layer: SpectralConv | SpectralLinear,
) -> None:
    with torch.no_grad():
        layer.weight.copy_(torch.randn_like(layer.weight))
    converged(layer)
    matrix = layer.normalized_weight().flatten(1)
    assert float(torch.linalg.matrix_norm(matrix, ord=2)) == pytest.approx(1, abs=1e-4)
    whole = torch.linalg.matrix_norm(layer.weight.flatten(1), ord=2)
    assert float(layer.sv0) == pytest.approx(float(whole), rel=1e-4)


def test_a_pass_moves_the_singular_vector_in_training_and_never_in_evaluation() -> None:
    layer = SpectralLinear(6, 9)
    layer.weight.data.normal_()
    start = layer.u0.clone()
    layer.eval()(torch.randn(2, 6))
    assert torch.equal(layer.u0, start)
    assert layer.sv0 == 1
    layer.train()(torch.randn(2, 6))
    assert not torch.equal(layer.u0, start)
    assert layer.sv0 != 1
    assert float(layer.u0.norm()) == pytest.approx(1)


def test_gradients_know_that_the_weight_is_normalised() -> None:
    layer = converged(SpectralLinear(6, 9)).eval()
    along = layer.weight.detach()
    (layer.normalized_weight() * torch.randn(9, 6)).sum().backward()
    assert layer.weight.grad is not None
    assert float((layer.weight.grad * along).sum()) == pytest.approx(0, abs=1e-5)  # scale does nothing


def test_two_passes_in_training_can_be_differentiated_together() -> None:
    layer = SpectralConv(2, 3, 3).train()
    loss = layer(torch.randn(1, 2, 4, 4)).sum() + layer(torch.randn(1, 2, 4, 4)).square().sum()
    loss.backward()
    assert layer.weight.grad is not None


def test_an_embedding_gives_every_class_its_own_row() -> None:
    labels = F.one_hot(torch.tensor([2, 0]), 3).float()
    plain, normed = Embedding(3, 5), SpectralEmbedding(3, 5).eval()
    assert torch.equal(plain(labels), plain.weight[[2, 0]])
    assert torch.allclose(normed(labels), normed.normalized_weight()[[2, 0]])


def test_attention_begins_as_the_identity() -> None:
    x = torch.randn(2, 16, 4, 4)
    assert torch.equal(SelfAttention(16)(x), x)


def test_attention_is_what_its_definition_says() -> None:
    attention, x = SelfAttention(16).eval(), torch.randn(1, 16, 4, 6)
    attention.gamma.data.fill_(0.7)
    queries = attention.theta(x)[0].flatten(1)
    keys = F.max_pool2d(attention.phi(x), 2)[0].flatten(1)
    values = F.max_pool2d(attention.g(x), 2)[0].flatten(1)
    seen = torch.zeros(8, 24)
    for place in range(24):
        weights = torch.exp(queries[:, place] @ keys)
        seen[:, place] = values @ (weights / weights.sum())
    expected = x + 0.7 * attention.o(seen.reshape(1, 8, 4, 6))
    assert torch.allclose(attention(x), expected, atol=1e-5)


def test_conditional_normalisation_scales_and_shifts_every_sample_by_its_own_condition() -> None:
    norm = ConditionalBatchNorm(3, 2, shared=True).eval()
    mean, var = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([4.0, 1.0, 9.0])
    norm.batch.running_mean.copy_(mean)
    norm.batch.running_var.copy_(var)
    x, condition = torch.randn(2, 3, 2, 2), torch.randn(2, 2)
    gain = 1 + condition @ norm.gain.normalized_weight().T
    bias = condition @ norm.bias.normalized_weight().T
    normalised = (x - mean[:, None, None]) / (var[:, None, None] + 1e-5).sqrt()
    expected = normalised * gain[:, :, None, None] + bias[:, :, None, None]
    assert torch.allclose(norm(x, condition), expected, atol=1e-5)


def test_statistics_run_along_with_training_and_stand_in_evaluation() -> None:
    norm, x = BatchNorm(2), 3 + 2 * torch.randn(64, 2, 4, 4)
    norm.eval()(x)
    assert not norm.running_mean.any()
    norm.train()(x)
    assert torch.allclose(norm.running_mean, 0.1 * x.mean(dim=(0, 2, 3)), atol=1e-5)
    assert torch.allclose(norm.running_var, 0.9 + 0.1 * x.var(dim=(0, 2, 3)), atol=1e-2)
