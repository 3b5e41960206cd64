"""Noise, truncation and the mean style of a generator."""

from __future__ import annotations

import torch

from search_spaces.stylegan2 import Block, GeneratorArchitecture, StyleGAN2Generator


def tiny() -> StyleGAN2Generator:
    torch.manual_seed(0)
    blocks = (Block(6, convs=1), Block(5, 2, "separable"), Block(4, 2, "full", 5))
    shape = {"image_channels": 1, "latent_dim": 4, "style_dim": 4, "mapping_layers": 2}
    return StyleGAN2Generator(GeneratorArchitecture(blocks, **shape)).eval()


@torch.no_grad()
def test_noise_is_fresh_constant_or_none() -> None:
    generator = tiny()
    z = torch.randn(2, 4)
    for mode in ("random", "const", "none"):
        assert torch.equal(generator(z, noise=mode), generator(z, noise="none")), "strengths start at zero"
    for block in generator.blocks:
        for conv in block.convs:
            conv.noise_strength.fill_(0.5)
    assert not torch.equal(generator(z), generator(z))
    assert torch.equal(generator(z, noise="const"), generator(z, noise="const"))
    assert torch.equal(generator(z, noise="none"), generator(z, noise="none"))
    assert not torch.equal(generator(z, noise="const"), generator(z, noise="none"))


@torch.no_grad()
def test_truncation_to_nothing_gives_the_mean_style_and_its_image() -> None:
    generator = tiny()
    generator.w_avg.normal_()
    images = generator(torch.randn(3, 4), psi=0.0)
    expected = generator.synthesize(generator.w_avg[None])
    assert all(torch.allclose(image, expected[0], atol=1e-6) for image in images)


def test_the_mean_style_is_tracked_while_training_only() -> None:
    generator = tiny()
    z = torch.randn(8, 4)
    generator(z)
    assert not generator.w_avg.any()
    generator.train()(z)
    assert torch.allclose(generator.w_avg, 0.002 * generator.mapping(z).mean(dim=0), atol=1e-6)
