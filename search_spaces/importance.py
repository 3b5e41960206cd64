"""What a student keeps of its teacher: the channels that matter to the layers that read them, and kernels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from search_spaces.base import Generator
from search_spaces.inputs import Inputs

IMPORTANCE_LATENTS = 256  # inputs for measuring activations and styles
PIXELS = 1 << 18  # of images to measure with, of all together: a channel has a value at every position
LEAST_IMAGES = 4


def importance_inputs(teacher: Generator, device: torch.device) -> Inputs:
    """The same `IMPORTANCE_LATENTS` inputs at every call, fewer where they are images."""
    return tuple(tensor.to(device) for tensor in measuring_inputs(teacher, IMPORTANCE_LATENTS))


def measuring_inputs(generator: Generator, count: int, seed: int = 0) -> Inputs:
    """`count` inputs to measure `generator` with, on the CPU; fewer where they are large images.

    They are the first of `generator.examples`, where there are `LEAST_IMAGES` or more, else `example_inputs`.
    """
    sides = [spec.shape[1] * spec.shape[2] for spec in generator.input_specs if spec.kind == "image"]
    if sides:
        count = min(count, max(LEAST_IMAGES, PIXELS // max(sides)))
    if generator.examples and len(generator.examples[0]) >= LEAST_IMAGES:
        return tuple(tensor[:count].cpu() for tensor in generator.examples)
    return generator.example_inputs(count, seed)


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Evaluation mode inside the block, the former mode after it."""
    training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(training)


def input_norms(weight: Tensor) -> Tensor:
    """L2 norm per input channel of a weight (O, I, k, k), (I,)."""
    return weight.square().sum(dim=(0, 2, 3)).sqrt()


def fraction(importance: Tensor) -> Tensor:
    """Importance (C,) divided by its sum, so that layers of different scale have equal say."""
    return importance / importance.sum().clamp_min(1e-12)


def most_important(importance: Tensor, count: int) -> Tensor:
    """Indices of the `count` most important channels, in their order in the teacher."""
    return importance.topk(count).indices.sort().values


def fold_taps(weight: Tensor, kernel: int, stride: int) -> Tensor:
    """A smaller kernel about the same middle, (C, C', kernel, kernel), for weights (C, C', k, k).

    Every tap beyond its edges is added to the nearest one that is a multiple of `stride` away, the stride of
    a transposed convolution, else 1: away from borders, a constant map has the same output.
    """
    size = weight.shape[-1]
    if size == kernel:
        return weight
    fold = weight.new_zeros(size, kernel)
    for tap in range(size):
        place = tap - (size - kernel) // 2
        while place < 0:
            place += stride
        while place >= kernel:
            place -= stride
        fold[tap, place] = 1
    return torch.einsum("iokl,km,ln->iomn", weight, fold, fold)
