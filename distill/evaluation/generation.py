"""Images of a generator for measuring it: the same seed, the same images; and no trace of it afterwards."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor

from distill.data import to_uint8
from distill.errors import NonFiniteImagesError
from distill.noise import seeded_noise
from search_spaces import Generator

BATCH_PIXELS = 50 * 256**2  # in a batch that is only looked at: half a GB per 32 feature maps


def images_at_a_time(resolution: int, most: int = 50) -> int:
    """How many images of `resolution` px to make at once: `most` up to 256 px, fewer above."""
    return max(1, min(most, BATCH_PIXELS // resolution**2))


def generate(
    generator: Generator, samples: int, seed: int, *, batch_size: int, device: torch.device
) -> Iterator[Tensor]:
    """`samples` images of `generator` as batches `(N, C, H, W)`, uint8, on `device`.

    The generator, which must be on `device`, runs in eval mode; its mode and the global random state are as
    before afterwards. The first images are the same whatever the number of samples. Inputs are drawn on the
    CPU; noise that the generator draws by itself comes from the device's own random numbers, batch by batch,
    so another device or another `batch_size` gives other noise.

    Raises:
        NonFiniteImagesError: the generator made NaN or infinity.
    """
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad(), _eval_mode(generator), seeded_noise(seed, device):
        for start in range(0, samples, batch_size):
            # always a whole batch: kernels, and so the last bits, may differ for another size
            inputs = generator.sample_inputs(batch_size, rng)
            images = generator(*(tensor.to(device) for tensor in inputs))[: samples - start]
            if not torch.isfinite(images).all():
                raise NonFiniteImagesError(f"the generator made NaN or infinity among images {start} and on")
            yield to_uint8(images)


@contextlib.contextmanager
def _eval_mode(generator: Generator) -> Iterator[None]:
    training = [module for module in generator.modules() if module.training]
    generator.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True
