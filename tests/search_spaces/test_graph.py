"""A generator as a function of tensors alone."""

from __future__ import annotations

import pytest
import torch

from search_spaces import FAMILIES, ArchitectureError, Generator
from search_spaces.stylegan2 import StyleGAN2Generator
from tests.search_spaces.networks import lived_in
from tests.search_spaces.teachers import TEACHERS


def network(name: str) -> Generator:
    generator = lived_in(FAMILIES[name].build(TEACHERS[name]))
    assert isinstance(generator, Generator)
    return generator


@pytest.mark.parametrize("name", sorted(TEACHERS))
@torch.no_grad()
def test_a_graph_makes_the_generators_images_clamped_and_without_chance(name: str) -> None:
    generator = network(name).train()
    graph = generator.graph()
    assert not generator.training
    inputs = graph.example_inputs(3, seed=1)
    assert len(inputs) == len(graph.input_names) == len(graph.batched)
    images = graph(*inputs)
    assert torch.equal(images, graph(*inputs))
    assert images.abs().max() <= 1
    if not generator.graph_starts:
        torch.testing.assert_close(images, generator.deterministic(*inputs).clamp(-1, 1))


@pytest.mark.parametrize("name", ["dcgan", "stargan"])
def test_a_start_that_a_family_does_not_have_is_refused(name: str) -> None:
    with pytest.raises(ArchitectureError, match="input w: this generator starts from its inputs"):
        network(name).graph("w")


@torch.no_grad()
def test_styles_give_the_images_of_their_latents_truncated_alike() -> None:
    generator = network("stylegan2")
    assert isinstance(generator, StyleGAN2Generator)
    (z,) = generator.example_inputs(3, seed=2)
    psi = torch.tensor(0.6)
    wanted = generator(z, psi=0.6, noise="const").clamp(-1, 1)
    w = generator.mapping(z)
    every_layer = w[:, None].expand(-1, generator.styles, -1)
    for start, given in (("z", z), ("w", w), ("w+", every_layer)):
        torch.testing.assert_close(generator.graph(start)(given, psi), wanted)
    with pytest.raises(ArchitectureError, match=r"input x: .* starts from z, w, w\+: give that"):
        generator.graph("x")


@torch.no_grad()
def test_each_layer_follows_its_own_style() -> None:
    generator = network("stylegan2")
    assert isinstance(generator, StyleGAN2Generator)
    assert generator.styles == 6  # 1 + 2 + 2 convolutions and the last RGB output
    (w,) = generator.graph("w+").example_inputs(1)[:1]
    whole = generator.synthesize(w, "none")
    for layer in range(generator.styles):
        other = w.clone()
        other[:, layer] = other[:, layer].flip(-1) + 1
        changed = generator.synthesize(other, "none")
        assert not torch.allclose(changed, whole), layer
    last = w.clone()
    last[:, -1] += 1  # the last RGB output's: features stay, so that the image moves by an affine map of it
    twice = w.clone()
    twice[:, -1] += 2
    one, two = generator.synthesize(last, "none") - whole, generator.synthesize(twice, "none") - whole
    torch.testing.assert_close(two, 2 * one, rtol=1e-3, atol=1e-4)
