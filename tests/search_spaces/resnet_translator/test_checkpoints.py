"""Files of the public CycleGAN and GAN Compression code make the same images here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from search_spaces import ArchitectureError, CheckpointError
from search_spaces.patchgan import read_discriminator
from search_spaces.reading import read_untrusted
from search_spaces.resnet_translator import Block, GeneratorArchitecture, ResnetTranslator
from search_spaces.resnet_translator.checkpoints import read
from tests.search_spaces.networks import lived_in

REFERENCE = Path(__file__).parents[2] / "data" / "reference"
WITH_SLOT, WITHOUT_SLOT = "cyclegan_resnet6_instance_net_G", "cyclegan_resnet6_instance_nodropout_net_G"
DISCRIMINATOR = "cyclegan_resnet6_instance_net_D"
State = dict[str, Tensor]


def content(name: str) -> Any:
    return read_untrusted(REFERENCE / f"{name}.pth")


def answers() -> State:
    with np.load(REFERENCE / "cyclegan_resnet6_instance.npz") as arrays:
        return {key: torch.from_numpy(arrays[key]) for key in arrays.files}


def public(generator: ResnetTranslator, prefix: str = "model.", slot: int = 5) -> State:
    """The tensors of `generator` under the names of public implementations."""
    halvings, blocks = len(generator.architecture.down), len(generator.architecture.blocks)
    start = 1 if generator.architecture.padding == "reflect" else 0
    after = start + 3 * (halvings + 1)  # the index of the first block
    up = after + blocks
    last = up + 3 * halvings + start
    places = {"stem.conv.conv": f"{start}", "stem.norm": f"{start + 1}", "image.conv": f"{last}"}
    for i in range(halvings):
        places |= {f"down.{i}.conv": f"{start + 3 * i + 3}", f"down.{i}.norm": f"{start + 3 * i + 4}"}
        places |= {f"up.{i}.conv": f"{up + 3 * i}", f"up.{i}.norm": f"{up + 3 * i + 1}"}
    inside = {"conv1": 1, "norm1": 2, "conv2": slot, "norm2": slot + 1}
    kinds = {".conv.depthwise": ".conv.0", ".conv.norm": ".conv.1", ".conv.pointwise": ".conv.2", ".conv": ""}
    for i in range(blocks):
        for part, index in inside.items():
            for ours, theirs in kinds.items():
                places[f"blocks.{i}.{part}{ours}"] = f"{after + i}.conv_block.{index}{theirs}"
            places[f"blocks.{i}.{part}"] = f"{after + i}.conv_block.{index}"
    state = {}
    for name, tensor in generator.state_dict().items():
        module, _, leaf = name.rpartition(".")
        state[f"{prefix}{places[module]}.{leaf}"] = tensor
    return state


@torch.no_grad()
@pytest.mark.parametrize(("name", "dropout"), [(WITH_SLOT, "between"), (WITHOUT_SLOT, "none")])
def test_a_public_generator_makes_the_same_images_here(name: str, dropout: str) -> None:
    found = read(content(name))
    assert found is not None
    assert found.generator.architecture == GeneratorArchitecture(
        8, (16, 32), (Block(32),) * 6, (16, 8), resolution=256
    )
    assert found.metadata["source_dropout"].startswith(dropout)
    assert found.metadata["assumed"] == "resolution 256 px"
    known = answers()
    assert torch.allclose(found.generator(known["x"]), known["image"], atol=1e-4, rtol=0)


@torch.no_grad()
def test_a_public_discriminator_gives_the_same_logits_here() -> None:
    found = read(content(WITHOUT_SLOT))
    assert found is not None
    discriminator = read_discriminator(content(DISCRIMINATOR), found.generator)
    assert discriminator is not None
    known = answers()
    assert torch.allclose(discriminator(known["x"]), known["d_patch"], atol=1e-4, rtol=0)


SIZES = GeneratorArchitecture(4, (6, 8), (Block(5),) * 2, (6, 3))
MOBILE = (Block(6, "separable"), Block(8, "separable"))


@torch.no_grad()
@pytest.mark.parametrize("norm", ["instance", "batch"])
@pytest.mark.parametrize("blocks", [(Block(5),) * 2, MOBILE, ()], ids=["dense", "mobile", "none"])
@pytest.mark.parametrize(("padding", "prefix"), [("reflect", "model."), ("zeros", "main."), ("reflect", "")])
def test_every_kind_of_file_is_read_as_it_was_written(
    norm: Any, blocks: tuple[Block, ...], padding: Any, prefix: str
) -> None:
    """GAN Compression's blocks always have a slot for dropout; plain sequences pad with zeros."""
    if padding == "zeros" and blocks:
        return
    architecture = GeneratorArchitecture(4, (6, 8), blocks, (6, 3), norm=norm, padding=padding)
    generator = lived_in(ResnetTranslator(architecture))
    assert isinstance(generator, ResnetTranslator)
    for tensor in (t for name, t in generator.state_dict().items() if name.endswith("running_var")):
        tensor.abs_()
    found = read(public(generator, prefix, slot=6 if blocks == MOBILE else 5))
    assert found is not None
    assert found.generator.architecture == architecture
    images = torch.randn(1, 3, 16, 16)
    assert torch.equal(found.generator(images), generator(images))


def test_statistics_that_old_instance_normalisation_left_behind_are_ignored() -> None:
    state = content(WITHOUT_SLOT)
    state |= {"model.2.running_mean": torch.ones(8), "model.2.num_batches_tracked": torch.tensor(1)}
    state |= {"model.10.conv_block.2.running_var": torch.ones(32)}
    found = read(state)
    assert found is not None
    assert found.generator.architecture.norm == "instance"


def test_files_inside_others_and_with_prefixes_are_found() -> None:
    state = content(WITHOUT_SLOT)
    for wrapped in ({"netG_A": state}, {f"module.{name}": t for name, t in state.items()}):
        assert read(wrapped) is not None


def test_a_discriminator_alone_is_refused_by_name() -> None:
    with pytest.raises(CheckpointError, match="it holds a PatchGAN discriminator and no generator"):
        read(content(DISCRIMINATOR))


def test_a_discriminator_of_other_channels_is_refused() -> None:
    found = read(content(WITHOUT_SLOT))
    assert found is not None
    state = content(DISCRIMINATOR)
    state["model.0.weight"] = state["model.0.weight"][:, :1]
    with pytest.raises(
        CheckpointError, match="takes 1 channels, the generator makes 3 from 3: give one of 3"
    ):
        read_discriminator(state, found.generator)
    state["model.0.weight"] = torch.zeros(8, 6, 4, 4)
    discriminator = read_discriminator(state, found.generator)
    assert discriminator is not None
    assert discriminator.architecture.condition_channels == 3


@pytest.mark.parametrize(
    "other", [{}, {"0.weight": torch.zeros(3, 3, 3, 3)}, {"fc.weight": torch.zeros(2, 2)}]
)
def test_other_files_hold_none(other: Any) -> None:
    assert read(other) is None
    found = read(content(WITHOUT_SLOT))
    assert found is not None
    assert read_discriminator(other, found.generator) is None


@pytest.mark.parametrize(
    ("name", "tensor", "says"),
    [
        ("model.11.conv_block.1.weight", torch.zeros(32, 31, 3, 3), "is of shape"),
        ("model.11.conv_block.9.weight", torch.zeros(32), "is unknown"),
        ("model.11.conv_block.7.weight", torch.zeros(32, 32, 3, 3), "second convolution of its blocks is"),
        ("model.2.scale", torch.zeros(8), "is unknown"),
    ],
)
def test_tensors_that_do_not_fit_are_named(name: str, tensor: Tensor, says: str) -> None:
    state = content(WITHOUT_SLOT)
    state[name] = tensor
    with pytest.raises(CheckpointError, match=says):
        read(state)


def test_more_blocks_than_are_known_are_refused() -> None:
    state = public(ResnetTranslator(GeneratorArchitecture(4, (6, 8), (Block(5),) * 16, (6, 3))))
    extra = {
        name.replace("model.10.", "model.9."): t for name, t in state.items() if ".10.conv_block" in name
    }
    with pytest.raises(ArchitectureError, match="17 residual blocks"):
        read(state | extra)
