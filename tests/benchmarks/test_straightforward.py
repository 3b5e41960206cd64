"""The straightforward networks are the same functions as ours: only ways of computing are compared."""

from typing import Any

import pytest
import torch

from benchmarks.straightforward import Generator, discriminator_like, generator_like, upfirdn2d
from distill.teachers import load_teacher
from search_spaces.stylegan2 import STYLEGAN2, Block, GeneratorArchitecture

SMALL = GeneratorArchitecture(
    (Block(24, 1), Block(16), Block(12, 1), Block(8)), latent_dim=20, style_dim=16, mapping_layers=2
)


def noisy(architecture: GeneratorArchitecture) -> Any:
    """A generator of random weights whose noise is heard."""
    torch.manual_seed(0)
    generator = STYLEGAN2.build(architecture).eval()
    for name, parameter in generator.named_parameters():
        if "noise_strength" in name or name.endswith("bias"):
            torch.nn.init.normal_(parameter, std=0.3)
    return generator


def closeness(images: torch.Tensor, wanted: torch.Tensor) -> float:
    """Largest difference, relative to the largest value."""
    return float((images - wanted).abs().max() / wanted.abs().max())


@pytest.mark.parametrize("ours", [noisy(SMALL), load_teacher().generator], ids=["32 px", "digits"])
@torch.no_grad()
def test_the_generator_makes_the_same_images_of_the_same_weights(ours: Any) -> None:
    z = torch.randn(5, ours.architecture.latent_dim, generator=torch.Generator().manual_seed(1))
    assert closeness(generator_like(ours.eval())(z, noise="const"), ours(z, noise="const")) < 1e-4


@pytest.mark.parametrize("count", [5, 8])
@torch.no_grad()
def test_the_discriminator_gives_the_same_logits_and_features_of_the_same_weights(count: int) -> None:
    torch.manual_seed(0)
    ours = STYLEGAN2.build_discriminator(STYLEGAN2.default_discriminator(SMALL)).eval()
    images, same = torch.randn(count, 3, 32, 32), discriminator_like(ours)
    assert closeness(same(images), ours(images)) < 1e-4
    for mine, wanted in zip(same.features(images), ours.features(images), strict=True):
        assert closeness(mine, wanted) < 1e-4


def test_gradients_of_the_generator_are_the_same_too() -> None:
    ours = noisy(SMALL).requires_grad_(True)
    same, z = generator_like(ours), torch.randn(4, SMALL.latent_dim)
    for network in (ours, same):
        network(z, noise="const").square().mean().backward()
    wanted = dict(ours.named_parameters())
    for name, parameter in same.named_parameters():
        assert closeness(parameter.grad, wanted[name].grad) < 1e-3, name


def test_an_image_is_doubled_by_inserting_zeros_and_filtering() -> None:
    ones = torch.ones(1, 1, 4, 4)
    doubled = upfirdn2d(ones, torch.ones(4, 4) / 4, up=2, pad=(2, 1))
    assert doubled.shape == (1, 1, 8, 8)
    assert torch.allclose(doubled[..., 2:6, 2:6], torch.ones(4, 4))


def test_a_separable_kernel_is_refused() -> None:
    with pytest.raises(ValueError, match="only full 3×3 kernels"):
        Generator(GeneratorArchitecture((Block(8, 1), Block(8), Block(8, kind="separable"))))
