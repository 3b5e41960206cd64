"""Statistics of batch normalisation can be measured anew, whatever the layers are called."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from search_spaces import Generator
from search_spaces.standing_statistics import measure_statistics


class Pair(Generator):
    """Two of torch's own normalisations around a layer that must not notice."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.BatchNorm2d(3), nn.BatchNorm2d(3, affine=False)
        self.between = nn.Dropout(0.5)

    def sample_inputs(self, count: int, rng: torch.Generator) -> tuple[Tensor, ...]:
        return (5 + 2 * torch.randn(count, 3, 4, 4, generator=rng),)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.between(self.first(x)))


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_statistics_are_the_means_over_all_batches() -> None:
    generator = Pair().eval()
    measure_statistics(generator, seeded(), batches=3, batch_size=8)
    rng = seeded()
    batches = [generator.sample_inputs(8, rng)[0] for _ in range(3)]
    means = torch.stack([x.mean(dim=(0, 2, 3)) for x in batches]).mean(dim=0)
    variances = torch.stack([x.var(dim=(0, 2, 3)) for x in batches]).mean(dim=0)
    assert torch.allclose(generator.first.running_mean, means, atol=1e-5)
    assert torch.allclose(generator.first.running_var, variances, atol=1e-4)
    assert torch.allclose(generator.second.running_mean, torch.zeros(3), atol=1e-5)
    assert torch.allclose(generator.second.running_var, torch.ones(3), atol=1e-2)  # nothing was dropped


def test_what_was_noted_before_is_forgotten() -> None:
    one, other = Pair(), Pair()
    one.first.running_mean.fill_(1e6)
    for generator in (one, other):
        measure_statistics(generator, seeded(), batches=2, batch_size=8)
    assert torch.equal(one.first.running_mean, other.first.running_mean)


def test_modes_momenta_and_weights_stay_as_they_are() -> None:
    generator = Pair()
    generator.train()
    generator.second.eval()
    generator.first.momentum = 0.25
    weights = [p.clone() for p in generator.parameters()]
    measure_statistics(generator, seeded(), batches=2, batch_size=4)
    modes = [m.training for m in (generator, generator.first, generator.between, generator.second)]
    assert modes == [True, True, True, False]
    assert (generator.first.momentum, generator.second.momentum) == (0.25, 0.1)
    assert all(torch.equal(a, b) for a, b in zip(generator.parameters(), weights, strict=True))
    assert not any(p.grad is not None for p in generator.parameters())
