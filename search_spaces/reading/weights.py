"""Build a network with the weights of a file, after checking that the file holds all of them."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from typing import TypeVar

import torch
from torch import Tensor, nn

from search_spaces.errors import CheckpointError

A = TypeVar("A")
N = TypeVar("N", bound=nn.Module)


def with_weights(build: Callable[[A], N], architecture: A, state: Mapping[str, Tensor], role: str) -> N:
    """`build(architecture)` with the tensors `state`, in evaluation mode and without gradients.

    Names and shapes are compared on the meta device first: a file can claim any width, and such a network may
    not fit into memory.

    Raises:
        CheckpointError: tensors are missing, too many, empty, of another shape, or not finite.
    """
    _check_shapes(_shapes(build, architecture, role), state, role)
    network = build(architecture)
    network.load_state_dict(dict(state))
    for name, tensor in network.state_dict().items():
        if not bool(tensor.isfinite().all()):
            raise CheckpointError(
                f"its {role} holds values that are not finite, in {name}; use another checkpoint"
            )
    return network.eval().requires_grad_(False)


def _shapes(build: Callable[[A], N], architecture: A, role: str) -> dict[str, torch.Size]:
    """The shape of every tensor of the network by its name, without making one."""
    try:
        with torch.device("meta"):
            return {name: tensor.shape for name, tensor in build(architecture).state_dict().items()}
    except (RuntimeError, TypeError, ValueError, OverflowError) as error:  # sizes beyond 64 bits
        raise CheckpointError(f"its {role} is larger than any memory") from error


def _check_shapes(wanted: Mapping[str, torch.Size], state: Mapping[str, Tensor], role: str) -> None:
    faults = [f"{name} is missing" for name in wanted if name not in state]
    faults += [f"{name} is unknown" for name in state if name not in wanted]
    faults += [f"{name} is empty" for name, tensor in state.items() if tensor.numel() == 0]
    faults += [
        f"{name} is of shape {tuple(state[name].shape)}, not {tuple(shape)}"
        for name, shape in wanted.items()
        if name in state and state[name].shape != shape
    ]
    if faults:
        reason = textwrap.shorten("; ".join(faults[:5]), 200)
        raise CheckpointError(f"its {role}'s tensors don't fit its architecture ({reason})")
