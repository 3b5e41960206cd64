"""The networks compute what the public implementation computes, from its own checkpoints."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from search_spaces.stylegan2 import (
    Block,
    DiscriminatorArchitecture,
    GeneratorArchitecture,
    StyleGAN2Discriminator,
    StyleGAN2Generator,
)
from search_spaces.stylegan2.networks import ModulatedConv, blur_filter, minibatch_std

REFERENCE = Path(__file__).parents[2] / "data" / "reference"
State = dict[str, Tensor]


def reference(name: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """A checkpoint of rosinality/stylegan2-pytorch, and inputs with the outputs that code gave for them."""
    if not (REFERENCE / f"{name}.pt").exists():
        pytest.skip(f"{REFERENCE / name}.pt is missing")
    with torch.serialization.safe_globals([argparse.Namespace]), np.load(REFERENCE / f"{name}.npz") as arrays:
        weights = torch.load(REFERENCE / f"{name}.pt", weights_only=True)
        return weights, {key: torch.from_numpy(arrays[key]) for key in arrays.files}


def generator_from(state: State, w_avg: Tensor) -> StyleGAN2Generator:
    depth = sum(name.startswith("style.") and name.endswith(".weight") for name in state)
    upper = sum(name.startswith("to_rgbs.") and name.endswith(".bias") for name in state) // 2
    later = [Block(len(state[f"convs.{2 * k}.activate.bias"])) for k in range(upper)]
    first = Block(len(state["conv1.activate.bias"]), convs=1)
    style_dim, latent_dim = state["style.1.weight"].shape
    network = StyleGAN2Generator(
        GeneratorArchitecture((first, *later), 3, latent_dim, style_dim, mapping_layers=depth)
    )
    ours = {"w_avg": w_avg, "const": state["input.input"][0]}
    for i in range(depth):
        ours |= {f"mapping.layers.{i}.{x}": state[f"style.{i + 1}.{x}"] for x in ("weight", "bias")}
    places = [("blocks.0.convs.0", "conv1", 0)]
    places += [(f"blocks.{k // 2 + 1}.convs.{k % 2}", f"convs.{k}", k + 1) for k in range(2 * upper)]
    for place, theirs, noise in places:
        ours |= {
            f"{place}.conv.weight": state[f"{theirs}.conv.weight"][0],
            f"{place}.affine.weight": state[f"{theirs}.conv.modulation.weight"],
            f"{place}.affine.bias": state[f"{theirs}.conv.modulation.bias"],
            f"{place}.noise_strength": state[f"{theirs}.noise.weight"][0],
            f"{place}.noise_const": state[f"noises.noise_{noise}"][0, 0],
            f"{place}.bias": state[f"{theirs}.activate.bias"],
        }
    for i, theirs in enumerate(["to_rgb1", *(f"to_rgbs.{k}" for k in range(upper))]):
        ours |= {
            f"blocks.{i}.to_rgb.weight": state[f"{theirs}.conv.weight"][0],
            f"blocks.{i}.to_rgb.affine.weight": state[f"{theirs}.conv.modulation.weight"],
            f"blocks.{i}.to_rgb.affine.bias": state[f"{theirs}.conv.modulation.bias"],
            f"blocks.{i}.to_rgb.bias": state[f"{theirs}.bias"].flatten(),
        }
    network.load_state_dict(ours)
    return network.eval()


def discriminator_from(state: State) -> StyleGAN2Discriminator:
    count = sum(name.endswith(".skip.1.weight") for name in state)
    finest_first = [len(state["convs.0.1.bias"])]
    finest_first += [len(state[f"convs.{j}.conv2.2.bias"]) for j in range(1, count + 1)]
    network = StyleGAN2Discriminator(DiscriminatorArchitecture(tuple(finest_first[::-1])))
    ours = {"from_rgb.weight": state["convs.0.0.weight"], "from_rgb.bias": state["convs.0.1.bias"]}
    for j in range(count):
        ours |= {
            f"blocks.{j}.conv1.weight": state[f"convs.{j + 1}.conv1.0.weight"],
            f"blocks.{j}.conv1.bias": state[f"convs.{j + 1}.conv1.1.bias"],
            f"blocks.{j}.conv2.weight": state[f"convs.{j + 1}.conv2.1.weight"],
            f"blocks.{j}.conv2.bias": state[f"convs.{j + 1}.conv2.2.bias"],
            f"blocks.{j}.skip.weight": state[f"convs.{j + 1}.skip.1.weight"],
        }
    ours |= {"conv.weight": state["final_conv.0.weight"], "conv.bias": state["final_conv.1.bias"]}
    for layer, theirs in (("fc", "final_linear.0"), ("out", "final_linear.1")):
        ours |= {f"{layer}.{x}": state[f"{theirs}.{x}"] for x in ("weight", "bias")}
    network.load_state_dict(ours)
    return network.eval()


def relative_error(ours: Tensor, theirs: Tensor) -> float:
    return float((ours - theirs).abs().max() / theirs.abs().max())


@torch.no_grad()
@pytest.mark.parametrize("name", ["rosinality_16_training", "rosinality_64_converted"])
@pytest.mark.parametrize(("psi", "stored"), [(1.0, "image_psi1"), (0.5, "image_psi05")])
def test_a_public_generator_makes_the_same_images_here(name: str, psi: float, stored: str) -> None:
    weights, known = reference(name)
    generator = generator_from(weights["g_ema"], known["latent_avg"])
    images = generator(known["z"], psi=psi, noise="const")
    assert relative_error(images, known[stored]) < 1e-5


@torch.no_grad()
def test_a_public_discriminator_gives_the_same_logits_here() -> None:
    weights, known = reference("rosinality_16_training")
    logits = discriminator_from(weights["d"])(known["d_input"])
    assert relative_error(logits, known["d_logits"].squeeze(1)) < 1e-5


def tiny(**changes: Any) -> StyleGAN2Generator:
    torch.manual_seed(0)
    blocks = (Block(6, convs=1), Block(5, 2, "separable"), Block(4, 2, "full", 5))
    shape = {"image_channels": 1, "latent_dim": 4, "style_dim": 4, "mapping_layers": 2} | changes
    return StyleGAN2Generator(GeneratorArchitecture(blocks, **shape)).eval()


@torch.no_grad()
@pytest.mark.parametrize("up", [False, True])
@pytest.mark.parametrize(
    "block",
    [
        Block(5),
        Block(5, kernel=1),
        Block(5, kernel=5),
        Block(5, kind="separable"),
        Block(5, kind="separable", kernel=5),
    ],
)
def test_scaling_activations_is_modulating_weights(block: Block, up: bool) -> None:
    torch.manual_seed(0)
    conv = ModulatedConv(3, block, up=up)
    x, styles, kernel = torch.randn(4, 3, 8, 8), torch.randn(4, 3), conv.weight
    if block.kind == "separable":
        kernel = kernel * conv.depthwise  # the full kernel of rank one that it stands for
    for sample, style, ours in zip(x, styles, conv(x, styles), strict=True):
        weight = kernel * style[None, :, None, None]
        weight = weight / (weight.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8).sqrt()
        if up:
            spread = torch.zeros(3, 16, 16)
            spread[:, ::2, ::2] = sample
            y = F.conv2d(spread[None], weight.flip(2, 3), padding=block.kernel // 2 + 3)
            size = y.shape[-1]
            blurred = F.conv2d(y.transpose(0, 1), blur_filter(4.0)[None, None]).transpose(0, 1)
            start = (size - 3 - 16) // 2
            theirs = blurred[0, :, start : start + 16, start : start + 16]
        else:
            theirs = F.conv2d(sample[None], weight, padding=block.kernel // 2)[0]
        assert ours.shape == theirs.shape
        assert relative_error(ours, theirs) < 1e-5


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


@torch.no_grad()
def test_the_mapping_network_looks_at_the_direction_of_z_alone() -> None:
    mapping, z = tiny().mapping, torch.randn(3, 4)
    assert torch.allclose(mapping(z), mapping(5 * z), atol=1e-5)


def test_minibatch_std_is_the_mean_deviation_within_each_group() -> None:
    x = torch.randn(6, 3, 4, 4)
    for count, size in ((4, 4), (6, 3), (2, 2), (1, 1), (5, 5)):
        maps = minibatch_std(x[:count], size)
        assert maps.shape == (count, 1, 4, 4)
        for i in range(count):
            group = x[:count][i % (count // size) :: count // size]
            expected = (group.var(dim=0, unbiased=False) + 1e-8).sqrt().mean()
            assert torch.allclose(maps[i], expected.expand(1, 4, 4))
    assert torch.equal(minibatch_std(x[:5], 4), minibatch_std(x[:5], 5)), "no group of 4 divides 5 images"


def test_a_wide_and_a_narrow_layer_have_outputs_of_unit_variance() -> None:
    torch.manual_seed(0)
    for kind in ("full", "separable"):
        for width in (4, 64):
            conv = ModulatedConv(width, Block(16, kind=kind), up=False)
            y = conv(torch.randn(16, width, 16, 16), torch.randn(16, width))[:, :, 1:-1, 1:-1]
            assert math.isclose(float(y.detach().var()), 1.0, abs_tol=0.2)
