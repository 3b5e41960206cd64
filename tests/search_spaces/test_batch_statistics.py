"""Statistics of normalisation are those of freshly drawn inputs under the present weights."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from search_spaces import Generator, Inputs, InputSpec, input_batches
from search_spaces.batch_statistics import measure_statistics

SPECS = (InputSpec("latent", (2, 4, 4), "normal"),)


class Normalised(Generator):
    """Noise, scaled and shifted, then normalised; a dropout beside it tells whether the rest is training."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor([3.0, 0.5]))
        self.norm = nn.BatchNorm2d(2)
        self.dropout = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.dropout(x * self.scale[:, None, None] + 1))


def batches(seed: int = 0, size: int = 64) -> Iterator[Inputs]:
    return input_batches(SPECS, size, torch.Generator().manual_seed(seed))


def test_they_are_those_of_the_weights_and_forget_what_was_there() -> None:
    network = Normalised().eval()
    network.norm.running_mean.fill_(100.0)
    network.norm.running_var.fill_(1e6)
    measure_statistics(network, batches())
    assert torch.allclose(network.norm.running_mean, torch.ones(2), atol=0.05)
    assert torch.allclose(network.norm.running_var, torch.tensor([9.0, 0.25]), rtol=0.05)


@torch.no_grad()
def test_they_are_the_plain_means_over_batches() -> None:
    network = Normalised()
    measure_statistics(network, batches(size=5), batches=3)
    drawn, source = [], batches(size=5)
    for _ in range(3):
        (x,) = next(source)
        drawn.append(x * network.scale[:, None, None] + 1)
    means = torch.stack([x.mean(dim=(0, 2, 3)) for x in drawn])
    variances = torch.stack([x.var(dim=(0, 2, 3)) for x in drawn])
    assert torch.allclose(network.norm.running_mean, means.mean(dim=0), atol=1e-5)
    assert torch.allclose(network.norm.running_var, variances.mean(dim=0), atol=1e-4)


@pytest.mark.parametrize("training", [True, False])
def test_nothing_else_changes(training: bool) -> None:
    network = Normalised().train(training)
    network.dropout.eval()  # modes may differ within a network
    before = {name: tensor.clone() for name, tensor in network.named_parameters()}
    state, momentum = torch.get_rng_state(), network.norm.momentum
    measure_statistics(network, batches())
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.named_parameters())
    assert (network.training, network.norm.training, network.dropout.training) == (training, training, False)
    assert network.norm.momentum == momentum
    assert torch.equal(torch.get_rng_state(), state)


def test_they_follow_from_the_source_of_inputs_alone() -> None:
    one, other = Normalised(), Normalised()
    other.norm.running_mean.fill_(7.0)
    measure_statistics(one, batches(5))
    measure_statistics(other, batches(5))
    assert torch.equal(one.norm.running_mean, other.norm.running_mean)
    measure_statistics(other, batches(6))
    assert not torch.equal(one.norm.running_mean, other.norm.running_mean)


def test_the_network_is_as_it_was_when_it_fails() -> None:
    class Failing(Normalised):
        def forward(self, x: Tensor) -> Tensor:
            raise RuntimeError("out of memory")

    network = Failing().train()
    with pytest.raises(RuntimeError, match="out of memory"):
        measure_statistics(network, batches())
    assert network.dropout.training
    assert network.norm.momentum == pytest.approx(0.1)


def test_a_network_without_normalisation_draws_no_inputs() -> None:
    network = Normalised()
    network.norm = nn.Identity()
    drawn: list[Inputs] = []
    measure_statistics(network, (drawn.append(inputs) or inputs for inputs in batches()))
    assert drawn == []
