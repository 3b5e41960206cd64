"""The exponential moving average of a student's weights: the network that is evaluated and exported."""

from __future__ import annotations

import copy

import torch

from search_spaces import Generator


def averaged_copy(student: Generator) -> Generator:
    """A frozen copy of `student` in evaluation mode, for `update_average`."""
    return copy.deepcopy(student).eval().requires_grad_(False)


def average_decay(step_images: int, seen: int, half_life: int, rampup: float) -> float:
    """Weight of the old average after a step of `step_images` (Karras et al. 2020, StyleGAN2-ADA).

    Args:
        step_images: images of one step.
        seen: images after this step.
        half_life: images after which an old weight counts half.
        rampup: the half-life is at most this fraction of `seen`.
    """
    return float(0.5 ** (step_images / max(min(half_life, rampup * seen), 1e-8)))


@torch.no_grad()
def update_average(average: Generator, student: Generator, decay: float) -> None:
    """Move the parameters of `average` towards those of `student`; copy its buffers."""
    torch._foreach_lerp_(list(average.parameters()), list(student.parameters()), 1 - decay)
    for mean, current in zip(average.buffers(), student.buffers(), strict=True):
        mean.copy_(current)
