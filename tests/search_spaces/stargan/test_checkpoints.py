"""Files of the public StarGAN make the same images and logits here; others are named as what they are."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search_spaces import CheckpointError, UserError
from search_spaces.reading import read_untrusted
from search_spaces.stargan import StarGANDiscriminator, StarGANGenerator
from search_spaces.stargan.checkpoints import read, read_discriminator

REFERENCE = Path(__file__).parents[2] / "data" / "reference"
GENERATOR, DISCRIMINATOR = REFERENCE / "stargan_64-G.ckpt", REFERENCE / "stargan_64-D.ckpt"
State = dict[str, Tensor]


def content(path: Path = GENERATOR) -> State:
    state: State = dict(read_untrusted(path))
    return state


def known() -> dict[str, Tensor]:
    """Inputs and outputs of the implementation that wrote the files."""
    with np.load(REFERENCE / "stargan_64.npz") as arrays:
        return {key: torch.from_numpy(arrays[key]) for key in arrays.files}


@pytest.fixture
def generator() -> StarGANGenerator:
    found = read(content())
    assert found is not None
    assert isinstance(found.generator, StarGANGenerator)
    return found.generator


@pytest.fixture
def discriminator(generator: StarGANGenerator) -> StarGANDiscriminator:
    found = read_discriminator(content(DISCRIMINATOR), generator)
    assert isinstance(found, StarGANDiscriminator)
    return found


class Standing(nn.InstanceNorm2d):
    """Normalisation by given statistics."""

    def __init__(self, norm: nn.InstanceNorm2d, statistics: State) -> None:
        super().__init__(norm.num_features, affine=True)
        self.load_state_dict(norm.state_dict())
        self.mean, self.var = statistics["running_mean"], statistics["running_var"]

    def forward(self, x: Tensor) -> Tensor:
        return F.batch_norm(x, self.mean, self.var, self.weight, self.bias, training=False)


def with_running_statistics(generator: StarGANGenerator, state: State) -> StarGANGenerator:
    """A copy of `generator` that is normalised by the running statistics that stand in the file."""
    found = copy.deepcopy(generator)
    theirs = iter([name.removesuffix(".weight") for name in state if f"{name[:-7]}.running_mean" in state])
    for name, module in list(found.named_modules()):
        if isinstance(module, nn.InstanceNorm2d):
            where = next(theirs)
            statistics = {leaf: state[f"{where}.{leaf}"] for leaf in ("running_mean", "running_var")}
            parent, _, leaf = name.rpartition(".")
            setattr(found.get_submodule(parent), leaf, Standing(module, statistics))
    return found


def public_generator(state: State) -> nn.Sequential:
    """The public network of 3 blocks, in the mode in which the public code makes images: that of training."""

    def norm(channels: int) -> nn.InstanceNorm2d:
        return nn.InstanceNorm2d(channels, affine=True, track_running_stats=True)

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            convs = [nn.Conv2d(32, 32, 3, 1, 1, bias=False) for _ in range(2)]
            self.main = nn.Sequential(convs[0], norm(32), nn.ReLU(), convs[1], norm(32))

        def forward(self, x: Tensor) -> Tensor:
            added: Tensor = x + self.main(x)
            return added

    layers: list[nn.Module] = [nn.Conv2d(8, 8, 7, 1, 3, bias=False), norm(8), nn.ReLU()]
    for width in (8, 16):
        layers += [nn.Conv2d(width, 2 * width, 4, 2, 1, bias=False), norm(2 * width), nn.ReLU()]
    layers += [Block() for _ in range(3)]
    for width in (32, 16):
        half = width // 2
        layers += [nn.ConvTranspose2d(width, half, 4, 2, 1, bias=False), norm(half), nn.ReLU()]
    network = nn.Sequential(*layers, nn.Conv2d(8, 3, 7, 1, 3, bias=False), nn.Tanh())
    network.load_state_dict({name.removeprefix("main."): tensor for name, tensor in state.items()})
    return network.train()


@torch.no_grad()
def test_images_are_those_of_the_public_code_which_normalises_by_instance(
    generator: StarGANGenerator,
) -> None:
    answers = known()
    tiled = answers["labels"][:, :, None, None].expand(-1, -1, 64, 64)
    expected = public_generator(content())(torch.cat([answers["x"], tiled], dim=1))
    images = generator.eval()(answers["x"], answers["labels"])
    assert (images - expected).abs().max() < 1e-4


@torch.no_grad()
def test_with_the_running_statistics_of_the_file_images_are_the_stored_ones(
    generator: StarGANGenerator,
) -> None:
    """The stored images were made in evaluation mode, which the public code never uses."""
    answers = known()
    images = with_running_statistics(generator, content())(answers["x"], answers["labels"])
    assert (images - answers["image"]).abs().max() < 1e-4
    by_instance = generator(answers["x"], answers["labels"])
    assert (by_instance - answers["image"]).abs().max() > 0.1


@torch.no_grad()
def test_a_public_discriminator_gives_the_same_logits_here(discriminator: StarGANDiscriminator) -> None:
    answers = known()
    assert (discriminator(answers["x"]) - answers["d_src"]).abs().max() < 1e-4
    assert (discriminator.classify(answers["x"]) - answers["d_cls"]).abs().max() < 1e-4
    assert not discriminator.training


def test_sizes_come_from_the_shapes(generator: StarGANGenerator) -> None:
    assert str(generator.architecture) == "rgb3 a5 128px e8-16-32 ddd d16-8 k7-4-4-7"


def test_the_discriminator_tells_the_resolution(
    generator: StarGANGenerator, discriminator: StarGANDiscriminator
) -> None:
    assert str(discriminator.architecture) == "D rgb3 a5 64px 8-16-32-64-128"
    assert generator.architecture.resolution == 64
    assert generator.image_shape == (3, 64, 64)
    assert generator.input_specs[0].shape == (3, 64, 64)


def test_what_a_file_does_not_show_is_noted() -> None:
    found = read(content())
    assert found is not None
    assert found.metadata["source_format"] == "StarGAN"
    assert found.metadata["assumed"].startswith("images of 128 px")
    assert found.discriminator is None


def test_running_statistics_may_be_missing() -> None:
    """As in files of the first versions, whose normalisation had none."""
    plain = {name: t for name, t in content().items() if "running" not in name and "tracked" not in name}
    found, whole = read(plain), read(content())
    assert found is not None
    assert whole is not None
    inputs = found.generator.example_inputs(1)
    assert torch.equal(found.generator(*inputs), whole.generator(*inputs))


def test_both_networks_may_stand_in_one_file() -> None:
    found = read({"G": content(), "D": content(DISCRIMINATOR)})
    assert found is not None
    assert found.discriminator is not None
    assert found.generator.image_shape == (3, 64, 64)


def test_other_files_are_none_of_ours(generator: StarGANGenerator) -> None:
    for nothing in ({}, {"a": torch.zeros(1)}, content(REFERENCE / "biggan_32_G_ema.pth")):
        assert read(nothing) is None
        assert read_discriminator(nothing, generator) is None
    assert read_discriminator(content(), generator) is None


def changed(path: Path, change: Callable[[State], object]) -> State:
    state = content(path)
    change(state)
    return state


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda s: s.update({"main.0.weight": torch.full((8, 8, 7, 7), math.nan)}), "not finite"),
        (lambda s: s.pop("main.3.weight"), "it has no main.3.weight"),
        (lambda s: s.pop("main.10.main.4.bias"), "blocks.1.norm2.bias is missing"),
        (lambda s: s.update({"nonsense": torch.zeros(1)}), "nonsense is unknown"),
        (lambda s: s.update({"main.1.weight": torch.zeros(5)}), "stem.norm.weight is of shape"),
        (lambda s: s.update({"main.0.weight": torch.zeros(8, 3, 7, 7)}), "must be at least 1"),
        (lambda s: s.update({"main.0.weight": torch.zeros(8, 8, 6, 6)}), "stem kernel 6"),
        (lambda s: s.update({"main.6.weight": torch.zeros(8)}), "main.6.weight is of shape (8,)"),
        (
            lambda s: s.update({f"main.{i}.main.0.weight": torch.zeros(1) for i in range(90)}),
            "90 residual blocks",
        ),
    ],
)
def test_a_generator_that_does_not_fit_is_refused_in_one_line(
    change: Callable[[State], object], says: str
) -> None:
    with pytest.raises(UserError) as error:
        read(changed(GENERATOR, change))
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_discriminator_alone_is_refused_with_the_fix() -> None:
    with pytest.raises(CheckpointError, match=r"a StarGAN discriminator and no generator: give \*-G\.ckpt"):
        read(content(DISCRIMINATOR))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"conv2.weight": torch.zeros(7, 128, 2, 2)}, "for 7 attributes, the generator for 5"),
        ({"main.0.weight": torch.zeros(8, 1, 4, 4)}, "for 1 image channels, the generator for 3"),
        ({"main.2.bias": torch.zeros(3)}, "convs.1.bias is of shape"),
        ({"main.9.weight": torch.zeros(3)}, "main.9.weight is unknown"),
    ],
)
def test_a_discriminator_that_does_not_belong_to_the_generator_is_refused_by_name(
    changes: dict[str, Any], says: str, generator: StarGANGenerator
) -> None:
    with pytest.raises(CheckpointError, match=says):
        read_discriminator(content(DISCRIMINATOR) | changes, generator)
    assert generator.architecture.resolution == 128, "nothing has changed"
