"""Networks that are a chain of layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from torch import Tensor


def outputs(layers: Iterable[Callable[[Tensor], Tensor]], x: Tensor) -> list[Tensor]:
    """What every layer makes of the output of the layer before; the first one gets `x`."""
    found = []
    for layer in layers:
        x = layer(x)
        found.append(x)
    return found
