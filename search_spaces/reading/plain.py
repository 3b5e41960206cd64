"""What an untrusted file holds, as plain values of bounded depth and number."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

MAX_DEPTH = 64  # of nested values
MAX_VALUES = 2_000_000
TOO_MUCH = "is nested deeper, or holds more, than a checkpoint does"

STATE_DICT = "torch.save(model.state_dict(), 'weights.pt')"
WHOLE_MODULE = (
    "if it is a whole module, load it where its code is, save model.state_dict() instead, as in "
    f"{STATE_DICT}, and give that"
)


class RefusedError(Exception):
    """A file asks for a class or function, or holds values, that no checkpoint needs; `fix` is what to do."""

    def __init__(self, reason: str, fix: str = "") -> None:
        super().__init__(reason)
        self.fix = fix


@dataclass(frozen=True, eq=False)
class PickledObject:
    """A module as NVIDIA's `persistence` pickles it: the name of its class and its attributes."""

    class_name: str
    state: Mapping[str, Any]


class PickledArray:
    """A numpy array: its values, where they are numbers."""

    tensor: Tensor | None = None


def as_text(value: Any) -> str:
    """`value`, a string already: to print anything else could take without end.

    Raises:
        RefusedError: it is something else.
    """
    if not isinstance(value, str):
        raise RefusedError(f"holds a {type(value).__name__} where a name should be")
    return value


def as_plain(value: Any) -> Any:
    """`value` as dicts, lists, numbers, strings, tensors and `PickledObject`s; what is of no use is left out.

    Raises:
        RefusedError: it is nested deeper or holds more values than a checkpoint does, or tensors that are not
            dense.
    """
    return _plain(value, 0, [MAX_VALUES])


def _plain(value: Any, depth: int, left: list[int]) -> Any:
    left[0] -= 1
    if depth > MAX_DEPTH or left[0] < 0:
        raise RefusedError(TOO_MUCH)
    if isinstance(value, Tensor):
        return _sound(value)
    if isinstance(value, PickledArray):
        return None if value.tensor is None else value.tensor.contiguous()
    if isinstance(value, argparse.Namespace):
        value = vars(value)
    if isinstance(value, Mapping):
        named = {key: item for key, item in value.items() if isinstance(key, str | int)}
        return {key: _plain(item, depth + 1, left) for key, item in named.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, depth + 1, left) for item in value]
    if isinstance(value, PickledObject):
        return PickledObject(as_text(value.class_name), _plain(value.state, depth + 1, left))
    return value if value is None or isinstance(value, bool | int | float | str) else None


def _sound(tensor: Tensor) -> Tensor:
    """A dense tensor that has all of its values in memory."""
    tensor = tensor.detach()
    if tensor.layout != torch.strided or tensor.is_meta or tensor.is_quantized:
        raise RefusedError("holds tensors that are not dense")
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise RefusedError(f"holds a tensor of size {tuple(tensor.shape)} that repeats its values")
    return tensor
