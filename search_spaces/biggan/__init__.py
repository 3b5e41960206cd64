"""Class-conditional BigGAN generators: architecture, networks, the student space and weight inheritance."""

from search_spaces.base import Family
from search_spaces.biggan.architecture import DiscriminatorArchitecture, GeneratorArchitecture
from search_spaces.biggan.checkpoints import read, read_discriminator
from search_spaces.biggan.discriminator import BigGANDiscriminator
from search_spaces.biggan.generator import BigGANGenerator
from search_spaces.biggan.options import TeacherOptions
from search_spaces.biggan.published import RESOLUTIONS, TRAINING, teacher_architecture
from search_spaces.biggan.space import BigGANSpace

BIGGAN = Family(
    name="biggan",
    tasks=("noise",),
    architecture=GeneratorArchitecture,
    discriminator_architecture=DiscriminatorArchitecture,
    build=BigGANGenerator,
    build_discriminator=BigGANDiscriminator,
    default_discriminator=DiscriminatorArchitecture.beside,
    teacher=teacher_architecture,
    options=TeacherOptions,
    resolutions=RESOLUTIONS,
    training=TRAINING,
    space=BigGANSpace,
    read=read,
    read_discriminator=read_discriminator,
)

__all__ = [
    "BIGGAN",
    "BigGANDiscriminator",
    "BigGANGenerator",
    "BigGANSpace",
    "DiscriminatorArchitecture",
    "GeneratorArchitecture",
    "TeacherOptions",
]
