"""ResNet translators of public code: CycleGAN and pix2pix, GAN Compression, and plain `main` sequences."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from search_spaces.base import Found
from search_spaces.errors import CheckpointError
from search_spaces.patchgan import holds_discriminator
from search_spaces.reading import Network, choose, find_networks, with_weights
from search_spaces.resnet_translator.architecture import (
    BLOCK_KERNEL,
    SAMPLING_KERNEL,
    Block,
    GeneratorArchitecture,
    Padding,
)
from search_spaces.resnet_translator.generator import ResnetTranslator
from search_spaces.translation import Norm

RESOLUTION = 256  # px; a fully convolutional network does not say it
BLOCK_MARK = "conv_block"
DENSE = f"{BLOCK_MARK}.1.weight"
SEPARABLE_MARK, POINTWISE = f"{BLOCK_MARK}.1.conv.0.weight", f"{BLOCK_MARK}.1.conv.2.weight"
SLOTS = {5: "none", 6: "between the convolutions of a block"}  # index of a block's second convolution
_NAME = re.compile(r"(?:model\.|main\.)?(\d+)\.(.+)")
_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")

Modules = dict[int, dict[str, Tensor]]


@dataclass(frozen=True)
class _Layout:
    """A network by its modules: indices of convolutions and blocks, in order."""

    modules: Modules
    down: list[int]  # the first one is the stem
    blocks: list[int]
    up: list[int]
    image: int


def read(content: Any) -> Found | None:
    """The generator in `content`, as `read_untrusted` returns it; None without a ResNet translator.

    Widths, depth, kinds of blocks, normalisation and padding follow from shapes and indices. Dropout between
    the convolutions of a block has no tensors and is inactive in use, so it is noted and not rebuilt. Shapes
    do not define the resolution: 256 px are assumed.

    Raises:
        CheckpointError: it is one, but can't be used: its tensors don't fit, or there is only a
            discriminator.
        ArchitectureError: its sizes can't be built.
    """
    chosen = choose(find_networks(content), _read)
    if chosen is None:
        if holds_discriminator(content):
            raise CheckpointError(
                "it holds a PatchGAN discriminator and no generator: give latest_net_G_A.pth, and this file "
                "beside it"
            )
        return None
    network, (generator, slot) = chosen
    metadata = {
        "source_format": "ResNet translator state dict",
        **network.origin,
        "assumed": f"resolution {RESOLUTION} px",
        **({"source_dropout": slot} if slot else {}),
    }
    return Found(generator, None, metadata)


def _read(network: Network) -> tuple[ResnetTranslator, str] | None:
    """The generator that `network` is, and where it had dropout in training; or None."""
    if network.role == "discriminator":
        return None
    layout = _layout(network.tensors)
    if layout is None:
        return None
    state, slot = _renamed(layout)
    return with_weights(ResnetTranslator, _architecture(layout), state, "generator"), slot


def _layout(theirs: Mapping[str, Tensor]) -> _Layout | None:
    modules: Modules = {}
    for name, tensor in theirs.items():
        matched = _NAME.fullmatch(name)
        if matched is None:
            return None
        modules.setdefault(int(matched[1]), {})[matched[2]] = tensor
    blocks = sorted(i for i, held in modules.items() if any(name.startswith(BLOCK_MARK) for name in held))
    convs = sorted(i for i, held in modules.items() if "weight" in held and held["weight"].ndim == 4)
    if len(convs) < 4 or len(convs) % 2:
        return None
    half = len(convs) // 2  # the stem and convolutions that halve the side
    layout = _Layout(modules, convs[:half], blocks, convs[half:-1], convs[-1])
    return layout if _is_translator(layout) else None


def _is_translator(layout: _Layout) -> bool:
    """Whether the chain of convolutions is one of a stem, halvings, doublings and an image."""
    weights = {i: layout.modules[i]["weight"] for i in (*layout.down, *layout.up, layout.image)}
    if layout.down[0] not in (0, 1) or any(w.shape[2] != w.shape[3] for w in weights.values()):
        return False
    between = [i for i in layout.blocks if not layout.down[-1] < i < layout.up[0]]
    sampling = [weights[i] for i in (*layout.down[1:], *layout.up)]
    if between or any(weight.shape[2] != SAMPLING_KERNEL for weight in sampling):
        return False
    width = len(weights[layout.down[0]])
    for i in layout.down[1:]:
        if weights[i].shape[1] != width:
            return False
        width = len(weights[i])
    for i in layout.up:  # a transposed convolution's inputs come first
        if len(weights[i]) != width:
            return False
        width = weights[i].shape[1]
    return weights[layout.image].shape[1] == width


def _architecture(layout: _Layout) -> GeneratorArchitecture:
    weights = {i: layout.modules[i]["weight"] for i in (*layout.down, *layout.up, layout.image)}
    stem, image = weights[layout.down[0]], weights[layout.image]
    padding: Padding = "reflect" if layout.down[0] == 1 else "zeros"
    return GeneratorArchitecture(
        stem=len(stem),
        down=tuple(len(weights[i]) for i in layout.down[1:]),
        blocks=tuple(_block(layout.modules[i]) for i in layout.blocks),
        up=tuple(weights[i].shape[1] for i in layout.up),
        resolution=RESOLUTION,
        input_channels=stem.shape[1],
        image_channels=len(image),
        stem_kernel=stem.shape[2],
        block_kernel=_block_kernel(layout),
        image_kernel=image.shape[2],
        norm=_norm(layout),
        padding=padding,
    )


def _norm(layout: _Layout) -> Norm:
    """Batch normalisation has scale and shift; instance normalisation may have statistics it never used."""
    return "batch" if "weight" in layout.modules.get(layout.down[0] + 1, {}) else "instance"


def _block(held: Mapping[str, Tensor]) -> Block:
    if SEPARABLE_MARK in held:
        return Block(len(_get(held, POINTWISE)), "separable")
    return Block(len(_get(held, DENSE)), "dense")


def _block_kernel(layout: _Layout) -> int:
    """Side of the blocks' kernels; the usual one where there are no blocks."""
    held = [layout.modules[i] for i in layout.blocks]
    kernels = [_get(each, SEPARABLE_MARK if SEPARABLE_MARK in each else DENSE).shape[2] for each in held]
    return kernels[0] if kernels else BLOCK_KERNEL


def _renamed(layout: _Layout) -> tuple[dict[str, Tensor], str]:
    """The tensors under our names, and where blocks had dropout."""
    ours: dict[str, Tensor] = {}
    slot = ""
    keeps_norms = _norm(layout) == "batch"
    names = {layout.down[0]: "stem", layout.image: "image"}
    names |= {i: f"down.{place}" for place, i in enumerate(layout.down[1:])}
    names |= {i: f"up.{place}" for place, i in enumerate(layout.up)}
    for index, held in layout.modules.items():
        if index in layout.blocks:
            renamed, slot = _renamed_block(held, keeps_norms)
            ours |= {
                f"blocks.{layout.blocks.index(index)}.{name}": tensor for name, tensor in renamed.items()
            }
        elif index in names:
            inner = {"stem": "stem.conv.conv", "image": "image.conv"}.get(
                names[index], f"{names[index]}.conv"
            )
            ours |= {f"{inner}.{name}": tensor for name, tensor in held.items()}
        else:
            before = names.get(index - 1, f"module {index}")
            kept = _norm_tensors(held, keeps_norms)
            ours |= {f"{before}.norm.{name}": tensor for name, tensor in kept.items()}
    return ours, slot


def _renamed_block(held: Mapping[str, Tensor], keeps_norms: bool) -> tuple[dict[str, Tensor], str]:
    second = max(
        int(name.split(".")[1]) for name, t in held.items() if name.endswith("weight") and t.ndim == 4
    )
    if second not in SLOTS:
        raise CheckpointError(
            f"the second convolution of its blocks is module {second}, known are "
            f"{' and '.join(map(str, SLOTS))}, with reflection padding"
        )
    places = {1: "conv1.conv", 2: "norm1", second: "conv2.conv", second + 1: "norm2"}
    inside = {"conv.0.": "depthwise.", "conv.1.": "norm.", "conv.2.": "pointwise."}
    ours: dict[str, Tensor] = {}
    for name, tensor in held.items():
        _, index, rest = name.split(".", 2)
        for old, new in inside.items():
            rest = new + rest.removeprefix(old) if rest.startswith(old) else rest
        place = places.get(int(index), f"{BLOCK_MARK}.{index}")
        is_norm = place.startswith("norm") or rest.startswith("norm.")
        if not is_norm or _norm_tensors({rest.rpartition(".")[2]: tensor}, keeps_norms):
            ours[f"{place}.{rest}"] = tensor
    return ours, SLOTS[second]


def _norm_tensors(held: Mapping[str, Tensor], keeps_norms: bool) -> dict[str, Tensor]:
    """What a normalisation keeps: all but a counter, or nothing of the statistics that are never used."""
    unused = () if keeps_norms else _STATISTICS
    return {name: t for name, t in held.items() if name not in unused and name != _STATISTICS[2]}


def _get(held: Mapping[str, Tensor], name: str) -> Tensor:
    if name not in held:
        raise CheckpointError(f"one of its blocks has no {name}")
    return held[name]
