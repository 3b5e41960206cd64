"""Channels are ranked by how much of an image's change is due to them when a latent moves."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from search_spaces import Architecture, Generator, InputSpec
from search_spaces.image_difference import DIRECTIONS, LATENTS, SEED, Site, image_difference


@dataclass(frozen=True)
class Nothing(Architecture):
    """An architecture without choices."""


class Linear(Generator):
    """`image = readers · makers · z`: each of four channels is one number."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.architecture = Nothing()
        self.input_specs = (InputSpec("latent", (3,), "normal"), InputSpec("label", (2,), "onehot"))
        self.makers, self.readers = nn.Conv2d(5, 4, 1), nn.Conv2d(4, 2, 1)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return 2, 1, 1

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        images: Tensor = self.readers(self.makers(torch.cat([z, labels], dim=1)[:, :, None, None]))
        return images


def scores(generator: Linear, place: str = "output") -> Tensor:
    module = generator.makers if place == "output" else generator.readers
    return image_difference(generator, {"hidden": Site(module, place)})["hidden"]  # type: ignore[arg-type]  # a stub


@torch.no_grad()
def test_a_channel_that_nothing_reads_or_that_no_latent_moves_has_no_importance() -> None:
    generator = Linear()
    generator.readers.weight[:, 1] = 0
    generator.makers.weight[2, :3] = 0  # labels and the bias are left, and stay as they are
    found = scores(generator)
    assert found.shape == (4,)
    assert found[1] == found[2] == 0
    assert min(found[0], found[3]) > 0


@torch.no_grad()
def test_the_score_is_the_spread_over_directions_of_the_differences_derivative() -> None:
    """With one channel, `mean|G(z + d) - G(z)| = f·|m·d|·mean|r|`, whose derivative by f is that at f = 1."""
    generator = Linear()
    generator.makers.weight[1:] = 0
    reader = generator.readers.weight[:, 0].abs().mean()
    steps = 0.1 * torch.randn(LATENTS * DIRECTIONS, 3, generator=torch.Generator().manual_seed(SEED))
    derivatives = (steps @ generator.makers.weight[0, :3, 0, 0]).abs() * reader
    spread = derivatives.unflatten(0, (LATENTS, DIRECTIONS)).var(dim=1).mean().sqrt()
    assert float(scores(generator)[0]) == pytest.approx(float(spread), rel=1e-4)


class Translated(Generator):
    """An image and an attribute ─► an image: channel 0 reads the image, channel 1 the attribute."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.architecture = Nothing()
        self.input_specs = (InputSpec("image", (3, 4, 4), "data"), InputSpec("attributes", (1,), "data"))
        self.makers, self.readers = nn.Conv2d(4, 3, 1), nn.Conv2d(3, 3, 1)
        with torch.no_grad():
            self.makers.weight.zero_()[0, :3] = 1.0
            self.makers.weight[1, 3] = 1.0

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return 3, 4, 4

    def forward(self, image: Tensor, attributes: Tensor) -> Tensor:
        tiled = attributes[:, :, None, None].expand(-1, -1, 4, 4)
        images: Tensor = self.readers(self.makers(torch.cat([image, tiled], dim=1)))
        return images


def test_without_a_latent_the_input_image_and_its_attributes_move() -> None:
    generator = Translated()
    found = image_difference(generator, {"hidden": Site(generator.makers, "output")})["hidden"]
    assert min(found[0], found[1]) > 0
    assert found[2] == 0


def test_a_layers_output_is_the_next_ones_input() -> None:
    assert torch.equal(scores(Linear()), scores(Linear(), "input"))


def test_scores_are_the_same_at_every_call_and_follow_the_weights() -> None:
    generator = Linear()
    first = scores(generator)
    assert scores(generator) is first, "it is measured once"
    assert torch.equal(scores(copy.deepcopy(generator)), first)
    with torch.no_grad():
        generator.readers.weight[:, 0] *= 3
    changed = scores(generator)
    assert changed[0] > 2 * first[0]


def test_measuring_leaves_nothing_behind() -> None:
    generator = Linear().train()
    images = generator(*generator.example_inputs(3)).detach()
    state = torch.get_rng_state()
    scores(generator)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(module.training for module in generator.modules())
    assert all(p.grad is None for p in generator.parameters())
    assert torch.equal(generator(*generator.example_inputs(3)), images)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in generator.modules())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_measures_the_same_and_gives_the_generator_back() -> None:
    generator = Linear()
    found = scores(generator)
    assert {found.device.type, generator.makers.weight.device.type} == {"cpu"}
    assert scores(generator) is found, "it is measured once"
    assert torch.allclose(scores(Linear().cuda()).cpu(), found, rtol=1e-3)
