"""Published sizes and training settings of BigGAN teachers."""

from __future__ import annotations

from math import gcd

from search_spaces.base import PublishedTraining
from search_spaces.biggan.architecture import ATTENTION_DIVISOR, GeneratorArchitecture
from search_spaces.biggan.options import TeacherOptions
from search_spaces.errors import ArchitectureError

MULTIPLES = {  # resolution (px) ─► widths at 4, 8, … px, as multiples of the smallest, `ch`
    32: (4, 4, 4, 4),
    64: (16, 16, 8, 4, 2),
    128: (16, 16, 8, 4, 2, 1),
    256: (16, 16, 8, 8, 4, 2, 1),
}
RESOLUTIONS = tuple(MULTIPLES)
SIDES = (4, 8, 16, 32, 64, 128, 256)
WIDTHS = {32: 64}  # `ch` by resolution; of all others:
WIDTH = 96
LATENT_DIMS = {32: 128, 64: 120, 128: 120, 256: 140}  # cut into equal chunks
SHARED_DIM = 128
ATTENTION = 64  # px
TRAINING = PublishedTraining(
    "hinge", generator_lr=1e-4, discriminator_lr=4e-4, betas=(0.0, 0.999), discriminator_steps=2
)
"""Rates of BigGAN-PyTorch; two discriminator steps as in the paper (appendix C).

No R1, because spectral normalisation regularises the discriminator: with a weight of 10 the paper found
training stable and its scores nearly halved, and the best results without (section 4.2).
"""


def teacher_architecture(
    options: TeacherOptions, resolution: int, image_channels: int, classes: int = 0
) -> GeneratorArchitecture:
    """A generator of the published multiples of `options.width`, with hierarchical z and a shared embedding.

    Raises:
        ArchitectureError: no classes, a resolution that BigGAN has not, or a width that attention can't have.
    """
    if resolution not in MULTIPLES:
        known = ", ".join(map(str, MULTIPLES))
        raise ArchitectureError(
            f"resolution {resolution}: BigGAN makes images of {known} px: give one of them"
        )
    if classes < 1:
        raise ArchitectureError(
            f"{classes} classes: BigGAN is class-conditional, give images with labels, "
            "those of each class in a folder of its own"
        )
    multiples = MULTIPLES[resolution]
    width = WIDTHS.get(resolution, WIDTH) if options.width is None else options.width
    if width < 1:
        raise ArchitectureError(f"width {width}: give 1 or more, such as {WIDTH}")
    channels = tuple(multiple * width for multiple in multiples)
    attention = (ATTENTION,) if resolution >= ATTENTION else ()
    for side, multiple in zip(SIDES, multiples, strict=False):
        attended = multiple * width
        if side in attention and attended % ATTENTION_DIVISOR:
            fitting = ATTENTION_DIVISOR // gcd(multiple, ATTENTION_DIVISOR)
            raise ArchitectureError(
                f"width {width}: attention can't divide its {attended} channels at {side} px by "
                f"{ATTENTION_DIVISOR}: give a multiple of {fitting}"
            )
    return GeneratorArchitecture(
        channels=channels,
        chunks=(LATENT_DIMS[resolution] // len(multiples),) * len(multiples),
        classes=classes,
        shared_dim=SHARED_DIM,
        attention=attention,
        image_channels=image_channels,
    )
