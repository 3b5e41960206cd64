"""A generator in the layout of NVlabs' stylegan2-ada-pytorch and stylegan3: the inverse of its reader."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from search_spaces.stylegan2.architecture import GeneratorArchitecture
from search_spaces.stylegan2.generator import StyleGAN2Generator
from search_spaces.stylegan2.layers import blur_filter
from search_spaces.stylegan2.writing.fit import check_blocks, check_widths


def nvidia_content(generator: StyleGAN2Generator) -> dict[str, Any]:
    """What `torch.save` writes: `G_ema`, a state dict, and `init_kwargs`, what its class is built with.

    Raises:
        ArchitectureError: its code can't build the network.
    """
    check_nvidia(generator.architecture)
    return {"G_ema": nvidia_state(generator), "init_kwargs": init_kwargs(generator.architecture)}


def check_nvidia(architecture: GeneratorArchitecture) -> None:
    """Refuse what `Generator` of training/networks(_stylegan2).py can't be.

    Raises:
        ArchitectureError: says which property, and what would fit.
    """
    check_blocks(architecture)
    widths = [block.channels for block in architecture.blocks]
    base, most = _base_and_max(widths)
    fitting = [min(base // (4 << i), most) for i in range(len(widths))]
    check_widths(architecture, fitting, f"its code derives them from channel_base {base}, channel_max {most}")


def init_kwargs(architecture: GeneratorArchitecture) -> dict[str, Any]:
    """The arguments of NVIDIA's `Generator`, all in float32."""
    a = architecture
    base, most = _base_and_max([block.channels for block in a.blocks])
    return {
        "z_dim": a.latent_dim,
        "c_dim": a.classes,
        "w_dim": a.style_dim,
        "img_resolution": a.resolution,
        "img_channels": a.image_channels,
        "mapping_kwargs": {"num_layers": a.mapping_layers},
        "channel_base": base,
        "channel_max": most,
        "num_fp16_res": 0,
        "conv_clamp": a.conv_clamp,
    }


def _base_and_max(widths: Sequence[int]) -> tuple[int, int]:
    """`channel_base` and `channel_max`, by which `min(base // side, max)` are these widths, if any are.

    Else those of the narrowest network that is nowhere narrower, and whose widest block is as wide.
    """
    return max(width * (4 << i) for i, width in enumerate(widths)), max(widths)


def nvidia_state(generator: StyleGAN2Generator) -> dict[str, Tensor]:
    """The tensors of `generator` under NVIDIA's names, whatever its widths."""
    ours = {name: tensor.detach().cpu() for name, tensor in generator.state_dict().items()}
    theirs: dict[str, Tensor] = {}
    for i, block in enumerate(generator.architecture.blocks):
        name = f"synthesis.b{4 << i}"
        if i == 0:
            theirs[f"{name}.const"] = ours["const"]
        theirs[f"{name}.resample_filter"] = blur_filter(1.0)
        for j in range(block.convs):
            theirs |= _conv(ours, f"blocks.{i}.convs.{j}", f"{name}.conv{j + (i == 0)}")
        for kind in ("weight", "bias", "affine.weight", "affine.bias"):
            theirs[f"{name}.torgb.{kind}"] = ours[f"blocks.{i}.to_rgb.{kind}"]
    if generator.architecture.classes:
        theirs |= {f"mapping.embed.{kind}": ours[f"mapping.embed.{kind}"] for kind in _LINEAR}
    for i in range(generator.architecture.mapping_layers):
        theirs |= {f"mapping.fc{i}.{kind}": ours[f"mapping.layers.{i}.{kind}"] for kind in _LINEAR}
    return theirs | {"mapping.w_avg": ours["w_avg"]}


_LINEAR = ("weight", "bias")


def _conv(ours: dict[str, Tensor], place: str, name: str) -> dict[str, Tensor]:
    kinds = {"weight": "conv.weight"} | {
        kind: kind for kind in ("bias", "noise_strength", "noise_const", "affine.weight", "affine.bias")
    }
    theirs = {f"{name}.{kind}": ours[f"{place}.{own}"] for kind, own in kinds.items()}
    return theirs | {f"{name}.resample_filter": blur_filter(1.0)}
