"""Generators as Core ML programs. They are written everywhere; only macOS carries them out."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nas.errors import ConfigError, ExportError
from nas.extras import install
from nas.runtimes.program import exported_program, quiet
from search_spaces import Graph, one_line

OUTPUT = "images"


def check_coreml_installed(asked: str) -> None:
    """Raise ConfigError, which begins with the option `asked`, where a package is missing."""
    try:
        import coremltools  # noqa: F401  # only whether it is there
    except ImportError as error:
        fix = f"pip install coremltools, or {install('coreml')}"
        raise ConfigError(f"{asked}: {error.name or error} is missing: {fix}") from error


class CoremlModel:
    """`graph` as a Core ML program of float32 for `batch` images at a time."""

    runs = sys.platform == "darwin"  # whether this machine can carry it out

    @torch.no_grad()
    def __init__(self, graph: Graph, batch: int) -> None:
        """Convert.

        Raises:
            ExportError: Core ML has no operator for a part of the network.
        """
        logging.getLogger("coremltools").setLevel(logging.ERROR)  # its remarks on versions of PyTorch
        import coremltools

        inputs = graph.example_inputs(batch)
        self._names = graph.input_names
        with quiet():
            try:
                # a program's sizes are numbers; traced at once they are tensors, which can't be converted
                program = exported_program(graph, batch).module()
                traced = torch.jit.trace(program, inputs)  # type: ignore[no-untyped-call]  # torch has no types here
                self._model: Any = coremltools.convert(
                    traced,
                    convert_to="mlprogram",
                    compute_precision=coremltools.precision.FLOAT32,
                    minimum_deployment_target=coremltools.target.iOS16,
                    inputs=[
                        coremltools.TensorType(name=name, shape=tuple(x.shape) or (1,))
                        for name, x in zip(self._names, inputs, strict=True)
                    ],
                    outputs=[coremltools.TensorType(name=OUTPUT)],
                )
            except Exception as error:  # of many kinds, its converter's own among them
                raise ExportError(
                    f"--format coreml: its converter can't take this network ({one_line(error, 200)}): "
                    "take --format onnx"
                ) from error

    def note(self, metadata: dict[str, str]) -> None:
        """Write `metadata` into the model."""
        self._model.user_defined_metadata.update(metadata)

    def save(self, folder: Path) -> None:
        """Write the package, a folder that ends in .mlpackage."""
        self._model.save(str(folder))

    def __call__(self, *inputs: Tensor) -> Tensor:
        """The images (N, C, H, W), float32, N being the model's batch; on macOS."""
        given = {
            name: x.reshape(x.shape or (1,)).numpy() for name, x in zip(self._names, inputs, strict=True)
        }
        return torch.from_numpy(self._model.predict(given)[OUTPUT])
