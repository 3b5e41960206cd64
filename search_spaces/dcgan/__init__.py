"""DCGAN generators: architecture, networks, the student space and weight inheritance."""

from search_spaces.base import Family
from search_spaces.dcgan.architecture import DiscriminatorArchitecture, GeneratorArchitecture, Layer
from search_spaces.dcgan.checkpoints import read
from search_spaces.dcgan.discriminator import DCGANDiscriminator
from search_spaces.dcgan.generator import DCGANGenerator
from search_spaces.dcgan.options import TeacherOptions
from search_spaces.dcgan.published import RESOLUTIONS, TRAINING, teacher_architecture
from search_spaces.dcgan.space import DCGANSpace

DCGAN = Family(
    name="dcgan",
    tasks=("noise",),
    architecture=GeneratorArchitecture,
    discriminator_architecture=DiscriminatorArchitecture,
    build=DCGANGenerator,
    build_discriminator=DCGANDiscriminator,
    default_discriminator=DiscriminatorArchitecture.beside,
    teacher=teacher_architecture,
    options=TeacherOptions,
    resolutions=RESOLUTIONS,
    training=TRAINING,
    space=DCGANSpace,
    read=read,
)

__all__ = [
    "DCGAN",
    "DCGANDiscriminator",
    "DCGANGenerator",
    "DCGANSpace",
    "DiscriminatorArchitecture",
    "GeneratorArchitecture",
    "Layer",
    "TeacherOptions",
]
