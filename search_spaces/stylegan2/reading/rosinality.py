"""The layout of rosinality/stylegan2-pytorch: names of its tensors, and ours for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from search_spaces.errors import CheckpointError
from search_spaces.stylegan2.architecture import RESOLUTIONS
from search_spaces.stylegan2.reading.infer import State

GENERATOR_MARK = "conv1.conv.modulation.weight"
DISCRIMINATOR_MARK = "final_linear.1.weight"


def generator_state(theirs: Mapping[str, Tensor], w_avg: Tensor | None) -> State:
    """The tensors of rosinality's generator under our names; noise that old files lack is drawn from seed 0.

    `w_avg` (style_dim,) is `latent_avg`; zeros if the file has none, to be measured later.
    """
    ours = {"const": _get(theirs, "input.input")[0]}
    layers = sum(name.startswith("style.") and name.endswith(".weight") for name in theirs)
    for i in range(layers):
        ours |= {f"mapping.layers.{i}.{kind}": _get(theirs, f"style.{i + 1}.{kind}") for kind in _LINEAR}
    later = sum(name.startswith("to_rgbs.") and name.endswith(".conv.weight") for name in theirs)
    if 4 << later > RESOLUTIONS[-1]:  # noise of that side would be drawn
        raise CheckpointError(f"it has {later + 1} resolutions, beyond {RESOLUTIONS[-1]} px")
    places = [("blocks.0.convs.0", "conv1", 4)]
    places += [(f"blocks.{k // 2 + 1}.convs.{k % 2}", f"convs.{k}", 8 << k // 2) for k in range(2 * later)]
    rng = torch.Generator().manual_seed(0)
    for noise, (place, conv, side) in enumerate(places):
        ours |= {
            f"{place}.conv.weight": _get(theirs, f"{conv}.conv.weight")[0],
            f"{place}.affine.weight": _get(theirs, f"{conv}.conv.modulation.weight"),
            f"{place}.affine.bias": _get(theirs, f"{conv}.conv.modulation.bias"),
            f"{place}.noise_strength": _get(theirs, f"{conv}.noise.weight")[0],
            f"{place}.bias": _get(theirs, f"{conv}.activate.bias"),
        }
        drawn = torch.randn(1, 1, side, side, generator=rng)
        ours[f"{place}.noise_const"] = theirs.get(f"noises.noise_{noise}", drawn)[0, 0]
    for i, rgb in enumerate(["to_rgb1", *(f"to_rgbs.{k}" for k in range(later))]):
        ours |= {
            f"blocks.{i}.to_rgb.weight": _get(theirs, f"{rgb}.conv.weight")[0],
            f"blocks.{i}.to_rgb.affine.weight": _get(theirs, f"{rgb}.conv.modulation.weight"),
            f"blocks.{i}.to_rgb.affine.bias": _get(theirs, f"{rgb}.conv.modulation.bias"),
            f"blocks.{i}.to_rgb.bias": _get(theirs, f"{rgb}.bias").flatten(),
        }
    ours["w_avg"] = torch.zeros(len(_get(theirs, "style.1.bias"))) if w_avg is None else w_avg.flatten()
    return ours


def discriminator_state(theirs: Mapping[str, Tensor]) -> State:
    """The tensors of rosinality's discriminator under our names."""
    ours = {f"from_rgb.{kind}": _get(theirs, f"convs.0.{name}") for kind, name in _CONV.items()}
    blocks = sum(name.startswith("convs.") and name.endswith(".skip.1.weight") for name in theirs)
    for i in range(blocks):
        ours |= {
            f"blocks.{i}.conv1.weight": _get(theirs, f"convs.{i + 1}.conv1.0.weight"),
            f"blocks.{i}.conv1.bias": _get(theirs, f"convs.{i + 1}.conv1.1.bias"),
            f"blocks.{i}.conv2.weight": _get(theirs, f"convs.{i + 1}.conv2.1.weight"),
            f"blocks.{i}.conv2.bias": _get(theirs, f"convs.{i + 1}.conv2.2.bias"),
            f"blocks.{i}.skip.weight": _get(theirs, f"convs.{i + 1}.skip.1.weight"),
        }
    ours |= {f"conv.{kind}": _get(theirs, f"final_conv.{name}") for kind, name in _CONV.items()}
    for layer, name in (("fc", "final_linear.0"), ("out", "final_linear.1")):
        ours |= {f"{layer}.{kind}": _get(theirs, f"{name}.{kind}") for kind in _LINEAR}
    return ours


_LINEAR = ("weight", "bias")
_CONV = {"weight": "0.weight", "bias": "1.bias"}


def _get(theirs: Mapping[str, Any], name: str) -> Tensor:
    tensor = theirs.get(name)
    if not isinstance(tensor, Tensor):
        raise CheckpointError(f"it has no {name}")
    return tensor
