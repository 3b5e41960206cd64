"""The layout of NVlabs/stylegan2-ada-pytorch (StyleGAN2 in NVlabs/stylegan3, too), and our names for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from search_spaces.errors import CheckpointError
from search_spaces.reading import PickledObject
from search_spaces.stylegan2.architecture import RESOLUTIONS
from search_spaces.stylegan2.layers import blur_filter
from search_spaces.stylegan2.reading.infer import State

GENERATOR_MARK = "synthesis.b4.const"
DISCRIMINATOR_MARK = "b4.out.weight"
INIT_KWARGS = "init_kwargs"  # beside a state dict: the arguments of its class


def modules(module: PickledObject, name: str = "") -> Iterator[tuple[str, PickledObject]]:
    """A pickled module and all modules inside, with their own names."""
    yield name, module
    for name, child in (module.state.get("_modules") or {}).items():
        if isinstance(child, PickledObject):
            yield from modules(child, name)


def conv_clamp(module: PickledObject) -> float | None:
    """The limit that clamps the activations; None without a limit.

    Raises:
        CheckpointError: its layers differ in it, or the network has another shape than the default.
    """
    limits = set()
    for name, part in modules(module):
        if "conv_clamp" in part.state and name != "skip":  # a discriminator's shortcuts never clamp
            limits.add(part.state["conv_clamp"])
        _refuse_other_shapes(part.state)
    if len(limits) > 1:
        raise CheckpointError(f"its layers clamp at different values ({limits}), which is not supported")
    limit = next(iter(limits), None)
    return None if limit is None else float(limit)


def noted_clamp(init_kwargs: object) -> float | None:
    """The limit in the arguments of NVIDIA's class, which a file has beside its state dict.

    Raises:
        CheckpointError: it is no number.
    """
    limit = init_kwargs.get("conv_clamp") if isinstance(init_kwargs, Mapping) else None
    if limit is None:
        return None
    if isinstance(limit, bool) or not isinstance(limit, int | float):
        raise CheckpointError("its conv_clamp is no number")
    return float(limit)


def _refuse_other_shapes(state: Mapping[str, Any]) -> None:
    """NVIDIA's code has variants that its published StyleGAN2 networks don't use."""
    if state.get("architecture", "skip") not in ("skip", "resnet"):
        raise CheckpointError(f"its architecture is {state['architecture']!r}, not skip or resnet")
    if state.get("activation", "lrelu") not in ("lrelu", "linear"):
        raise CheckpointError(f"its activation is {state['activation']!r}, not lrelu")
    kernel = (state.get("_buffers") or {}).get("resample_filter")
    if isinstance(kernel, Tensor) and not _is_binomial(kernel):
        raise CheckpointError("its up-sampling filter is not [1, 3, 3, 1]")


def _is_binomial(kernel: Tensor) -> bool:
    expected = blur_filter(1.0)
    return kernel.shape == expected.shape and torch.allclose(kernel.float(), expected, atol=1e-4)


def generator_state(theirs: Mapping[str, Tensor]) -> State:
    """The tensors of NVIDIA's generator under our names."""
    ours = _mapping(theirs, "mapping.")
    ours |= {"w_avg": _get(theirs, "mapping.w_avg"), "const": _get(theirs, "synthesis.b4.const")}
    side, i = 4, 0
    while f"synthesis.b{side}.torgb.weight" in theirs:
        if side > RESOLUTIONS[-1]:  # its noise buffers would be huge
            raise CheckpointError(f"it makes images beyond {RESOLUTIONS[-1]} px")
        names = ("conv1",) if side == 4 else ("conv0", "conv1")
        for j, name in enumerate(names):
            ours |= _conv(theirs, f"synthesis.b{side}.{name}", f"blocks.{i}.convs.{j}", side)
        for name in ("weight", "bias", "affine.weight", "affine.bias"):
            ours[f"blocks.{i}.to_rgb.{name}"] = _get(theirs, f"synthesis.b{side}.torgb.{name}")
        side, i = 2 * side, i + 1
    return ours


def discriminator_state(theirs: Mapping[str, Tensor]) -> State:
    """The tensors of NVIDIA's discriminator under our names."""
    side = max((int(name[1:].partition(".")[0]) for name in theirs if ".fromrgb." in name), default=0)
    ours = {f"from_rgb.{kind}": _get(theirs, f"b{side}.fromrgb.{kind}") for kind in _LAYER}
    i = 0
    while side > 4:
        for layer, name in (("conv1", "conv0"), ("conv2", "conv1")):
            ours |= {f"blocks.{i}.{layer}.{kind}": _get(theirs, f"b{side}.{name}.{kind}") for kind in _LAYER}
        ours[f"blocks.{i}.skip.weight"] = _get(theirs, f"b{side}.skip.weight")
        side, i = side // 2, i + 1
    for layer in ("conv", "fc", "out"):
        ours |= {f"{layer}.{kind}": _get(theirs, f"b4.{layer}.{kind}") for kind in _LAYER}
    if "mapping.embed.weight" in theirs:
        ours |= _mapping(theirs, "mapping.")
    return ours


def minibatch_std_group(module: PickledObject) -> int:
    """Group size of the minibatch standard deviation; 0 is the whole batch."""
    for _, part in modules(module):
        if "group_size" in part.state:
            return int(part.state["group_size"] or 0)
    return 4


_LAYER = ("weight", "bias")


def _mapping(theirs: Mapping[str, Tensor], prefix: str) -> State:
    ours: State = {}
    while f"{prefix}fc{len(ours) // 2}.weight" in theirs:
        i = len(ours) // 2
        ours |= {f"mapping.layers.{i}.{kind}": _get(theirs, f"{prefix}fc{i}.{kind}") for kind in _LAYER}
    if f"{prefix}embed.weight" in theirs:
        ours |= {f"mapping.embed.{kind}": _get(theirs, f"{prefix}embed.{kind}") for kind in _LAYER}
    return ours


def _conv(theirs: Mapping[str, Tensor], name: str, place: str, side: int) -> State:
    """A modulated convolution; one that was built without noise has strength 0 here."""
    ours = {f"{place}.conv.weight": _get(theirs, f"{name}.weight")}
    ours[f"{place}.bias"] = _get(theirs, f"{name}.bias")
    ours |= {f"{place}.affine.{kind}": _get(theirs, f"{name}.affine.{kind}") for kind in _LAYER}
    ours[f"{place}.noise_strength"] = theirs.get(f"{name}.noise_strength", torch.zeros(()))
    ours[f"{place}.noise_const"] = theirs.get(f"{name}.noise_const", torch.zeros(side, side))
    return ours


def _get(theirs: Mapping[str, Tensor], name: str) -> Tensor:
    if name not in theirs:
        raise CheckpointError(f"it has no {name}")
    return theirs[name]
