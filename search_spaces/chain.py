"""Chains of layers, and what they put out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn


def outputs(layers: Iterable[Callable[[Tensor], Tensor]], x: Tensor) -> list[Tensor]:
    """The output of every layer of a chain that starts with `x`."""
    found = []
    for layer in layers:
        x = layer(x)
        found.append(x)
    return found


@contextmanager
def recorded(layers: Iterable[nn.Module]) -> Iterator[list[Tensor]]:
    """The outputs of `layers`, as the network that they are part of runs them within the block."""
    found: list[Tensor] = []

    def record(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
        found.append(output)

    hooks = [layer.register_forward_hook(record) for layer in layers]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


def spread(layers: Sequence[nn.Module], count: int) -> list[nn.Module]:
    """The layers at `count` equal parts of a chain, its last included; some repeatedly in a shorter chain."""
    return [layers[-(-len(layers) * part // count) - 1] for part in range(1, count + 1)] if layers else []
