"""The generator and the discriminator as wholes: what goes in, what comes out, what follows from it."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from search_spaces import input_batches
from search_spaces.biggan import (
    BigGANDiscriminator,
    BigGANGenerator,
    DiscriminatorArchitecture,
    GeneratorArchitecture,
)

ARCHITECTURE = GeneratorArchitecture((16, 16, 8), (4, 3, 2), classes=5, shared_dim=6, attention=(16,))


@pytest.fixture
def generator() -> BigGANGenerator:
    torch.manual_seed(0)
    return BigGANGenerator(ARCHITECTURE).eval()


@pytest.fixture
def discriminator() -> BigGANDiscriminator:
    torch.manual_seed(1)
    return BigGANDiscriminator(DiscriminatorArchitecture.beside(ARCHITECTURE)).eval()


def drawn(generator: BigGANGenerator, count: int) -> tuple[Tensor, ...]:
    return generator.example_inputs(count)


def test_inputs_are_normal_latents_and_labels_of_any_class(generator: BigGANGenerator) -> None:
    z, labels = drawn(generator, 500)
    assert z.shape == (500, 9)
    assert abs(float(z.mean())) < 0.1
    assert labels.sum(dim=1).eq(1).all()
    assert labels.sum(dim=0).min() > 60


@torch.no_grad()
def test_images_depend_on_every_chunk_of_the_latent_and_on_the_class(generator: BigGANGenerator) -> None:
    z, labels = drawn(generator, 1)
    images = generator(z, labels)
    assert images.abs().max() <= 1
    for dimension in (0, 4, 7):  # of the start, of the first block, of the second
        moved = z.clone()
        moved[:, dimension] += 1
        assert not torch.allclose(generator(moved, labels), images, atol=1e-4)
    assert not torch.allclose(generator(z, labels.roll(1, dims=1)), images, atol=1e-4)


def test_networks_without_labels_say_what_is_missing(
    generator: BigGANGenerator, discriminator: BigGANDiscriminator
) -> None:
    with pytest.raises(ValueError, match="5 classes needs labels"):
        generator(torch.zeros(1, 9))
    with pytest.raises(ValueError, match="5 classes needs labels"):
        discriminator(torch.zeros(1, 3, 16, 16))


@torch.no_grad()
def test_the_logit_is_a_projection_on_the_class(discriminator: BigGANDiscriminator) -> None:
    images, labels = torch.randn(5, 3, 16, 16), torch.eye(5)
    same = images[:1].expand(5, -1, -1, -1)
    summed = F.relu(discriminator.features(same)[-1]).sum(dim=(2, 3))
    expected = discriminator.linear(summed).squeeze(1)
    expected += (discriminator.embed.normalized_weight() * summed).sum(dim=1)
    assert torch.allclose(discriminator(same, labels), expected, atol=1e-4)
    assert discriminator(same, labels).std() > 0


def test_a_penalty_on_gradients_reaches_the_weights_of_the_discriminator(
    discriminator: BigGANDiscriminator,
) -> None:
    images = torch.randn(2, 3, 16, 16, requires_grad=True)
    logits = discriminator.train()(images, torch.eye(5)[:2])
    (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    gradient.square().sum().backward()
    weight = discriminator.blocks[0].get_parameter("conv1.weight")
    assert weight.grad is not None
    assert weight.grad.any()


@torch.no_grad()
def test_settling_makes_evaluation_look_as_training_does(generator: BigGANGenerator) -> None:
    inputs = drawn(generator, 256)
    by_batch = copy.deepcopy(generator)
    for module in by_batch.modules():
        module.training = hasattr(module, "running_mean")
    before = (generator(*inputs) - by_batch(*inputs)).abs().mean()
    generator.calibrate(input_batches(generator.input_specs, 64, torch.Generator().manual_seed(1)))
    after = (generator(*inputs) - by_batch(*inputs)).abs().mean()
    assert after < 0.1 * before


def test_settling_moves_nothing_but_the_statistics(generator: BigGANGenerator) -> None:
    before = {name: tensor.clone() for name, tensor in generator.state_dict().items()}
    generator.train().calibrate(input_batches(generator.input_specs, 64, torch.Generator().manual_seed(1)))
    moved = {name for name, tensor in generator.state_dict().items() if not torch.equal(tensor, before[name])}
    assert moved == {name for name in before if ".running_" in name}
    assert all(module.training for module in generator.modules())


def test_settling_follows_from_the_randomness_it_is_given(generator: BigGANGenerator) -> None:
    other = copy.deepcopy(generator)
    torch.manual_seed(7)
    generator.calibrate(input_batches(generator.input_specs, 64, torch.Generator().manual_seed(1)))
    other.calibrate(input_batches(other.input_specs, 64, torch.Generator().manual_seed(1)))
    assert torch.equal(generator.norm.running_var, other.norm.running_var)


def test_the_format_channels_last_changes_nothing_but_the_last_bits(generator: BigGANGenerator) -> None:
    inputs = drawn(generator, 2)
    other = copy.deepcopy(generator).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's types say a tensor is wanted
    assert torch.allclose(other(*inputs), generator(*inputs), atol=1e-5)
