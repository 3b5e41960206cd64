"""State dicts as people publish them make the same images here; what is something else is left to others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from search_spaces import CheckpointError, UserError, load_checkpoint, save_checkpoint
from search_spaces.dcgan import DCGANGenerator
from search_spaces.dcgan.checkpoints import read
from tests.search_spaces.dcgan.layouts import (
    BN,
    KNOWN,
    UNKNOWN,
    T,
    course,
    faces,
    reshaped,
    trained,
    unknown,
    up,
    up_sampled,
)


def saved(content: Any, folder: Path) -> Path:
    torch.save(content, folder / "teacher.pt")
    return folder / "teacher.pt"


@torch.no_grad()
@pytest.mark.parametrize("make", KNOWN + UNKNOWN)
def test_a_public_generator_makes_the_same_images_here(make: Callable[[], nn.Module], tmp_path: Path) -> None:
    theirs = trained(make)
    loaded = load_checkpoint(saved(theirs.state_dict(), tmp_path))
    z = torch.randn(5, 10)
    assert loaded.family == "dcgan"
    assert loaded.discriminator is None
    assert torch.allclose(loaded.generator(z), theirs(z), atol=1e-5)
    save_checkpoint(loaded, tmp_path / "ours.safetensors")
    again = load_checkpoint(tmp_path / "ours.safetensors")
    assert torch.equal(again.generator(z), loaded.generator(z))
    assert again.metadata == loaded.metadata


@pytest.mark.parametrize(("make", "latent"), [(faces, "uniform"), (course, "normal"), (unknown, "normal")])
def test_the_latent_is_that_of_the_publication(make: Callable[[], nn.Module], latent: str) -> None:
    found = read(make().state_dict())
    assert found is not None
    architecture: Any = found.generator.architecture
    assert architecture.latent == latent


def test_what_is_assumed_of_an_unknown_layout_is_noted_and_nothing_of_a_known_one() -> None:
    known, other = read(faces().state_dict()), read(unknown().state_dict())
    assert known is not None
    assert other is not None
    assert known.metadata["source_layout"] == "github.com/efleurine/faces-dcgan"
    assert "assumed" not in known.metadata
    assert other.metadata["source_layout"] == "unknown"
    assert "activation relu, latent normal" in other.metadata["assumed"]


def test_sizes_follow_from_the_shapes() -> None:
    found = read(up_sampled(side=8).state_dict())
    assert found is not None
    assert found.generator.image_shape == (1, 32, 32)


def test_a_normalisation_without_scale_and_shift_has_those_that_change_nothing() -> None:
    network = nn.Sequential(reshaped(10, 1, 1), T(10, 8, 4), BN(8, affine=False), up(8, 3))
    found = read(network.state_dict())
    assert found is not None
    generator: Any = found.generator
    norm = generator.layers[0].norm
    assert torch.equal(norm.weight, torch.ones(8))
    assert torch.equal(norm.bias, torch.zeros(8))


@pytest.mark.parametrize(
    ("wrap", "network"),
    [
        (lambda g, d: {"netG": g, "netD": d, "epoch": 7}, "netG"),
        (lambda g, d: {"G": g, "g_ema": g, "optimizer": {"state": {}}}, "g_ema"),
        (lambda g, d: {"epoch": 3, "state_dict": g}, "state_dict"),
        (lambda g, d: {f"module.{name}": tensor for name, tensor in g.items()}, "state dict"),
        (
            lambda g, d: {
                "state_dict": {f"generator.{k}": v for k, v in g.items()}
                | {f"discriminator.{k}": v for k, v in d.items()}
            },
            "state_dict.generator",
        ),
    ],
)
def test_the_generator_is_found_in_what_trainings_save(
    wrap: Callable[[Mapping[str, Tensor], Mapping[str, Tensor]], Any], network: str, tmp_path: Path
) -> None:
    theirs = trained(faces)
    loaded = load_checkpoint(saved(wrap(theirs.state_dict(), discriminator().state_dict()), tmp_path))
    assert loaded.metadata["source_network"] == network
    assert isinstance(loaded.generator, DCGANGenerator)
    assert torch.equal(loaded.generator.layers[1].map.weight, theirs.state_dict()["t_conv1.0.weight"])


def discriminator() -> nn.Module:
    first = (nn.Conv2d(3, 4, 4, 2, 1), nn.Conv2d(4, 8, 4, 2, 1, bias=False), BN(8))
    return nn.Sequential(
        *first, nn.Conv2d(8, 16, 4, 2, 1, bias=False), BN(16), nn.Flatten(), nn.Linear(256, 1)
    )


def changed(make: Callable[[], nn.Module], **tensors: Tensor | None) -> dict[str, Tensor]:
    """The state dict of a network with other tensors, or without them; `__` stands for a dot."""
    state = dict(make().state_dict())
    for name, tensor in tensors.items():
        key = name.replace("__", ".")
        assert key in state
        state = {k: v for k, v in state.items() if k != key} if tensor is None else state | {key: tensor}
    return state


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (lambda: discriminator().state_dict(), "holds a discriminator and no generator"),
        (lambda: {name: discriminator().state_dict() for name in ("netD", "D", "model")},
         "holds a discriminator and no generator"),
        (lambda: {"label_emb.weight": torch.zeros(10, 3)} | up_sampled().state_dict(),
         "a class-conditional generator (label_emb.weight)"),
        (lambda: changed(faces, t_conv2__0__weight=torch.zeros(7, 5, 4, 4)),
         "no chain: t_conv2.0 of shape (7, 5, 4, 4) does not read the 6 channels before it"),
        (lambda: changed(faces, t_conv3__0__weight=torch.zeros(5, 2, 4, 4)), "makes 2 channels"),
        (lambda: nn.Sequential(T(10, 8, 2), BN(8), up(8, 3)).state_dict(), "its images are of 4 px"),
        (lambda: changed(faces, t_conv1__0__weight=torch.full((8, 6, 4, 4), torch.nan)), "not finite"),
        (lambda: changed(faces, fc__bias=torch.zeros(7)), "layers.0.map.bias is of shape (7,)"),
        (lambda: changed(faces, fc__bias=torch.zeros(0)), "layers.0.map.bias is"),
        (lambda: changed(faces, t_conv1__1__running_var=torch.zeros(6, dtype=torch.int64)),
         "no generator of a known family"),
        (lambda: nn.Sequential(nn.Linear(10, 128), nn.Conv2d(8, 8, 3), nn.Conv2d(8, 3, 3)).state_dict(),
         "its tensors do not show where it up-samples"),
    ],
)  # fmt: skip
def test_a_dcgan_that_can_not_be_used_is_refused_in_one_line(
    content: Callable[[], Any], says: str, tmp_path: Path
) -> None:
    path = saved(content(), tmp_path)
    with pytest.raises(CheckpointError) as error:
        load_checkpoint(path)
    assert says in str(error.value)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_generator_whose_transposed_convolutions_widen_is_one(tmp_path: Path) -> None:
    widening = nn.Sequential(T(100, 32, 4), BN(32), up(32, 48), BN(48), up(48, 16), BN(16), up(16, 3))
    found = load_checkpoint(saved(widening.state_dict(), tmp_path)).generator
    assert str(found.architecture).startswith("z100")
    assert found.image_shape == (3, 32, 32)


@pytest.mark.parametrize("make", KNOWN + UNKNOWN)
def test_a_network_that_lacks_any_tensor_is_never_misread(make: Callable[[], nn.Module]) -> None:
    """It is refused or left to others, unless it may do without: a bias of a layer, a count of batches."""
    state = make().state_dict()
    for missing in state:
        try:
            found = read({name: tensor for name, tensor in state.items() if name != missing})
        except UserError:
            continue
        name, _, leaf = missing.rpartition(".")
        of_layer = state[f"{name}.weight"].ndim > 1
        assert found is None or leaf == "num_batches_tracked" or (leaf == "bias" and of_layer), missing
