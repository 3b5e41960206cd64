"""StarGAN generators: architecture, networks, the student space and weight inheritance."""

from search_spaces.base import Family
from search_spaces.stargan.architecture import DiscriminatorArchitecture, GeneratorArchitecture
from search_spaces.stargan.checkpoints import read, read_discriminator
from search_spaces.stargan.discriminator import StarGANDiscriminator
from search_spaces.stargan.generator import StarGANGenerator
from search_spaces.stargan.options import TeacherOptions
from search_spaces.stargan.published import RESOLUTIONS, TRAINING, teacher_architecture
from search_spaces.stargan.space import StarGANSpace

STARGAN = Family(
    name="stargan",
    tasks=("attributes",),
    architecture=GeneratorArchitecture,
    discriminator_architecture=DiscriminatorArchitecture,
    build=StarGANGenerator,
    build_discriminator=StarGANDiscriminator,
    default_discriminator=DiscriminatorArchitecture.beside,
    teacher=teacher_architecture,
    options=TeacherOptions,
    resolutions=RESOLUTIONS,
    training=TRAINING,
    space=StarGANSpace,
    read=read,
    read_discriminator=read_discriminator,
)

__all__ = [
    "STARGAN",
    "DiscriminatorArchitecture",
    "GeneratorArchitecture",
    "StarGANDiscriminator",
    "StarGANGenerator",
    "StarGANSpace",
    "TeacherOptions",
]
