"""Generators as LiteRT models (formerly TensorFlow Lite), and LiteRT that carries them out on the CPU."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nas.errors import ConfigError, ExportError
from nas.extras import install
from nas.runtimes.program import quiet
from search_spaces import Graph, one_line


def check_litert_installed(asked: str) -> None:
    """Raise ConfigError, which begins with the option `asked`, where a package is missing."""
    try:
        import litert_torch  # noqa: F401  # only whether it is there
    except ImportError as error:
        fix = f"pip install litert-torch, or {install('litert')}"
        raise ConfigError(f"{asked}: {error.name or error} is missing: {fix}") from error


class LitertModel:
    """`graph` as a LiteRT model for `batch` images at a time: `content` is the file."""

    def __init__(self, graph: Graph, batch: int) -> None:
        """Convert.

        Raises:
            ExportError: LiteRT has no operator for a part of the network.
        """
        import litert_torch

        with quiet(), tempfile.TemporaryDirectory() as folder, _no_prints():
            try:
                self._model: Any = litert_torch.convert(graph, graph.example_inputs(batch))
            except Exception as error:  # of many kinds, its converter's own among them
                raise ExportError(
                    f"--format litert: its converter can't take this network ({one_line(error, 200)}): "
                    "take --format onnx"
                ) from error
            path = Path(folder, "student.tflite")
            self._model.export(str(path))
            self.content = path.read_bytes()

    def __call__(self, *inputs: Tensor) -> Tensor:
        """The images (N, C, H, W), float32, N being the model's batch."""
        with _no_prints():
            return torch.from_numpy(self._model(*inputs))


@contextlib.contextmanager
def _no_prints() -> Iterator[None]:
    """Without the progress that the converter prints."""
    with (
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        yield
