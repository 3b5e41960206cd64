"""Formats that other runtimes read: ONNX, and programs of `torch.export`."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import torch

from nas.checkpoints.formats.agreement import check_images, largest_difference
from nas.checkpoints.formats.settings import Settings, Written
from nas.runtimes import OnnxSession, check_onnx_installed, exported_program, onnx_model
from search_spaces import Checkpoint, Graph
from search_spaces.reading import written_whole


def check_onnx(checkpoint: Checkpoint) -> None:
    """Raise ConfigError where a package is missing."""
    check_onnx_installed("--format onnx")


def write_onnx(checkpoint: Checkpoint, path: Path, settings: Settings) -> Written:
    """Write an ONNX model of standard operators, after its images were compared with PyTorch's.

    Raises:
        ExportError: they differ, or are no images.
        OSError: `path` can't be written.
    """
    graph = _graph(checkpoint, settings)
    model = onnx_model(graph, settings.batch, checkpoint.metadata)
    runtime = f"ONNX Runtime {version('onnxruntime')}"
    difference = largest_difference(OnnxSession(model), graph, settings.batch, runtime)
    with written_whole(path) as file:
        file.write(model)
    return Written("onnx", path, len(model), difference, runtime)


def write_program(checkpoint: Checkpoint, path: Path, settings: Settings) -> Written:
    """Write a program of `torch.export`, which `torch.export.load` reads without this project.

    Raises:
        ExportError: its images differ from the network's, or are no images.
        OSError: `path` can't be written.
    """
    graph = _graph(checkpoint, settings)
    program = exported_program(graph, settings.batch)
    runtime = f"torch.export of PyTorch {torch.__version__}"
    difference = largest_difference(program.module(), graph, settings.batch, runtime)
    with written_whole(path) as file:
        torch.export.save(program, file, extra_files=dict(checkpoint.metadata))
    return Written("pt2", path, path.stat().st_size, difference, runtime)


def _graph(checkpoint: Checkpoint, settings: Settings) -> Graph:
    graph = checkpoint.generator.graph(settings.start)
    graph.requires_grad_(False)  # a program keeps what a parameter is, too
    check_images(graph, checkpoint.metadata.get("name", "the network"))
    return graph
