"""Published sizes and training settings of StyleGAN2 teachers."""

from __future__ import annotations

from search_spaces.base import PublishedTraining
from search_spaces.errors import ArchitectureError
from search_spaces.stylegan2.architecture import RESOLUTIONS, Block, GeneratorArchitecture
from search_spaces.stylegan2.options import TeacherOptions


def teacher_architecture(
    options: TeacherOptions, resolution: int, image_channels: int, classes: int = 0
) -> GeneratorArchitecture:
    """A generator of widths `min(channels_base / side, channels_max)`.

    Raises:
        ArchitectureError: a resolution that StyleGAN2 has not, or no channel left at it.
    """
    if resolution not in RESOLUTIONS:
        known = ", ".join(map(str, RESOLUTIONS))
        raise ArchitectureError(
            f"resolution {resolution}: StyleGAN2 makes images of {known} px: give one of them"
        )
    if options.channels_base < resolution:
        raise ArchitectureError(
            f"channels base {options.channels_base}: no channel is left, give {resolution} or more"
        )
    sides = [side for side in (4, 8, *RESOLUTIONS) if side <= resolution]
    first, *others = (min(options.channels_base // side, options.channels_max) for side in sides)
    return GeneratorArchitecture(
        blocks=(Block(first, convs=1), *(Block(width) for width in others)),
        image_channels=image_channels,
        latent_dim=options.latent_dim,
        style_dim=options.latent_dim,
        mapping_layers=options.mapping_layers,
    )


def r1_gamma(resolution: int, batch_size: int) -> float:
    """The heuristic of StyleGAN2-ADA (arXiv 2006.06676, appendix C): `0.0002 · resolution² / batch size`."""
    return 0.0002 * resolution**2 / batch_size


TRAINING = PublishedTraining(r1_gamma=r1_gamma, path_weight=2.0)
