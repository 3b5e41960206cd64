"""Whether another runtime makes the images that PyTorch makes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from nas.errors import ExportError
from search_spaces import Graph

COUNTS = (1, 2)  # batch sizes that are tried where any will do
SEEN = 4  # images that are looked at
FLAT = 1 / 255  # standard deviation over an image below which nothing can be seen in it

Run = Callable[..., Tensor]


@dataclass(frozen=True)
class Difference:
    """How far pixels, in [-1, 1], are from PyTorch's."""

    largest: float
    mean: float

    def __str__(self) -> str:
        return f"{self.largest:.1g} at most, {self.mean:.1g} on average"


TOLERANCES = {
    "fp32": Difference(1e-4, 1e-4),
    "fp16": Difference(5e-2, 5e-3),
    "int8": Difference(
        math.inf, 1e-1
    ),  # single pixels at edges may be far off: the distance tells what it costs
}
"""What is allowed, by precision."""


def compare(run: Run, graph: Graph, batch: int | None, runtime: str, precision: str = "fp32") -> Difference:
    """The difference between the images of `run`, in `runtime`, and of `graph`, in PyTorch.

    Raises:
        ExportError: it is above what `TOLERANCES` allow.
    """
    differences = []
    counts = COUNTS if batch is None else (batch,) * len(COUNTS)
    for seed, count in enumerate(counts):
        inputs = graph.example_inputs(count, seed)
        with torch.no_grad():
            wanted, made = graph(*inputs), run(*inputs)
        if made.shape != wanted.shape:
            raise ExportError(
                f"{runtime} makes {tuple(made.shape)} of {count} inputs, PyTorch {tuple(wanted.shape)}: "
                "that file was not written; please report this architecture"
            )
        differences.append((made - wanted).abs().flatten())
    pixels = torch.cat(differences)
    found, allowed = Difference(float(pixels.max()), float(pixels.mean())), TOLERANCES[precision]
    if not (found.largest <= allowed.largest and found.mean <= allowed.mean):  # also where one is no number
        fix = "please report this architecture" if precision == "fp32" else "take a higher --precision"
        raise ExportError(
            f"{runtime} makes other images than PyTorch: pixels differ by {found} of [-1, 1], {allowed} is "
            f"allowed; that file was not written; {fix}"
        )
    return found


@torch.no_grad()
def check_images(graph: Graph, name: str, run: Run | None = None, batch: int | None = None) -> None:
    """Refuse a network whose images, made by `run`, are black, of one colour, or not numbers.

    Raises:
        ExportError: they are.
    """
    make = graph if run is None else run
    images = torch.cat([make(*graph.example_inputs(batch or 1, seed)) for seed in range(SEEN)])
    if not images.isfinite().all():
        raise ExportError(f"{name} makes images that are not finite numbers: choose another trial")
    if float(images.flatten(2).std(dim=2).max()) < FLAT:
        what = "black" if float(images.max()) < FLAT - 1 else "of one colour"
        raise ExportError(f"{name} makes images that are {what}: choose another trial, or train it longer")
