"""The recorded truth about what a generator costs: MACs by fvcore, parameters by counting."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import torch

from search_spaces import Generator

COUNTER = "fvcore, batch 1"


@dataclass(frozen=True)
class Cost:
    """What one image costs, and what the weights take."""

    macs: int
    params: int


def measure(generator: Generator) -> Cost:
    """Count the whole network, never a compiled one: a multiply-accumulate is 1, elementwise work is 0."""
    from fvcore.nn import FlopCountAnalysis  # slow to import, and only needed here

    logging.getLogger("fvcore").setLevel(logging.ERROR)
    was_training = generator.training
    device = next(generator.parameters()).device
    inputs = tuple(x.to(device) for x in generator.example_inputs())
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        analysis = FlopCountAnalysis(generator.eval(), inputs)
        macs = int(analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total())
    generator.train(was_training)
    return Cost(macs, sum(p.numel() for p in generator.parameters()))
