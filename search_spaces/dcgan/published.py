"""DCGAN teachers as "Compressing GANs" has them: how deep, and how wide for a depth factor d."""

from __future__ import annotations

from search_spaces.base import PublishedTraining
from search_spaces.dcgan.architecture import GeneratorArchitecture, Layer
from search_spaces.dcgan.options import TeacherOptions
from search_spaces.errors import ArchitectureError

LATENT_DIM = 100
DOUBLINGS = {
    16: 2,
    28: 2,
    32: 3,
    64: 4,
    128: 5,
}  # side of the image, px ─► of the first map, until it is there
RESOLUTIONS = tuple(DOUBLINGS)
WIDTH_GREY, WIDTH_COLOUR = 256, 128  # d of the published teachers of MNIST and of CelebA
TRAINING = PublishedTraining(
    "wasserstein",
    generator_lr=2e-4,
    discriminator_lr=2e-4,
    betas=(0.5, 0.999),
    discriminator_steps=5,
    augment="none",
)
"""As W-DCGANs are trained; five critic steps are those of WGAN-GP (Gulrajani et al., arXiv 1704.00028)."""


def teacher_architecture(
    options: TeacherOptions, resolution: int, image_channels: int, classes: int = 0
) -> GeneratorArchitecture:
    """The W-DCGAN of depth factor d = `options.width` (Aguinaldo et al., arXiv 1902.00159).

    4×4 transposed convolutions with biases, none of them normalised; at 64 px 100 → 8d → 4d → 2d → d → C, so
    672 d² + (12,815 + 16 C) d + C parameters. Every halving of the resolution has one layer less, of those
    that are the widest; 28 px start from 7. The latent is normal, of 100 dimensions, whatever is asked.

    Raises:
        ArchitectureError: d is no positive integer, or there is no such resolution.
    """
    width = options.width
    if width is None:
        width = WIDTH_GREY if image_channels == 1 else WIDTH_COLOUR
    if not isinstance(width, int) or isinstance(width, bool) or width < 1:
        raise ArchitectureError(f"width {width!r}: the depth factor d is a whole number, give 1 or more")
    if resolution not in DOUBLINGS:
        known = ", ".join(map(str, DOUBLINGS))
        raise ArchitectureError(f"resolution {resolution}: DCGAN makes images of {known} px: give one")
    doublings = DOUBLINGS[resolution]
    widths = [width << i for i in reversed(range(doublings))]
    start = resolution >> doublings
    return GeneratorArchitecture(
        layers=(
            Layer("transposed", widths[0], kernel=start, stride=1, padding=0),
            *(Layer("transposed", channels) for channels in widths[1:]),
            Layer("transposed", image_channels, activation="tanh"),
        ),
        latent_dim=LATENT_DIM,
    )
