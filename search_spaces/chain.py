"""Chains of layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from torch import Tensor


def outputs(layers: Iterable[Callable[[Tensor], Tensor]], x: Tensor) -> list[Tensor]:
    """The output of every layer of a chain that starts with `x`."""
    found = []
    for layer in layers:
        x = layer(x)
        found.append(x)
    return found
