"""Parse a state dict as a chain of layers with batch normalisation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from search_spaces.dcgan.architecture import EPSILON

LEAVES = {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"}


@dataclass(frozen=True)
class Module:
    """A dense or convolutional layer by its tensors, and the batch normalisation behind it, if any."""

    name: str
    weight: Tensor  # (out, in), or (a, b, k, k): a convolution's in come second, a transposed one's first
    bias: Tensor | None
    norm: Mapping[str, Tensor] | None = None  # all four tensors

    @property
    def dense(self) -> bool:
        """Whether the layer is dense."""
        return self.weight.ndim == 2

    @property
    def kernel(self) -> int:
        """Side of the kernel; 1 for a dense layer."""
        return 1 if self.dense else self.weight.shape[2]

    @property
    def norm_width(self) -> int | None:
        """Number of channels of the normalisation behind it."""
        return None if self.norm is None else len(self.norm["running_mean"])

    def folded(self) -> Module:
        """An equivalent dense layer with the normalisation of evaluation mode folded into its weights."""
        assert self.norm is not None
        scale = self.norm["weight"] * (self.norm["running_var"] + EPSILON).rsqrt()
        bias = torch.zeros_like(scale) if self.bias is None else self.bias
        shifted = self.norm["bias"] + (bias - self.norm["running_mean"]) * scale
        return replace(self, weight=self.weight * scale[:, None], bias=shifted, norm=None)


def modules_of(state: Mapping[str, Tensor]) -> list[Module] | None:
    """The modules in the order of the state dict; None if it contains modules that DCGANs don't have."""
    grouped: dict[str, dict[str, Tensor]] = {}
    for key, tensor in state.items():
        name, _, leaf = key.rpartition(".")
        if leaf not in LEAVES or (leaf != "num_batches_tracked" and not tensor.is_floating_point()):
            return None
        grouped.setdefault(name, {})[leaf] = tensor
    modules: list[Module] = []
    for name, tensors in grouped.items():
        if "running_mean" in tensors or "running_var" in tensors:
            norm = _norm(tensors)
            if norm is None or not modules or modules[-1].norm is not None:
                return None
            modules[-1] = replace(modules[-1], norm=norm)
        elif _is_layer(tensors):
            modules.append(Module(name, tensors["weight"], tensors.get("bias")))
        else:
            return None
    return modules


def _is_layer(tensors: Mapping[str, Tensor]) -> bool:
    weight, bias = tensors.get("weight"), tensors.get("bias")
    if weight is None or weight.ndim not in (2, 4) or 0 in weight.shape:
        return False
    return (weight.ndim == 2 or weight.shape[2] == weight.shape[3]) and (bias is None or bias.ndim == 1)


def _norm(tensors: Mapping[str, Tensor]) -> dict[str, Tensor] | None:
    """All tensors of a batch normalisation; a missing scale and shift are those of the identity."""
    mean, variance = tensors.get("running_mean"), tensors.get("running_var")
    if ("weight" in tensors) != ("bias" in tensors):
        return None
    if mean is None or variance is None or mean.ndim != 1 or mean.shape != variance.shape:
        return None
    scale, shift = tensors.get("weight", torch.ones_like(mean)), tensors.get("bias", torch.zeros_like(mean))
    if scale.shape != mean.shape or shift.shape != mean.shape:
        return None
    return {"weight": scale, "bias": shift, "running_mean": mean, "running_var": variance}
