"""Teachers of every family, for contract suites."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from search_spaces import (
    FAMILIES,
    Architecture,
    biggan,
    dcgan,
    resnet_translator,
    stargan,
    stylegan2,
    unet_translator,
)
from tests.search_spaces.biggan import teachers as biggan_teachers
from tests.search_spaces.dcgan import teachers as dcgan_teachers
from tests.search_spaces.resnet_translator import teachers as resnet_teachers
from tests.search_spaces.stargan import teachers as stargan_teachers
from tests.search_spaces.stylegan2 import teachers as stylegan2_teachers
from tests.search_spaces.unet_translator import teachers as unet_teachers

FROM_NOISE = sorted(name for name, family in FAMILIES.items() if family.tasks[0] == "noise")

TEACHERS: dict[str, Architecture] = {  # a tiny one for every family
    "dcgan": dcgan.GeneratorArchitecture(
        (
            dcgan.Layer("transposed", 24, stride=1, padding=0, bias=False, norm=True),
            dcgan.Layer("upsampled", 16, kernel=3, bias=False, norm=True, activation="leaky"),
            dcgan.Layer("transposed", 12, bias=False, norm=True),
            dcgan.Layer("transposed", 1, activation="tanh"),
        ),
        latent_dim=8,
    ),
    "stylegan2": stylegan2.GeneratorArchitecture(
        (stylegan2.Block(16, convs=1), stylegan2.Block(12), stylegan2.Block(8)),
        image_channels=1,
        latent_dim=8,
        style_dim=8,
        mapping_layers=3,
    ),
    "biggan": biggan.GeneratorArchitecture(
        (16, 12, 8), (4, 3, 3), classes=3, shared_dim=6, attention=(16,), image_channels=1
    ),
    "resnet-translator": resnet_translator.GeneratorArchitecture(
        8,
        (12, 16),
        (resnet_translator.Block(16), resnet_translator.Block(12), resnet_translator.Block(16, "separable")),
        (12, 8),
        resolution=16,
    ),
    "unet-translator": unet_translator.GeneratorArchitecture(
        tuple(unet_translator.Level(width) for width in (8, 12, 16, 16)), 16, 1, dropout=False
    ),
    "stargan": stargan.GeneratorArchitecture(
        (8, 12, 16), (12, 8), ("dense", "dense"), attributes=3, resolution=16, image_channels=1
    ),
}

# of any allowed shape, to draw from
STRATEGIES: dict[str, st.SearchStrategy[Any]] = {
    "dcgan": dcgan_teachers.teachers(),
    "stylegan2": stylegan2_teachers.teachers(),
    "biggan": biggan_teachers.teachers(),
    "resnet-translator": resnet_teachers.teachers(),
    "unet-translator": unet_teachers.teachers(),
    "stargan": stargan_teachers.teachers(),
}

PUBLISHED: dict[str, Architecture] = {  # of a published size
    "dcgan": dcgan_teachers.published(64),
    "stylegan2": stylegan2_teachers.stylegan2(256, 16384),
    "biggan": biggan_teachers.published(128),
    "resnet-translator": resnet_teachers.published(256),
    "unet-translator": unet_teachers.published(256),
    "stargan": stargan_teachers.published(128),
}
