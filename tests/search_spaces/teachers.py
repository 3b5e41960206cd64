"""A tiny teacher of every family, for contract suites."""

from __future__ import annotations

from search_spaces import Architecture, biggan, dcgan, stylegan2

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
}
