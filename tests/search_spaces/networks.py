"""Networks with other weights than at the start, their images, and students to build."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from search_spaces import (
    Architecture,
    Generator,
    RandomSuggest,
    SearchSpace,
)

PROPOSALS = 30


def lived_in(network: nn.Module) -> nn.Module:
    """Nothing that a checkpoint holds has the value it started with."""
    torch.manual_seed(0)
    with torch.no_grad():
        for tensor in network.state_dict().values():
            tensor += 0.2 * torch.randn_like(tensor)
    return network.eval()


def inputs_of(generator: Generator, count: int = 3, seed: int = 0) -> tuple[Tensor, ...]:
    return generator.example_inputs(count, seed)


@torch.no_grad()
def images_of(generator: Generator, count: int = 3) -> Tensor:
    torch.manual_seed(0)  # of the noise
    return generator.eval()(*inputs_of(generator, count))


def proposals(space: SearchSpace, share_of_largest: float = 0.5) -> list[Architecture]:
    limit = max(share_of_largest * space.macs(space.largest()), space.macs(space.smallest()))
    return [space.sample(RandomSuggest(i), lambda a: space.macs(a) / limit) for i in range(PROPOSALS)]


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
