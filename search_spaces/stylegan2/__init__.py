"""StyleGAN2 generators: architecture, networks, the student space and weight inheritance."""

from search_spaces.base import Family, WeightSharing
from search_spaces.stylegan2.architecture import (
    RESOLUTIONS,
    Block,
    DiscriminatorArchitecture,
    GeneratorArchitecture,
)
from search_spaces.stylegan2.discriminator import StyleGAN2Discriminator
from search_spaces.stylegan2.generator import StyleGAN2Generator
from search_spaces.stylegan2.options import TeacherOptions
from search_spaces.stylegan2.published import TRAINING, teacher_architecture
from search_spaces.stylegan2.reading import read
from search_spaces.stylegan2.slimmable import SlimmableStyleGAN2
from search_spaces.stylegan2.space import StyleGAN2Space
from search_spaces.stylegan2.writing import LAYOUTS

STYLEGAN2 = Family(
    name="stylegan2",
    tasks=("noise",),
    architecture=GeneratorArchitecture,
    discriminator_architecture=DiscriminatorArchitecture,
    build=StyleGAN2Generator,
    build_discriminator=StyleGAN2Discriminator,
    default_discriminator=DiscriminatorArchitecture.beside,
    teacher=teacher_architecture,
    options=TeacherOptions,
    resolutions=RESOLUTIONS,
    training=TRAINING,
    space=StyleGAN2Space,
    read=read,
    layouts=LAYOUTS,
    slimmable=WeightSharing(SlimmableStyleGAN2, fixed_choices=("style_dim", "mapping_layers")),
)

__all__ = [
    "STYLEGAN2",
    "Block",
    "DiscriminatorArchitecture",
    "GeneratorArchitecture",
    "StyleGAN2Discriminator",
    "StyleGAN2Generator",
    "StyleGAN2Space",
    "TeacherOptions",
]
