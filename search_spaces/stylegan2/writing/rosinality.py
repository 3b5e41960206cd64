"""A generator in the layout of rosinality/stylegan2-pytorch: the inverse of `reading.rosinality`."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from search_spaces.errors import ArchitectureError
from search_spaces.stylegan2.architecture import GeneratorArchitecture
from search_spaces.stylegan2.generator import StyleGAN2Generator
from search_spaces.stylegan2.layers import blur_filter
from search_spaces.stylegan2.writing.fit import check_blocks, check_widths

WIDEST = 512  # up to 32 px
BUDGET = 16_384  # of channel multiplier 1 the width times the side, from 64 px on


def rosinality_content(generator: StyleGAN2Generator) -> dict[str, Any]:
    """What `torch.save` writes: `g_ema`, which its commands load, and `latent_avg`, the mean style.

    Raises:
        ArchitectureError: its code can't build the network.
    """
    check_rosinality(generator.architecture)
    return {"g_ema": rosinality_state(generator), "latent_avg": generator.w_avg.detach().cpu()}


def check_rosinality(architecture: GeneratorArchitecture) -> None:
    """Refuse what `Generator(size, style_dim, n_mlp, channel_multiplier)` of its model.py can't be.

    Raises:
        ArchitectureError: says which property, and what would fit.
    """
    a = architecture
    if a.classes:
        raise ArchitectureError(f"the network has {a.classes} classes, and none fit")
    if a.image_channels != 3:
        raise ArchitectureError(f"images have {a.image_channels} channel(s), and 3 fit")
    if a.style_dim != a.latent_dim:
        raise ArchitectureError(
            f"styles are {a.style_dim} wide and latents {a.latent_dim}, and equal widths fit"
        )
    if a.conv_clamp is not None:
        raise ArchitectureError(
            f"activations are clamped to ±{a.conv_clamp:g}, and none that are clamped fit: --format nvidia "
            "keeps the limit"
        )
    check_blocks(a)
    finest = a.blocks[-1].channels * a.resolution / BUDGET if a.resolution > 32 else 2
    multiplier = max(1, round(finest))
    sides = [4 << i for i in range(len(a.blocks))]
    fitting = [WIDEST if side <= 32 else BUDGET * multiplier // side for side in sides]
    check_widths(a, fitting, f"its code derives them from --channel_multiplier {multiplier}")


def rosinality_state(generator: StyleGAN2Generator) -> dict[str, Tensor]:
    """The tensors of `generator` under rosinality's names, whatever its widths."""
    ours = {name: tensor.detach().cpu() for name, tensor in generator.state_dict().items()}
    theirs: dict[str, Tensor] = {}
    for i in range(generator.architecture.mapping_layers):
        theirs |= {f"style.{i + 1}.{kind}": ours[f"mapping.layers.{i}.{kind}"] for kind in _LINEAR}
    theirs["input.input"] = ours["const"][None]
    later = len(generator.architecture.blocks) - 1
    theirs |= _conv(ours, "blocks.0.convs.0", "conv1") | _rgb(ours, "blocks.0.to_rgb", "to_rgb1")
    for k in range(2 * later):
        theirs |= _conv(ours, f"blocks.{k // 2 + 1}.convs.{k % 2}", f"convs.{k}")
        if k % 2 == 0:
            theirs[f"convs.{k}.conv.blur.kernel"] = blur_filter(4.0)
    for k in range(later):
        theirs |= _rgb(ours, f"blocks.{k + 1}.to_rgb", f"to_rgbs.{k}")
        theirs[f"to_rgbs.{k}.upsample.kernel"] = blur_filter(4.0)
    places = ["blocks.0.convs.0", *(f"blocks.{k // 2 + 1}.convs.{k % 2}" for k in range(2 * later))]
    for k, place in enumerate(places):
        theirs[f"noises.noise_{k}"] = ours[f"{place}.noise_const"][None, None]
    return theirs


_LINEAR = ("weight", "bias")


def _conv(ours: dict[str, Tensor], place: str, name: str) -> dict[str, Tensor]:
    return {
        f"{name}.conv.weight": ours[f"{place}.conv.weight"][None],
        f"{name}.conv.modulation.weight": ours[f"{place}.affine.weight"],
        f"{name}.conv.modulation.bias": ours[f"{place}.affine.bias"],
        f"{name}.noise.weight": ours[f"{place}.noise_strength"].reshape(1),
        f"{name}.activate.bias": ours[f"{place}.bias"],
    }


def _rgb(ours: dict[str, Tensor], place: str, name: str) -> dict[str, Tensor]:
    return {
        f"{name}.bias": ours[f"{place}.bias"].reshape(1, -1, 1, 1),
        f"{name}.conv.weight": ours[f"{place}.weight"][None],
        f"{name}.conv.modulation.weight": ours[f"{place}.affine.weight"],
        f"{name}.conv.modulation.bias": ours[f"{place}.affine.bias"],
    }
