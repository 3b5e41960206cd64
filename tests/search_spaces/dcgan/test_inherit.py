"""A student starts where its teacher stands, as far as its shape allows."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from search_spaces import Importance
from search_spaces.dcgan import DCGANGenerator, GeneratorArchitecture, Layer
from search_spaces.dcgan.inherit import inherit
from search_spaces.dcgan.space import with_kernel, without_norm
from search_spaces.importance import fold_taps

SHAPE = GeneratorArchitecture(
    (
        Layer("dense", 12, 4, 1, 0, norm=True),
        Layer("conv", 10, 3, 1, 1, bias=False, norm=True, activation="leaky"),
        Layer("upsampled", 9, 3, 2, 1, norm=True, epsilon=0.8),
        Layer("transposed", 8, bias=False, norm=True),
        Layer("transposed", 3, activation="tanh"),
    ),
    latent_dim=6,
)
PLAIN = replace(SHAPE, layers=tuple(without_norm(layer) for layer in SHAPE.layers))


@torch.no_grad()
def network(architecture: GeneratorArchitecture, seed: int = 0) -> DCGANGenerator:
    """A generator none of whose tensors has the value that it starts with, and of soft images."""
    torch.manual_seed(seed)
    generator = DCGANGenerator(architecture).eval()
    for name, tensor in generator.state_dict().items():
        if tensor.ndim == 1:
            tensor.copy_(torch.rand_like(tensor) + (0.5 if "var" in name or "weight" in name else -0.5))
    generator.layers[-1].map.weight.mul_(0.3)
    return generator


@torch.no_grad()
def images(generator: DCGANGenerator) -> Tensor:
    return generator(*generator.example_inputs(64, 3))


def narrowed(architecture: GeneratorArchitecture, *widths: int) -> GeneratorArchitecture:
    hidden = zip(architecture.layers[:-1], widths, strict=True)
    layers = (*(replace(layer, channels=width) for layer, width in hidden), architecture.layers[-1])
    return replace(architecture, layers=layers)


@pytest.mark.parametrize("shape", [SHAPE, PLAIN], ids=["normalised", "plain"])
def test_a_student_of_the_teachers_shape_is_the_teacher(shape: GeneratorArchitecture) -> None:
    teacher, student = network(shape), network(shape, seed=1)
    inherit(teacher, student)
    for name, tensor in teacher.state_dict().items():
        assert torch.equal(student.state_dict()[name], tensor), name
    assert torch.equal(images(student), images(teacher))


def test_without_normalisation_a_student_does_what_the_teachers_did() -> None:
    teacher, student = network(SHAPE), network(PLAIN, seed=1)
    inherit(teacher, student)
    assert torch.allclose(images(student), images(teacher), atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("importance", get_args(Importance))
def test_channels_that_nothing_uses_are_the_ones_left_out(importance: Importance) -> None:
    """Idle channels are found through the chain: a channel that feeds idle ones alone is idle, too."""
    teacher, student = network(PLAIN), network(narrowed(PLAIN, 8, 6, 5, 4), seed=1)
    idle_next = torch.tensor([], dtype=torch.long)
    for layer, consumer, kept in zip(
        teacher.layers[:-1][::-1], teacher.layers[::-1][:-1], (4, 5, 6, 8), strict=True
    ):
        weight = consumer.map.weight  # (in, out, k, k) when transposed, else (out, in, k, k)
        reads = weight if consumer.layer.kind == "transposed" else weight.transpose(0, 1)
        idle = torch.randperm(layer.layer.channels)[kept:]
        used = torch.ones(reads.shape[1], dtype=torch.bool)
        used[idle_next] = False
        reads[idle[:, None], used] = 0  # … and what idle channels make of them stays, loudly
        reads[idle[:, None], ~used] *= 100
        idle_next = idle
    inherit(teacher, student, importance)
    assert torch.allclose(images(student), images(teacher), atol=1e-5)


@torch.no_grad()
def test_channels_that_are_silent_are_left_out_however_loudly_they_are_read() -> None:
    teacher, student = network(PLAIN), network(narrowed(PLAIN, 12, 10, 9, 5), seed=1)
    before, last = teacher.layers[-2].map, teacher.layers[-1].map
    silent = torch.randperm(8)[5:]
    before.weight[:, silent] = 0
    before.bias[silent] = 0
    last.weight[silent] = 100
    inherit(teacher, student)
    assert torch.allclose(images(student), images(teacher), atol=1e-5)


@torch.no_grad()
def test_statistics_of_a_narrower_student_are_those_of_its_own_activations() -> None:
    teacher, student = network(SHAPE), network(narrowed(SHAPE, 8, 6, 5, 4), seed=1)
    inherit(teacher, student)
    x = student.example_inputs(2000, 9)[0][:, :, None, None]
    first = student.layers[0]
    made = first.map(x.flatten(1)).reshape(-1, 8, 4, 4)
    assert torch.allclose(first.norm.running_mean, made.mean(dim=(0, 2, 3)), atol=0.1)
    assert torch.allclose(first.norm.running_var, made.var(dim=(0, 2, 3)), rtol=0.15)


def test_a_narrower_student_does_the_same_with_and_without_normalisation() -> None:
    teacher = network(SHAPE)
    normalised, plain = (network(narrowed(shape, 8, 6, 5, 4), seed=1) for shape in (SHAPE, PLAIN))
    for student in (normalised, plain):
        inherit(teacher, student)
    assert torch.allclose(images(plain), images(normalised), atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize(
    ("layer", "small"),
    [
        (Layer("transposed", 3), 2),
        (Layer("transposed", 3, 5, 2, 2, 1), 3),
        (Layer("conv", 3, 5, 1, 2), 3),
        (Layer("conv", 3, 5, 1, 2), 1),
        (Layer("upsampled", 3, 3, 2, 1), 1),
    ],
    ids=str,
)
def test_a_smaller_kernel_makes_the_same_of_constant_maps_away_from_borders(layer: Layer, small: int) -> None:
    taps = torch.randn(2, 3, layer.kernel, layer.kernel)
    x = torch.randn(1, 2, 1, 1).expand(1, 2, 12, 12)

    def made(layer: Layer, taps: Tensor) -> Tensor:
        if layer.kind == "transposed":
            y = F.conv_transpose2d(
                x, taps, None, layer.stride, padding=layer.padding, output_padding=layer.output_padding
            )
        else:
            y = F.conv2d(x, taps.transpose(0, 1), None, padding=layer.padding)
        return y[:, :, 4:-4, 4:-4]

    stride = layer.stride if layer.kind == "transposed" else 1
    smaller = fold_taps(taps, small, stride)
    assert smaller.shape == (2, 3, small, small)
    assert torch.allclose(made(with_kernel(layer, small), smaller), made(layer, taps), atol=1e-4)


@torch.no_grad()
def test_a_smaller_kernel_does_the_same_where_the_large_one_had_nothing_around_it() -> None:
    teacher = network(PLAIN)
    for number in (1, 2, 3, 4):
        weight = teacher.layers[number].map.weight
        inner = weight[:, :, 1:-1, 1:-1].clone()
        weight.zero_()[:, :, 1:-1, 1:-1] = inner
    small = (with_kernel(layer, layer.kernel - 2) if i else layer for i, layer in enumerate(PLAIN.layers))
    student = network(replace(PLAIN, layers=tuple(small)), seed=1)
    inherit(teacher, student)
    assert torch.allclose(images(student), images(teacher), atol=1e-5)


@pytest.mark.parametrize("shape", [SHAPE, PLAIN], ids=["normalised", "plain"])
def test_a_student_that_inherits_is_nearer_to_its_teacher_than_a_random_one(
    shape: GeneratorArchitecture,
) -> None:
    teacher = network(shape)
    goal = images(teacher)
    for seed in range(1, 4):
        student = network(narrowed(shape, 10, 8, 7, 6), seed)
        at_random = (images(student) - goal).abs().mean()
        inherit(teacher, student)
        assert (images(student) - goal).abs().mean() < 0.8 * at_random


def test_a_student_in_training_stays_in_training() -> None:
    student = network(narrowed(SHAPE, 8, 6, 5, 4)).train()
    inherit(network(SHAPE), student)
    assert all(module.training for module in student.modules())
    assert all(p.grad is None and p.requires_grad for p in student.parameters())
