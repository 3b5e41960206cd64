"""Files of the public pix2pix code make the same images here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from search_spaces import CheckpointError
from search_spaces.patchgan import read_discriminator
from search_spaces.reading import read_untrusted
from search_spaces.unet_translator import GeneratorArchitecture, Level, UnetTranslator
from search_spaces.unet_translator.checkpoints import read
from tests.search_spaces.networks import lived_in

REFERENCE = Path(__file__).parents[2] / "data" / "reference"
GENERATOR, DISCRIMINATOR = "pix2pix_unet_batch_net_G", "pix2pix_unet_batch_net_D"
State = dict[str, Tensor]


def content(name: str) -> Any:
    return read_untrusted(REFERENCE / f"{name}.pth")


def answers() -> State:
    with np.load(REFERENCE / "pix2pix_unet_batch.npz") as arrays:
        return {key: torch.from_numpy(arrays[key]) for key in arrays.files}


def public(generator: UnetTranslator) -> State:
    """The tensors of `generator` under the names of the public implementation."""
    last = len(generator.architecture.levels) - 1
    places, inside = {"down.0.conv": "model.model.0", "up.0.conv": "model.model.3"}, "model.model.1.model."
    for i in range(1, last + 1):
        up = 3 if i == last else 5
        places |= {f"down.{i}.conv": f"{inside}1", f"down.{i}.norm": f"{inside}2"}
        places |= {f"up.{i}.conv": f"{inside}{up}", f"up.{i}.norm": f"{inside}{up + 1}"}
        inside += "3.model."
    state = {}
    for name, tensor in generator.state_dict().items():
        module, _, leaf = name.rpartition(".")
        state[f"{places[module]}.{leaf}"] = tensor
    return state


@torch.no_grad()
def test_a_public_generator_makes_the_same_images_here() -> None:
    found = read(content(GENERATOR))
    assert found is not None
    levels = tuple(Level(width) for width in (4, 8, 16, 32, 32, 32))
    assert found.generator.architecture == GeneratorArchitecture(levels, 64)
    assert found.metadata["assumed"] == "resolution 64 px, dropout in training"
    known = answers()
    assert torch.allclose(found.generator(known["x"]), known["image"], atol=1e-4, rtol=0)


@torch.no_grad()
def test_a_public_discriminator_gives_the_same_logits_here() -> None:
    found = read(content(GENERATOR))
    assert found is not None
    discriminator = read_discriminator(content(DISCRIMINATOR), found.generator)
    assert discriminator is not None
    known = answers()
    assert torch.allclose(discriminator(known["x"]), known["d_patch"], atol=1e-4, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize("norm", ["instance", "batch"])
@pytest.mark.parametrize("count", [3, 5, 6])
def test_every_depth_and_normalisation_is_read_as_it_was_written(norm: Any, count: int) -> None:
    levels = tuple(Level(3 + i) for i in range(count))
    architecture = GeneratorArchitecture(levels, 1 << count, 1, 3, norm, dropout=count > 5)
    generator = lived_in(UnetTranslator(architecture))
    assert isinstance(generator, UnetTranslator)
    for tensor in (t for name, t in generator.state_dict().items() if name.endswith("running_var")):
        tensor.abs_()
    for state in (public(generator), {"netG": {f"module.{k}": t for k, t in public(generator).items()}}):
        found = read(state)
        assert found is not None
        assert found.generator.architecture == architecture
        images = torch.randn(1, 1, 64, 64)
        assert torch.equal(found.generator(images), generator(images))


def test_other_files_hold_none() -> None:
    for other in ({}, content(DISCRIMINATOR), content("cyclegan_resnet6_instance_net_G")):
        assert read(other) is None


@pytest.mark.parametrize(
    ("name", "tensor", "says"),
    [
        ("model.model.1.model.3.model.1.weight", torch.zeros(16, 7, 4, 4), "is of shape"),
        ("model.model.1.model.3.model.9.weight", torch.zeros(16), "is unknown"),
    ],
)
def test_tensors_that_do_not_fit_are_named(name: str, tensor: Tensor, says: str) -> None:
    state = content(GENERATOR)
    state[name] = tensor
    with pytest.raises(CheckpointError, match=says):
        read(state)
