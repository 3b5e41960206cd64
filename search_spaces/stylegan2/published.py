"""StyleGAN2 teachers as published: how wide they are, and how hard their discriminator is held."""

from __future__ import annotations

from search_spaces.base import PublishedTraining, TeacherSize
from search_spaces.errors import ArchitectureError
from search_spaces.stylegan2.architecture import RESOLUTIONS, Block, GeneratorArchitecture


def teacher_architecture(size: TeacherSize) -> GeneratorArchitecture:
    """A generator of widths `min(channels_base / side, channels_max)`.

    Raises:
        ArchitectureError: a resolution that StyleGAN2 has not, or no channel left at it.
    """
    if size.resolution not in RESOLUTIONS:
        known = ", ".join(map(str, RESOLUTIONS))
        raise ArchitectureError(
            f"resolution {size.resolution}: StyleGAN2 makes images of {known} px: give one of them"
        )
    if size.channels_base < size.resolution:
        raise ArchitectureError(
            f"channels base {size.channels_base}: no channel is left, give {size.resolution} or more"
        )
    sides = [side for side in (4, 8, *RESOLUTIONS) if side <= size.resolution]
    first, *others = (min(size.channels_base // side, size.channels_max) for side in sides)
    return GeneratorArchitecture(
        blocks=(Block(first, convs=1), *(Block(width) for width in others)),
        image_channels=size.image_channels,
        latent_dim=size.latent_dim,
        style_dim=size.latent_dim,
        mapping_layers=size.mapping_layers,
    )


def r1_gamma(resolution: int, batch_size: int) -> float:
    """The heuristic of StyleGAN2-ADA (arXiv 2006.06676, appendix C): `0.0002 · resolution² / batch size`."""
    return 0.0002 * resolution**2 / batch_size


TRAINING = PublishedTraining(r1_gamma=r1_gamma, path_weight=2.0)
