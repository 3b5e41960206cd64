"""The trainer's Adam."""

from __future__ import annotations

import torch
from torch import nn


def adam(network: nn.Module, lr: float, betas: tuple[float, float]) -> torch.optim.Adam:
    """Fused Adam over all parameters of `network`."""
    return torch.optim.Adam(network.parameters(), lr=lr, betas=betas, eps=1e-8, fused=True)


def set_rate(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Give all parameters the learning rate `lr`."""
    for group in optimizer.param_groups:
        group["lr"] = lr


def match_formats(optimizer: torch.optim.Optimizer) -> None:
    """Give the state the memory format of the weights, which fused kernels require; formats may change."""
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if value.shape == parameter.shape and value.stride() != parameter.stride():
                state[name] = torch.empty_like(parameter).copy_(value)
