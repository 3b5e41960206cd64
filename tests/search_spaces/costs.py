"""What built networks cost."""

from __future__ import annotations

from nas.budget import measure
from search_spaces import Generator


def built(generator: Generator) -> tuple[int, int]:
    """MACs, as fvcore counts them, and parameters."""
    cost = measure(generator)
    return cost.macs, cost.params
