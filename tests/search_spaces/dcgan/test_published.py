"""The teachers of "Compressing GANs": depth, widths and parameters as published."""

from __future__ import annotations

from typing import Any

import pytest

from search_spaces import ArchitectureError
from search_spaces.dcgan import DCGANGenerator, DiscriminatorArchitecture, TeacherOptions
from search_spaces.dcgan.architecture import params
from search_spaces.dcgan.published import teacher_architecture
from tests.search_spaces.dcgan.teachers import published


@pytest.mark.parametrize(
    ("d", "count"),
    [
        (2, 28_351),
        (4, 62_077),
        (8, 145_657),
        (16, 377_329),
        (32, 1_098_721),
        (48, 2_164_177),
        (64, 3_573_697),
        (128, 12_652_417),
    ],
)
def test_a_network_of_depth_factor_d_has_the_published_number_of_parameters(d: int, count: int) -> None:
    assert params(published(d)) == count


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("d", [1, 2, 5])
def test_its_parameters_follow_the_published_formula_in_any_colours(d: int, channels: int) -> None:
    architecture = published(d, image_channels=channels)
    expected = 672 * d**2 + (12_815 + 16 * channels) * d + channels
    assert (
        params(architecture) == sum(p.numel() for p in DCGANGenerator(architecture).parameters()) == expected
    )


def test_it_has_five_convolutions_with_biases_and_no_normalisation() -> None:
    architecture = published(4)
    assert [layer.channels for layer in architecture.layers] == [32, 16, 8, 4, 1]
    assert architecture.sides == (4, 8, 16, 32, 64)
    assert all(layer.bias and not layer.norm and layer.kernel == 4 for layer in architecture.layers)
    assert [layer.activation for layer in architecture.layers] == ["relu"] * 4 + ["tanh"]
    assert (architecture.latent_dim, architecture.latent) == (100, "normal")


@pytest.mark.parametrize(
    ("resolution", "widths", "sides"),
    [
        (16, [8, 4, 1], (4, 8, 16)),
        (28, [8, 4, 1], (7, 14, 28)),
        (32, [16, 8, 4, 1], (4, 8, 16, 32)),
        (128, [64, 32, 16, 8, 4, 1], (4, 8, 16, 32, 64, 128)),
    ],
)
def test_smaller_images_take_fewer_layers(resolution: int, widths: list[int], sides: tuple[int, ...]) -> None:
    architecture = published(4, resolution)
    assert [layer.channels for layer in architecture.layers] == widths
    assert architecture.sides == sides


@pytest.mark.parametrize("d", [0, -1, 2.5, True, "8"])
def test_a_depth_factor_that_is_no_positive_integer_is_refused_with_its_value(d: Any) -> None:
    with pytest.raises(
        ArchitectureError, match=rf"width {d!r}: the depth factor d is a whole number, give 1"
    ):
        teacher_architecture(TeacherOptions.model_construct(width=d), 64, 1)


def test_without_a_width_the_teachers_of_the_paper_are_made() -> None:
    assert teacher_architecture(TeacherOptions(), 64, 1) == published(256, image_channels=1)
    assert teacher_architecture(TeacherOptions(), 64, 3) == published(128, image_channels=3)


@pytest.mark.parametrize(
    ("resolution", "widths"), [(64, (4, 8, 16, 32)), (32, (4, 8, 16)), (28, (4, 8)), (16, (4, 8))]
)
def test_its_critic_is_its_mirror_image(resolution: int, widths: tuple[int, ...]) -> None:
    critic = DiscriminatorArchitecture.beside(published(4, resolution))
    assert critic == DiscriminatorArchitecture(widths, resolution, image_channels=1)
