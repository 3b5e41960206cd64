"""PatchGAN discriminators answer with a map of logits, conditional ones for two images."""

from __future__ import annotations

import pytest
import torch

from search_spaces import ArchitectureError
from search_spaces.patchgan import DiscriminatorArchitecture, PatchDiscriminator

PLAIN = DiscriminatorArchitecture((4, 8, 8, 16), 32)
CONDITIONAL = DiscriminatorArchitecture((4, 8, 8, 16), 32, 3, condition_channels=1, norm="batch")


@pytest.mark.parametrize(
    ("resolution", "side", "halvings"), [(256, 30, 3), (128, 14, 3), (64, 6, 3), (32, 2, 3), (16, 2, 2)]
)
def test_the_published_network_leaves_a_map_at_every_resolution(
    resolution: int, side: int, halvings: int
) -> None:
    architecture = DiscriminatorArchitecture.published(resolution, 3)
    assert architecture.channels == (64, 128, 256, 512)[: halvings + 1]
    assert (architecture.halvings, architecture.sides[-1]) == (halvings, side)


def test_a_published_discriminator_has_its_known_size() -> None:
    for norm, count in (("instance", 2_764_737), ("batch", 2_765_633)):
        architecture = DiscriminatorArchitecture.published(256, 3, norm=norm)  # type: ignore[arg-type]  # both are
        assert sum(p.numel() for p in PatchDiscriminator(architecture).parameters()) == count


@pytest.mark.parametrize("architecture", [PLAIN, CONDITIONAL], ids=str)
def test_maps_have_the_sides_that_the_architecture_says(architecture: DiscriminatorArchitecture) -> None:
    discriminator = PatchDiscriminator(architecture)
    condition = (torch.randn(2, 1, 32, 32),) if architecture.condition_channels else ()
    images = torch.randn(2, 3, 32, 32)
    maps = [*discriminator.features(images, *condition), discriminator(images, *condition)]
    assert [each.shape[-1] for each in maps] == list(architecture.sides)
    assert maps[-1].shape == (2, 1, 2, 2)


def test_the_condition_comes_first_in_channel_order() -> None:
    discriminator = PatchDiscriminator(CONDITIONAL).eval()
    condition, images = torch.randn(2, 1, 32, 32), torch.randn(2, 3, 32, 32)
    first = discriminator.blocks[0].conv(torch.cat([condition, images], dim=1))
    expected = torch.nn.functional.leaky_relu(first, 0.2)
    assert torch.equal(discriminator.features(images, condition)[0], expected)


def test_a_condition_too_much_or_missing_is_an_error() -> None:
    images = torch.randn(1, 3, 32, 32)
    with pytest.raises(ValueError, match="a condition is not taken"):
        PatchDiscriminator(PLAIN)(images, images)
    with pytest.raises(ValueError, match="a condition is needed"):
        PatchDiscriminator(CONDITIONAL)(images)


@pytest.mark.parametrize(
    ("channels", "resolution", "says"),
    [
        ((4,), 32, "1 widths of a PatchGAN: give 2 to 7"),
        ((4, 0, 4), 32, "channels must be at least 1"),
        ((4, 4), 4096, "resolution must be 1 to 2048 px"),
        ((4, 4, 4, 4), 8, "8 px are too few for 3 halvings"),
    ],
)
def test_an_impossible_architecture_is_refused(channels: tuple[int, ...], resolution: int, says: str) -> None:
    with pytest.raises(ArchitectureError, match=says):
        DiscriminatorArchitecture(channels, resolution)
