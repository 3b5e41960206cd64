"""Formats that other runtimes read: ONNX, programs of `torch.export`, LiteRT, Core ML."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import torch
from torch import Tensor

from nas.checkpoints.formats.agreement import check_images, compare
from nas.checkpoints.formats.distance import Judge, judge_of
from nas.checkpoints.formats.settings import Distances, Settings, Written
from nas.runtimes import (
    CoremlModel,
    LitertModel,
    OnnxSession,
    check_coreml_installed,
    check_litert_installed,
    check_onnx_installed,
    exported_program,
    half_model,
    int8_model,
    onnx_model,
)
from search_spaces import Checkpoint, Graph, Inputs
from search_spaces.reading import written_whole

CALIBRATION = 64  # images that the ranges of eight-bit activations are taken over
AT_A_TIME = 8  # of them
NOT_ON_MACOS = "not compared with PyTorch: only macOS carries Core ML out"


def check_onnx(checkpoint: Checkpoint) -> None:
    """Raise ConfigError where a package is missing."""
    check_onnx_installed("--format onnx")


def check_litert(checkpoint: Checkpoint) -> None:
    """Raise ConfigError where a package is missing."""
    check_litert_installed("--format litert")


def check_coreml(checkpoint: Checkpoint) -> None:
    """Raise ConfigError where a package is missing."""
    check_coreml_installed("--format coreml")


def write_onnx(checkpoint: Checkpoint, path: Path, settings: Settings) -> Written:
    """Write an ONNX model of standard operators, after its images were compared with PyTorch's.

    At a lower precision than float32 also the distance of both is measured, where the checkpoint notes what
    to measure with.

    Raises:
        ExportError: they differ, or are no images.
        OSError: `path` can't be written.
    """
    graph = _graph(checkpoint, settings)
    lower = settings.precision != "fp32"
    metadata = {**checkpoint.metadata, **({"precision": settings.precision} if lower else {})}
    model = onnx_model(graph, settings.batch, metadata)
    runtime = f"ONNX Runtime {version('onnxruntime')}"
    if not lower:
        session = OnnxSession(model)
        found = compare(session, graph, settings.batch, runtime)
        with written_whole(path) as file:
            file.write(model)
        return Written("onnx", path, len(model), found.largest, runtime, found.mean)
    judge, reason = judge_of(checkpoint, settings.fid_samples)
    if settings.precision == "fp16":
        model = half_model(model)
    else:
        model = int8_model(model, _calibration(graph, judge, settings.batch))
    session = OnnxSession(model)
    name = checkpoint.metadata.get("name", "the network")
    check_images(graph, f"{name} at --precision {settings.precision}", session, settings.batch)
    found = compare(session, graph, settings.batch, runtime, settings.precision)
    distances: Distances | None = None
    if judge is not None:
        distances = judge.compare(graph, session, settings.batch)
        model = _noting(model, {"precision_distances": json.dumps(asdict(distances))})
    with written_whole(path) as file:
        file.write(model)
    note = f"distance not measured: {reason}" if reason else ""
    return Written("onnx", path, len(model), found.largest, runtime, found.mean, distances, note)


def write_program(checkpoint: Checkpoint, path: Path, settings: Settings) -> Written:
    """Write a program of `torch.export`, which `torch.export.load` reads without this project.

    Raises:
        ExportError: its images differ from the network's, or are no images.
        OSError: `path` can't be written.
    """
    graph = _graph(checkpoint, settings)
    program = exported_program(graph, settings.batch)
    runtime = f"torch.export of PyTorch {torch.__version__}"
    found = compare(program.module(), graph, settings.batch, runtime)
    with written_whole(path) as file:
        torch.export.save(program, file, extra_files=dict(checkpoint.metadata))
    return Written("pt2", path, path.stat().st_size, found.largest, runtime, found.mean)


def write_litert(checkpoint: Checkpoint, path: Path, settings: Settings) -> Written:
    """Write a LiteRT model, for one image at a time unless `settings` give a batch.

    Raises:
        ExportError: it can't be converted, its images differ from the network's, or are no images.
        OSError: `path` can't be written.
    """
    graph, batch = _graph(checkpoint, settings), settings.batch or 1
    model, runtime = LitertModel(graph, batch), f"LiteRT {version('ai-edge-litert')}"
    found = compare(model, graph, batch, runtime)
    with written_whole(path) as file:
        file.write(model.content)
    return Written("litert", path, len(model.content), found.largest, runtime, found.mean)


def write_coreml(checkpoint: Checkpoint, path: Path, settings: Settings) -> Written:
    """Write a Core ML package, a folder, for one image at a time unless `settings` give a batch.

    Raises:
        ExportError: it can't be converted, its images are no images or, on macOS, differ from the network's.
        OSError: `path` can't be written.
    """
    graph, batch = _graph(checkpoint, settings), settings.batch or 1
    model, runtime = CoremlModel(graph, batch), f"Core ML by coremltools {version('coremltools')}"
    found = compare(model, graph, batch, runtime) if model.runs else None
    model.note(dict(checkpoint.metadata))
    model.save(path)
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    if found is None:
        return Written("coreml", path, size, note=NOT_ON_MACOS)
    return Written("coreml", path, size, found.largest, runtime, found.mean)


def _graph(checkpoint: Checkpoint, settings: Settings) -> Graph:
    graph = checkpoint.generator.graph(settings.start)
    graph.requires_grad_(False)  # a program keeps what a parameter is, too
    check_images(graph, checkpoint.metadata.get("name", "the network"))
    return graph


@torch.no_grad()
def _calibration(graph: Graph, judge: Judge | None, batch: int | None) -> Iterator[dict[str, Tensor]]:
    """Inputs by name: those that the distance is measured with, else examples."""
    count = batch or AT_A_TIME
    batches = -(-CALIBRATION // count)
    if judge is None:
        drawn: Iterator[Inputs] = (graph.example_inputs(count, seed) for seed in range(batches))
    else:
        drawn = (graph.inputs_of(*inputs) for inputs in judge.inputs(batches * count, count))
    for inputs in drawn:
        yield dict(zip(graph.input_names, inputs, strict=True))


def _noting(model: bytes, metadata: dict[str, str]) -> bytes:
    import onnx

    proto = onnx.load_from_string(model)
    for name, value in metadata.items():
        proto.metadata_props.add(key=name, value=value)
    noted: bytes = proto.SerializeToString()
    return noted
