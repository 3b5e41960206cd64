"""The cost of a generator: MACs counted by fvcore, and parameters."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import torch

from search_spaces import Generator

COUNTER = "fvcore, batch 1"


@dataclass(frozen=True)
class Cost:
    """MACs of one image, and parameters."""

    macs: int
    params: int


def measure(generator: Generator) -> Cost:
    """Cost of an uncompiled network: a multiply-accumulate counts 1, elementwise operations 0."""
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
