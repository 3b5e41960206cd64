"""The generator computes what DCGAN's layers do, one after the other."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from search_spaces.batch_statistics import BatchNorm
from search_spaces.dcgan import (
    DCGANDiscriminator,
    DCGANGenerator,
    DiscriminatorArchitecture,
    GeneratorArchitecture,
    Layer,
)
from tests.search_spaces.dcgan.teachers import published


@torch.no_grad()
def test_a_chain_of_torchs_own_layers_makes_the_same_images() -> None:
    chain = (
        Layer("dense", 6, 4, 1, 0, norm=True, activation="none"),
        Layer("upsampled", 5, 3, 2, 1, norm=True, epsilon=0.8, activation="leaky"),
        Layer("conv", 4, 3, 1, 1, bias=False),
        Layer("transposed", 3, 5, 2, 2, output_padding=1, activation="tanh"),
    )
    generator = DCGANGenerator(GeneratorArchitecture(chain, latent_dim=7)).eval()
    for norm in (m for m in generator.modules() if isinstance(m, BatchNorm)):
        for tensor in norm.state_dict().values():
            tensor.uniform_(0.5, 1.5)
    theirs = nn.Sequential(
        nn.Linear(7, 96),
        nn.Unflatten(1, (6, 4, 4)),
        nn.BatchNorm2d(6),
        nn.Upsample(scale_factor=2),
        nn.Conv2d(6, 5, 3, padding=1),
        nn.BatchNorm2d(5, 0.8),
        nn.LeakyReLU(0.2),
        nn.Conv2d(5, 4, 3, padding=1, bias=False),
        nn.ReLU(),
        nn.ConvTranspose2d(4, 3, 5, 2, 2, output_padding=1),
        nn.Tanh(),
    ).eval()
    counts = [name for name in theirs.state_dict() if name.endswith("num_batches_tracked")]
    names = [name for name in theirs.state_dict() if name not in counts]
    theirs.load_state_dict(dict(zip(names, generator.state_dict().values(), strict=True)), strict=False)
    z = torch.randn(5, 7)
    assert torch.allclose(generator(z), theirs(z), atol=1e-6)
    assert torch.allclose(generator.train()(z), theirs.train()(z), atol=1e-5)
    for mine, their in zip(
        generator.state_dict().values(), (theirs.state_dict()[n] for n in names), strict=True
    ):
        assert torch.allclose(mine, their, atol=1e-6), "running statistics move alike"


def test_latents_are_normal_or_uniform_between_minus_one_and_one() -> None:
    drawn = {}
    for latent in ("normal", "uniform"):
        architecture = GeneratorArchitecture(published(1, 16).layers, 50, latent)
        (drawn[latent],) = DCGANGenerator(architecture).example_inputs(2000)
    assert drawn["normal"].std() == pytest.approx(1, abs=0.02)
    assert drawn["normal"].abs().max() > 3
    assert drawn["uniform"].std() == pytest.approx(3**-0.5, abs=0.02)
    assert -1 <= drawn["uniform"].min() < -0.99 < 0.99 < drawn["uniform"].max() <= 1


@torch.no_grad()
@pytest.mark.parametrize("d", [1, 2, 16])
def test_a_fresh_network_of_any_width_neither_dies_out_nor_saturates(d: int) -> None:
    torch.manual_seed(0)
    generator = DCGANGenerator(published(d, image_channels=3))
    images = generator(*generator.example_inputs(16))
    assert 0.05 < images.std() < 0.9


def test_images_and_logits_are_float32_also_under_autocast() -> None:
    generator = DCGANGenerator(published(1, 16))
    critic = DCGANDiscriminator(DiscriminatorArchitecture.beside(generator.architecture))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        images = generator(*generator.example_inputs(8))
        assert images.dtype == critic(images).dtype == torch.float32
    assert not torch.equal(images, images.bfloat16().float()), "nor are they rounded on their way"
