"""Generators as ONNX models, and ONNX Runtime that carries them out on the CPU."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from nas.errors import ConfigError
from nas.extras import install
from nas.runtimes.program import TRACED, quiet, shapes
from search_spaces import Graph

ONNX_PACKAGES = ("onnx", "onnxruntime", "onnxscript")
IMAGES = "images"  # name of the output


def check_onnx_installed(asked: str) -> None:
    """Raise ConfigError, which begins with the option `asked`, where a package is missing."""
    try:
        import onnxruntime  # noqa: F401  # only whether it is there
        import onnxscript  # noqa: F401  # what PyTorch exports with; it brings onnx
    except ImportError as error:
        fix = f"pip install {' '.join(ONNX_PACKAGES)}, or {install('onnx')}"
        raise ConfigError(f"{asked}: {error.name or error} is missing: {fix}") from error


@torch.no_grad()
def onnx_model(graph: Graph, batch: int | None = 1, metadata: Mapping[str, str] | None = None) -> bytes:
    """`graph` as an ONNX model for `batch` images at a time; for any number where that is None.

    Its inputs have the names of `graph.input_names`, its output is called "images". `metadata` is written
    into the model's properties.
    """
    names: dict[str, Any] = {"input_names": list(graph.input_names), "output_names": [IMAGES]}
    with quiet():
        program: Any = torch.onnx.export(
            graph,
            graph.example_inputs(batch or TRACED),
            dynamo=True,
            verbose=False,
            **names,
            **shapes(graph, batch),
        )
    proto = program.model_proto
    for given in (*proto.graph.input, *proto.graph.output):
        first = given.type.tensor_type.shape.dim[:1]
        if first and first[0].dim_param:
            first[0].dim_param = "batch"
    for name, value in (metadata or {}).items():
        proto.metadata_props.add(key=name, value=value)
    model: bytes = proto.SerializeToString()
    return model


class OnnxSession:
    """An ONNX model in ONNX Runtime, on the CPU."""

    def __init__(self, model: bytes, *, threads: int = 0) -> None:
        """`threads`: 0 takes as many as there are cores."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors: at float16 it remarks on every constant that it can't fold
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.input_names = tuple(given.name for given in self._session.get_inputs())

    def __call__(self, *inputs: Tensor) -> Tensor:
        """The images (N, C, H, W), float32, for inputs in the order of `input_names`."""
        given = {name: x.numpy() for name, x in zip(self.input_names, inputs, strict=True)}
        (images,) = self._session.run(None, given)
        return torch.from_numpy(images)
