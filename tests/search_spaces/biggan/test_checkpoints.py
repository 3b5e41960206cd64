"""Files that BigGAN-PyTorch wrote make the same images and logits here; others are named as what they are."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from search_spaces import CheckpointError, load_checkpoint, save_checkpoint
from search_spaces.biggan import BigGANDiscriminator, BigGANGenerator
from search_spaces.biggan.generator import GeneratorArchitecture

REFERENCE = Path(__file__).parents[2] / "data" / "reference"
SIZES = [32, 128]
State = dict[str, Tensor]


def file(resolution: int, network: str = "G_ema") -> Path:
    return REFERENCE / f"biggan_{resolution}_{network}.pth"


def known(resolution: int) -> tuple[State, Tensor]:
    """Inputs and outputs of the implementation that wrote the file, and its classes, one-hot."""
    with np.load(REFERENCE / f"biggan_{resolution}.npz") as arrays:
        answers = {key: torch.from_numpy(arrays[key]) for key in arrays.files}
    classes = load_checkpoint(file(resolution)).generator.classes
    return answers, F.one_hot(answers["y"], classes).float()


def relative_error(ours: Tensor, theirs: Tensor) -> float:
    return float((ours - theirs).abs().max() / theirs.abs().max())


@torch.no_grad()
@pytest.mark.parametrize("resolution", SIZES)
def test_a_public_generator_makes_the_same_images_here(resolution: int) -> None:
    answers, labels = known(resolution)
    images = load_checkpoint(file(resolution)).generator(answers["z"], labels)
    assert relative_error(images, answers["image"]) < 1e-5


@torch.no_grad()
@pytest.mark.parametrize("resolution", SIZES)
def test_a_public_discriminator_gives_the_same_logits_here(resolution: int) -> None:
    answers, labels = known(resolution)
    discriminator = load_checkpoint(file(resolution), file(resolution, "D")).discriminator
    assert discriminator is not None
    assert not discriminator.training
    assert relative_error(discriminator(answers["d_input"], labels), answers["d_logits"].squeeze(1)) < 1e-5


@torch.no_grad()
@pytest.mark.parametrize("resolution", SIZES)
def test_what_was_read_is_kept_by_our_own_format(resolution: int, tmp_path: Path) -> None:
    read = load_checkpoint(file(resolution), file(resolution, "D"))
    save_checkpoint(read, tmp_path / "teacher.safetensors")
    again = load_checkpoint(tmp_path / "teacher.safetensors")
    answers, labels = known(resolution)
    assert torch.equal(*(c.generator(answers["z"], labels) for c in (read, again)))
    assert isinstance(again.discriminator, BigGANDiscriminator)
    assert again.generator.architecture == read.generator.architecture
    assert again.metadata["source_format"] == "BigGAN-PyTorch"
    assert again.metadata == read.metadata


def test_sizes_come_from_the_shapes() -> None:
    assert load_checkpoint(file(128)).generator.architecture == GeneratorArchitecture(
        channels=(128, 128, 64, 32, 16, 8),
        chunks=(20,) * 6,
        classes=20,
        shared_dim=32,
        attention=(64,),
    )


def test_a_generators_file_alone_has_no_discriminator() -> None:
    assert load_checkpoint(file(32)).discriminator is None


def rewritten(path: Path, change: Callable[[State], object], tmp_path: Path) -> Path:
    """The file after `change`."""
    content = torch.load(path, weights_only=True)
    changed = change(content)
    target = tmp_path / f"changed_{path.name}"
    torch.save(content if changed is None else changed, target)
    return target


def test_the_prefix_of_a_data_parallel_wrapper_is_taken_off(tmp_path: Path) -> None:
    for network in ("G_ema", "D"):
        rewritten(file(32, network), lambda s: {f"module.{k}": v for k, v in s.items()}, tmp_path)
    wrapped = [tmp_path / f"changed_{file(32, network).name}" for network in ("G_ema", "D")]
    loaded, plain = load_checkpoint(*wrapped), load_checkpoint(file(32), file(32, "D"))
    assert torch.equal(loaded.generator.linear.weight, plain.generator.linear.weight)
    assert loaded.discriminator is not None


@torch.no_grad()
def test_classes_may_be_embedded_in_every_block_on_their_own(tmp_path: Path) -> None:
    def unshare(state: State) -> None:
        """As without `G_shared`: (classes, width) and no spectral normalisation."""
        del state["shared.weight"]
        for name in [n for n in state if ".gain." in n or ".bias." in n]:
            if name.endswith("weight"):
                state[name] = torch.randn(10, len(state[name]))
            else:
                del state[name]

    generator = load_checkpoint(rewritten(file(32), unshare, tmp_path)).generator
    assert generator.architecture.shared_dim == 0
    assert generator.architecture.chunks == (32, 0, 0, 0)
    z, labels = generator.example_inputs(2)
    assert generator(z, labels).shape == (2, 3, 32, 32)


def refusal(path: Path, discriminator: Path | None = None) -> str:
    with pytest.raises(CheckpointError) as error:
        load_checkpoint(path, discriminator)
    message = str(error.value)
    assert str(discriminator or path) in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda s: s.update({"linear.weight": torch.full((512, 32), math.nan)}), "not finite"),
        (lambda s: s.pop("blocks.1.0.conv2.weight"), "blocks.1.conv2.weight is missing"),
        (lambda s: s.pop("linear.weight"), "it has no linear.weight"),
        (lambda s: s.pop("blocks.2.0.conv1.u0"), "blocks.2.conv1.u0 is missing"),
        (lambda s: s.update({"blocks.0.0.conv1.u1": torch.zeros(1, 32)}), "blocks.0.conv1.u1 is unknown"),
        (lambda s: s.update({"nonsense": torch.zeros(1)}), "nonsense is unknown"),
        (lambda s: s.update({"linear.bias": torch.zeros(5)}), "linear.bias is of shape (5,), not (512,)"),
        (lambda s: s.update({"linear.weight": torch.zeros(32 * 129**2, 1)}), "must be at most 1024 px"),
        (lambda s: s.update({"linear.weight": torch.zeros(())}), "its tensors don't fit"),
        (lambda s: s.update({"blocks.0.0.conv1.weight": torch.zeros(0, 0, 3, 3)}), "all must be above 0"),
        (lambda s: s.update({"shared.weight": torch.zeros(10, 500)}), "chunks (32, -340, -340, -340) of z"),
        (lambda s: s.update({f"blocks.{i}.0.conv1.weight": torch.zeros(1) for i in range(9)}), "9 blocks"),
        (lambda s: s.update({"blocks.0.0.conv4.weight": torch.zeros(1)}), "a BigGAN-deep network"),
        (lambda s: s.update({"blocks.1.1.theta.weight": torch.zeros(1)}), "attention.gamma is missing"),
    ],
)  # fmt: skip
def test_a_generator_that_does_not_fit_is_refused_in_one_line(
    change: Callable[[State], object], says: str, tmp_path: Path
) -> None:
    def changed(state: State) -> None:
        change(state)

    assert says in refusal(rewritten(file(32), changed, tmp_path))


def test_attention_that_its_width_cannot_be_divided_for_is_refused_by_name(tmp_path: Path) -> None:
    def narrow(state: State) -> None:
        state["blocks.3.0.conv1.weight"] = torch.zeros(12, 32, 3, 3)

    assert "attention at 64 px has 12 channels" in refusal(rewritten(file(128), narrow, tmp_path))


def test_a_discriminator_alone_is_refused_with_the_fix() -> None:
    assert "a BigGAN discriminator and no generator: give G_ema.pth" in refusal(file(32, "D"))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda s: s.update({"embed.weight": torch.zeros(7, 32)}), "for 7 classes, the generator for 10"),
        (
            lambda s: s.update({"blocks.0.0.conv1.weight": torch.zeros(32, 1, 3, 3)}),
            "for 1 image channels, the generator for 3",
        ),
        (lambda s: s.pop("linear.weight"), "linear.weight is missing"),
        (lambda s: s.update({"blocks.0.0.conv1.weight": torch.zeros(32)}), "its tensors don't fit"),
        (lambda s: s.update({"blocks.0.0.conv4.weight": torch.zeros(1)}), "a BigGAN-deep network"),
    ],
)
def test_a_discriminator_that_does_not_belong_to_the_generator_is_refused_by_name(
    change: Callable[[State], object], says: str, tmp_path: Path
) -> None:
    def changed(state: State) -> None:
        change(state)

    assert says in refusal(file(32), rewritten(file(32, "D"), changed, tmp_path))


def test_a_discriminator_of_another_resolution_is_refused_by_name() -> None:
    assert "its discriminator is for 128 px, the generator for 32" in refusal(file(32), file(128, "D"))


def test_a_file_that_holds_no_discriminator_is_named_as_what_it_holds(tmp_path: Path) -> None:
    torch.save({"epoch": 3}, tmp_path / "D.pth")
    assert "holds 1 entry (epoch), no discriminator that biggan has" in refusal(file(32), tmp_path / "D.pth")
    assert "no discriminator that biggan has" in refusal(file(32), file(32))
    assert "no discriminator that stylegan2 has" in refusal(REFERENCE / "nvidia_32.pkl", file(32, "D"))


def test_the_networks_read_are_ours() -> None:
    loaded = load_checkpoint(file(32), file(32, "D"))
    assert isinstance(loaded.generator, BigGANGenerator)
    assert not any(p.requires_grad for p in loaded.generator.parameters())
