"""Images of a generator, for measuring: equal seeds give equal images, and global state is restored."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from distill.data import to_uint8
from distill.errors import NonFiniteImagesError
from distill.noise import seeded_noise
from search_spaces import Generator, Inputs

BATCH_PIXELS = 50 * 256**2  # per batch without gradients: half a GB per 32 feature maps


def images_at_a_time(resolution: int, most: int = 50) -> int:
    """How many images of `resolution` px to make at once: `most` up to 256 px, fewer above."""
    return max(1, min(most, BATCH_PIXELS // resolution**2))


def generate(
    generator: Generator, inputs: Iterable[Inputs], samples: int, seed: int, *, device: torch.device
) -> Iterator[Tensor]:
    """At most `samples` images of `generator` for batches of `inputs`, `(N, C, H, W)`, uint8, on `device`.

    The generator, which must be on `device`, runs in eval mode; its mode and the global random state are as
    before afterwards. Noise that the generator draws by itself comes from `seed` and the device's own random
    numbers, batch by batch, so another device or another batch size gives other noise.

    Raises:
        NonFiniteImagesError: the generator made NaN or infinity.
    """
    made = 0
    with torch.no_grad(), _eval_mode(generator), seeded_noise(seed, device):
        for batch in inputs:
            images = generator(*(tensor.to(device) for tensor in batch))[: samples - made]
            if not torch.isfinite(images).all():
                raise NonFiniteImagesError(f"the generator made NaN or infinity among images {made} and on")
            made += len(images)
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
