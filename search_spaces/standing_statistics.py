"""Running statistics of batch normalisation, measured anew under the weights that a generator has now.

Averaged weights see other activations than those whose statistics training has noted (Brock et al.,
arXiv 1809.11096, section 3.1: "standing statistics").
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from search_spaces.base import Generator

STATISTICS = ("running_mean", "running_var")


@torch.no_grad()
def measure_statistics(
    generator: Generator, rng: torch.Generator, batches: int = 16, batch_size: int = 64
) -> None:
    """Set the running mean and variance of all batch normalisations to their means over fresh batches.

    Inputs are drawn with `rng`, weights and all other buffers stay, and so does the mode of every layer.

    Args:
        batches: over which means are taken, 1 or more.
        batch_size: images in each.
    """
    modes = {module: module.training for module in generator.modules()}
    layers = batch_norms(generator)
    momenta = [layer.momentum for layer in layers]
    device = next(generator.parameters()).device
    generator.eval()
    for layer in layers:
        layer.training = True  # of itself alone: layers inside it stay as they are
    for seen in range(batches):
        for layer in layers:
            layer.momentum = 1 / (seen + 1)  # the mean of all batches so far; the first one replaces
        generator(*(x.to(device) for x in generator.sample_inputs(batch_size, rng)))
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    for module, training in modes.items():
        module.training = training


def batch_norms(network: nn.Module) -> list[Any]:
    """All layers with running statistics and a momentum, torch's own and others."""
    modules = (m for m in network.modules() if hasattr(m, "momentum"))
    return [m for m in modules if all(getattr(m, name, None) is not None for name in STATISTICS)]
