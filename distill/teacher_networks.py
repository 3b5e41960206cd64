"""What a StyleGAN2 teacher looks like at a resolution, and how hard its discriminator is held."""

from __future__ import annotations

from distill.errors import TrainingError
from search_spaces.stylegan2 import Block, GeneratorArchitecture
from search_spaces.stylegan2.architecture import RESOLUTIONS


def teacher_architecture(
    resolution: int,
    image_channels: int,
    *,
    channels_base: int = 16_384,  # width times pixels of a side, where that is below the maximum
    channels_max: int = 512,
    latent_dim: int = 512,  # of z and of w
    mapping_layers: int = 8,
) -> GeneratorArchitecture:
    """A generator of widths `min(channels_base / side, channels_max)`, as published.

    Raises:
        TrainingError: a resolution that StyleGAN2 has not.
    """
    if resolution not in RESOLUTIONS:
        known = ", ".join(map(str, RESOLUTIONS))
        raise TrainingError(
            f"--resolution {resolution}: StyleGAN2 makes images of {known} px: give one of them"
        )
    if min(channels_base // resolution, channels_max, latent_dim, mapping_layers) < 1:
        raise TrainingError(f"--channels-base {channels_base}: no channel is left, give {resolution} or more")
    sides = [side for side in (4, 8, *RESOLUTIONS) if side <= resolution]
    widths = [min(channels_base // side, channels_max) for side in sides]
    first, *others = widths
    return GeneratorArchitecture(
        blocks=(Block(first, convs=1), *(Block(width) for width in others)),
        image_channels=image_channels,
        latent_dim=latent_dim,
        style_dim=latent_dim,
        mapping_layers=mapping_layers,
    )


def default_r1_gamma(resolution: int, batch_size: int) -> float:
    """The heuristic of StyleGAN2-ADA (arXiv 2006.06676, appendix C): `0.0002 · resolution² / batch size`."""
    return 0.0002 * resolution**2 / batch_size
