"""Whether another runtime makes the images that PyTorch makes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from nas.errors import ExportError
from search_spaces import Graph

TOLERANCE = 1e-4  # of a pixel, images being in [-1, 1]
COUNTS = (1, 2)  # batch sizes that are tried where any will do
SEEN = 4  # images that are looked at
FLAT = 1 / 255  # standard deviation over an image below which nothing can be seen in it

Run = Callable[..., Tensor]


def largest_difference(run: Run, graph: Graph, batch: int | None, runtime: str) -> float:
    """The largest difference of a pixel between `run`, in `runtime`, and `graph`, in PyTorch.

    Raises:
        ExportError: it is above 1e-4.
    """
    differences = []
    for seed, count in enumerate(COUNTS if batch is None else (batch,)):
        inputs = graph.example_inputs(count, seed)
        with torch.no_grad():
            wanted, made = graph(*inputs), run(*inputs)
        if made.shape != wanted.shape:
            raise ExportError(
                f"{runtime} makes {tuple(made.shape)} of {count} inputs, PyTorch {tuple(wanted.shape)}: "
                "that file was not written; please report this architecture"
            )
        differences.append((made - wanted).abs().max())
    largest = float(torch.stack(differences).max())  # not a number where one is
    if not largest <= TOLERANCE:
        raise ExportError(
            f"{runtime} makes other images than PyTorch: pixels differ by up to {largest:.1g} of [-1, 1], "
            f"{TOLERANCE:g} is allowed; that file was not written; please report this architecture"
        )
    return largest


@torch.no_grad()
def check_images(graph: Graph, name: str) -> None:
    """Refuse a network whose images are black, of one colour, or not numbers.

    Raises:
        ExportError: they are.
    """
    images = torch.cat([graph(*graph.example_inputs(1, seed)) for seed in range(SEEN)])
    if not images.isfinite().all():
        raise ExportError(f"{name} makes images that are not finite numbers: choose another trial")
    if float(images.flatten(2).std(dim=2).max()) < FLAT:
        what = "black" if float(images.max()) < FLAT - 1 else "of one colour"
        raise ExportError(f"{name} makes images that are {what}: choose another trial, or train it longer")
