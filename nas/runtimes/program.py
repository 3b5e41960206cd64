"""The graph of a generator as a program of `torch.export`, for one batch size or for any."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.export import Dim, ExportedProgram

from search_spaces import Graph

BATCH_DIMENSION = 0
LOGGERS = ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")
TRACED = 2  # images: at 1, sizes would be taken for constants


@torch.no_grad()
def exported_program(graph: Graph, batch: int | None) -> ExportedProgram:
    """The operations of `graph` for `batch` images at a time; any number where that is None."""
    with quiet():
        return torch.export.export(graph, graph.example_inputs(batch or TRACED), **shapes(graph, batch))


def shapes(graph: Graph, batch: int | None) -> dict[str, Any]:
    """Which dimensions of the inputs may change, as PyTorch's exporters take them."""
    if batch is not None:
        return {}
    free = ({BATCH_DIMENSION: Dim.DYNAMIC} if batched else {} for batched in graph.batched)
    return {"dynamic_shapes": (tuple(free),)}  # `forward` has one parameter, *inputs


@contextmanager
def quiet(*further: str) -> Iterator[None]:
    """Without the remarks of PyTorch's exporters, and of the loggers `further`, about themselves."""
    loggers = [logging.getLogger(name) for name in (*LOGGERS, *further)]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
