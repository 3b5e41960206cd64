"""The generator and the discriminator as wholes: what goes in, what comes out, what follows from it."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from search_spaces import ArchitectureError
from search_spaces.stargan import (
    DiscriminatorArchitecture,
    GeneratorArchitecture,
    StarGANDiscriminator,
    StarGANGenerator,
)
from search_spaces.stargan.architecture import SIZES

ARCHITECTURE = GeneratorArchitecture(
    (8, 12, 16), (10, 6), ("dense", "separable"), attributes=4, resolution=24, skips=SIZES
)


def generator_of(architecture: GeneratorArchitecture = ARCHITECTURE) -> StarGANGenerator:
    torch.manual_seed(0)
    return StarGANGenerator(architecture).eval()


@pytest.fixture
def discriminator() -> StarGANDiscriminator:
    torch.manual_seed(1)
    return StarGANDiscriminator(DiscriminatorArchitecture((8, 16, 24), attributes=4, resolution=28))


def test_inputs_are_an_image_and_attributes_from_data() -> None:
    generator = generator_of()
    assert [(spec.kind, spec.shape, spec.distribution) for spec in generator.input_specs] == [
        ("image", (3, 24, 24), "data"),
        ("attributes", (4,), "data"),
    ]
    assert generator.image_shape == (3, 24, 24)
    with pytest.raises(ArchitectureError, match="it needs image and attributes from data"):
        generator.sample(1)


@torch.no_grad()
def test_images_depend_on_the_image_and_on_every_attribute() -> None:
    generator = generator_of()
    image, attributes = generator.example_inputs(1)
    made = generator(image, attributes)
    assert made.shape == image.shape
    assert made.abs().max() <= 1
    assert not torch.allclose(generator(image.flip(3), attributes), made, atol=1e-3)
    for i in range(4):
        assert not torch.allclose(generator(image, attributes.index_fill(1, torch.tensor(i), 2.0)), made)


@torch.no_grad()
def test_evaluation_is_training_every_image_is_normalised_by_itself() -> None:
    generator = generator_of()
    image, attributes = generator.example_inputs(3)
    made = generator(image, attributes)
    assert torch.equal(generator.train()(image, attributes), made)
    assert torch.allclose(generator(image[1:2], attributes[1:2]), made[1:2], atol=1e-5)
    assert not generator.uses_batch_statistics
    assert [name for name, _ in generator.named_buffers()] == []


@torch.no_grad()
def test_borders_are_padded_with_zeros_so_that_a_constant_input_still_has_structure() -> None:
    """With reflection, instance normalisation would remove constant maps: the attributes."""
    generator = generator_of(replace(ARCHITECTURE, skips=()))
    maps = generator.stem.map(torch.ones(1, 7, 24, 24))
    assert maps.std(dim=(2, 3)).min() > 0


@torch.no_grad()
def test_a_new_skip_changes_nothing() -> None:
    with_skips, without = generator_of(), generator_of(replace(ARCHITECTURE, skips=()))
    found = with_skips.load_state_dict(without.state_dict(), strict=False)
    assert [name for name in found.missing_keys if not name.startswith("skips.")] == []
    inputs = with_skips.example_inputs(2)
    assert torch.allclose(with_skips(*inputs), without(*inputs), atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("size", SIZES)
def test_a_skip_carries_the_encoders_map_of_its_size(size: str) -> None:
    generator = generator_of()
    inputs = generator.example_inputs(2)
    before = generator(*inputs)
    index = SIZES.index(size)  # type: ignore[arg-type]  # one of them
    joined = generator.skips[f"at_{size}"]
    assert joined.map.weight.shape[1] == ARCHITECTURE.encoder[index] + (6, 10, 16)[index]
    joined.map.weight[:, -1] += 1.0  # reads the encoder's last channel
    assert not torch.allclose(generator(*inputs), before, atol=1e-3)


@torch.no_grad()
def test_no_weight_depends_on_the_resolution() -> None:
    generator, other = generator_of(), generator_of(replace(ARCHITECTURE, resolution=40))
    generator.set_resolution(40)
    assert generator.architecture == other.architecture
    assert generator.input_specs == other.input_specs
    inputs = generator.example_inputs(2)
    assert torch.equal(generator(*inputs), other(*inputs))
    with pytest.raises(ArchitectureError, match="give 44"):
        generator.set_resolution(42)


def test_activation_checkpointing_has_all_of_the_network_but_the_last_layer() -> None:
    stages = generator_of().stages()
    assert len(stages) == 1 + 2 + 2 + 2


def test_the_discriminator_scores_patches_and_names_attributes(discriminator: StarGANDiscriminator) -> None:
    images = torch.randn(2, 3, 28, 28)
    assert discriminator(images).shape == (2, 1, 3, 3)
    assert discriminator.classify(images).shape == (2, 4)
    assert [tuple(each.shape[1:]) for each in discriminator.features(images)] == [
        (8, 14, 14),
        (16, 7, 7),
        (24, 3, 3),
    ]
    first = discriminator.features(images)[0]
    conv = discriminator.convs[0]
    assert torch.equal(first, F.leaky_relu(conv(images), 0.01))
    biases = {
        name for name, module in discriminator.named_modules() if getattr(module, "bias", None) is not None
    }
    assert biases == {"convs.0", "convs.1", "convs.2"}


def test_a_penalty_on_gradients_reaches_the_weights_of_the_discriminator(
    discriminator: StarGANDiscriminator,
) -> None:
    images = torch.randn(2, 3, 28, 28, requires_grad=True)
    (gradient,) = torch.autograd.grad(discriminator(images).sum(), images, create_graph=True)
    gradient.square().sum().backward()
    weight = discriminator.convs[0].get_parameter("weight")
    assert weight.grad is not None
    assert weight.grad.any()


def test_no_convolution_of_the_generator_has_a_bias() -> None:
    convolutions = [m for m in generator_of().modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    assert len(convolutions) == 15
    assert all(each.bias is None for each in convolutions)


@torch.no_grad()
def test_the_format_channels_last_changes_nothing_but_the_last_bits() -> None:
    generator = generator_of()
    other = copy.deepcopy(generator).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's types say a tensor is wanted
    inputs = generator.example_inputs(2)
    assert torch.allclose(other(*inputs), generator(*inputs), atol=1e-5)
