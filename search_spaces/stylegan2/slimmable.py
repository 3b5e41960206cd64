"""One set of weights for every student: sub-networks of the teacher that share its most important channels.

Once-for-all training (Cai et al. 2020, arXiv 1908.09791) for StyleGAN2, as GAN Compression does it (Li et al.
2020): a student of any architecture is read out of the shared weights by taking, along the whole path, the
channels that matter most. Full kernels share the teacher's; separable ones have weights of their own, shared
among them, unless the teacher is separable. The mapping network is the teacher's and common to all.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from search_spaces.base import Importance, Slimmable
from search_spaces.errors import ArchitectureError
from search_spaces.stylegan2.architecture import GeneratorArchitecture
from search_spaces.stylegan2.generator import StyleGAN2Generator
from search_spaces.stylegan2.inherit import CONST, channel_importance, inherit_kernel
from search_spaces.stylegan2.synthesis import ModulatedConv, StyledConv, ToRGB

SKELETONS = 8  # kept: two students take part in every batch


class SlimmableStyleGAN2(Slimmable):
    """Weights of all students, initialised from `teacher`; `forward` uses a student of architecture `draw()`.

    Before training, students with the teacher's kind of kernels, or with single taps, equal those of
    `inherit`. Separable kernels of a full teacher are only near: they are slices of one approximation of all
    channels and taps, where `inherit` approximates each student's own.
    """

    def __init__(self, teacher: StyleGAN2Generator, importance: Importance = "magnitude") -> None:
        super().__init__()
        self.architecture, self.input_specs = teacher.architecture, teacher.input_specs
        self.full = copy.deepcopy(teacher)
        self.separable: Any = nn.ModuleDict()
        for name, conv in _convs(teacher):
            if not conv.conv.separable:
                self.separable[name.replace(".", "_")] = _separable(conv.conv)
        for name, score in channel_importance(teacher, importance).items():
            self.register_buffer(_buffer(name), score.argsort(descending=True))
        self.draw: Callable[[], Any] = lambda: self.architecture

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return self.full.image_shape

    def forward(self, *inputs: Tensor, **options: Any) -> Tensor:
        """Images (N, C, R, R) of a student of the architecture `draw()`, for the inputs of the teacher."""
        architecture = self.draw()
        tensors = self.tensors(architecture) | _filters(self.full)
        skeleton = _skeleton(architecture).train(self.training)
        images: Tensor = functional_call(skeleton, tensors, inputs, options)
        return images

    def read_out(self, architecture: Any) -> StyleGAN2Generator:
        student = StyleGAN2Generator(architecture)
        student.load_state_dict({name: x.detach().clone() for name, x in self.tensors(architecture).items()})
        return student.train(self.training)

    def tensors(self, architecture: GeneratorArchitecture) -> dict[str, Tensor]:
        """Parameters and buffers of a student, by its own names, as functions of the shared ones.

        Raises:
            ArchitectureError: its mapping network is not the teacher's, or it exceeds the teacher.
        """
        shared, teacher = self.full, self.architecture
        mapping = ("latent_dim", "style_dim", "mapping_layers", "classes")
        if any(getattr(architecture, name) != getattr(teacher, name) for name in mapping):
            raise ArchitectureError(f"{architecture}: students that share weights keep the teacher's mapping")
        found = {
            f"mapping.{name}": tensor for name, tensor in shared.mapping.state_dict(keep_vars=True).items()
        }
        incoming = self._top(CONST, architecture.blocks[0].channels)
        found |= {"const": shared.const[incoming], "w_avg": shared.w_avg}
        for i, block in enumerate(architecture.blocks):
            source = shared.blocks[i]
            for j in range(block.convs):
                last = j == block.convs - 1
                outgoing = self._top(f"{i}.{len(source.convs) - 1 if last else j}", block.channels)
                conv = self._conv(source.convs[j], f"{i}.{j}", block, incoming, outgoing)
                found |= {f"blocks.{i}.convs.{j}.{name}": tensor for name, tensor in conv.items()}
                incoming = outgoing
            rgb = _rgb(source.to_rgb, incoming)
            found |= {f"blocks.{i}.to_rgb.{name}": tensor for name, tensor in rgb.items()}
        return found

    def _top(self, name: str, count: int) -> Tensor:
        order: Tensor = getattr(self, _buffer(name))
        if count > len(order):
            raise ArchitectureError(f"{count} channels where the teacher has {len(order)}")
        return order[:count].sort().values

    def _conv(
        self, source: StyledConv, name: str, block: Any, incoming: Tensor, outgoing: Tensor
    ) -> dict[str, Tensor]:
        found = {
            "affine.weight": source.affine.weight[incoming],
            "affine.bias": source.affine.bias[incoming],
            "bias": source.bias[outgoing],
            "noise_strength": source.noise_strength,
            "noise_const": source.noise_const,
        }
        separable = block.kind == "separable"
        own = separable and not source.conv.separable
        conv = self.separable[name.replace(".", "_")] if own else source.conv
        weight = conv.weight[outgoing][:, incoming]
        if separable:
            return found | {
                "conv.weight": weight,
                "conv.depthwise": _middle(conv.depthwise[outgoing], block.kernel),
            }
        if source.conv.separable:
            weight = weight * source.conv.depthwise[outgoing]
        return found | {"conv.weight": _middle(weight, block.kernel)}


@lru_cache(maxsize=SKELETONS)
def _skeleton(architecture: GeneratorArchitecture) -> StyleGAN2Generator:
    """A generator without weights, for `functional_call`; not a submodule of any network."""
    with torch.device("meta"):
        return StyleGAN2Generator(architecture)


def _filters(generator: StyleGAN2Generator) -> dict[str, Tensor]:
    """The non-persistent buffers; all generators of a size have the same ones."""
    kept = generator.state_dict().keys()
    return {name: buffer for name, buffer in generator.named_buffers() if name not in kept}


def _convs(generator: StyleGAN2Generator) -> list[tuple[str, StyledConv]]:
    return [
        (f"{i}.{j}", conv) for i, block in enumerate(generator.blocks) for j, conv in enumerate(block.convs)
    ]


@torch.no_grad()
def _separable(source: ModulatedConv) -> nn.ParameterDict:
    """The separable convolution nearest to a full one, of the same width."""
    out, into, kernel, _ = source.weight.shape
    weight = nn.Parameter(torch.zeros(out, into, 1, 1))
    depthwise = nn.Parameter(torch.zeros(out, 1, kernel, kernel))
    inherit_kernel(source.weight, weight, depthwise)
    return nn.ParameterDict({"weight": weight, "depthwise": depthwise})


def _middle(weight: Tensor, kernel: int) -> Tensor:
    """The middle taps of a kernel, or for a single tap the sum over all."""
    surplus = weight.shape[-1] - kernel
    if surplus == 0:
        return weight
    if kernel == 1:
        return weight.sum(dim=(2, 3), keepdim=True)
    middle = slice(surplus // 2, -(surplus // 2))
    return weight[:, :, middle, middle]


def _rgb(source: ToRGB, incoming: Tensor) -> dict[str, Tensor]:
    ratio = (len(incoming) / source.weight.shape[1]) ** 0.5  # as when inherited: each channel gives the same
    return {
        "affine.weight": source.affine.weight[incoming],
        "affine.bias": source.affine.bias[incoming],
        "weight": source.weight[:, incoming] * ratio,
        "bias": source.bias,
    }


def _buffer(name: str) -> str:
    return f"order_{name.replace('.', '_')}"
