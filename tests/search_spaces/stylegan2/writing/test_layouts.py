"""What is written in the layouts of other projects is what they write themselves, and is read back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from search_spaces import ArchitectureError, CheckpointError, load_checkpoint
from search_spaces.reading import find_networks, read_untrusted
from search_spaces.stylegan2 import STYLEGAN2, Block, GeneratorArchitecture, StyleGAN2Generator
from search_spaces.stylegan2.writing.nvidia import check_nvidia, init_kwargs, nvidia_state
from search_spaces.stylegan2.writing.rosinality import rosinality_state
from tests.search_spaces.networks import lived_in, same

REFERENCE = Path(__file__).parents[3] / "data" / "reference"
STOCK = GeneratorArchitecture(
    (Block(512, 1), Block(512), Block(512)), latent_dim=16, style_dim=16, mapping_layers=3
)
NARROW = GeneratorArchitecture(
    (Block(16, 1), Block(16), Block(12)),
    image_channels=1,
    latent_dim=8,
    style_dim=6,
    mapping_layers=2,
    classes=3,
    conv_clamp=64.0,
)


def build(architecture: GeneratorArchitecture) -> StyleGAN2Generator:
    generator = lived_in(StyleGAN2Generator(architecture))
    assert isinstance(generator, StyleGAN2Generator)
    return generator


@pytest.mark.parametrize("name", ["rosinality_16_training.pt", "rosinality_64_converted.pt"])
def test_a_file_of_rosinalitys_code_is_written_again_to_the_bit(name: str) -> None:
    content: Any = read_untrusted(REFERENCE / name)
    theirs = dict(content["g_ema"])
    assert same(rosinality_state(load_checkpoint(REFERENCE / name).generator), theirs)  # type: ignore[arg-type]  # a StyleGAN2, as the file says


@pytest.mark.parametrize("name", ["nvidia_32.pkl", "nvidia_16_clamp.pkl", "nvidia_32_conditional.pkl"])
def test_a_file_of_nvidias_code_is_written_again_to_the_bit(name: str) -> None:
    networks = {each.name: each.tensors for each in find_networks(read_untrusted(REFERENCE / name))}
    written = nvidia_state(load_checkpoint(REFERENCE / name).generator)  # type: ignore[arg-type]  # a StyleGAN2
    assert same(written, dict(networks["G_ema"]))


@pytest.mark.parametrize(("layout", "architecture"), [("rosinality", STOCK), ("nvidia", NARROW)])
@torch.no_grad()
def test_what_is_written_is_read_back(
    layout: str, architecture: GeneratorArchitecture, tmp_path: Path
) -> None:
    generator = build(architecture)
    torch.save(STYLEGAN2.layouts[layout](generator), tmp_path / "student.pt")
    read = load_checkpoint(tmp_path / "student.pt").generator
    assert read.architecture == architecture  # a clamp, too
    inputs = generator.example_inputs(2)
    wanted = generator(*inputs, psi=0.7, noise="const")
    torch.testing.assert_close(read(*inputs, psi=0.7, noise="const"), wanted, rtol=0, atol=1e-5)
    torch.load(tmp_path / "student.pt", weights_only=True)  # no code in it


def blocks(**changes: Any) -> tuple[Block, ...]:
    first, *others, last = STOCK.blocks
    return (first, *others, replace(last, **changes))


@pytest.mark.parametrize(
    ("layout", "changes", "says"),
    [
        ("rosinality", {"classes": 3}, "the network has 3 classes, and none fit"),
        ("rosinality", {"image_channels": 1}, r"images have 1 channel\(s\), and 3 fit"),
        ("rosinality", {"style_dim": 8}, "styles are 8 wide and latents 16, and equal widths fit"),
        ("rosinality", {"conv_clamp": 256.0}, "activations are clamped to ±256, and none"),
        (
            "rosinality",
            {"blocks": blocks(channels=500)},
            "channels are 4:512 8:512 16:500, and 4:512 8:512 16:512 fit",
        ),
        (
            "nvidia",
            {"blocks": (Block(16, 1), Block(30), Block(16))},
            "4:16 8:30 16:16, and 4:30 8:30 16:16 fit",
        ),
        ("rosinality", {"blocks": blocks(kind="separable")}, "kernels at 16 px are separable"),
        ("nvidia", {"blocks": blocks(kernel=5)}, "kernels at 16 px are 5×5, and 3×3 fits"),
        ("nvidia", {"blocks": blocks(convs=1)}, "there is 1 convolution at 16 px, and 2 fit"),
    ],
)
def test_what_their_code_can_not_build_is_refused_with_what_would_fit(
    layout: str, changes: dict[str, Any], says: str
) -> None:
    with torch.device("meta"):  # no weights are needed to tell
        generator = StyleGAN2Generator(replace(STOCK, **changes))
    with pytest.raises(ArchitectureError, match=says):
        STYLEGAN2.layouts[layout](generator)


@given(st.integers(64, 4096), st.integers(1, 40), st.integers(3, 6))
def test_widths_of_nvidias_rule_are_found_again(base: int, most: int, resolutions: int) -> None:
    widths = [min(base // (4 << i), most) for i in range(resolutions)]
    if min(widths) == 0:
        return
    architecture = GeneratorArchitecture(
        tuple(Block(width, 1 if i == 0 else 2) for i, width in enumerate(widths)), latent_dim=1, style_dim=1
    )
    check_nvidia(architecture)
    found = init_kwargs(architecture)
    base, most = found["channel_base"], found["channel_max"]
    assert [min(base // (4 << i), most) for i in range(resolutions)] == widths


def test_a_clamp_that_is_no_number_is_refused(tmp_path: Path) -> None:
    content = STYLEGAN2.layouts["nvidia"](build(NARROW))
    content["init_kwargs"]["conv_clamp"] = "none"
    torch.save(content, tmp_path / "student.pth")
    with pytest.raises(CheckpointError, match="its conv_clamp is no number"):
        load_checkpoint(tmp_path / "student.pth")
