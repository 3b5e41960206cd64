"""What layers and networks of DCGANs can be, and how they are written."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from torch import nn

from search_spaces import ArchitectureError
from search_spaces.dcgan import DCGANGenerator, DiscriminatorArchitecture, GeneratorArchitecture, Layer
from tests.search_spaces.dcgan.teachers import published, teachers

START = Layer("transposed", 6, stride=1, padding=0)
IMAGE = Layer("transposed", 3, activation="tanh")


@given(teachers())
def test_sides_are_those_of_the_maps_that_are_made(architecture: GeneratorArchitecture) -> None:
    z = torch.zeros(1, architecture.latent_dim)
    maps = DCGANGenerator(architecture).eval().activations(z)
    assert architecture.sides == tuple(each.shape[-1] for each in maps)
    assert maps[-1].shape == (
        1,
        architecture.image_channels,
        architecture.resolution,
        architecture.resolution,
    )


@given(teachers(), teachers())
def test_it_is_written_the_same_exactly_when_it_is_the_same(
    one: GeneratorArchitecture, other: GeneratorArchitecture
) -> None:
    assert (str(one) == str(other)) == (one == other)
    assert GeneratorArchitecture.from_json(json.dumps(one.to_json())) == one


def test_every_field_of_a_layer_shows_in_its_short_form() -> None:
    layer = Layer("transposed", 8, 4, 2, 1, norm=True)
    changes = {"kind": "conv", "channels": 7, "kernel": 5, "stride": 3, "padding": 2, "output_padding": 1}
    changes |= {"bias": False, "norm": False, "epsilon": 1.00000001e-5, "activation": "leaky"}
    assert str(layer) == "t8k4s2p1bn.relu"
    assert len({str(layer), *(str(replace(layer, **{k: v})) for k, v in changes.items())}) == len(changes) + 1


def test_without_normalisation_there_is_no_epsilon_to_differ_in() -> None:
    assert Layer("conv", 8, epsilon=0.8) == Layer("conv", 8)


@pytest.mark.parametrize(
    ("layers", "says"),
    [
        ((IMAGE,), "1 layer, z of 100: give at least 2 layers"),
        ((START, replace(IMAGE, channels=0)), "layer t0k4s2p1b.tanh: channels, kernel and stride"),
        ((START, replace(IMAGE, padding=-1)), "padding at least 0"),
        ((START, replace(IMAGE, norm=True, epsilon=0.0)), "epsilon 0.0 must be above 0"),
        ((START, replace(IMAGE, norm=True, epsilon=math.inf)), "epsilon inf must be above 0"),
        ((START, replace(IMAGE, output_padding=2)), "output padding 2 is for transposed"),
        ((START, replace(IMAGE, kind="conv", output_padding=1)), "output padding 1 is for transposed"),
        ((START, replace(IMAGE, kind="dense")), "a dense layer stands behind 1 px, not 4"),
        ((START, replace(IMAGE, kind="upsampled", stride=1)), "up-sampling by 1 is none"),
        ((START, replace(IMAGE, padding=9)), "4 px become -8, which is not 1 to 1024"),
        ((START, replace(IMAGE, stride=500)), "4 px become 1502"),
        ((START, replace(IMAGE, stride=1)), "its images are of 5 px: 8 is the least"),
    ],
)
def test_what_makes_no_images_is_refused_in_one_line(layers: tuple[Layer, ...], says: str) -> None:
    with pytest.raises(ArchitectureError) as error:
        GeneratorArchitecture(layers)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("critic", "says"),
    [
        (((), 32), "there must be a convolution"),
        (((4, 0), 32), "at least 1 channel"),
        (((4, 4), 7), "resolution must be 8 to 1024"),
        (((4,) * 6, 32), "6 convolutions halve it to less than 1 px"),
    ],
)
def test_a_critic_that_scores_nothing_is_refused(critic: tuple[tuple[int, ...], int], says: str) -> None:
    with pytest.raises(ArchitectureError, match=says):
        DiscriminatorArchitecture(*critic)


@given(teachers())
def test_every_generator_has_a_critic_of_its_images(architecture: GeneratorArchitecture) -> None:
    critic = DiscriminatorArchitecture.beside(architecture)
    assert (critic.resolution, critic.image_channels) == (
        architecture.resolution,
        architecture.image_channels,
    )
    assert 4 <= critic.resolution >> len(critic.channels) < 8
    assert set(critic.channels) <= {layer.channels for layer in architecture.layers[:-1]}


def test_no_torch_normalisation_counts_batches() -> None:
    network = DCGANGenerator(replace(published(1), layers=(replace(START, norm=True), IMAGE, IMAGE)))
    assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    assert all(tensor.is_floating_point() for tensor in network.state_dict().values())
